"""Reading and writing: read, write, their vectors, send, recv, sendto, recvfrom, sendmsg, recvmsg."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import MSG_DONTWAIT, MSG_ERRQUEUE, SOCK_STREAM
from tcpip.transport.endpoint import AGAIN, Control, Message
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_OUT
from tools.packetdrill import wire
from tools.packetdrill.calls import Context, Handler, Operation
from tools.packetdrill.calls_socket import ICMP_PROTOCOLS, address, connecting, remote
from tools.packetdrill.errors import CallError, Difference, ScriptError
from tools.packetdrill.files import Socket
from tools.packetdrill.syntax import ELLIPSIS, Struct
from tools.packetdrill.values import Arguments, describe, number

MSG_FASTOPEN: Final = 0x20000000
ECHO_REQUEST: Final = {wire.ICMP4: 8, wire.ICMP6: 128}


def vector(value: Any) -> list[tuple[Any, int]]:
    """An iovec: (buffer, size) each."""
    if not isinstance(value, list):
        raise ScriptError(f"expected an iovec, the script has {describe(value)}")
    pieces = []
    for piece in value:
        if not isinstance(piece, Struct) or len(piece.items) != 2:
            raise ScriptError("expected {..., size} in an iovec")
        pieces.append((piece.items[0], number(piece.items[1])))
    return pieces


def gathered(pieces: list[tuple[Any, int]]) -> bytes:
    """What an iovec sends."""
    return b"".join(Arguments([buffer]).data(0, size) for buffer, size in pieces)


def _may_block(context: Context, fd: int, flags: int) -> bool:
    return fd in context.descriptors and context.descriptors[fd].blocking and not flags & (MSG_DONTWAIT | MSG_ERRQUEUE)


def sending(
    context: Context, fd: int, data: bytes, flags: int, where: Any = ELLIPSIS, control: list[Control] | None = None
) -> Operation:
    """A write of whichever kind: a blocking one goes on until all is taken."""
    if data.strip(b"\0"):
        context.not_zeros()
    sent = 0
    opened = False  # by MSG_FASTOPEN: the rest goes as any other text
    waits = False  # for a third of the buffer, as poll(2) would (sk_stream_wait_memory)
    blocking = _may_block(context, fd, flags)

    def attempt() -> int | None:
        nonlocal sent, opened, waits
        descriptor = context.descriptor(fd)
        if not isinstance(descriptor, Socket):
            return descriptor.write(data)
        if waits and not descriptor.readiness() & (EVENT_OUT | EVENT_ERR | EVENT_HUP):
            return None
        waits = False
        try:
            if opened:
                taken = _send(context, descriptor, data[sent:], flags & ~MSG_FASTOPEN, ELLIPSIS, control)
            else:
                taken = _send(context, descriptor, data[sent:], flags, where, control)
        except NetworkError as error:
            opened = opened or error.error is errors.CONNECT_STARTED
            if error.error is errors.WOULD_BLOCK:
                return None
            if error.error in (errors.CONNECT_STARTED, errors.ALREADY_IN_PROGRESS) and blocking:
                return None
            if sent:
                return sent
            raise
        if taken == AGAIN:
            waits = blocking
            return None
        opened = opened or flags & MSG_FASTOPEN != 0
        sent += taken
        if sent < len(data) and blocking and descriptor.endpoint.type == SOCK_STREAM:
            waits = True
            return None
        return sent

    return Operation(attempt, blocking)


def _send(context: Context, sock: Socket, data: bytes, flags: int, where: Any, control: list[Control] | None) -> int:
    endpoint = sock.endpoint
    target = None
    if where is not ELLIPSIS or flags & MSG_FASTOPEN or endpoint.type != SOCK_STREAM:
        default = remote(context)
        target = address(context, where, default)
        if where is ELLIPSIS and endpoint.type != SOCK_STREAM and sock.flow is not None and _connected(sock):
            target = None
        elif target is None and flags & MSG_FASTOPEN:
            raise NetworkError(errors.NOT_SUPPORTED)
        elif sock.flow is not None and sock.flow.state != "connected":
            if endpoint.type != SOCK_STREAM or not sock.flow.remote_port:
                connecting(context, sock, target)
    if target is None:
        return endpoint.sendmsg(data, None, flags, control) if control else endpoint.send(data, flags)
    try:
        return endpoint.sendmsg(data, target, flags, control)
    finally:
        if sock.flow is not None:
            sock.flow.local_port = endpoint.getsockname().port


def _connected(sock: Socket) -> bool:
    try:
        sock.endpoint.getpeername()
    except (NetworkError, CallError):
        return False
    return True


def receiving(
    context: Context, fd: int, size: int, flags: int, finish: Callable[[Message], None] | None = None
) -> Operation:
    """A read of whichever kind."""
    got: list[Message] = []

    def attempt() -> int | None:
        descriptor = context.descriptor(fd)
        if not isinstance(descriptor, Socket):
            piece = descriptor.read(size)
            return None if piece is None else len(piece)
        buffer = bytearray(size)
        if finish is None and not flags:
            count = descriptor.endpoint.recv_into(memoryview(buffer), flags)
            return None if count == AGAIN else count
        try:
            message = descriptor.endpoint.recvmsg(memoryview(buffer), flags)
        except NetworkError as error:
            if error.error is errors.WOULD_BLOCK:
                return None
            raise
        got.append(message)
        return message.length

    def check(_: int) -> None:
        if finish is not None and got:
            finish(got[-1])

    return Operation(attempt, _may_block(context, fd, flags), finish=check)


def call_write(context: Context, args: Arguments) -> Operation:
    args.count(3)
    return sending(context, args.number(0), args.data(1, args.number(2)), 0)


def call_writev(context: Context, args: Arguments) -> Operation:
    args.count(3)
    pieces = vector(args[1])[: args.number(2)]
    return sending(context, args.number(0), gathered(pieces), 0)


def call_send(context: Context, args: Arguments) -> Operation:
    args.count(4)
    return sending(context, args.number(0), args.data(1, args.number(2)), args.number(3))


def call_sendto(context: Context, args: Arguments) -> Operation:
    args.count(6)
    data = args.data(1, args.number(2))
    fd = args.number(0)
    descriptor = context.descriptors.get(fd)
    if isinstance(descriptor, Socket) and descriptor.endpoint.protocol in ICMP_PROTOCOLS:
        data = struct.pack("!BBHHH", ECHO_REQUEST[descriptor.endpoint.protocol], 0, 0, 0, 0) + data[8:]
    return sending(context, fd, data, args.number(3), args[4])


def call_sendmsg(context: Context, args: Arguments) -> Operation:
    args.count(3)
    header = args.struct(1)
    flags = number(header.fields.get("msg_flags", 0)) | args.number(2)
    control = []
    for item in header.fields.get("msg_control") or []:
        level, kind, data = _control(item)
        if isinstance(data, int):
            raise ScriptError("a time can only be received")
        control.append((level, kind, data))
    where = header.fields.get("msg_name", ELLIPSIS)
    return sending(context, args.number(0), gathered(vector(header.fields["msg_iov"])), flags, where, control)


def call_read(context: Context, args: Arguments) -> Operation:
    args.count(3)
    args.check_pointer(1)
    return receiving(context, args.number(0), args.number(2), 0)


def call_readv(context: Context, args: Arguments) -> Operation:
    args.count(3)
    size = sum(piece for _, piece in vector(args[1])[: args.number(2)])
    return receiving(context, args.number(0), size, 0)


def call_recv(context: Context, args: Arguments) -> Operation:
    args.count(4)
    args.check_pointer(1)
    return receiving(context, args.number(0), args.number(2), args.number(3))


def call_recvfrom(context: Context, args: Arguments) -> Operation:
    args.count(6)
    args.check_pointer(1)
    return receiving(context, args.number(0), args.number(2), args.number(3))


def call_recvmsg(context: Context, args: Arguments) -> Operation:
    args.count(3)
    header = args.struct(1)
    size = sum(piece for _, piece in vector(header.fields["msg_iov"]))

    def check(message: Message) -> None:
        expected = number(header.fields.get("msg_flags", 0))
        if expected != message.flags:
            raise Difference(f"Expected msg_flags {expected:#x} but got {message.flags:#x}", "syscall")
        wanted = header.fields.get("msg_control")
        if wanted is not None:
            _check_control(context, wanted, message.control)

    return receiving(context, args.number(0), size, args.number(2), check)


def _check_control(context: Context, wanted: list[Any], got: list[Control]) -> None:
    """Control messages, in order."""
    expected = [_control(item) for item in wanted]
    shown = [
        (level, kind, _as_expected(context, data, want[2]))
        for (level, kind, data), want in zip(got, expected, strict=False)
    ]
    if expected != shown:
        raise Difference(f"Expected control messages {expected} but got {shown or got}", "syscall")


def _as_expected(context: Context, data: bytes, wanted: bytes | int) -> bytes | int:
    """As much as the script has; a time that is near enough is the script's."""
    if not isinstance(wanted, int):
        return data[: len(wanted)].ljust(len(wanted), b"\0")  # IP_TOS is a byte
    seconds, rest = struct.unpack_from("=qq", data)
    at: int = context.host.since_start(seconds * 1_000_000_000 + rest)
    return wanted if abs(at - wanted) <= context.settings.tolerance_usecs * 1000 else at


def _control(item: Any) -> tuple[int, int, bytes | int]:
    """Level, type, and data: an int where it is a time, ns since the script began."""
    if not isinstance(item, Struct) or "cmsg_level" not in item.fields:
        raise ScriptError("expected {cmsg_level=…, cmsg_type=…, cmsg_data=…}")
    data = item.fields["cmsg_data"]
    if isinstance(data, Struct) and "ee_errno" in data.fields:
        f = {name: number(value) for name, value in data.fields.items()}
        packed = struct.pack(
            "=IBBBBII", f["ee_errno"], f["ee_origin"], f["ee_type"], f["ee_code"], 0, f["ee_info"], f["ee_data"]
        )
    elif isinstance(data, Struct) and "scm_sec" in data.fields:
        at = number(data.fields["scm_sec"]) * 1_000_000_000 + number(data.fields.get("scm_nsec", 0))
        return number(item.fields["cmsg_level"]), number(item.fields["cmsg_type"]), at
    elif isinstance(data, Struct):
        raise ScriptError(f"control data with {describe(data)} is not supported")
    else:
        packed = data if isinstance(data, bytes) else struct.pack("=i", number(data))
    return number(item.fields["cmsg_level"]), number(item.fields["cmsg_type"]), packed


CALLS: Final[dict[str, Handler]] = {
    "read": call_read,
    "readv": call_readv,
    "recv": call_recv,
    "recvfrom": call_recvfrom,
    "recvmsg": call_recvmsg,
    "write": call_write,
    "writev": call_writev,
    "send": call_send,
    "sendto": call_sendto,
    "sendmsg": call_sendmsg,
}
