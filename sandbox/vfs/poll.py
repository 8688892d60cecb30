"""What poll(2), select(2) and epoll(7) share: event bits of files and of user space.

Files speak of IN, PRI, OUT, ERR, HUP, RDHUP. User space may ask for the NORM and BAND variants, which go along
with IN and OUT for files that have them (FileDescription.norm).
"""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_PRI, EVENT_RDHUP

ALWAYS: Final = EVENT_ERR | EVENT_HUP
NORM: Final = POLLRDNORM | POLLWRNORM
BAND: Final = NORM | POLLWRBAND  # of sockets, but for TCP's
_PLAIN: Final = EVENT_IN | EVENT_PRI | EVENT_OUT | EVENT_RDHUP | ALWAYS


def user_events(ready: int, norm: int) -> int:
    """A file's readiness with those of its bits `norm` that belong to it."""
    if ready & POLLIN:
        ready |= POLLRDNORM & norm
    if ready & POLLOUT:
        ready |= (POLLWRNORM | POLLWRBAND) & norm
    return ready


def wait_mask(events: int) -> int:
    """What to wait for on a file's queue when user space asks for `events`."""
    mask = events & _PLAIN
    if events & POLLRDNORM:
        mask |= POLLIN
    if events & (POLLWRNORM | POLLWRBAND):
        mask |= POLLOUT
    return mask | ALWAYS
