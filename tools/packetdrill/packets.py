"""Packet events: injecting what the script sends in, and waiting for what it says must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tcpip.buffer import GSO_TCPV4, GSO_TCPV6
from tools.packetdrill import compare, flows, report, tcp_options, timing, wire
from tools.packetdrill.errors import Difference
from tools.packetdrill.flows import Flow, Flows
from tools.packetdrill.host import Host
from tools.packetdrill.settings import Settings
from tools.packetdrill.syntax import ANY, NO_CHECK, IcmpSpec, Packet, TcpSpec, UdpSpec, When
from tools.packetdrill.wire import Datagram, IcmpHeader, TcpHeader

PATIENCE_US: Final = 130_000_000
"""How long after its time a packet is waited for, to say when it came."""
ANY_TIME_US: Final = 4 * 3600 * 1_000_000
SYN_MASK: Final = wire.SYN | wire.ACK


class Packets:
    """`step` moves time on (Runner.step). `zeros`: what is sent is zeros, and checked to be."""

    def __init__(
        self, settings: Settings, host: Host, table: Flows, step: Callable[[int], None], say: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.host = host
        self.flows = table
        self.step = step
        self.say = say
        self.zeros = True
        self._waiting: list[tuple[int, Datagram, Flow]] = []

    # Whose packet a line of the script is.

    def _flow_for(self, spec: Packet) -> Flow:
        body = spec.body
        current = self.flows.current
        local, remote = (spec.ports[1], spec.ports[0]) if spec.inbound else spec.ports
        named = self.flows.of_ports(local, remote) if local or remote else None
        if named is not None:
            return named
        if isinstance(body, TcpSpec):
            if spec.inbound and self._opens(body, current, bool(local or remote)):
                port = current.local_port if current is not None and current.local_port else self.settings.bind_port
                flow = self.flows.passive(wire.TCP, port, spec.ports)
                flow.remote_isn = body.seq if "S" in body.flags else 0
                return flow
            if not spec.inbound and "S" in body.flags and "." not in body.flags and current is not None:
                if current.state == flows.CONNECTING:
                    current.state = flows.SYN_SENT
                    current.script_isn = body.seq
                    current.ports = (local, remote)
                return current
        if current is None or not _protocol_fits(current, body, bool(local or remote)):
            raise Difference("no matching socket for script packet")
        return current

    def _opens(self, body: TcpSpec, current: Flow | None, named: bool) -> bool:
        """An inbound packet with nothing but a listener, or nobody, to take it is a new connection's."""
        if current is None or current.state == flows.LISTENING:
            return True
        listening = any(flow.state == flows.LISTENING for flow in self.flows.all)
        return named and listening and body.flags in ("S", "SE", "SW", "SEW", "SEWA")

    # In.

    def inject(self, spec: Packet) -> None:
        """The packet arrives now."""
        flow = self._flow_for(spec)
        pkt = self._live(spec, flow)
        self.say(f"inbound injected packet: {report.seconds(self.host.now)} {report.packet_text(pkt, endpoints=True)}")
        self._note_inbound(spec, flow)
        data = wire.build(pkt)
        mss = self.settings.mss
        if mss and pkt.tcp is not None and len(pkt.payload) > mss:
            kind = GSO_TCPV6 if len(pkt.src) == 16 else GSO_TCPV4
            self.host.inject(data, kind, mss)
        else:
            self.host.inject(data)

    def _note_inbound(self, spec: Packet, flow: Flow) -> None:
        if not isinstance(spec.body, TcpSpec) or "S" not in spec.body.flags:
            return
        if flow.state == flows.SYN_SENT:
            flow.state = flows.CONNECTED
        elif "." not in spec.body.flags and flow.state == flows.CONNECTED:
            flow.state = flows.PASSIVE  # perhaps a new connection with the old one's ports

    def _live(self, spec: Packet, flow: Flow) -> Datagram:
        """An inbound packet with the stack's numbers."""
        body = spec.body
        src, dst = flow.remote or self.settings.remote, flow.local or self.settings.local
        ports = (spec.ports[0] or flow.remote_port or self.settings.connect_port, spec.ports[1] or flow.local_port)
        if flow.ports != (0, 0):
            ports = (flow.remote_port, flow.local_port)
        base = Datagram(src, dst, wire.TCP, spec.ip.tos, spec.ip.ttl, spec.ip.flow_label, ports, None, None, b"")
        if isinstance(body, UdpSpec):
            return _with(base, wire.UDP, payload=bytes(body.length))
        if isinstance(body, IcmpSpec):
            return self._live_icmp(base, body, flow)
        syn = "S" in body.flags
        if syn:
            flow.offered_isn = body.seq
            if flow.state == flows.SYN_SENT:
                flow.remote_isn = body.seq
        options = tcp_options.shift_sacks(body.options or b"", flow.ours(syn))
        ack = body.ack
        if "." in body.flags:
            ack += flow.ours(syn)
            stamp = tcp_options.timestamp(options)
            if stamp is not None:
                echo = flow.live_echo(stamp[1], self.settings.tcp_ts_ecr_scaled)
                options = tcp_options.with_timestamp(options, stamp[0], echo)
        window = 0 if body.window == NO_CHECK else body.window
        seq = body.seq + flow.theirs(syn)
        tcp = TcpHeader(seq & wire.U32, ack & wire.U32, _flag_bits(body), window, body.urgent, options)
        return base.with_tcp(tcp, bytes(body.length))

    def _live_icmp(self, base: Datagram, body: IcmpSpec, flow: Flow) -> Datagram:
        six = len(base.src) == 16
        rest = body.ident << 16 if body.mtu == NO_CHECK else body.mtu
        payload = bytes(max(body.length - 8, 0))
        if body.quoted != "raw":
            ports = (base.ports[1], base.ports[0])
            tcp = TcpHeader((body.seq + flow.ours(False)) & wire.U32, 0, 0, 0, 0, b"") if body.quoted == "tcp" else None
            protocol = wire.TCP if tcp is not None else wire.UDP
            if flow.protocol == wire.UDP:
                tcp, protocol = None, wire.UDP
            ours = Datagram(base.dst, base.src, protocol, 0, 0, 0, ports, tcp, None, b"")
            payload = wire.quoted(ours, body.length)
        icmp = IcmpHeader(body.type, body.code, rest)
        return _with(base, wire.ICMP6 if six else wire.ICMP4, icmp=icmp, payload=payload)

    # Out.

    def expect(self, spec: Packet, when: When, offset: int, previous: int) -> None:
        """Wait for the packet, at whatever time it comes; Difference with a dump of both."""
        flow = self._flow_for(spec)
        if isinstance(spec.body, TcpSpec) and flow.state == flows.PASSIVE and "S" in spec.body.flags:
            flow.script_isn = spec.body.seq
        script = self._scripted(spec, flow)
        wanted = len(script.payload)
        pieces: list[Datagram] = []
        size = 0
        at = 0
        try:
            while not pieces or (size < wanted and not self.settings.strict_segments):
                at, live = self._sniff(flow, when)
                self._note_outbound(spec, flow, live)
                actual = self._to_script(live, flow)
                if pieces:
                    compare.fragments(pieces[-1], actual, wanted - size)
                pieces.append(actual)
                size += len(actual.payload)
            actual = self._mapped_timestamp(script, compare.aggregate(pieces), flow)
            self._verify(spec, script, actual, flow)
            timing.verify(self.settings, when, offset, at, previous, "outbound packet")
        except Difference as difference:
            raise Difference(
                self._with_dump(difference.text, spec, script, when, pieces, at), difference.kind
            ) from None

    def _verify(self, spec: Packet, script: Datagram, actual: Datagram, flow: Flow) -> None:
        if script.tcp is not None and len(actual.payload) != len(script.payload):
            wanted, got = len(script.payload), len(actual.payload)
            raise Difference(f"live packet payload: expected {wanted} bytes vs actual {got} bytes", "packet")
        compare.headers(spec, script, actual)
        if len(actual.src) == 16:
            compare.flow_label(flow, spec.ip.flow_label, actual.flow_label)
        if isinstance(spec.body, TcpSpec) and spec.body.options is not None and actual.tcp is not None:
            compare.options(self.settings, spec.body.options, actual.tcp.options)
        if actual.icmp is None and self.zeros and actual.payload.strip(b"\0"):
            raise Difference("incorrect outbound data payload", "packet")

    def _with_dump(self, text: str, spec: Packet, script: Datagram, when: When, pieces: list[Datagram], at: int) -> str:
        shown = not isinstance(spec.body, TcpSpec) or spec.body.window != NO_CHECK
        text += "\n" + report.dump("script", when.at, script, shown)
        if pieces:
            text += "\n" + report.dump("actual", at, compare.aggregate(pieces))
        return text

    def _scripted(self, spec: Packet, flow: Flow) -> Datagram:
        body = spec.body
        base = Datagram(
            flow.local or self.settings.local,
            flow.remote or self.settings.remote,
            wire.TCP,
            spec.ip.tos,
            spec.ip.ttl,
            spec.ip.flow_label,
            spec.ports,
            None,
            None,
            b"",
        )
        if isinstance(body, UdpSpec):
            return _with(base, wire.UDP, payload=bytes(body.length))
        if isinstance(body, IcmpSpec):
            icmp = IcmpHeader(body.type, body.code, 0)
            return _with(base, wire.ICMP6 if len(base.src) == 16 else wire.ICMP4, icmp=icmp, payload=b"")
        window = 0 if body.window == NO_CHECK else body.window
        tcp = TcpHeader(body.seq, body.ack, _flag_bits(body), window, body.urgent, body.options or b"")
        return base.with_tcp(tcp, bytes(body.length))

    def _sniff(self, flow: Flow, when: When) -> tuple[int, Datagram]:
        """The next packet of a flow, and when it left."""
        end = self.host.now + ANY_TIME_US if when.kind == ANY else max(when.at, when.end) + PATIENCE_US
        while True:
            for index, (at, pkt, owner) in enumerate(self._waiting):
                if owner is flow:
                    del self._waiting[index]
                    return at, pkt
            self._sort_out(flow)
            if any(owner is flow for _, _, owner in self._waiting):
                continue
            deadline = self.host.next_deadline()
            if deadline is None or deadline > end:
                raise Difference("no outbound packet came", "packet")
            self.step(min(deadline, end))

    def _sort_out(self, wanted: Flow) -> None:
        """Give packets that have left to their flows; those of no flow are nobody's business."""
        frames = self.host.link.frames
        while frames:
            now, frame = frames.popleft()
            pkt = wire.parse(frame)
            owner = next((flow for flow in reversed(self.flows.all) if _leaves(flow, pkt)), None)
            if owner is None:
                continue
            at = (now - self.host.origin) // 1000
            self.say(f"outbound sniffed packet: {report.seconds(at)} {report.packet_text(pkt, endpoints=True)}")
            if owner is wanted or owner.ports != (0, 0):
                self._waiting.append((at, pkt, owner))

    def _note_outbound(self, spec: Packet, flow: Flow, live: Datagram) -> None:
        """What the stack's first packet tells: its port and its initial sequence number."""
        if live.tcp is None or not live.tcp.flags & wire.SYN:
            return
        if flow.state in (flows.SYN_SENT, flows.PASSIVE) and isinstance(spec.body, TcpSpec) and "S" in spec.body.flags:
            flow.live_isn = live.tcp.seq
            if flow.state == flows.PASSIVE:
                flow.state = flows.CONNECTED
                flow.remote_isn = flow.offered_isn

    def _to_script(self, live: Datagram, flow: Flow) -> Datagram:
        """Our sequence numbers as the script has them."""
        if live.tcp is None:
            return live
        tcp = live.tcp
        syn = tcp.flags & wire.SYN != 0
        ack = (tcp.ack - flow.theirs(syn)) & wire.U32 if tcp.flags & wire.ACK else tcp.ack
        options = tcp_options.shift_sacks(tcp.options, -flow.theirs(syn))
        seq = (tcp.seq - flow.ours(syn)) & wire.U32
        return live.with_tcp(replace(tcp, seq=seq, ack=ack, options=options))

    def _mapped_timestamp(self, script: Datagram, actual: Datagram, flow: Flow) -> Datagram:
        if script.tcp is None or actual.tcp is None:
            return actual
        wanted, got = tcp_options.timestamp(script.tcp.options), tcp_options.timestamp(actual.tcp.options)
        if wanted is None or got is None:
            return actual
        flow.note_timestamp(wanted[0], got[0])
        options = tcp_options.with_timestamp(actual.tcp.options, flow.script_timestamp(got[0]), got[1])
        return actual.with_tcp(replace(actual.tcp, options=options))


def _with(base: Datagram, protocol: int, icmp: IcmpHeader | None = None, payload: bytes = b"") -> Datagram:
    return Datagram(base.src, base.dst, protocol, base.tos, base.ttl, base.flow_label, base.ports, None, icmp, payload)


def _flag_bits(body: TcpSpec) -> int:
    bits = 0
    for letter in body.flags:
        bits |= wire.FLAG_BITS[letter]
    if body.ace != NO_CHECK:
        bits |= (wire.AE if body.ace & 4 else 0) | (wire.CWR if body.ace & 2 else 0) | (wire.ECE if body.ace & 1 else 0)
    return bits


def _protocol_fits(flow: Flow, body: TcpSpec | UdpSpec | IcmpSpec, named: bool) -> bool:
    if isinstance(body, IcmpSpec) or named:
        return True
    return flow.protocol == (wire.TCP if isinstance(body, TcpSpec) else wire.UDP)


def _leaves(flow: Flow, pkt: Datagram) -> bool:
    """A packet that the stack sent is this flow's."""
    if pkt.dst != flow.remote:
        return False
    if flow.protocol in (wire.ICMP4, wire.ICMP6):
        return pkt.icmp is not None
    if pkt.protocol != flow.protocol:
        return False
    if flow.local_port:
        return pkt.ports == (flow.local_port, flow.remote_port)
    if pkt.ports[1] != flow.remote_port:
        return False
    opening = pkt.tcp is None or pkt.tcp.flags & SYN_MASK == wire.SYN
    if opening and flow.state in (flows.CONNECTING, flows.SYN_SENT):
        flow.local_port = pkt.ports[0]
        return True
    return False
