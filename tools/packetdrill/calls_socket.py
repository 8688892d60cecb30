"""socket, bind, listen, accept, connect, shutdown, close, and addresses."""

from __future__ import annotations

from typing import Any, Final

from tcpip import errors
from tcpip.addr import AF_INET, AF_INET6, SockAddr
from tcpip.errors import NetworkError
from tcpip.transport.tcp import state as st
from tools.packetdrill import flows, wire
from tools.packetdrill.calls import Context, Handler, Operation
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.files import O_NONBLOCK, O_RDWR, Socket
from tools.packetdrill.syntax import ELLIPSIS, Struct, Word
from tools.packetdrill.values import Arguments, describe, ip_address, number

SOCK_TYPE_MASK: Final = 0xF
SOCK_STREAM: Final = 1
SOCK_DGRAM: Final = 2
UNSPECIFIED: Final = None
FIN_UNDER_WAY: Final = (st.FIN_WAIT_1, st.CLOSING, st.LAST_ACK)
ICMP_PROTOCOLS: Final = (wire.ICMP4, wire.ICMP6)


def address(context: Context, value: Any, default: SockAddr) -> SockAddr | None:
    """An address argument: `...` is `default`; None for AF_UNSPEC."""
    if value is ELLIPSIS:
        return default
    if isinstance(value, Word) and value.name == "AF_UNSPEC":
        return UNSPECIFIED
    if not isinstance(value, Struct):
        raise ScriptError(f"expected an address, the script has {describe(value)}")
    family = number(value.fields.get("sa_family", Word("AF_UNSPEC")))
    if family == 0:
        return UNSPECIFIED
    names = ("sin_port", "sin6_port"), ("sin_addr", "sin6_addr")
    port = next((value.fields[name] for name in names[0] if name in value.fields), 0)
    where = next((value.fields[name] for name in names[1] if name in value.fields), None)
    if where is None:
        raise ScriptError("an address without sin_addr")
    return SockAddr(ip_address(where), number(port), 0)


def local(context: Context) -> SockAddr:
    """What `bind(3, ..., ...)` binds to."""
    settings = context.settings
    return SockAddr(settings.socket_address(settings.local), settings.bind_port, 0)


def remote(context: Context) -> SockAddr:
    """What `connect(3, ..., ...)` connects to."""
    settings = context.settings
    return SockAddr(settings.socket_address(settings.remote), settings.connect_port, 0)


def call_socket(context: Context, args: Arguments) -> Operation:
    args.count(3)
    family = context.settings.domain if args.is_ellipsis(0) else args.number(0)
    kind, protocol = args.number(1), args.number(2)
    known = {SOCK_STREAM: wire.TCP, SOCK_DGRAM: wire.UDP}

    def attempt() -> int:
        if family not in (AF_INET, AF_INET6):
            raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
        endpoint = context.host.stack.new_endpoint(family, kind & SOCK_TYPE_MASK, protocol)
        if not context.settings.native:
            endpoint.settings().privileged = True  # packetdrill is run by root
        flow = context.flows.new(protocol or known.get(kind & SOCK_TYPE_MASK, wire.TCP))
        flow.last_endpoint = endpoint
        flags = O_RDWR | (kind & O_NONBLOCK)
        flow.fd = context.adopt(Socket(endpoint, flow, flags))
        return flow.fd

    return Operation(attempt)


def call_bind(context: Context, args: Arguments) -> Operation:
    args.count(3)
    where = address(context, args[1], local(context))

    def attempt() -> int:
        sock = context.socket(args.number(0))
        if where is None:
            raise NetworkError(errors.ADDRESS_FAMILY_NOT_SUPPORTED)
        sock.endpoint.bind(where)
        if sock.flow is not None:
            sock.flow.local_port = sock.endpoint.getsockname().port
            sock.flow.local = context.settings.local
            sock.flow.remote = context.settings.remote
            if sock.flow.protocol == wire.UDP:
                sock.flow.remote_port = sock.flow.remote_port or context.settings.connect_port
        return 0

    return Operation(attempt)


def call_listen(context: Context, args: Arguments) -> Operation:
    args.count(2)

    def attempt() -> int:
        sock = context.socket(args.number(0))
        sock.endpoint.listen(args.number(1))
        if sock.flow is not None:
            sock.flow.state = flows.LISTENING
            sock.flow.local_port = sock.endpoint.getsockname().port
        return 0

    return Operation(attempt)


def call_accept(context: Context, args: Arguments) -> Operation:
    args.count(3, 4)
    extra = args.number(3) if len(args) > 3 else 0

    def attempt() -> int | None:
        sock = context.socket(args.number(0))
        try:
            endpoint = sock.endpoint.accept()
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return None
            raise
        flow = _flow_of(context, endpoint)
        fd = context.adopt(Socket(endpoint, flow, O_RDWR | (extra & O_NONBLOCK)))
        if flow is not None:
            flow.fd = fd
            flow.last_endpoint = endpoint
        return fd

    return Operation(attempt, _blocks(context, args))


def _flow_of(context: Context, endpoint: Any) -> flows.Flow | None:
    """The flow of a connection that was accepted."""
    port = endpoint.remote_port
    for flow in reversed(context.flows.all):
        if flow.remote_port == port and flow.local_port == endpoint.local_port and flow.fd < 0:
            return flow
    return None


def _blocks(context: Context, args: Arguments) -> bool:
    fd = args.number(0)
    return fd in context.descriptors and context.descriptors[fd].blocking


def call_connect(context: Context, args: Arguments) -> Operation:
    args.count(3)
    where = address(context, args[1], remote(context))
    started = False

    def attempt() -> int | None:
        nonlocal started
        sock = context.socket(args.number(0))
        try:
            sock.endpoint.connect(where)
        except NetworkError as error:
            if error.error is errors.CONNECT_STARTED:
                connecting(context, sock, where)
                started = True
            waits = error.error in (errors.CONNECT_STARTED, errors.ALREADY_IN_PROGRESS)
            if waits and sock.blocking:
                return None
            raise
        if not started and sock.flow is not None and sock.flow.state == flows.NEW:
            connecting(context, sock, where)  # a datagram socket
        return 0

    return Operation(attempt, _blocks(context, args))


def connecting(context: Context, sock: Socket, where: SockAddr | None) -> None:
    """Packets of this socket go to `where` from now on: after connect(2), or a sendto(2) that connects."""
    flow = sock.flow
    if flow is None or where is None:
        return
    flow.state = flows.CONNECTING
    flow.local, flow.remote = context.settings.local, context.settings.remote
    flow.remote_port = where.port
    flow.local_port = sock.endpoint.getsockname().port


def call_shutdown(context: Context, args: Arguments) -> Operation:
    args.count(2)

    def attempt() -> int:
        context.socket(args.number(0)).endpoint.shutdown(args.number(1))
        return 0

    return Operation(attempt)


def call_close(context: Context, args: Arguments) -> Operation:
    args.count(1)
    fd = args.number(0)
    found = context.descriptors.get(fd)
    endpoint = found.endpoint if isinstance(found, Socket) and not context.settings.native else None
    lingers = endpoint.settings().linger if endpoint is not None and endpoint.protocol == wire.TCP else 0
    closed = False

    def attempt() -> int | None:
        nonlocal closed
        if not closed:
            descriptor = context.descriptor(fd)
            del context.descriptors[fd]
            descriptor.close()
            closed = True
        if lingers > 0 and getattr(endpoint, "state", 0) in FIN_UNDER_WAY:
            return None
        return 0

    if lingers <= 0:
        return Operation(attempt)
    return Operation(attempt, True, lingers * 1_000_000, 0)  # SO_LINGER: whatever O_NONBLOCK says


def call_getsockname(context: Context, args: Arguments) -> Operation:
    args.count(3)

    def attempt() -> int:
        context.socket(args.number(0)).endpoint.getsockname()
        return 0

    return Operation(attempt)


def call_getpeername(context: Context, args: Arguments) -> Operation:
    args.count(3)

    def attempt() -> int:
        context.socket(args.number(0)).endpoint.getpeername()
        return 0

    return Operation(attempt)


CALLS: Final[dict[str, Handler]] = {
    "socket": call_socket,
    "bind": call_bind,
    "listen": call_listen,
    "accept": call_accept,
    "accept4": call_accept,
    "connect": call_connect,
    "shutdown": call_shutdown,
    "close": call_close,
    "getsockname": call_getsockname,
    "getpeername": call_getpeername,
}
