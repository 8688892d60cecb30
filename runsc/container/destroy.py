"""The end of a container: nothing of it is left on the host, whatever state it was in and whoever was killed."""

from __future__ import annotations

import os

from runsc.container import process, status, store
from runsc.container.container import Container
from runsc.failure import RuntimeFailure
from runsc.log import Log

KILL_S = 10.0


def destroy(container: Container) -> None:
    """Kill its processes, remove its control groups and its directory. The sandbox is PID 1 of the namespace that
    all of them are in, so the host's kernel kills them with it, and its mounts and namespaces go with the last.
    Of a container in another's sandbox that sandbox removes what it has."""
    state = container.state
    creator = state.creator != os.getpid() and process.lives(state.creator, state.creator_start)
    if creator and not process.kill(state.creator, state.creator_start, KILL_S):
        raise RuntimeFailure(f"process {state.creator}, which creates the container, does not end")
    if not process.kill(state.pid, state.pid_start, KILL_S):
        raise RuntimeFailure(f"the sandbox's process {state.pid} does not end")
    if state.sandbox:
        from runsc.container import pod

        pod.remove(container)
    if state.cgroups:
        from runsc.container import groups

        groups.remove(state.cgroups)
    store.remove(container.directory)


def delete(container: Container, log: Log) -> None:
    """`destroy`, and the poststop hooks."""
    destroy(container)
    if container.state.hooks.get("poststop"):
        from runsc.container import hooks

        found = hooks.hooks_of(container.state.hooks, "poststop")
        hooks.run_all_hooks("poststop", found, container.for_hooks(status.STOPPED), log)
