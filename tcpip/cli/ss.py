"""`tcpip ss`: the connections and counters of a stack that runs with `tcpip tap --control PATH`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from typing import Any

from tcpip.cli import route
from tcpip.cli.control import ask
from tcpip.errors import NetworkError
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.state import LISTEN, NAMES


def add_parser(verbs: Any) -> None:
    """`ss PATH [-s]`."""
    parser = verbs.add_parser("ss", help="show the endpoints of a running stack", description=__doc__)
    parser.add_argument("path", help="the control socket of `tcpip tap --control`")
    parser.add_argument("-s", dest="summary", action="store_true", help="counters instead of endpoints")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_main)


def _main(options: argparse.Namespace) -> int:
    report = ask(options.path)
    if options.json:
        print(json.dumps(report["counters"] if options.summary else report["endpoints"]))
        return 0
    if options.summary:
        for group, values in report["counters"].items():
            print(f"{group}: " + " ".join(f"{name}={value}" for name, value in values.items() if value))
        return 0
    print(f"{'Netid':6}{'State':14}{'Recv-Q':>8}{'Send-Q':>8}  {'Local Address:Port':32}Peer Address:Port")
    for row in report["endpoints"]:
        print(f"{row['netid']:6}{row['state']:14}{row['recv_q']:>8}{row['send_q']:>8}  {row['local']:32}{row['peer']}")
    return 0


def snapshot(stack: Stack) -> dict[str, Any]:
    """Everything that `ss` shows, as JSON types."""
    rows = [_row("tcp", e) for e in _endpoints(stack, "tcp")] + [_row("udp", e) for e in _endpoints(stack, "udp")]
    stats = stack.stats
    groups = {"Ip": stats.ip, "Ip6": stats.ip6, "Icmp": stats.icmp, "Icmp6": stats.icmp6, "Tcp": stats.tcp}
    groups |= {"TcpExt": stats.tcp_ext, "IpExt": stats.ip_ext, "Udp": stats.udp, "Udp6": stats.udp6}
    counters = {name: group.values for name, group in groups.items()}
    return {"endpoints": rows, "counters": counters | {"drops": stats.drops}} | route.tables(stack)


def _endpoints(stack: Stack, name: str) -> list[Endpoint]:
    demux = getattr(stack, name).demux
    found = [entry.handler for entries in demux.bound.values() for entry in entries] + list(demux.connected.values())
    return [handler for handler in dict.fromkeys(found) if isinstance(handler, Endpoint)]


def _row(netid: str, endpoint: Endpoint) -> dict[str, Any]:
    try:
        peer = repr(endpoint.getpeername())
    except NetworkError:
        peer = "*:*"
    if isinstance(endpoint, TcpEndpoint):
        state = NAMES[endpoint.state]
        listening = endpoint.state == LISTEN
    else:
        state = "UNCONN" if peer == "*:*" else "ESTABLISHED"
        listening = False
    return {
        "netid": netid,
        "state": state,
        "recv_q": 0 if listening else endpoint.readable_bytes(),
        "send_q": 0 if listening else endpoint.unsent_bytes(),
        "local": repr(endpoint.getsockname()),
        "peer": peer,
    }


async def serve(stack: Stack, path: str) -> asyncio.AbstractServer:
    """Answer each connection to the Unix socket `path` with one snapshot. An old socket there is replaced."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(snapshot(stack)).encode())
        writer.close()

    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return await asyncio.start_unix_server(answer, path)
