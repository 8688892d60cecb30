"""What must hold inside of a connection between two events, and of a stack when everything is over."""

from __future__ import annotations

from tcpip.stack.stack import Stack
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.sack import LOST, RETRANS, SACKED


def check_endpoint(endpoint: object) -> str:
    """What is wrong with a connection, or nothing; other handlers are not looked at."""
    if not isinstance(endpoint, TcpEndpoint) or endpoint.listener is not None:
        return ""
    return _window(endpoint) or _scoreboard(endpoint) or _receiver(endpoint)


def _window(ep: TcpEndpoint) -> str:
    snd = ep.snd
    if snd.cc.cwnd < snd.mss:
        return f"cwnd {snd.cc.cwnd} is below one segment of {snd.mss}"
    if not snd.una <= snd.nxt <= snd.buf.end + 1:
        return f"SND.UNA {snd.una}, SND.NXT {snd.nxt}, end of text {snd.buf.end}"
    if snd.buf.start > max(snd.una, snd.iss + 1) or snd.buf.end < snd.buf.start:
        return f"the send buffer [{snd.buf.start}, {snd.buf.end}) has lost what is not acknowledged ({snd.una})"
    if snd.board.segs and ep.timers.xmit.deadline is None:
        return "text is under way and no timer runs"
    return ""


def _scoreboard(ep: TcpEndpoint) -> str:
    """Records lie side by side between SND.UNA and SND.NXT, and the sums are theirs."""
    board = ep.snd.board
    at = ep.snd.una
    sums = {SACKED: 0, LOST: 0, RETRANS: 0}
    for seg in board.segs:
        if seg.seq != max(at, ep.snd.iss + 1) or seg.end <= seg.seq:
            return f"a record [{seg.seq}, {seg.end}) where {at} was to follow"
        at = seg.end
        for bit in sums:
            sums[bit] += seg.end - seg.seq if seg.state & bit else 0
    if board.segs and at != ep.snd.nxt:
        return f"records end at {at}, SND.NXT is {ep.snd.nxt}"
    if (board.sacked, board.lost, board.retrans) != (sums[SACKED], sums[LOST], sums[RETRANS]):
        return (
            f"sacked, lost, retransmitted {board.sacked}, {board.lost}, {board.retrans}: really {list(sums.values())}"
        )
    return ""


def _receiver(ep: TcpEndpoint) -> str:
    rcv = ep.rcv
    if rcv.wup > rcv.nxt:
        return f"acknowledged {rcv.wup}, received {rcv.nxt}"
    if rcv.queue.size > max(ep.so.rcvbuf, ep.config.rmem[2]):
        return f"{rcv.queue.size} bytes wait for the reader, SO_RCVBUF is {ep.so.rcvbuf}"
    held = rcv.ofo.ranges()
    if any(left <= rcv.nxt for left, _ in held) or sum(b - a for a, b in held) != rcv.ofo.size:
        return f"held out of order: {held}, {rcv.ofo.size} bytes, in order up to {rcv.nxt}"
    return ""


def leftovers(stack: Stack) -> list[str]:
    """What a stack still holds though all its sockets are closed and all timeouts are over."""
    tcp = stack.tcp
    counts = {
        "connections": len(tcp.demux.connected),
        "bound TCP endpoints": len(tcp.demux.bound),
        "bound UDP endpoints": len(stack.udp.demux.bound) + len(stack.udp.demux.connected),
        "TIME_WAIT records": len(tcp.time_wait),
        "orphans": tcp.orphans,
        "dirty endpoints": len(tcp.dirty),
        "CurrEstab": tcp.stack.stats.tcp["CurrEstab"],
        "ports": len(stack.ports._held),
        "IPv4 fragments": stack.ipv4.reassembler.bytes_held + len(stack.ipv4.reassembler.partials),
        "IPv6 fragments": stack.ipv6.reassembler.bytes_held + len(stack.ipv6.reassembler.partials),
        "packets received": len(stack._inbox) + len(stack._copies),
    }
    for nic in stack.nics.values():
        counts[f"packets of {nic.name}"] = len(nic._tx)
        counts[f"packets for neighbours of {nic.name}"] = sum(
            len(n.waiting.packets) for n in nic.neighbors.entries.values()
        )
    found = [f"{count} {what}" for what, count in counts.items() if count]
    deadline = stack.next_deadline()
    return found if deadline is None else [*found, f"a timer for {deadline / 1e9:.3f} s"]
