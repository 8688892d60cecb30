"""Containers that join a namespace of another (linux.namespaces[].path: `docker run --network container:NAME`, `--pid`, `--ipc`,
pods of podman): they are in its sandbox, as the containers of a pod are.

What a path of the host leads to is compared with what our containers have there: the namespaces of a sandbox's process, those
of the process that stands for a further container (by its path; that one is in the host's), and the network namespace that a sandbox was given.
"""

from __future__ import annotations

import os
from typing import Final

from runsc.container import process, state_file, store
from runsc.container.container import Container
from runsc.container.state_file import State
from runsc.failure import RuntimeFailure
from runsc.spec.types import Spec
from sandbox.control.container_body import OWN_KINDS

JOINED: Final = ("network", "pid", "ipc", "uts", "user")
FILES: Final = {"network": "net"}  # in /proc/PID/ns, where it is not called as in config.json
NO_NETWORK_OF_ITS_OWN: Final = (
    "linux.namespaces: who joins a namespace of another container is in its sandbox, and has that one's network or none: "
    "join the network namespace, too"
)


def path_of(spec: Spec, kind: str) -> str:
    """Where the namespace is that it joins; empty for none."""
    return next((one.path for one in spec.namespaces if one.kind == kind), "")


def network_of(spec: Spec) -> str:
    """Which network namespace it is given, for the state; empty for none."""
    return _identity(path_of(spec, "network"))


def own_kinds(spec: Spec) -> tuple[str, ...]:
    """Of which it has a new namespace."""
    return tuple(kind for kind in OWN_KINDS if any(one.kind == kind and not one.path for one in spec.namespaces))


def sandbox_of(spec: Spec, root: str, name: str) -> str:
    """The container in whose sandbox it is to be; empty when it has its own. RuntimeFailure for a namespace of nobody's."""
    paths = {kind: path for kind in JOINED if (path := path_of(spec, kind))}
    if not paths:
        return ""
    found = [(other, state) for other, state in _running(root) if other != name]
    for kind, path in paths.items():
        for other, state in found:
            if _has(state, kind, path):
                return state.sandbox or other
    for kind in paths:
        if kind != "network":
            raise RuntimeFailure(
                f"linux.namespaces: {paths[kind]}: a {kind} namespace cannot be joined that is not one of a running container of this runtime"
            )
    return ""


def is_of_one_in(path: str, sandbox: Container, kind: str) -> bool:
    """It belongs to the process that stands for a container in `sandbox`."""
    return any(
        state.sandbox == sandbox.name and _has(state, kind, path)
        for _, state in _running(os.path.dirname(sandbox.directory))
    )


def check_network(spec: Spec, sandbox: Container) -> None:
    """The sandbox's, or a new one. RuntimeFailure."""
    path = path_of(spec, "network")
    if path:
        if not _has(sandbox.state, "network", path) and not is_of_one_in(path, sandbox, "network"):
            raise RuntimeFailure(NO_NETWORK_OF_ITS_OWN)
    elif not any(one.kind == "network" for one in spec.namespaces):
        raise RuntimeFailure(NO_NETWORK_OF_ITS_OWN)


def has_interfaces() -> bool:
    """The network namespace of this process has more than a loopback, and what every namespace begins with is not up."""
    with (
        open("/proc/self/net/route", encoding="ascii") as routes,
        open("/proc/self/net/dev", encoding="ascii") as devices,
    ):
        names = [line.partition(":")[0].strip() for line in devices.readlines()[2:]]
        return len(routes.readlines()) > 1 or any(name.startswith("eth") for name in names)


def _running(root: str) -> list[tuple[str, State]]:
    found: list[tuple[str, State]] = []
    for name in store.names(root):
        try:
            state = state_file.read(os.path.join(root, name))
        except RuntimeFailure:
            continue  # of another version: nobody can be in its sandbox
        if state is not None and process.lives(state.pid, state.pid_start):
            found.append((name, state))
    return found


def _has(state: State, kind: str, path: str) -> bool:
    own = f"/proc/{state.pid}/ns/{FILES.get(kind, kind)}"
    if path == own:
        return True
    if state.sandbox:
        return False
    identity = _identity(path)
    if kind == "network" and state.network:
        return identity == state.network
    return (
        identity != ""
        and identity == _identity(own)
        and identity != _identity(f"/proc/self/ns/{FILES.get(kind, kind)}")
    )


def _identity(path: str) -> str:
    """Device and inode; empty where there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"
