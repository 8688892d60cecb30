"""The verbs and what they have in common on the command line."""

from __future__ import annotations

import argparse
import sys

from tcpip.cli import capture, iperf, nc, ping, ss, tap
from tcpip.cli.host import CommandError

_VERBS = (tap, ping, nc, iperf, ss, capture)


def build_parser() -> argparse.ArgumentParser:
    """One sub-parser per verb."""
    parser = argparse.ArgumentParser(prog="tcpip", description="A TCP/IP stack in Python, on a tap or an interface.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for module in _VERBS:
        module.add_parser(verbs)
    return parser


def run(arguments: list[str]) -> int:
    """Parse and run; 0 when it worked, 1 when it did not, 2 for a wrong command line."""
    options = build_parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except CommandError as error:
        print(f"tcpip {options.verb}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"tcpip {options.verb}: {error.strerror or error}", file=sys.stderr)
        return 1
    return status
