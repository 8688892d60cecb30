"""Starting a created container, from `start` and from `run`."""

from __future__ import annotations

from runsc.container import state_file, status
from runsc.container.container import Container
from runsc.failure import RuntimeFailure
from runsc.log import Log
from sandbox import plain_json
from sandbox.control import wire
from sandbox.control.client import TIMEOUT_S


def start(container: Container, log: Log) -> None:
    """Its lock is held. RuntimeFailure."""
    container.check(status.START)
    document = container.for_hooks(status.CREATED)
    # Hooks inside have their own bounds, or none.
    bound_s = -1.0 if container.state.hooks.get("startContainer") else TIMEOUT_S
    container.call(wire.START, {"state": plain_json.dumps(document)}, bound_s)
    container.state.started = True
    try:
        state_file.write(container.directory, container.state)
    except RuntimeFailure as failure:  # a full disk: it runs, and says so itself as long as it answers
        log.write("warning", str(failure))
    if container.state.hooks.get("poststart"):
        from runsc.container import hooks

        found = hooks.hooks_of(container.state.hooks, "poststart")
        hooks.run_all_hooks("poststart", found, container.for_hooks(status.RUNNING), log)
