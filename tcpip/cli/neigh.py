"""`tcpip neigh`: the neighbours of a stack that runs with `tcpip tap --control PATH`, as `ip neigh` shows them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tcpip.cli.control import ask


def add_parser(verbs: Any) -> None:
    """`neigh PATH [--json]`."""
    parser = verbs.add_parser("neigh", help="show the neighbours of a running stack", description=__doc__)
    parser.add_argument("path", help="the control socket of `tcpip tap --control`")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_main)


def _main(options: argparse.Namespace) -> int:
    rows = ask(options.path)["neighbors"]
    if options.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        lladdr = f" lladdr {row['lladdr']}" if row["lladdr"] else ""
        print(f"{row['dst']} dev {row['dev']}{lladdr}{' router' if row['router'] else ''} {row['state'][0]}")
    return 0
