"""What is tried: a bundle, as changes to a usual one, and commands, one after the other."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Final

DROP: Final = object()  # a member that is to be missing
CAPABILITIES: Final = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MOUNTS: Final[list[dict[str, Any]]] = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]  # fmt: skip
MASKED: Final = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"]
READ_ONLY: Final = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
USUAL: Final[dict[str, Any]] = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/probe"],
        "env": ["PATH=/usr/local/bin:/usr/bin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {name: CAPABILITIES for name in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "beside",
    "mounts": MOUNTS,
    "linux": {
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": MASKED,
        "readonlyPaths": READ_ONLY,
    },
}


@dataclass
class Case:
    """`changes` are to the members of config.json by their names, joined with dots; a name that ends in + is appended to.
    `steps` are the words of commands, with the heads that trial.py explains; `prepare` is a script of the host's shell in
    the bundle's directory. `sees` is for who only wants to look: the words of the probe."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    steps: tuple[str, ...] = ("run c",)
    prepare: str = ""
    sees: str = ""
    raw: str | None = None  # config.json, as it stands
    slow: bool = False

    def document(self) -> dict[str, Any]:
        """config.json."""
        document = copy.deepcopy(USUAL)
        if self.sees:
            document["process"]["args"] = ["/bin/probe", *self.sees.split()]
        for name, value in self.changes.items():
            put(document, name, copy.deepcopy(value) if value is not DROP else value)
        return document


def put(document: dict[str, Any], name: str, value: Any) -> None:
    """Set, append to or remove a member."""
    place: Any = document
    *way, last = name.removesuffix("+").split(".")
    for key in way:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    at: Any = int(last) if isinstance(place, list) else last
    if value is DROP:
        place.pop(at, None)
    elif name.endswith("+"):
        place.setdefault(at, [])
        place[at] = [*place[at], *(value if isinstance(value, list) else [value])]
    else:
        place[at] = value


def sh(script: str) -> list[str]:
    """A shell inside."""
    return ["/bin/sh", "-c", script]
