"""poll(2) and recv(2) through the states of a connection: the host's loopback is the oracle."""

from __future__ import annotations

import select
import socket
import time
from random import Random

import pytest

from tcpip import errors
from tcpip.addr import AF_INET, IPV4_LOOPBACK, SockAddr
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_LINGER, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.stack import Stack
from tcpip.waiter import EVENT_ALL

RESET_ON_CLOSE = b"\x01\0\0\0\0\0\0\0"
Step = tuple[str, str, int]

SCENARIOS: dict[str, list[Step]] = {
    "talk": [("send", "client", 5), ("recv", "server", 3), ("recv", "server", 3), ("recv", "server", 3)],
    "half close": [
        ("send", "client", 2),
        ("shutdown", "client", 1),
        ("recv", "server", 10),
        ("recv", "server", 10),
        ("send", "server", 3),
        ("recv", "client", 10),
        ("shutdown", "server", 1),
        ("recv", "client", 10),
    ],
    "shut reading": [("shutdown", "client", 0), ("send", "server", 2), ("recv", "client", 5), ("recv", "client", 5)],
    "shut both": [("shutdown", "client", 2), ("recv", "server", 5), ("shutdown", "server", 1)],
    "simultaneous": [("shutdown", "client", 1), ("shutdown", "server", 1), ("recv", "client", 1)],
    "reset": [("reset", "client", 0), ("recv", "server", 4), ("recv", "server", 4)],
    "reset behind text": [("send", "client", 2), ("reset", "client", 0), ("recv", "server", 1), ("recv", "server", 4)],
    "close with unread text": [("send", "client", 2), ("close", "server", 0), ("recv", "client", 4)],
    "text to who has closed": [("close", "server", 0), ("send", "client", 1), ("recv", "client", 1)],
}


class OnHost:
    """The host's sockets."""

    def __init__(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        self.ends = {"client": client, "server": server}
        for end in self.ends.values():
            end.setblocking(False)

    def do(self, what: str, who: str, number: int) -> object:
        end = self.ends[who]
        try:
            if what == "send":
                return end.send(bytes(number))
            if what == "recv":
                return len(end.recv(number))
            if what == "shutdown":
                end.shutdown(number)
            else:
                if what == "reset":
                    end.setsockopt(SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE)
                self.ends.pop(who).close()
        except BlockingIOError:
            return "again"
        except OSError as failure:
            return type(failure).__name__
        return None

    def readiness(self, who: str, expected: int) -> int:
        """What poll says; the kernel is given a little time to say what is expected."""
        poll = select.poll()
        poll.register(self.ends[who], EVENT_ALL)
        end = time.monotonic() + 2
        while True:
            events = poll.poll(0)
            mask = events[0][1] & EVENT_ALL if events else 0
            if mask == expected or time.monotonic() > end:
                return mask

    def close(self) -> None:
        for end in self.ends.values():
            end.close()


class OnOurs:
    """Endpoints of one stack."""

    def __init__(self) -> None:
        self.stack = Stack(ManualClock(1_000_000_000), Random(1))
        listener = self.stack.new_endpoint(AF_INET, SOCK_STREAM)
        listener.bind(SockAddr(IPV4_LOOPBACK, 80))
        listener.listen(4)
        client = self.stack.new_endpoint(AF_INET, SOCK_STREAM)
        with pytest.raises(NetworkError):
            client.connect(SockAddr(IPV4_LOOPBACK, 80))
        self.stack.flush()
        self.ends = {"client": client, "server": listener.accept()}

    def do(self, what: str, who: str, number: int) -> object:
        end = self.ends[who]
        try:
            if what == "send":
                return end.send(bytes(number))
            if what == "recv":
                taken = end.recv_into(memoryview(bytearray(number)))
                return "again" if taken < 0 else taken
            if what == "shutdown":
                end.shutdown(number)
            else:
                if what == "reset":
                    end.set_option(SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE)
                self.ends.pop(who).close()
        except NetworkError as failure:
            return NAMES[failure.error]
        finally:
            self.stack.flush()
        return None


NAMES = {errors.CONNECTION_RESET: "ConnectionResetError", errors.BROKEN_PIPE: "BrokenPipeError"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_answers(name: str) -> None:
    host, ours = OnHost(), OnOurs()
    try:
        for step in SCENARIOS[name]:
            assert ours.do(*step) == host.do(*step), step
            for who, end in ours.ends.items():
                mask = end.readiness()
                assert mask == host.readiness(who, mask), (step, who)
    finally:
        host.close()
