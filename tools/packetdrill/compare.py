"""Is what the stack sent what the script has? Both as Datagrams with the script's sequence numbers.

Fields are compared in packetdrill's order, so that the first difference that is told is the same.
"""

from __future__ import annotations

from dataclasses import replace

from tools.packetdrill import syntax, tcp_options, wire
from tools.packetdrill.errors import Difference
from tools.packetdrill.flows import Flow
from tools.packetdrill.option_parser import END, NOP, TIMESTAMPS
from tools.packetdrill.report import field
from tools.packetdrill.settings import Settings
from tools.packetdrill.syntax import NO_CHECK, IcmpSpec, Packet, TcpSpec
from tools.packetdrill.wire import Datagram, TcpHeader


def check(name: str, expected: int, actual: int) -> None:
    """One field."""
    if expected != actual:
        raise Difference(field(name, expected, actual), "packet")


def headers(spec: Packet, script: Datagram, actual: Datagram) -> None:
    """IP, then TCP, UDP or ICMP."""
    six = len(actual.src) == 16
    name = "ipv6" if six else "ipv4"
    check("ipv6_next_header" if six else "ipv4_protocol", script.protocol, actual.protocol)
    allowance = 0
    body = spec.body
    if isinstance(body, TcpSpec) and body.options is None and actual.tcp is not None:
        allowance = len(actual.tcp.options)
    if not isinstance(body, IcmpSpec):
        length = "payload_len" if six else "total_length"
        less = 40 if six else 0
        check(f"{name}_{length}", script.total_len() + allowance - less, actual.total_len() - less)
    _ip_info(spec, actual)
    if isinstance(body, TcpSpec) and script.tcp is not None and actual.tcp is not None:
        _tcp(body, script.tcp, actual.tcp, allowance)
    elif script.icmp is not None and actual.icmp is not None:
        check("icmp_type", script.icmp.type, actual.icmp.type)
        check("icmp_code", script.icmp.code, actual.icmp.code)


def _ip_info(spec: Packet, actual: Datagram) -> None:
    ip = spec.ip
    bits = actual.tos & 3
    if ip.check == syntax.ECN_ECT01 and bits not in (1, 2):
        raise Difference(f"live packet field ip_ecn: expected: 0x1 or 0x2 vs actual: {bits:#x}", "packet")
    if ip.check == syntax.ECN_BITS:
        check("ip_ecn", ip.tos, bits)
    if ip.check == syntax.ECN_TOS:
        check("tos", ip.tos, actual.tos)
    if ip.ttl:
        check("ttl", ip.ttl, actual.ttl)


def _tcp(spec: TcpSpec, script: TcpHeader, actual: TcpHeader, allowance: int) -> None:
    check("tcp_data_offset", 5 + (len(script.options) + allowance) // 4, 5 + len(actual.options) // 4)
    for name, bit in (
        ("fin", wire.FIN),
        ("syn", wire.SYN),
        ("rst", wire.RST),
        ("psh", wire.PSH),
        ("ack", wire.ACK),
        ("urg", wire.URG),
    ):
        check(f"tcp_{name}", int(script.flags & bit != 0), int(actual.flags & bit != 0))
    if spec.ace != NO_CHECK:
        check("tcp_ace", spec.ace, actual.ace())
    else:
        for name, bit in (("ece", wire.ECE), ("cwr", wire.CWR), ("ae", wire.AE)):
            check(f"tcp_{name}", int(script.flags & bit != 0), int(actual.flags & bit != 0))
    check("tcp_reserved_bits", 0, actual.reserved)
    check("tcp_seq", script.seq, actual.seq)
    check("tcp_ack_seq", script.ack, actual.ack)
    if spec.window != NO_CHECK:
        check("tcp_window", script.window, actual.window)
    check("tcp_urg_ptr", script.urgent, actual.urgent)


def options(settings: Settings, script: bytes, actual: bytes) -> None:
    """Same options in the same order; timestamps as --tcp_ts_tick_usecs asks (then echoes, too)."""
    wanted, got = list(tcp_options.walk(script)), list(tcp_options.walk(actual))
    if [kind for kind, _, _ in wanted] != [kind for kind, _, _ in got]:
        raise Difference("bad outbound TCP options", "packet")
    for (kind, _, expected), (_, _, body) in zip(wanted, got, strict=True):
        if kind in (END, NOP):
            continue
        if kind == TIMESTAMPS:
            _timestamps(settings, expected, body)
            continue
        if len(expected) != len(body):
            raise Difference(f"bad lengths for outbound TCP option {kind}", "packet")
        if expected != body:
            raise Difference(f"bad value outbound TCP option {kind}", "packet")


def _timestamps(settings: Settings, expected: bytes, body: bytes) -> None:
    tick = settings.tcp_ts_tick_usecs
    if not tick:
        return
    ahead = (int.from_bytes(body[:4], "big") - int.from_bytes(expected[:4], "big")) & wire.U32
    distance = min(ahead, wire.U32 + 1 - ahead)
    if distance * tick > settings.tolerance_usecs:
        raise Difference(f"bad outbound TCP timestamp value, tolerance {settings.tolerance_usecs}", "packet")
    if expected[4:] != body[4:]:
        raise Difference("bad outbound TCP timestamp echo", "packet")


def flow_label(flow: Flow, script: int, live: int) -> None:
    """A label of the script's is any of the stack's, but always the same; another is another."""
    if not script:
        return
    if not live:
        raise Difference("flowlabel unmarked in the live packet", "packet")
    if flow.label is None:
        flow.label = (script, live)
    elif script != flow.label[0]:
        if live == flow.label[1]:
            raise Difference("expected a different flowlabel but got the same", "packet")
        flow.label = (script, live)
    elif live != flow.label[1]:
        raise Difference(
            f"inconsistent flowlabels for this packet: expected: {flow.label[1]:#x} vs actual: {live:#x}", "packet"
        )


def fragments(previous: Datagram, current: Datagram, missing: int) -> None:
    """`current` follows `previous` as the next piece of one expected packet; `missing` bytes are still expected."""
    one, two = previous.tcp, current.tcp
    if one is None or two is None:
        raise Difference("aggregate candidate is not TCP", "packet")
    check("tcp_data_offset", len(one.options) // 4, len(two.options) // 4)
    for name, bit in (("syn", wire.SYN), ("rst", wire.RST), ("ack", wire.ACK), ("urg", wire.URG), ("ece", wire.ECE)):
        check(f"tcp_{name}", int(one.flags & bit != 0), int(two.flags & bit != 0))
    check("tcp_seq", (one.seq + len(previous.payload)) & wire.U32, two.seq)
    check("tcp_ack_seq", one.ack, two.ack)
    check("tcp_window", one.window, two.window)
    if len(current.payload) < missing and len(current.payload) != len(previous.payload):
        raise Difference(
            f"fragment payload: expected {len(previous.payload)} bytes vs actual {len(current.payload)} bytes", "packet"
        )


def aggregate(pieces: list[Datagram]) -> Datagram:
    """Pieces in a row as one packet: the first's sequence number, the last's flags."""
    first, last = pieces[0].tcp, pieces[-1].tcp
    if first is None or last is None or len(pieces) == 1:
        return pieces[0]
    return pieces[-1].with_tcp(replace(last, seq=first.seq), b"".join(piece.payload for piece in pieces))
