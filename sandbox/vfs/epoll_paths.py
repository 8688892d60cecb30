"""What keeps epoll lists that watch each other from taking for ever (fs/eventpoll.c: ep_loop_check,
reverse_path_check): no loops, no deep nesting, few ways along which one event travels.

Every walk sees a list once, or counts against a bound: with lists side by side the ways multiply.
"""

from __future__ import annotations

import errno
from itertools import islice
from typing import TYPE_CHECKING, Final, Iterable

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.vfs.epoll import EpollItem, EventPoll
    from sandbox.vfs.file_description import FileDescription

MAX_NESTS: Final = 4
PATH_LIMITS: Final = (0, 500, 100, 50, 10)  # ways to a list that nobody watches, by the lists between; 0: any number
STEPS: Final = 20_000  # up to a list above, of all files that one epoll_ctl looks at
FILES_CHECKED: Final = 4096  # files of the lists below that are looked at one by one


def lists_in(epoll: EventPoll) -> list[EventPoll]:
    """The lists that it watches."""
    from sandbox.vfs.epoll import EventPoll

    if not epoll.nested:
        return []
    return [item.file for item in epoll.items.values() if isinstance(item.file, EventPoll)]


def check_nesting(above: EventPoll, below: EventPoll) -> None:
    """`above` is about to watch `below`: ELOOP for a loop or lists that nest too deep."""
    depths: dict[EventPoll, int] = {}
    if _depth(below, above, depths) + _height(above, {}) >= MAX_NESTS:
        raise SyscallError(errno.ELOOP)


def _depth(epoll: EventPoll, forbidden: EventPoll, known: dict[EventPoll, int], at: int = 0) -> int:
    """Levels of lists below `epoll`; too many if `forbidden` is among them."""
    if epoll is forbidden or at > MAX_NESTS:
        return MAX_NESTS
    depth = known.get(epoll)
    if depth is None:
        depth = max((1 + _depth(below, forbidden, known, at + 1) for below in lists_in(epoll)), default=0)
        known[epoll] = depth
    return depth


def _height(epoll: EventPoll, known: dict[EventPoll, int], at: int = 0) -> int:
    """Levels of lists above `epoll`."""
    if at > MAX_NESTS:
        return 0
    height = known.get(epoll)
    if height is None:
        above = {item.epoll for item in epoll.epoll_items or ()}
        height = known[epoll] = max((1 + _height(one, known, at + 1) for one in above), default=0)
    return height


class _Ways:
    """Counts ways, from each file anew; the steps of all of them are bounded."""

    def __init__(self) -> None:
        self._counts = [0] * (MAX_NESTS + 1)
        self._steps = 0

    def check(self, items: Iterable[EpollItem]) -> None:
        """From a file that `items` watch; EINVAL."""
        self._counts = [0] * (MAX_NESTS + 1)
        for item in items:
            self._climb(item.epoll, 0)

    def check_list(self, epoll: EventPoll) -> None:
        """From a file that only `epoll` watches; EINVAL."""
        self._counts = [0] * (MAX_NESTS + 1)
        self._climb(epoll, 0)

    def _climb(self, epoll: EventPoll, depth: int) -> None:
        """reverse_path_check_proc."""
        self._steps += depth > 0
        if depth > MAX_NESTS or self._steps > STEPS:
            raise SyscallError(errno.EINVAL)
        if epoll.epoll_items:
            for item in epoll.epoll_items:
                self._climb(item.epoll, depth + 1)
        elif depth:
            self._counts[depth] += 1
            if self._counts[depth] > PATH_LIMITS[depth]:
                raise SyscallError(errno.EINVAL)


def check_paths(file: FileDescription) -> None:
    """`file` has got one more watcher: EINVAL when an event of it, or of a file below it, travels along too many
    ways. Files of very long lists are taken as watched by their list only."""
    from sandbox.vfs.epoll import EventPoll

    ways = _Ways()
    if not isinstance(file, EventPoll):
        ways.check(file.epoll_items or ())
        return
    checked = 0
    for epoll in _below(file):
        ways.check_list(epoll)
        for item in islice(epoll.items.values(), FILES_CHECKED - checked):
            checked += 1
            others = item.file.epoll_items
            if not isinstance(item.file, EventPoll) and others is not None and len(others) > 1:
                ways.check(others)


def _below(epoll: EventPoll) -> list[EventPoll]:
    """Itself, and every list that it watches at some remove, once."""
    seen: dict[EventPoll, None] = {epoll: None}
    todo = lists_in(epoll)
    while todo:
        one = todo.pop()
        if one not in seen:
            seen[one] = None
            todo += lists_in(one)
    return list(seen)
