"""What the peer says came twice: a DSACK, the first block of an ACK, and what the sender believes of it.

Implements: RFC 2883 4, 5, RFC 3708 2; which of them are too odd to be believed as in net/ipv4/tcp_input.c:tcp_check_dsack,
tcp_dsack_seen, tcp_is_sackblock_valid. Sequence numbers are unwrapped.
"""

from __future__ import annotations

from tcpip.transport.tcp.sender import Sender

Blocks = list[tuple[int, int]]


def came_twice(snd: Sender, blocks: Blocks, ack: int) -> bool:
    """The first block is a DSACK, and of no more than was sent twice; counted, and RACK is told."""
    left, right = blocks[0]
    stats = snd.ep.stats_ext
    if left < ack:
        stats.inc("TCPDSACKRecv")
    elif len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1]:
        stats.inc("TCPDSACKOfoRecv")
    else:
        return False
    size = right - left
    twice = segments_of(snd, size)
    if 0 < size <= snd.max_wnd:
        snd.dsack_dups += twice
        if snd.dsack_dups <= snd.total_retrans:
            if right != snd.tlp_end or twice > 1:  # a probe of the tail says nothing of reordering
                snd.rack.on_dsack(snd.una, snd.nxt)
            stats.inc("TCPDSACKRecvSegs", twice)
            return True
    stats.inc("TCPDSACKIgnoredDubious")
    return False


def segments_of(snd: Sender, size: int) -> int:
    """How many segments that many bytes are."""
    return max(-(-size // max(snd.mss, 1)), 1)


def all_came_twice(snd: Sender, block: tuple[int, int]) -> bool:
    """This was the last of what was sent again since the reduction that nobody had spoken of (RFC 3708 2)."""
    left, right = block
    if not 0 <= snd.dsack_marker < right or snd.undo_retrans <= 0:
        return False
    snd.undo_retrans = max(snd.undo_retrans - segments_of(snd, right - left), 0)
    return not snd.undo_retrans


def count_ignored(snd: Sender, block: tuple[int, int]) -> None:
    """A DSACK of what is acknowledged already, where nothing is left that it could take back."""
    left, right = block
    if snd.undo_marker < 0:
        snd.ep.stats_ext.inc("TCPDSACKIgnoredNoUndo")
    elif right > snd.una or right <= snd.undo_marker or left < min(snd.undo_marker, right - snd.max_wnd):
        snd.ep.stats_ext.inc("TCPDSACKIgnoredOld")
