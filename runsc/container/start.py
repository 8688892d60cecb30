"""Starting a created container, from `start` and from `run`."""

from __future__ import annotations

import json

from runsc.container import hooks, state_file, status
from runsc.container.container import Container
from runsc.log import Log
from sandbox.control import wire


def start(container: Container, log: Log) -> None:
    """Its lock is held. RuntimeFailure."""
    container.check(status.START)
    document = container.document(status.CREATED)
    container.call(wire.START, {"state": json.dumps(document)})
    container.state.started = True
    state_file.write(container.directory, container.state)
    found = hooks.hooks_of(container.state.hooks, "poststart")
    if found:
        hooks.run_all_hooks("poststart", found, container.document(status.RUNNING), log)
