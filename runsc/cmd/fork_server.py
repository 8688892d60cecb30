"""`runsc fork-server SOCKET`: sandboxes start by a fork of this process, in half the time."""

from __future__ import annotations

import os
import sys
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import SWITCH, Flag, Values
from runsc.verb import Verb

FLAGS: Final = (Flag("until-eof", SWITCH, "", "end with standard input"),)
DETAILS: Final = (
    "Prints SOCKET once it listens there. `do` and `run` with --fork-server SOCKET, or RUNSC_FORK_SERVER=SOCKET in their\n"
    "environment, start from it where nothing would differ: the same user, namespaces, control group, limits and version, no\n"
    "terminal among descriptors 0 to 2. Else they start by themselves; --log FILE --debug says why."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """Until a signal comes."""
    if len(words) != 1 or not words[0]:
        raise UsageError("fork-server needs the path of its socket")
    from runsc.cli import run_command_line
    from runsc.fork_server.server import ForkServer

    server = ForkServer(os.path.abspath(words[0]), lambda words: run_command_line(words, here=True))
    try:
        sys.stdout.write(words[0] + "\n")
        sys.stdout.flush()
        server.serve(values.switch("until-eof"))
    except KeyboardInterrupt:
        return 130
    finally:
        server.close()
    return 0


VERB: Final = Verb(
    "fork-server",
    "be what sandboxes are forked from, for quicker starts",
    "SOCKET",
    FLAGS,
    EXIT_FAILURE,
    run,
    DETAILS,
)
