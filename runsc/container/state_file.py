"""ROOT/ID/state.json: what is known of a container between two commands.

Written whole to a new file and renamed, so that whoever reads it sees the old or the new one. What the sandbox
itself knows better (running, paused) is asked of it and not kept here.
"""

from __future__ import annotations

import os
from typing import Final

from runsc.failure import RuntimeFailure
from sandbox import plain_json

VERSION: Final = 1
NAME: Final = "state.json"
LIMIT: Final = 16 << 20

Json = dict[str, object]


class State:
    """`pid` 0: there is no process yet. `pid_start` (clock ticks since boot) tells it from a later one of the same
    number."""

    __slots__ = (
        "container",
        "bundle",
        "rootfs",
        "created",
        "pid",
        "pid_start",
        "creator",
        "creator_start",
        "oci_version",
        "annotations",
        "process",
        "hooks",
        "cgroups",
        "started",
        "sandbox",
        "network",
        "memory_limit",
        "memory_swap",
    )

    def __init__(self, container: str, bundle: str) -> None:
        self.container = container
        self.bundle = bundle
        self.rootfs = ""
        self.created = ""
        self.pid = 0
        self.pid_start = 0
        self.creator = 0  # the process that makes it; 0 once that is done
        self.creator_start = 0
        self.oci_version = ""
        self.annotations: Json = {}
        self.process: Json = {}  # of config.json: what `exec` starts from
        self.hooks: Json = {}  # of config.json
        self.cgroups: list[str] = []  # directories to be removed
        self.started = False
        self.network = ""  # the network namespace of the host that it was given by path: device and inode
        self.memory_limit = 0  # linux.resources.memory.limit and .swap as they are now, -1: none, 0: not given
        self.memory_swap = 0
        self.sandbox = ""  # the container in whose sandbox it is; empty: its own

    def document(self) -> Json:
        """As it is written."""
        return {"version": VERSION, **{name: getattr(self, name) for name in self.__slots__}}


_TYPES: Final[dict[str, type]] = {
    "container": str,
    "bundle": str,
    "rootfs": str,
    "created": str,
    "pid": int,
    "pid_start": int,
    "creator": int,
    "creator_start": int,
    "oci_version": str,
    "annotations": dict,
    "process": dict,
    "hooks": dict,
    "cgroups": list,
    "started": bool,
    "sandbox": str,
    "network": str,
    "memory_limit": int,
    "memory_swap": int,
}
_LATER: Final = ("sandbox", "network", "memory_limit", "memory_swap")  # which a state of an earlier version has not


def write(directory: str, state: State) -> None:
    """RuntimeFailure on a full or read-only disk."""
    path = os.path.join(directory, NAME)
    new = f"{path}.{os.getpid()}"
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(plain_json.dumps(state.document()))
            os.rename(new, path)
        except OSError:
            os.unlink(new)
            raise
    except OSError as error:
        raise RuntimeFailure(f"--root: {path}: {os.strerror(error.errno or 0)}") from None


def read(directory: str) -> State | None:
    """None when there is none. RuntimeFailure for one that is of another version or broken."""
    path = os.path.join(directory, NAME)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RuntimeFailure(f"--root: {path}: {os.strerror(error.errno or 0)}") from None
    try:
        document: object = plain_json.loads(text)
    except (ValueError, RecursionError):
        raise RuntimeFailure(f"{path}: not JSON; runsc delete --force removes the container") from None
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or version != VERSION:
        raise RuntimeFailure(f"{path}: version {version} of the state; this runsc knows version {VERSION}")
    state = State("", "")
    for name, kind in _TYPES.items():
        value = document.get(name, kind() if name in _LATER else None)
        if not isinstance(value, kind):
            raise RuntimeFailure(f"{path}: {name} is missing or wrong; runsc delete --force removes the container")
        setattr(state, name, value)
    return state
