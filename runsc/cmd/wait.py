"""`runsc wait ID`: until the container's process has ended."""

from __future__ import annotations

import sys
from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE
from runsc.flags import Values
from runsc.verb import Verb


def run(config: Config, values: Values, words: list[str]) -> int:
    """Prints the id and the exit status as JSON."""
    name = one_id(words, "wait")
    from runsc.container import status
    from runsc.container.container import load
    from sandbox import plain_json
    from sandbox.boot.exit_status import exit_status
    from sandbox.control import wire
    from sandbox.control.client import SandboxGone

    container = load(config.root, name)
    wait_status: int | None = None
    if container.status() != status.STOPPED:
        try:
            client = container.connect()
            client.send(wire.WAIT, {})
            answer = client.receive(-1).body.get("status")
            wait_status = answer if isinstance(answer, int) else None
        except SandboxGone:
            pass  # it has ended meanwhile
    if wait_status is None:
        wait_status = container.exit_status()
    sys.stdout.write(plain_json.dumps({"id": name, "exitStatus": exit_status(wait_status)}) + "\n")
    sys.stdout.flush()
    return 0


VERB: Final = Verb("wait", "wait for a container's process to end", "ID", (), EXIT_FAILURE, run)
