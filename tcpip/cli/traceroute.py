"""`tcpip traceroute`: which routers a packet passes, by UDP probes whose hop limit runs out one hop further each time."""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from typing import Any, Final

from tcpip.adapters.aio_transport import wait_for
from tcpip.adapters.oserror import os_error
from tcpip.addr import AF_INET, AF_INET6, SockAddr, text
from tcpip.cli.host import CommandError, HostSession, UsageError, add_host_options, destination
from tcpip.clock import NS_PER_MS
from tcpip.errors import NetworkError
from tcpip.sockopt import (
    IP_RECVERR,
    IP_TTL,
    IPV6_RECVERR,
    IPV6_UNICAST_HOPS,
    MSG_ERRQUEUE,
    SOCK_DGRAM,
    SOL_IP,
    SOL_IPV6,
)
from tcpip.stack.stack import Stack
from tcpip.waiter import EVENT_ERR, EVENT_IN

_REPORT: Final = struct.Struct("=IBBBxII")
BASE_PORT: Final = 33434
MAX_PROBES: Final = 10
_MARKS: Final = {(3, 0): "!N", (3, 1): "!H", (3, 2): "!P", (3, 4): "!F", (3, 9): "!X", (3, 10): "!X", (3, 13): "!X"}
_MARKS6: Final = {(1, 0): "!N", (1, 1): "!X", (1, 3): "!H", (2, 0): "!F"}


def add_parser(verbs: Any) -> None:
    """`traceroute [-m HOPS] [-q PROBES] [-w SECONDS] [--json] HOST`."""
    parser = verbs.add_parser("traceroute", help="show the way to a host", description=__doc__)
    add_host_options(parser)
    parser.add_argument("-m", dest="hops", type=int, default=30, help="hops at most")
    parser.add_argument("-q", dest="probes", type=int, default=3, help="probes per hop")
    parser.add_argument("-w", dest="wait", type=float, default=3.0, help="seconds to wait for an answer")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("host", help="address literal")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    if not 1 <= options.hops <= 255 or not 1 <= options.probes <= MAX_PROBES or options.wait <= 0:
        raise UsageError("-m must be 1..255, -q 1..10 and -w above 0")
    session = HostSession(options)
    try:
        await session.ready()
        target = destination(session.stack, options.host, BASE_PORT)
        return await _trace(session.stack, target, options)
    finally:
        session.close()


class Answer:
    """To one probe. `who` is empty when nobody answered; `last`: there is no way on from there."""

    def __init__(self, who: bytes = b"", ms: float = 0.0, mark: str = "", last: bool = False) -> None:
        self.who = who
        self.ms = ms
        self.mark = mark
        self.last = last


async def _trace(stack: Stack, target: SockAddr, options: argparse.Namespace) -> int:
    hops: list[list[Answer]] = []
    if not options.json:
        print(f"traceroute to {text(target.addr)}, {options.hops} hops max", flush=True)
    try:
        for hop in range(1, options.hops + 1):
            ports = [BASE_PORT + (hop - 1) * options.probes + n for n in range(options.probes)]
            probes = [_probe(stack, SockAddr(target.addr, p, target.scope_id), hop, options.wait) for p in ports]
            answers = list(await asyncio.gather(*probes))
            hops.append(answers)
            if not options.json:
                print(f"{hop:2}  {_line(answers)}", flush=True)
            if any(answer.last for answer in answers):
                break
    finally:
        if options.json:
            print(json.dumps({"target": text(target.addr), "hops": [_row(n, h) for n, h in enumerate(hops, 1)]}))
    return 0 if any(answer.who == target.addr for answer in hops[-1]) else 1


async def _probe(stack: Stack, to: SockAddr, hop: int, wait: float) -> Answer:
    """One datagram that may pass `hop` - 1 routers."""
    four = to.family == AF_INET
    endpoint = stack.new_endpoint(AF_INET if four else AF_INET6, SOCK_DGRAM)
    buffer = memoryview(bytearray(2048))
    loop = asyncio.get_running_loop()
    try:
        level = SOL_IP if four else SOL_IPV6
        endpoint.set_option(level, IP_RECVERR if four else IPV6_RECVERR, 1)
        endpoint.set_option(level, IP_TTL if four else IPV6_UNICAST_HOPS, hop)
        endpoint.connect(to)
        began = stack.clock.now_ns()
        endpoint.send(bytes(32))
        await asyncio.wait_for(wait_for(loop, endpoint, EVENT_ERR | EVENT_IN), wait)
        ms = (stack.clock.now_ns() - began) / NS_PER_MS
        if not endpoint.readiness() & EVENT_ERR:
            return Answer(to.addr, ms, "", True)  # something listens there and has answered
        report = endpoint.recvmsg(buffer, MSG_ERRQUEUE).control[0][2]
    except TimeoutError:
        return Answer()
    except NetworkError as error:
        raise CommandError(str(os_error(error).strerror)) from None
    finally:
        endpoint.close()
    _, _, kind, code, _, _ = _REPORT.unpack_from(report)
    at = _REPORT.size + (4 if four else 8)
    who = bytes(report[at : at + (4 if four else 16)])
    marks = _MARKS if four else _MARKS6
    exceeded = kind == (11 if four else 3)
    return Answer(who, ms, marks.get((kind, code), ""), not exceeded)


def _line(answers: list[Answer]) -> str:
    """As traceroute(8) writes it: an address again only when it is another one."""
    words = []
    shown = b""
    for answer in answers:
        if not answer.who:
            words.append("*")
            continue
        if answer.who != shown:
            words.append(text(answer.who))
            shown = answer.who
        words.append(f"{answer.ms:.3f} ms" + (f" {answer.mark}" if answer.mark else ""))
    return "  ".join(words)


def _row(hop: int, answers: list[Answer]) -> dict[str, Any]:
    return {
        "hop": hop,
        "probes": [
            {"address": text(a.who), "ms": round(a.ms, 3), "mark": a.mark} if a.who else {"address": None}
            for a in answers
        ],
    }
