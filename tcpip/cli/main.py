"""The verbs and what they have in common on the command line."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from typing import NoReturn

from tcpip.allocator import keep_freed_memory
from tcpip.cli import capture, iperf, nc, neigh, ping, route, serve, ss, tap, traceroute
from tcpip.cli.host import CommandError, UsageError

_VERBS = (tap, serve, ping, traceroute, nc, iperf, ss, route, neigh, capture)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help says more)\n")


def build_parser() -> argparse.ArgumentParser:
    """One sub-parser per verb."""
    parser = Parser(prog="tcpip", description="A TCP/IP stack in Python, on a tap or an interface.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for module in _VERBS:
        module.add_parser(verbs)
    return parser


def run(arguments: list[str]) -> int:
    """Parse and run; 0 when it worked, 1 when it did not, 2 for a wrong command line."""
    _open_closed()
    options = build_parser().parse_args(arguments)
    keep_freed_memory()
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except CommandError as error:
        print(f"tcpip {options.verb}: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_gone():
            return 128 + signal.SIGPIPE
        print(f"tcpip {options.verb}: {error.strerror or error}", file=sys.stderr)
        return 1
    return status


def _open_closed() -> None:
    """A stream that was closed by who has started us (`>&-`) takes what is printed and forgets it."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _reader_gone() -> bool:
    """Nobody reads what the verb prints any more, which is no error (`tcpip ss PATH | head`)."""
    look = select.poll()
    look.register(1, 0)
    if not any(events & select.POLLERR for _, events in look.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left goes there at the end
    return True
