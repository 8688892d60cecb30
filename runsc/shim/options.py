"""What containerd's configuration says for this runtime: the options of a CreateTaskRequest.

`runtimeoptions.v1.Options` names a TOML file, or holds its text: a table `runsc` of global flags, as in
`[runsc]` and `network = "none"`. Options that are meant for runc, which some clients send to every runtime, are done or refused.
"""

from __future__ import annotations

import os
from typing import Final

from runsc.shim.protobuf import Fields
from runsc.shim.ttrpc import INVALID_ARGUMENT, CallError

KINDS: Final = ("runtimeoptions.v1.Options", "cri.runtimeoptions.v1.Options")
# Options of runc's shims, the numbers of their fields by name: of containerd.runc.v1 (api/types/runc/options/oci.proto), and of
# containerd.linux.runc, which clients of containerd 1 send to a runtime that they do not know (runtime/linux/runctypes/runc.proto).
# What is not here asks for nothing that is not so anyway: terminals and locks are in every image of a checkpoint, and the
# address of the task service is known to who asks.
RUNC_KINDS: Final[dict[str, dict[str, int]]] = {
    "containerd.runc.v1.Options": {
        "no_pivot_root": 1, "no_new_keyring": 2, "shim_cgroup": 3, "io_uid": 4, "io_gid": 5, "binary_name": 6, "root": 7,
        "criu_path": 8, "systemd_cgroup": 9, "criu_image_path": 10, "criu_work_path": 11,
    },
    "containerd.linux.runc.CreateOptions": {
        "no_pivot_root": 1, "open_tcp": 2, "external_unix_sockets": 3, "empty_namespaces": 6, "cgroups_mode": 7,
        "no_new_keyring": 8, "shim_cgroup": 9, "io_uid": 10, "io_gid": 11, "criu_work_path": 12, "criu_image_path": 13,
    },
}  # fmt: skip
_OF_CRIU: Final = (
    "open_tcp", "external_unix_sockets", "empty_namespaces", "cgroups_mode", "criu_path", "criu_image_path", "criu_work_path",
)  # fmt: skip
# The same of a checkpoint: where each has the path of the image. `terminal` and `file_locks` ask for what an image always has.
CHECKPOINT_KINDS: Final = {"containerd.runc.v1.CheckpointOptions": 8, "containerd.linux.runc.CheckpointOptions": 9}
_EXIT: Final = 1
_CRIU: Final = ((2, "open_tcp"), (3, "external_unix_sockets"))
LIMIT: Final = 1 << 20
ROOT_NAME: Final = "runsc-root"  # in the bundle: where the state is, if it is elsewhere than always
OURS: Final = ("root", "log", "log-format")  # what the shim says itself


class Options:
    """`flags`: words for the command line before the verb. `root`: where the runtime keeps the container's state, empty where it
    always does. `owner`: whose the pipes of its first process are, None for nobody else's. `shim_group`: the control group that
    the shim is put into."""

    def __init__(self, flags: tuple[str, ...] = ()) -> None:
        self.flags = flags
        self.root = ""
        self.owner: tuple[int, int] | None = None
        self.shim_group = ""


def options_of(found: Fields) -> Options:
    """Of a google.protobuf.Any. CallError."""
    kind = found.text(1).rpartition("/")[2]
    if not kind:
        return Options()
    if kind in RUNC_KINDS:
        return _of_runc(found.inner(2), RUNC_KINDS[kind])
    if kind not in KINDS:
        known = ", ".join((*KINDS, *RUNC_KINDS))
        raise CallError(INVALID_ARGUMENT, f"options of type {kind} are not known; known: {known}")
    options = found.inner(2)
    path, text = options.text(2), options.text(3)
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read(LIMIT)
        except (OSError, UnicodeDecodeError) as error:
            raise CallError(INVALID_ARGUMENT, f"{path}: {error}") from None
    return Options(flags_of(text, path or "options")) if text else Options()


def _of_runc(found: Fields, numbers: dict[str, int]) -> Options:
    """no_pivot_root and no_new_keyring need nothing: a sandbox never pivots its root, and has no keys of the host. CallError."""

    def text(name: str) -> str:
        return found.text(numbers[name]) if name in numbers else ""

    for name in _OF_CRIU:
        if name in numbers and found.has(numbers[name]):
            raise CallError(INVALID_ARGUMENT, f"option {name} is CRIU's, and cannot be had")
    if text("binary_name"):
        why = "the shim runs its own runtime; another one is chosen by the name of its shim"
        raise CallError(INVALID_ARGUMENT, f"option binary_name: {text('binary_name')}: {why}")
    systemd = "systemd_cgroup" in numbers and found.number(numbers["systemd_cgroup"])
    options = Options(("--systemd-cgroup",) if systemd else ())  # which the runtime refuses
    options.root, options.shim_group = text("root"), text("shim_cgroup")
    for name, path in (("root", options.root), ("shim_cgroup", options.shim_group)):
        if path and (not path.startswith("/") or os.path.normpath(path) != path):
            raise CallError(INVALID_ARGUMENT, f"option {name}: {path}: not a path from the root")
    uid, gid = found.number(numbers["io_uid"]), found.number(numbers["io_gid"])
    options.owner = (uid, gid) if uid or gid else None
    return options


def flags_of(text: str, where: str) -> tuple[str, ...]:
    """Flags of a TOML text."""
    import tomllib

    from runsc.config import GLOBAL_FLAGS

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CallError(INVALID_ARGUMENT, f"{where}: {error}") from None
    table = document.pop("runsc", {})
    if document or not isinstance(table, dict):
        raise CallError(INVALID_ARGUMENT, f"{where}: only a table called runsc is known")
    known = {flag.name for flag in GLOBAL_FLAGS} - set(OURS)
    words = []
    for name, value in table.items():
        if name not in known:
            raise CallError(INVALID_ARGUMENT, f"{where}: runsc.{name}: no such setting")
        for item in value if isinstance(value, list) else [value]:
            words.append(f"--{name}={str(item).lower() if isinstance(item, bool) else item}")
    return tuple(words)


def checkpoint_options(request: Fields) -> tuple[str, bool]:
    """Of a CheckpointTaskRequest: the directory for the image, and whether the container is to end. CallError for what
    cannot be had."""
    options = request.inner(3)
    kind = options.text(1).rpartition("/")[2]
    if kind and kind not in CHECKPOINT_KINDS:
        known = ", ".join(CHECKPOINT_KINDS)
        raise CallError(INVALID_ARGUMENT, f"options of type {kind} are not known; known: {known}")
    found = options.inner(2)
    for number, name in _CRIU:
        if found.number(number):
            raise CallError(INVALID_ARGUMENT, f"option {name} of a checkpoint is CRIU's, and cannot be had")
    path = found.text(CHECKPOINT_KINDS[kind]) if kind else ""
    return path or request.text(2), bool(found.number(_EXIT))
