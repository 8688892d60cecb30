"""Configurations of pods and containers as CRI has them (api.proto of k8s.io/cri-api, runtime.v1), from dicts by the
names of the fields."""

from __future__ import annotations

from typing import Any, Final, Sequence

from runsc.shim.protobuf import message, varint

# By name: the field's number, and the fields of what is in it. "number" is an Int64Value, "packed" are numbers,
# "map" is text by text.
Schema = dict[str, tuple[int, Any]]

NAMESPACES: Final[Schema] = {"network": (1, None), "pid": (2, None), "ipc": (3, None), "target": (4, None)}
PROFILE: Final[Schema] = {"kind": (1, None), "file": (2, None)}
RUNTIME_DEFAULT, UNCONFINED, LOCALHOST = 0, 1, 2  # PROFILE's kind
PRIVATE, HOST_TO_CONTAINER, BIDIRECTIONAL = 0, 1, 2  # MOUNT's propagation
MOUNT: Final[Schema] = {"inside": (1, None), "outside": (2, None), "readonly": (3, None), "propagation": (5, None)}
DEVICE: Final[Schema] = {"inside": (1, None), "outside": (2, None), "permissions": (3, None)}
RESOURCES: Final[Schema] = {
    "cpu_period": (1, None), "cpu_quota": (2, None), "cpu_shares": (3, None), "memory": (4, None),
    "oom_score_adj": (5, None), "cpus": (6, None),
}  # fmt: skip
SECURITY: Final[Schema] = {
    "capabilities": (1, {"add": (1, None), "drop": (2, None), "ambient": (3, None)}),
    "privileged": (2, None), "namespaces": (3, NAMESPACES), "user": (5, "number"), "user_name": (6, None),
    "readonly_rootfs": (7, None), "groups": (8, "packed"), "seccomp_path": (10, None), "no_new_privs": (11, None),
    "group": (12, "number"), "masked": (13, None), "readonly": (14, None), "seccomp": (15, PROFILE),
}  # fmt: skip
CONTAINER: Final[Schema] = {
    "metadata": (1, {"name": (1, None), "attempt": (2, None)}), "image": (2, {"image": (1, None)}),
    "command": (3, None), "args": (4, None), "cwd": (5, None), "env": (6, "map"), "mounts": (7, MOUNT),
    "devices": (8, DEVICE), "labels": (9, "map"), "annotations": (10, "map"), "log": (11, None), "stdin": (12, None),
    "stdin_once": (13, None), "tty": (14, None),
    "linux": (15, {"resources": (1, RESOURCES), "security": (2, SECURITY)}),
}  # fmt: skip
POD_SECURITY: Final[Schema] = {
    "namespaces": (1, NAMESPACES), "user": (3, "number"), "readonly_rootfs": (4, None), "groups": (5, "packed"),
    "privileged": (6, None), "seccomp": (9, PROFILE),
}  # fmt: skip
PORT: Final[Schema] = {"protocol": (1, None), "inside": (2, None), "outside": (3, None), "address": (4, None)}
POD: Final[Schema] = {
    "metadata": (1, {"name": (1, None), "uid": (2, None), "namespace": (3, None)}), "hostname": (2, None),
    "logs": (3, None), "dns": (4, {"servers": (1, None), "searches": (2, None), "options": (3, None)}),
    "ports": (5, PORT), "labels": (6, "map"), "annotations": (7, "map"),
    "linux": (8, {"cgroup_parent": (1, None), "security": (2, POD_SECURITY), "sysctls": (3, "map")}),
}  # fmt: skip


def encode(schema: Schema, values: dict[str, Any]) -> bytes:
    """A message; KeyError for a field that there is not. A list is a repeated field."""
    fields: list[tuple[int, Any]] = []
    for name, value in values.items():
        number, kind = schema[name]
        if kind == "number":
            fields.append((number, [message((1, value))]))
        elif kind == "packed":
            fields.append((number, b"".join(varint(one) for one in value)))
        elif kind == "map":
            fields.append((number, [message((1, key), (2, text)) for key, text in value.items()]))
        else:
            fields.append((number, _plain(kind, value)))
    return message(*fields)


def _plain(kind: Schema | None, value: Any) -> int | str | bytes | Sequence[bytes]:
    if isinstance(value, (list, tuple)):
        return [one.encode() if kind is None else encode(kind, one) for one in value]
    return value if kind is None else [encode(kind, value)]  # also one of nothing but zeros
