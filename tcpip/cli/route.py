"""`tcpip route`: the routes of a stack that runs with `tcpip tap --control PATH`, as `ip route` shows them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tcpip.addr import text
from tcpip.cli.control import ask
from tcpip.network.neighbor import STATE_NAMES
from tcpip.stack.route_table import RouteEntry
from tcpip.stack.stack import Stack


def add_parser(verbs: Any) -> None:
    """`route PATH [--json]`."""
    parser = verbs.add_parser("route", help="show the routes of a running stack", description=__doc__)
    parser.add_argument("path", help="the control socket of `tcpip tap --control`")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_main)


def _main(options: argparse.Namespace) -> int:
    rows = ask(options.path)["routes"]
    if options.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        words = [row["type"]] if row["type"] != "unicast" else []
        words.append(row["dst"])
        for name, shown in (
            ("gateway", "via"),
            ("dev", "dev"),
            ("protocol", "proto"),
            ("prefsrc", "src"),
            ("metric", "metric"),
        ):
            if row.get(name):
                words += [shown, str(row[name])]
        print(" ".join(words))
    return 0


def tables(stack: Stack) -> dict[str, Any]:
    """Routes and neighbours, as JSON types with the names of `ip -j`."""
    neighbors = [
        {
            "dst": text(n.addr),
            "dev": nic.name,
            "lladdr": text(n.mac),
            "state": [STATE_NAMES[n.state]],
            "router": n.is_router,
        }
        for nic in stack.nics.values()
        for n in nic.neighbors.entries.values()
    ]
    return {"routes": [_row(entry) for entry in stack.routes.entries], "neighbors": neighbors}


def _row(entry: RouteEntry) -> dict[str, Any]:
    size = len(entry.prefix) * 8
    target = "default" if not entry.length else text(entry.prefix) + (f"/{entry.length}" if entry.length < size else "")
    row: dict[str, Any] = {"type": "unicast" if entry.error is None else "unreachable", "dst": target}
    if entry.gateway:
        row["gateway"] = text(entry.gateway)
    if entry.nic is not None:
        row["dev"] = entry.nic.name
    if entry.source:
        row["prefsrc"] = text(entry.source)
    return row | {"protocol": entry.protocol, "metric": entry.metric, "family": "inet" if size == 32 else "inet6"}
