"""Where an endpoint is and whom it talks to: bind, connect's route and port, listen's registration, inheritance.

Inside the stack addresses are as on the wire; an AF_INET6 endpoint that talks IPv4 shows v4-mapped ones at its edge.
Source: net/ipv4/af_inet.c, net/ipv4/inet_connection_sock.c, net/ipv4/inet_hashtables.c:__inet_hash_connect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import (
    AF_INET,
    AF_INET6,
    SockAddr,
    any_of,
    is_any,
    is_link_local,
    is_multicast,
    unmapped,
    v4_mapped,
)
from tcpip.errors import NetworkError
from tcpip.network.longer_routes import IPv4OptionsRoute, lengthened
from tcpip.seqnum import unwrap
from tcpip.sockopt import IPPROTO_TCP
from tcpip.stack.route_flow import of_socket
from tcpip.stack.route_metrics import METRIC_RTO_MIN
from tcpip.transport import flow_labels
from tcpip.transport.demux import Bound, connection_key
from tcpip.transport.ip_options import out_interface, preferred_source
from tcpip.transport.option_values import int_value
from tcpip.transport.ports import Reservation
from tcpip.transport.tcp import handshake
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.congestion import ALGORITHMS
from tcpip.transport.tcp.md5 import choose_key
from tcpip.transport.tcp.port_hold import PortHold
from tcpip.transport.tcp.sender import Sender
from tcpip.transport.tcp.time_wait import TimeWait

if TYPE_CHECKING:
    from tcpip.stack.route_metrics import RouteMetrics
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.listener import Request
    from tcpip.transport.tcp.segment import Segment


def wire_address(ep: TcpEndpoint, address: SockAddr) -> bytes:
    """An address as the caller gave it, checked against the family, as it goes on the wire."""
    addr = address.addr
    if ep.family == AF_INET:
        if len(addr) != 4:
            raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
        return addr
    if len(addr) != 16:
        raise NetworkError(errors.INVALID_ARGUMENT)
    addr = unmapped(addr)
    if len(addr) == 4 and ep.so.v6only:
        raise NetworkError(errors.NETWORK_UNREACHABLE)
    return addr


def shown(ep: TcpEndpoint, addr: bytes, port: int) -> SockAddr:
    """An address as the endpoint's family shows it."""
    if ep.family == AF_INET6:
        if len(addr) == 4:
            return SockAddr(v4_mapped(addr), port)
        return SockAddr(addr, port, ep.scope_id if is_link_local(addr) else 0)
    return SockAddr(addr, port)


def bind(ep: TcpEndpoint, address: SockAddr) -> None:
    """bind(2)."""
    twice = ep.state != st.CLOSED or ep.hold is not None
    if twice and ep.family == AF_INET6:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if len(address.addr) != (4 if ep.family == AF_INET else 16):
        raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
    addr = unmapped(address.addr) if ep.family == AF_INET6 else address.addr
    if len(addr) == 4 and ep.family == AF_INET6 and ep.so.v6only:
        raise NetworkError(errors.INVALID_ARGUMENT)
    scope = _check_bindable(ep, addr, address.scope_id)
    if twice:  # IPv4 looks at the address first (__inet_bind)
        raise NetworkError(errors.INVALID_ARGUMENT)
    _reserve(ep, addr, address.port, scope)
    if len(addr) == 16 and not is_any(addr):
        ep.so.v6only = True  # __inet6_bind
    ep.explicit_addr = not is_any(addr)
    ep.explicit_port = True
    ep.local_addr = addr
    ep.scope_id = scope


def _check_bindable(ep: TcpEndpoint, addr: bytes, scope_id: int) -> int:
    """The NIC that binding to `addr` ties to (0: none). ADDRESS_NOT_AVAILABLE, INVALID_ARGUMENT, NO_SUCH_DEVICE."""
    stack = ep.stack
    if len(addr) == 16 and is_link_local(addr):
        number = scope_id or ep.so.nic
        if not number:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if number not in stack.nics:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        if addr not in stack.nics[number].addresses:
            raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
        return number
    if stack.nonlocal_bind if len(addr) == 4 else stack.nonlocal_bind_v6:
        return 0
    if is_any(addr) or ep.so.freebind or ep.so.transparent or (stack.is_local(addr) and not is_multicast(addr)):
        return 0
    if is_multicast(addr):
        if len(addr) == 4:
            return 0  # for whatever it may be good (inet_addr_valid_or_nonlocal)
        raise NetworkError(errors.INVALID_ARGUMENT)
    raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)


def _reserve(ep: TcpEndpoint, addr: bytes, port: int, nic: int) -> None:
    options = ep.so
    want = Reservation(
        IPPROTO_TCP,
        port,
        addr,
        nic or options.nic,
        options.v6only,
        options.reuse_addr,
        options.reuse_port,
        options.owner,
        port_range=options.port_range,
        forced=ep.repair is not None,
    )
    ep.hold = PortHold(ep.stack.ports, ep.stack.ports.reserve(want))
    ep.local_port = ep.hold.port


def connect(ep: TcpEndpoint, address: SockAddr, iss: int = -1) -> None:
    """connect(2): find the way, take a port, be about to send the SYN; `iss` -1: a new one."""
    if ep.family == AF_INET6 and len(address.addr) == 4:
        raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
    remote = wire_address(ep, address)
    scope = address.scope_id or ep.scope_id or ep.so.nic
    if len(remote) == 16 and is_link_local(remote) and not scope and remote not in ep.stack.local:
        raise NetworkError(errors.INVALID_ARGUMENT)
    source = ep.local_addr if ep.explicit_addr else b""
    if source and len(source) != len(remote):
        raise NetworkError(errors.NETWORK_UNREACHABLE if len(remote) == 4 else errors.ADDRESS_FAMILY_NOT_SUPPORTED)
    if ep.so.nic and ep.so.nic not in ep.stack.nics:
        raise NetworkError(errors.NO_SUCH_DEVICE)
    number = scope or out_interface(ep.so, remote)
    source = source or preferred_source(ep.stack, ep.so, remote, number)
    flow = of_socket(ep.so, len(remote) == 16, IPPROTO_TCP, ep.local_port, address.port)
    route = ep.stack.find_route(remote, source, number, ep.so.mark, flow)
    if route.multicast or route.broadcast:
        raise NetworkError(errors.NETWORK_UNREACHABLE)
    local = source or route.src
    remote = route.dst
    port = _choose_port(ep, local, remote, address.port)
    if ep.stack.rules.detailed and port != flow.sport:  # ip_route_newports
        flow.sport = port
        route = ep.stack.find_route(remote, local, number, ep.so.mark, flow)
    if not ep.fresh or ep.error is not None or ep.shutdown_mask:
        ep.reset_connection()
    ep.no_space = False
    ep.route = lengthened(route, ep.so.ip_options, ep.so.headers)
    ep.local_addr, ep.local_port = local, port
    ep.remote_addr, ep.remote_port = remote, address.port
    ep.scope_id = scope
    flow_labels.connected(ep.stack, ep.so, address)
    start(ep, iss)
    ep.socket_state = 2
    handshake.start_connect(ep)


def _choose_port(ep: TcpEndpoint, local: bytes, remote: bytes, remote_port: int) -> int:
    """The local port of a connection; its 4-tuple must be free. ADDRESS_NOT_AVAILABLE."""
    now = ep.stack.clock.now_ns()
    connected = ep.tcp.demux.connected

    def usable(port: int) -> bool:
        other = connected.get(connection_key(remote, local, remote_port, port))
        return other is None or (isinstance(other, TimeWait) and other.reusable(now))

    if ep.hold is None:
        options = ep.so
        want = Reservation(
            IPPROTO_TCP, 0, local, options.nic, options.v6only, owner=options.owner, port_range=options.port_range
        )
        held = ep.stack.ports.reserve_for_connect(want, usable)
        ep.hold = PortHold(ep.stack.ports, held)
    elif not usable(ep.hold.port):
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    return ep.hold.port


def start(ep: TcpEndpoint, iss: int) -> None:
    """Be found by the connection's segments; `iss` -1: a new one."""
    ep.key = connection_key(ep.remote_addr, ep.local_addr, ep.remote_port, ep.local_port)
    old = ep.tcp.demux.connected.get(ep.key)
    if isinstance(old, TimeWait):
        ep.tcp.time_wait.kill(old)
    ep.tcp.demux.connected[ep.key] = ep
    ep.ts_offset = ep.tcp.isn.ts_offset(ep.key)
    if ep.tcp_options.md5 is not None:
        choose_key(ep)
    if iss < 0:
        iss = ep.tcp.isn.isn(ep.key, ep.stack.clock.now_ns())
    if ep.fresh:
        ep.fresh = False
        ep.snd.begin(iss)
    else:
        ep.snd = Sender(ep, iss)
    ep.snd.sync_mss()
    if ep.route is not None:
        _use_metrics(ep, ep.route.metrics)
    ep.options_changed()


def _use_metrics(ep: TcpEndpoint, metrics: RouteMetrics) -> None:
    """What the route says about its connections (net/ipv4/tcp_metrics.c:tcp_init_metrics and others)."""
    snd = ep.snd
    if metrics.congestion in ALGORITHMS and metrics.congestion != snd.cc.name:
        ep.tcp_options.congestion = metrics.congestion
        snd.use(ALGORITHMS[metrics.congestion](snd.cc.mss))
    if metrics.initcwnd:
        snd.cc.cwnd = metrics.initcwnd * snd.cc.mss
    if metrics.rto_min_ns and metrics.locked & 1 << METRIC_RTO_MIN:
        snd.rtt.least = metrics.rto_min_ns
    if metrics.reordering:
        snd.rack.reordering = metrics.reordering
    ep.rcv.always_quick = metrics.quickack != 0
    if metrics.window:
        ep.tcp_options.window_clamp = metrics.window


def start_listening(ep: TcpEndpoint) -> None:
    """listen(2): an ephemeral port when there is none; be found by SYNs. ADDRESS_IN_USE."""
    if ep.hold is None:
        _reserve(ep, any_of(ep.family), 0, 0)
    hold = ep.hold
    if hold is None:
        raise NetworkError(errors.ADDRESS_IN_USE)
    ep.stack.ports.start_listening(hold.reservation)
    ep.fresh = False
    ep.bound = listening_entry(ep)
    ep.tcp.demux.add(ep.bound)
    ep.so.group, ep.so.hashed = ep.bound.group, True


def listening_entry(ep: TcpEndpoint) -> Bound:
    """How the demultiplexer finds a listener."""
    addr = b"" if is_any(ep.local_addr) else ep.local_addr
    v4 = ep.family == AF_INET or (not ep.so.v6only and len(addr) != 16)
    v6 = ep.family != AF_INET and len(addr) != 4
    return Bound(ep, addr, ep.local_port, ep.so.nic or ep.scope_id, v4, v6, ep.so.reuse_port, ep.so.group)


def headers_changed(ep: TcpEndpoint) -> None:
    """IP_OPTIONS, or headers to send: the connection's segments have them from now on, and become shorter or longer."""
    old = ep.route
    if old is not None:
        number = old.nic.number if is_link_local(old.dst) else 0
        plain = ep.stack.find_route(old.dst, old.src, number, old.mark, old.flow)
        ep.route = lengthened(plain, ep.so.ip_options, ep.so.headers)
        ep.snd.sync_mss()


def adopt(child: TcpEndpoint, parent: TcpEndpoint, request: Request, seg: Segment) -> None:
    """A connection of a listener: SYN_RECEIVED, about to be given the ACK that establishes it."""
    child.tcp_options.defer_accept = 0
    keys = parent.tcp_options.md5
    child.tcp_options.md5 = keys.only(seg.pkt.src) if keys is not None else None
    child.tcp_options.saved_syn = request.saved_syn
    if parent.hold is not None:
        child.hold = parent.hold.share()
    pkt = seg.pkt
    child.local_addr, child.local_port = pkt.dst, request.ports[0]
    child.remote_addr, child.remote_port = pkt.src, request.ports[1]
    child.scope_id = pkt.nic.number if pkt.nic is not None and is_link_local(pkt.src) else 0
    child.route = request.route
    child.so.ip_options = request.route.options if isinstance(request.route, IPv4OptionsRoute) else None
    child.socket_state = 3
    if len(pkt.src) == 4:
        child.came_in, child.came_tos = pkt.nic.number if pkt.nic is not None else 0, pkt.tos
        child.so.multicast_ttl = pkt.ttl
    start(child, request.iss)
    snd, rcv = child.snd, child.rcv
    config = child.config
    child.timestamps = bool(config.timestamps)
    child.sack_ok = bool(config.sack)
    child.window_scaling = bool(config.window_scaling)
    rcv.wscale = rcv.offered_wscale = request.wscale
    rcv.start(request.irs)
    rcv.segs_in = 1  # the SYN
    if request.options.timestamp:
        rcv.store_timestamp(request.ts_recent, seg.now)
    handshake.agree(child, request.options)
    rcv.first_window = request.space
    child.ecn.ok = request.ecn
    rcv.adv = rcv.nxt + request.space
    snd.nxt = snd.iss + 1
    snd.last_send = request.sent
    snd.retransmits = request.retries
    snd.wnd = snd.max_wnd = request.window
    snd.wl1 = unwrap(request.irs, rcv.nxt)
    child.set_state(st.SYN_RECEIVED)
    if child.config.reflect_tos:
        if len(pkt.src) == 16:
            child.so.traffic_class = pkt.tos & ~3
        else:
            child.so.tos = pkt.tos & ~3
    flow_labels.accepted(child, pkt)
    child.stats.inc("PassiveOpens")
    child.options_changed()


def bind_to_device(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    """SO_BINDTODEVICE, SO_BINDTOIFINDEX; NO_SUCH_DEVICE."""
    if isinstance(value, bytes) and name == so.SO_BINDTODEVICE:
        text = value.split(b"\0", 1)[0].decode("ascii", "replace")
        nic = ep.stack.find_nic(text)
        if text and nic is None:
            raise NetworkError(errors.NO_SUCH_DEVICE)
        number = nic.number if nic is not None else 0
    else:
        number = int_value(value)
        if number < 0:
            raise NetworkError(errors.INVALID_ARGUMENT)
    ep.so.nic = number
    if ep.bound is not None:
        ep.tcp.demux.remove(ep.bound)
        ep.so.group = None
        ep.bound = listening_entry(ep)
        ep.tcp.demux.add(ep.bound)
        ep.so.group = ep.bound.group
