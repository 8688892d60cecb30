"""`runsc create`: an OCI container whose process waits for `start`; what `create`, `run` and `exec` ask in common."""

from __future__ import annotations

import os
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import LIST, NUMBER, SWITCH, WORD, Flag, Values
from runsc.verb import Verb

CREATE_FLAGS: Final = (
    Flag("bundle", WORD, "DIR", "the bundle: config.json and the root directory (here)", short="b"),
    Flag("console-socket", WORD, "PATH", "a Unix socket that gets the terminal's master"),
    Flag("pidfd-socket", WORD, "PATH", "a Unix socket that gets a pidfd of the sandbox's host process"),
    Flag("pid-file", WORD, "FILE", "write the sandbox's host process id there"),
    Flag("preserve-fds", NUMBER, "N", "hand descriptors 3 to 3+N-1 to the process"),
    Flag("publish", LIST, "[ADDR:]PORT:PORT[/udp]", "forward a host port to a port inside"),
    Flag("no-pivot", SWITCH, "", "nothing to do: a sandbox never pivots its root"),
    Flag("no-new-keyring", SWITCH, "", "nothing to do: there are no keys of the host inside"),
)
DETAILS: Final = (
    "Writes to the root are real unless --overlay is given. `start` lets the process run; `delete` removes it all."
)
FDS_MOST: Final = 256


def one_id(words: list[str], verb: str) -> str:
    """The container's id, and nothing else."""
    if len(words) != 1:
        raise UsageError(f"{verb} needs one container id")
    return words[0]


def preserved(values: Values) -> int:
    """How many descriptors beyond the standard three are handed on; all must be open."""
    count = values.number("preserve-fds") or 0
    if count > FDS_MOST:
        raise UsageError(f"--preserve-fds: at most {FDS_MOST}")
    for fd in range(3, 3 + count):
        try:
            os.fstat(fd)
        except OSError:
            raise RuntimeFailure(f"--preserve-fds {count}: descriptor {fd} is not open") from None
    return count


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once it is created."""
    name = one_id(words, "create")
    from runsc.container.console import check_console
    from runsc.container.create import Creation, Request
    from runsc.spec.load import load_bundle

    bundle = os.path.realpath(values.text("bundle") or ".")
    spec = load_bundle(bundle)
    assert spec.process is not None
    request = Request(name, bundle, spec)
    request.console_socket = values.text("console-socket")
    request.pid_file = values.text("pid-file")
    request.pidfd_socket = values.text("pidfd-socket")
    request.preserve_fds = preserved(values)
    request.publish = values.list("publish")
    check_console(spec.process.terminal, request.console_socket, True)
    Creation(request, config).create()
    return 0


VERB: Final = Verb("create", "create a container", "--bundle DIR ID", CREATE_FLAGS, EXIT_FAILURE, run, DETAILS)
