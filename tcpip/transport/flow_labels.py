"""Flow labels of IPv6: automatic ones, those that sockets choose, and those that they lease by IPV6_FLOWLABEL_MGR.

Where a packet is made, `tos` is its traffic class with the label above it (`tos | label << 8`). Without a label there one is made
of addresses and ports, so that a flow keeps it and routers can spread flows (RFC 6438); NO_LABEL says that 0 is meant.
Implements: RFC 6437 2, 3 (stateless labels by a keyed hash). Source: net/ipv6/ip6_flowlabel.c, include/net/ipv6.h:
ip6_make_flowlabel.
Deviates: leased labels bring no extension headers of their own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import IPV6_ANY, SockAddr, unmapped
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.transport.kept_options import kept_value
from tcpip.transport.option_values import int_value

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket
    from tcpip.stack.stack import Stack
    from tcpip.transport.socket_options import SocketOptions
    from tcpip.transport.tcp.endpoint import TcpEndpoint

LABEL: Final = 0xFFFFF
STATELESS: Final = 0x80000
NO_LABEL: Final = 1 << 28
"""Of `tos`: the label is 0."""
GET, PUT, RENEW = 0, 1, 2
CREATE, EXCLUSIVE, REFLECT, REMOTE = 1, 2, 4, 8
SHARE_EXCL, SHARE_PROCESS, SHARE_USER, SHARE_ANY = 1, 2, 3, 255
MIN_LINGER, MAX_LINGER = 6, 150
MAX_LABELS: Final = 4096
MAX_PER_SOCKET: Final = 32
REFLECT_ESTABLISHED, REFLECT_CLOSED, REFLECT_ECHO = 1, 2, 4
AUTO_OFF, AUTO_OPT_OUT, AUTO_OPT_IN, AUTO_FORCED = 0, 1, 2, 3
_REQUEST: Final = struct.Struct("=16s4sBBHHHI")
REQUEST_SIZE: Final = _REQUEST.size


class FlowLabel:
    """A leased label. `expires` on the stack's clock; it is kept for `linger` ns after its last user."""

    __slots__ = ("label", "dst", "share", "process", "owner", "users", "linger", "expires")

    def __init__(self, dst: bytes, share: int, process: int, owner: int) -> None:
        self.label = 0
        self.dst = dst
        self.share = share
        self.process = process
        self.owner = owner
        self.users = 1
        self.linger = 0
        self.expires = 0

    def excludes(self) -> bool:
        """Only who has leased it may use it."""
        return self.share in (SHARE_EXCL, SHARE_PROCESS, SHARE_USER)

    def renew(self, linger: int, expires: int, now: int, privileged: bool) -> None:
        """Seconds. NOT_PERMITTED for more than is everybody's."""
        if not privileged and max(linger, expires) > MAX_LINGER:
            raise NetworkError(errors.NOT_PERMITTED)
        self.linger = max(self.linger, max(linger, MIN_LINGER) * NS_PER_S)
        self.expires = max(self.expires, now + max(self.linger, max(expires, MIN_LINGER) * NS_PER_S))


class FlowLabels:
    """Those of a stack. `auto` is net.ipv6.auto_flowlabels (0 off, 1 unless a socket says no, 2 where a socket says so, 3
    always), `consistency` flowlabel_consistency, `state_ranges` flowlabel_state_ranges, `reflect` flowlabel_reflect (bits: 1
    established TCP connections, 2 resets to closed ports, 4 echo replies)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.auto = AUTO_OPT_OUT
        self.consistency = 1
        self.state_ranges = 0
        self.reflect = 0
        self.leased: dict[int, FlowLabel] = {}

    def prune(self) -> None:
        """Forget what nobody uses and nobody has waited for."""
        now = self.stack.clock.now_ns()
        if self.leased:
            self.leased = {n: one for n, one in self.leased.items() if one.users or one.expires > now}

    def release(self, one: FlowLabel) -> None:
        """A socket less."""
        one.users -= 1
        if not one.users:
            one.expires = max(one.expires, self.stack.clock.now_ns() + one.linger)

    def check(self, labels: SocketLabels, info: int) -> None:
        """Where some are exclusive, a socket may send those only that it has leased. INVALID_ARGUMENT."""
        label = info & LABEL
        if label and any(one.excludes() for one in self.leased.values()):
            if not any(one.label == label for one in labels.held):
                raise NetworkError(errors.INVALID_ARGUMENT)


class SocketLabels:
    """A socket's: `auto` IPV6_AUTOFLOWLABEL (-1: not set), `send` IPV6_FLOWINFO_SEND, `info` the label and traffic class of what
    it is connected to, `reflects` that it answers with its peer's label, `held` what it has leased."""

    __slots__ = ("auto", "send", "info", "reflects", "held", "process")

    def __init__(self) -> None:
        self.auto = -1
        self.send = False
        self.info = 0
        self.reflects = False
        self.process = 0
        self.held: list[FlowLabel] = []

    def child(self) -> SocketLabels:
        """An accepted connection's."""
        other = SocketLabels()
        other.auto, other.send, other.reflects = self.auto, self.send, self.reflects
        return other


def labels_of(options: SocketOptions) -> SocketLabels:
    """Those of a socket, which are its own from now on."""
    if options.labels is None:
        options.labels = SocketLabels()
    return options.labels


def with_info(stack: Stack, options: SocketOptions, tos: int, info: int, made: int = 0) -> int:
    """`tos` of a packet with the flow information `info` (0: the socket's own). `made` is an automatic label other than that of
    addresses and ports."""
    table, labels = stack.flow_labels, options.labels
    if labels is not None and not info:
        info = labels.info
    label = info & LABEL
    if label:
        return tos | label << 8
    chosen = labels.auto if labels is not None else -1
    wanted = table.auto in (AUTO_OPT_OUT, AUTO_FORCED) if chosen < 0 else chosen != 0
    return tos | made << 8 if table.auto == AUTO_FORCED or (wanted and table.auto) else tos | NO_LABEL


def chosen_info(stack: Stack, options: SocketOptions, address: SockAddr | None) -> int:
    """IPV6_FLOWINFO_SEND: what an address says; 0 for the socket's own. INVALID_ARGUMENT."""
    labels = options.labels
    if labels is None or not labels.send or address is None or not address.flowinfo:
        return 0
    info = int.from_bytes(address.flowinfo.to_bytes(4, "little"), "big") & 0x0FFFFFFF
    stack.flow_labels.check(labels, info)
    return info


def connected(stack: Stack, options: SocketOptions, address: SockAddr) -> None:
    """connect(2): what all that follows is sent with. INVALID_ARGUMENT."""
    labels = options.labels
    if labels is not None:
        info = chosen_info(stack, options, address) if not labels.reflects else labels.info
        labels.info = info & ~(3 << 20) if options.stream else info  # of a stream these bits are ECN's


def shown_info(options: SocketOptions) -> int:
    """What getpeername(2) shows, as it lies in memory."""
    labels = options.labels
    if labels is None or not labels.send:
        return 0
    return int.from_bytes(labels.info.to_bytes(4, "big"), "little")


def closed(stack: Stack, options: SocketOptions) -> None:
    """The socket is gone, and its leases with it."""
    labels = options.labels
    if labels is not None:
        for one in labels.held:
            stack.flow_labels.release(one)
        labels.held = []


def label_in(pkt: RxPacket) -> int:
    """That of a received packet; 0 of IPv4."""
    at = pkt.network
    return int.from_bytes(pkt.data[at : at + 4], "big") & LABEL if len(pkt.src) == 16 else 0


def accepted(child: TcpEndpoint, pkt: RxPacket) -> None:
    """A connection that `pkt` has completed: it may keep to its peer's label."""
    if len(pkt.src) == 16 and child.so.labels is None and child.stack.flow_labels.reflect & REFLECT_ESTABLISHED:
        labels_of(child.so).reflects = True
    labels = child.so.labels
    if labels is not None and labels.reflects:
        labels.info = label_in(pkt)


def rehash(ep: TcpEndpoint) -> None:
    """Nothing is acknowledged: perhaps another way is open, which another label may lead to (SO_TXREHASH, sk_rethink_txhash)."""
    if not kept_value(ep.so, so.SOL_SOCKET, so.SO_TXREHASH):
        return
    ep.rehashes += 1
    ep.stats_ext.inc("TcpTimeoutRehash")
    if len(ep.remote_addr) == 16:
        ep.new_label = ep.stack.random.getrandbits(20) or 1
        if ep.stack.flow_labels.state_ranges:
            ep.new_label |= STATELESS
        ep.options_changed()


def set_label(stack: Stack, options: SocketOptions, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    if name == so.IPV6_FLOWINFO_SEND:
        labels_of(options).send = int_value(value) != 0
    elif name == so.IPV6_AUTOFLOWLABEL:
        labels_of(options).auto = int(int_value(value) != 0)
    elif name == so.IPV6_FLOWLABEL_MGR:
        manage(stack, options, value)
    else:
        return False
    return True


def get_label(stack: Stack, options: SocketOptions, name: int) -> int | None:
    """getsockopt(2); None when the option is none of these."""
    labels = options.labels
    if name == so.IPV6_FLOWINFO_SEND:
        return int(labels is not None and labels.send)
    if name == so.IPV6_AUTOFLOWLABEL:
        if labels is None or labels.auto < 0:
            return int(stack.flow_labels.auto in (AUTO_OPT_OUT, AUTO_FORCED))
        return labels.auto
    return None


def manage(stack: Stack, options: SocketOptions, value: int | bytes) -> int:
    """IPV6_FLOWLABEL_MGR: a struct in6_flowlabel_req. The label that was drawn, 0 where none had to be. INVALID_ARGUMENT,
    NOT_PERMITTED, NO_SUCH_OPTION, NO_SUCH_PROCESS, NO_SUCH_FILE, FILE_EXISTS, NO_BUFFER_SPACE."""
    if isinstance(value, int) or len(value) < REQUEST_SIZE:
        raise NetworkError(errors.INVALID_ARGUMENT)
    _, _, action, _, flags, *_ = _REQUEST.unpack_from(value)
    labels = labels_of(options)
    stack.flow_labels.prune()
    if action == GET:
        if flags & REFLECT:
            _start_reflecting(stack, options)
            return 0
        if len(value) > REQUEST_SIZE:
            raise NetworkError(errors.INVALID_ARGUMENT)
        return _lease(stack, options, value)
    if action == PUT:
        _return(stack, labels, options, value)
    elif action == RENEW:
        _renew(stack, labels, options, value)
    else:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return 0


def _start_reflecting(stack: Stack, options: SocketOptions) -> None:
    if stack.flow_labels.consistency:
        raise NetworkError(errors.NOT_PERMITTED)
    if not options.stream:
        raise NetworkError(errors.NO_SUCH_OPTION)
    labels_of(options).reflects = True


def _label(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _lease(stack: Stack, options: SocketOptions, value: bytes) -> int:
    dst, raw, _, share, flags, expires, linger, _ = _REQUEST.unpack_from(value)
    table, labels = stack.flow_labels, labels_of(options)
    label = _label(raw)
    if label & ~LABEL:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if table.state_ranges and label & STATELESS:
        raise NetworkError(errors.OUT_OF_RANGE)
    new = FlowLabel(dst, share, labels.process, options.owner)
    new.renew(linger, expires, stack.clock.now_ns(), options.privileged)
    if dst == IPV6_ANY or len(unmapped(dst)) == 4 or share not in (SHARE_EXCL, SHARE_PROCESS, SHARE_USER, SHARE_ANY):
        raise NetworkError(errors.INVALID_ARGUMENT)
    known = next((one for one in labels.held if one.label == label), None) or table.leased.get(label)
    if label and known is not None:
        if flags & EXCLUSIVE:
            raise NetworkError(errors.FILE_EXISTS)
        _join(known, new)
        labels.held.append(known)
        return 0
    if not flags & CREATE:
        raise NetworkError(errors.NO_SUCH_FILE)
    _check_room(table, labels, options)
    new.label = label or _drawn(stack)
    table.leased[new.label] = new
    labels.held.append(new)
    return 0 if label else new.label


def _join(known: FlowLabel, new: FlowLabel) -> None:
    """One more socket for a label that is leased already. NOT_PERMITTED."""
    if (
        known.share == SHARE_EXCL
        or known.share != new.share
        or (known.share == SHARE_PROCESS and known.process != new.process)
        or (known.share == SHARE_USER and known.owner != new.owner)
    ):
        raise NetworkError(errors.NOT_PERMITTED)
    known.linger = max(known.linger, new.linger)
    known.expires = max(known.expires, new.expires)
    known.users += 1


def _check_room(table: FlowLabels, labels: SocketLabels, options: SocketOptions) -> None:
    room, count = MAX_LABELS - len(table.leased), len(labels.held)
    short = count >= MAX_PER_SOCKET or (count > 0 and room < MAX_LABELS // 2) or room < MAX_LABELS // 4
    if room <= 0 or (short and not options.privileged):
        raise NetworkError(errors.NO_BUFFER_SPACE)


def _drawn(stack: Stack) -> int:
    while True:
        label = stack.random.getrandbits(20) & (LABEL ^ STATELESS if stack.flow_labels.state_ranges else LABEL)
        if label and label not in stack.flow_labels.leased:
            return label


def _return(stack: Stack, labels: SocketLabels, options: SocketOptions, value: bytes) -> None:
    _, raw, _, _, flags, *_ = _REQUEST.unpack_from(value)
    if flags & REFLECT:
        if not options.stream:
            raise NetworkError(errors.NO_SUCH_OPTION)
        if not labels.reflects:
            raise NetworkError(errors.NO_SUCH_PROCESS)
        labels.info, labels.reflects = 0, False
        return
    label = _label(raw)
    for one in labels.held:
        if one.label == label:
            if labels.info & LABEL == label:
                labels.info &= ~LABEL
            labels.held.remove(one)
            stack.flow_labels.release(one)
            return
    raise NetworkError(errors.NO_SUCH_PROCESS)


def _renew(stack: Stack, labels: SocketLabels, options: SocketOptions, value: bytes) -> None:
    _, raw, _, share, _, expires, linger, _ = _REQUEST.unpack_from(value)
    label = _label(raw)
    one = next((held for held in labels.held if held.label == label), None)
    if one is None and share == SHARE_ANY and options.privileged:
        one = stack.flow_labels.leased.get(label)
    if one is None:
        raise NetworkError(errors.NO_SUCH_PROCESS)
    one.renew(linger, expires, stack.clock.now_ns(), options.privileged)


def asked(stack: Stack, options: SocketOptions, value: bytes) -> bytes:
    """getsockopt(2) of IPV6_FLOWLABEL_MGR: the request, filled in. INVALID_ARGUMENT, NO_SUCH_FILE."""
    if len(value) < REQUEST_SIZE:
        raise NetworkError(errors.INVALID_ARGUMENT)
    dst, _, action, share, flags, expires, linger, pad = _REQUEST.unpack_from(value)
    if action != GET:
        raise NetworkError(errors.INVALID_ARGUMENT)
    labels = labels_of(options)
    label = labels.info & LABEL
    if not labels.reflects and not flags & REMOTE:
        one = next((held for held in labels.held if held.label == label), None)
        if one is None:
            raise NetworkError(errors.NO_SUCH_FILE)
        dst, share, linger = one.dst, one.share, one.linger // NS_PER_S
        expires = max(one.expires - stack.clock.now_ns(), 0) // NS_PER_S
    elif flags & REMOTE:
        label = 0
    return _REQUEST.pack(dst, label.to_bytes(4, "big"), action, share, flags, expires, linger, pad)
