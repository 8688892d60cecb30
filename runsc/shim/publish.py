"""Events for containerd: over its ttrpc socket, kept while it is away."""

from __future__ import annotations

import _socket
import os
import time
from collections import deque
from typing import Final

from runsc.shim.loop import READ, Loop
from runsc.shim.protobuf import any_of, message, timestamp
from runsc.shim.ttrpc import REQUEST, frame

SERVICE: Final = "containerd.services.events.ttrpc.v1.Events"
KEPT_MOST: Final = 2048
AGAIN_S: Final = 1.0
SEND_S: Final = 5.0


class Publisher:
    """`publish` in order. An event that was on its way when containerd ended is lost: the tasks' state is not."""

    def __init__(self, loop: Loop, address: str, namespace: str) -> None:
        self._loop = loop
        self._address = address.removeprefix("unix://")
        self._namespace = namespace
        self._waiting: deque[bytes] = deque(maxlen=KEPT_MOST)
        self._socket: _socket.socket | None = None
        self._stream = 1
        self._retrying = False

    def publish(self, topic: str, kind: str, event: bytes) -> None:
        """`kind`: the name of the event's message in containerd.events."""
        envelope = message(
            (1, timestamp(time.time_ns())),
            (2, self._namespace),
            (3, topic),
            (4, any_of(f"containerd.events.{kind}", event)),
        )
        self._waiting.append(message((1, SERVICE), (2, "Forward"), (3, message((1, envelope)))))
        self.flush()

    def flush(self) -> None:
        """Send what can be sent."""
        while self._waiting and self._address and not self._retrying:
            if self._socket is None and not self._connect():
                return
            assert self._socket is not None
            try:
                self._socket.sendall(frame(self._stream, REQUEST, self._waiting[0]))
            except OSError:
                self._hang_up()
                continue
            self._stream += 2
            self._waiting.popleft()

    def _connect(self) -> bool:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            sock.settimeout(SEND_S)
            sock.connect(self._address)
        except OSError:
            sock.close()
            self._retrying = True
            self._loop.call_after(AGAIN_S, self._again)
            return False
        self._socket, self._stream = sock, 1
        self._loop.watch(sock.fileno(), READ, lambda mask: self._answered())
        return True

    def _again(self) -> None:
        self._retrying = False
        self.flush()

    def _answered(self) -> None:
        """What it says is of no use to us; that it hangs up is."""
        assert self._socket is not None
        try:
            if os.read(self._socket.fileno(), 1 << 16):
                return
        except OSError:
            pass
        self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
