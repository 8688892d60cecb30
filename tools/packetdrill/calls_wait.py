"""poll, epoll_create, epoll_ctl, epoll_wait."""

from __future__ import annotations

import errno
from typing import Any, Final

from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_NVAL
from tools.packetdrill.calls import Context, Handler, Operation
from tools.packetdrill.errors import CallError, Difference, ScriptError
from tools.packetdrill.files import EpollSet, Interest
from tools.packetdrill.syntax import NO_CHECK, Struct
from tools.packetdrill.values import Arguments, describe, number

POLLRDNORM: Final = 0x40
POLLWRNORM: Final = 0x100
ADD: Final = 1
DELETE: Final = 2
MODIFY: Final = 3
EVENT_DATA: Final = ("fd", "ptr", "u32", "u64")


def with_aliases(events: int) -> int:
    """POLLRDNORM goes with POLLIN, POLLWRNORM with POLLOUT."""
    return events | (POLLRDNORM if events & 1 else 0) | (POLLWRNORM if events & 4 else 0)


def waiting(milliseconds: int) -> tuple[bool, int]:
    """(blocks, timeout µs) of a timeout argument."""
    return milliseconds != 0, NO_CHECK if milliseconds < 0 else milliseconds * 1000


def call_poll(context: Context, args: Arguments) -> Operation:
    args.count(3)
    if not isinstance(args[0], list) or not all(isinstance(item, Struct) for item in args[0]):
        raise ScriptError(f"expected [{{fd=…, events=…, revents=…}}, …], the script has {describe(args[0])}")
    wanted = [_pollfd(item) for item in args[0][: args.number(1)]]
    seen: list[int] = []

    def attempt() -> int | None:
        seen[:] = [_revents(context, fd, events) for fd, events, _ in wanted]
        return sum(1 for events in seen if events) or None

    def check(_: int) -> None:
        for (fd, _, expected), actual in zip(wanted, seen, strict=True):
            if expected != actual:
                raise Difference(
                    f"Expected revents of fd {fd}: expected: {expected:#x} vs actual: {actual:#x}", "syscall"
                )

    blocks, timeout = waiting(args.number(2))
    return Operation(attempt, blocks, timeout if blocks else 0, 0, check)


def _pollfd(item: Struct) -> tuple[int, int, int]:
    fields = item.fields
    return number(fields["fd"]), number(fields["events"]), number(fields.get("revents", 0))


def _revents(context: Context, fd: int, events: int) -> int:
    descriptor = context.descriptors.get(fd)
    if descriptor is None:
        return EVENT_NVAL if fd >= 0 else 0
    return with_aliases(descriptor.readiness()) & (events | EVENT_ERR | EVENT_HUP)


def call_epoll_create(context: Context, args: Arguments) -> Operation:
    args.count(1)

    def attempt() -> int:
        if args.number(0) <= 0:
            raise CallError(errno.EINVAL)
        return context.adopt(EpollSet())

    return Operation(attempt)


def _set(context: Context, fd: int) -> EpollSet:
    found = context.descriptor(fd)
    if not isinstance(found, EpollSet):
        raise CallError(errno.EINVAL)
    return found


def _event(item: Any) -> tuple[int, int]:
    """(events, data) of `{events=…, fd=…}`."""
    if not isinstance(item, Struct) or "events" not in item.fields:
        raise ScriptError(f"expected an epoll event, the script has {describe(item)}")
    name = next((name for name in EVENT_DATA if name in item.fields), "")
    if not name:
        raise ScriptError("epoll_event specified incorrectly")
    return number(item.fields["events"]), number(item.fields[name])


def call_epoll_ctl(context: Context, args: Arguments) -> Operation:
    args.count(4)

    def attempt() -> int:
        epoll = _set(context, args.number(0))
        what, fd = args.number(1), args.number(2)
        descriptor = context.descriptor(fd)
        known = epoll.interests.get(fd)
        if what == ADD:
            if known is not None:
                raise CallError(errno.EEXIST)
            epoll.interests[fd] = Interest(descriptor, fd, *_event(args[3]))
            return 0
        if known is None:
            raise CallError(errno.ENOENT)
        if what == MODIFY:
            known.modify(*_event(args[3]))
        elif what == DELETE:
            known.forget()
            del epoll.interests[fd]
        else:
            raise CallError(errno.EINVAL)
        return 0

    return Operation(attempt)


def call_epoll_wait(context: Context, args: Arguments) -> Operation:
    args.count(4)
    wanted = [_event(item) for item in (args[1] if isinstance(args[1], list) else [args[1]])]
    seen: list[tuple[int, int]] = []

    def attempt() -> int | None:
        seen[:] = _set(context, args.number(0)).ready(args.number(2))
        return len(seen) or None

    def check(count: int) -> None:
        for (events, data), (actual, actual_data) in zip(wanted, seen or [(0, 0)], strict=False):
            if events != actual:
                raise Difference(
                    f"epoll_event->events does not match script: expected: {events:#x} actual: {actual:#x}", "syscall"
                )
            if count and data != actual_data:
                raise Difference(
                    f"epoll_event->data does not match script: expected: {data} actual: {actual_data}", "syscall"
                )

    blocks, timeout = waiting(args.number(3))
    return Operation(attempt, blocks, timeout if blocks else 0, 0, check)


CALLS: Final[dict[str, Handler]] = {
    "poll": call_poll,
    "epoll_create": call_epoll_create,
    "epoll_ctl": call_epoll_ctl,
    "epoll_wait": call_epoll_wait,
}
