"""A selector that knows descriptors of the system and sockets of stacks alike: under loops and servers that take a selector."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Mapping
from typing import Any, Final

from tcpip.adapters.pollable import READABLE
from tcpip.adapters.stack_socket import StackSocket, numbered
from tcpip.waiter import EVENT_ALL, EVENT_ERR, EVENT_HUP, EVENT_OUT, Waiter

WRITABLE: Final = EVENT_OUT | EVENT_HUP | EVENT_ERR


class _Registration:
    """One socket of a stack in one selector."""

    __slots__ = ("sock", "waiter", "key")

    def __init__(self, sock: StackSocket, waiter: Waiter, key: selectors.SelectorKey) -> None:
        self.sock = sock
        self.waiter = waiter
        self.key = key


class StackSelector(selectors.BaseSelector):
    """Registers `StackSocket`s, by the object or its `fileno`; everything else goes to `inner`.

    Callbacks of wait queues may come from other threads, also while `select` sleeps.
    """

    def __init__(self, inner: selectors.BaseSelector | None = None) -> None:
        self._inner = inner if inner is not None else selectors.DefaultSelector()
        self._registered: dict[int, _Registration] = {}
        self._active: set[int] = set()
        self._lock = threading.Lock()
        self._sleeping = False
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inner.register(self._alarm, selectors.EVENT_READ)

    def _number(self, fileobj: Any) -> int | None:
        """The number of a socket of a stack, or None."""
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno() if hasattr(fileobj, "fileno") else -1
        if number in self._registered or number in numbered:
            return int(number)
        for known, entry in self._registered.items():  # closed, and not unregistered yet
            if entry.key.fileobj is fileobj:
                return known
        return None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = self._number(fileobj)
        if number is None:
            return self._inner.register(fileobj, events, data)
        if not events or events & ~(selectors.EVENT_READ | selectors.EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        if number in self._registered:
            raise KeyError(f"{fileobj!r} (FD {number}) is already registered")
        sock = numbered[number]
        key = selectors.SelectorKey(fileobj, number, events, data)
        with sock.host.lock:
            waiter = sock.endpoint.queue.add(EVENT_ALL, lambda mask: self._happened(number))
        self._registered[number] = _Registration(sock, waiter, key)
        self._happened(number)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        number = self._number(fileobj)
        if number is None or number not in self._registered:
            return self._inner.unregister(fileobj)
        entry = self._registered.pop(number)
        with entry.sock.host.lock:
            entry.sock.endpoint.queue.remove(entry.waiter)
        with self._lock:
            self._active.discard(number)
        return entry.key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = self._number(fileobj)
        entry = None if number is None else self._registered.get(number)
        if number is None or entry is None:
            return self._inner.modify(fileobj, events, data)
        entry.key = entry.key._replace(events=events, data=data)
        self._happened(number)
        return entry.key

    def _happened(self, number: int) -> None:
        with self._lock:
            self._active.add(number)
            if self._sleeping:
                self._sleeping = False
                os.eventfd_write(self._alarm, 1)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._ready_sockets()
        with self._lock:
            if ready or self._active:
                timeout = 0
            self._sleeping = timeout is None or timeout > 0
        found = self._inner.select(timeout)
        self._sleeping = False
        others = [pair for pair in found if pair[0].fd != self._alarm]
        if len(others) != len(found):
            os.eventfd_read(self._alarm)
        return others + (ready or self._ready_sockets())

    def _ready_sockets(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Of those that something happened to; they stay on the list as long as they are ready."""
        if not self._active:
            return []
        with self._lock:
            candidates, self._active = self._active, set()
        ready = []
        for number in candidates:
            entry = self._registered.get(number)
            if entry is None:
                continue
            with entry.sock.host.lock:
                state = entry.sock.endpoint.readiness()
            events = (selectors.EVENT_READ if state & READABLE else 0) | (
                selectors.EVENT_WRITE if state & WRITABLE else 0
            )
            if events & entry.key.events:
                ready.append((entry.key, events & entry.key.events))
                with self._lock:
                    self._active.add(number)
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """All keys by descriptor or number."""
        known = {key.fd: key for key in self._inner.get_map().values() if key.fd != self._alarm}
        return known | {number: entry.key for number, entry in self._registered.items()}

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        number = self._number(fileobj)
        entry = None if number is None else self._registered.get(number)
        return self._inner.get_key(fileobj) if entry is None else entry.key

    def close(self) -> None:
        for number in list(self._registered):
            self.unregister(number)
        self._inner.close()
        if self._alarm >= 0:
            os.close(self._alarm)
            self._alarm = -1
