"""Each field of a config.json wrong in turn: a problem with its path, or a container that can be described."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any, Iterator

from runsc.config import Config
from runsc.failure import RuntimeFailure, UsageError
from runsc.flags import Values
from runsc.log import Log
from runsc.oci import options_of
from runsc.spec.default import default_spec
from runsc.spec.load import load_bundle

WRONG: tuple[Any, ...] = (
    None, True, -1, 1 << 70, 1.5, "", "x" * 300, "\0", "\ud800", "../..", [], [None], ["x"], ["\udfff"], {}, {"x": 1},
)  # fmt: skip
MORE = {
    "hooks": {"prestart": [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 3}]},
    "annotations": {"a": "b"},
}
LINUX = {
    "seccomp": {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            {
                "names": ["mkdir"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": 1,
                "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_EQ"}],
            }
        ],
    },
    "devices": [{"path": "/dev/own", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 0, "gid": 0}],
    "resources": {
        "memory": {"limit": 1 << 26, "reservation": 1 << 25},
        "pids": {"limit": 100},
        "cpu": {"shares": 100, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"},
    },
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "maskedPaths": ["/proc/kcore"],
    "rootfsPropagation": "private",
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of a document, the whole of it first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at `path`."""
    if not path:
        return value
    found = copy.deepcopy(document)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return found


def test_each_field_wrong_in_turn(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    document: Any = {**default_spec(["sh"], "rootfs", False), **MORE}
    document["linux"] = {**document["linux"], **LINUX}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(document))
    load_bundle(str(tmp_path))  # as it is
    config = Config(Values(), Log())
    for path in places(document):
        for value in WRONG:
            file.write_text(json.dumps(replaced(document, path, value)))
            try:
                options = options_of(load_bundle(str(tmp_path)), str(tmp_path), config)
                for fd in options.donated() - {0, 1, 2}:
                    os.close(fd)
            except (RuntimeFailure, UsageError) as failure:
                lines = getattr(failure, "lines", ()) or (str(failure),)
                assert all(line and "\n" not in line for line in lines), (path, value)
