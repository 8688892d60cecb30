"""The config.json that `runsc spec` writes."""

from __future__ import annotations

import os
from typing import Any, Final

from runsc.version import OCI_VERSION

DEFAULT_CAPABILITIES: Final = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
QUIET: Final = ["nosuid", "noexec", "nodev"]
MASKED: Final = [
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"),
    *("/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"),
]
READ_ONLY: Final = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def default_spec(args: list[str], rootfs: str, terminal: bool, rootless: bool = False) -> dict[str, Any]:
    """As a JSON document: with no `args` what runc's command of this name writes, which other tools go on from; with some,
    what lets a program run as it is: a /tmp of its own, no control groups. `rootless` has none of these either."""
    names = ("bounding", "effective", "permitted")
    document: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": args or ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {name: list(DEFAULT_CAPABILITIES) for name in names},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": rootfs, "readonly": True},
        "hostname": "runsc",
        "mounts": mounts(),
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }
    if rootless:
        rootless_parts(document)
    elif args:
        del document["linux"]["resources"]
    if args:
        document["linux"] = {"namespaces": document["linux"]["namespaces"][:-1]}
        document["mounts"] = [item for item in document["mounts"] if item["type"] not in ("mqueue", "cgroup")]
        document["mounts"].append(mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777"))
    return document


def rootless_parts(document: dict[str, Any]) -> None:
    """As runc has it for an ordinary user: its own id is root's, the network is the caller's, of devpts no group is asked for."""
    linux = document["linux"]
    del linux["resources"]
    for name, number in (("uidMappings", os.geteuid()), ("gidMappings", os.getegid())):
        linux[name] = [{"containerID": 0, "hostID": number, "size": 1}]
    linux["namespaces"] = [item for item in linux["namespaces"] if item["type"] != "network"] + [{"type": "user"}]
    for item in document["mounts"]:
        item["options"] = [option for option in item.get("options", []) if option != "gid=5"]
        if item["destination"] == "/sys":
            item |= mount("/sys", "none", "/sys", "rbind", *QUIET, "ro")
        if not item["options"]:
            del item["options"]


def mounts() -> list[dict[str, object]]:
    """Of an ordinary container."""
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        mount("/dev/shm", "tmpfs", "shm", *QUIET, "mode=1777", "size=65536k"),
        mount("/dev/mqueue", "mqueue", "mqueue", *QUIET),
        mount("/sys", "sysfs", "sysfs", *QUIET, "ro"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", *QUIET, "relatime", "ro"),
    ]


def mount(to: str, kind: str, source: str, *options: str) -> dict[str, object]:
    """One of them."""
    return {"destination": to, "type": kind, "source": source, "options": list(options)}
