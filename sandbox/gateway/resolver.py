"""Forwarding of allowed names to the host's own name servers, over host sockets driven by the reactor.

Each query has a socket (and so a source port) and a number of its own; UDP first, TCP when the answer was cut off;
the next server when one does not answer or answers SERVFAIL. Implements: RFC 5452 4, 9; RFC 7766 in parts.
"""

from __future__ import annotations

import _socket
import errno
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.gateway import dns_message as dns
from sandbox.gateway import host_socket
from sandbox.reactor import READ, WRITE
from tcpip.clock import NS_PER_S
from tcpip.errors import Malformed

if TYPE_CHECKING:
    from sandbox.reactor import Reactor
    from tcpip.timers import Timer

PORT: Final = 53
TRY_NS: Final = 3 * NS_PER_S
ROUNDS: Final = 2  # times round the list of servers
MAX_QUERIES: Final = 256
MAX_RESPONSE: Final = 65535

Answered = Callable[["bytes | None"], None]


def read_nameservers(resolv_conf: str) -> tuple[str, ...]:
    """The servers of a resolv.conf(5), at most three; the host's loopback when it names none."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and "%" not in words[1]:
            family = _socket.AF_INET6 if ":" in words[1] else _socket.AF_INET
            try:
                _socket.inet_pton(family, words[1])
            except OSError:
                continue
            found.append(words[1])
    return tuple(found[:3]) or ("127.0.0.1",)


class Query:
    """One question under way. `answered` gets the raw response (checked to be one to this question), or None."""

    __slots__ = (
        "resolver",
        "name",
        "type",
        "number",
        "wire",
        "answered",
        "tries",
        "sock",
        "fd",
        "stream",
        "got",
        "timer",
    )

    def __init__(self, resolver: Resolver, name: str, qtype: int, number: int, answered: Answered) -> None:
        self.resolver = resolver
        self.name = name
        self.type = qtype
        self.number = number
        self.wire = dns.make_query(number, name, qtype)
        self.answered = answered
        self.tries = 0
        self.sock: _socket.socket | None = None
        self.fd = -1
        self.stream = False
        self.got = bytearray()
        self.timer: Timer = resolver.reactor.timers.timer(self.next_server)

    def start(self, server: str, stream: bool) -> None:
        """Ask one server."""
        self._drop_socket()
        self.stream = stream
        self.got.clear()
        family = _socket.AF_INET6 if ":" in server else _socket.AF_INET
        reactor = self.resolver.reactor
        self.timer.arm(reactor.clock.now_ns() + TRY_NS)
        try:
            sock = host_socket.open_stream(family) if stream else host_socket.open_datagram(family)
        except OSError:
            return  # the timer goes on to the next server
        self.sock, self.fd = sock, sock.fileno()
        number = sock.connect_ex((server, self.resolver.port))
        if number not in (0, errno.EINPROGRESS):
            self._drop_socket()
            self.timer.arm(reactor.clock.now_ns())
            return
        reactor.watch(self.fd, WRITE if stream else READ, self._event)
        if not stream:
            self._send(self.wire)

    def _send(self, data: bytes) -> None:
        sock = self.sock
        if sock is None:
            return
        try:
            sock.send(data)  # a fresh socket takes a message of this size whole
        except OSError:
            self._drop_socket()
            self.timer.arm(self.resolver.reactor.clock.now_ns())

    def _event(self, events: int) -> None:
        sock = self.sock
        if sock is None:
            return
        if self.stream and events & WRITE:
            self.resolver.reactor.change(self.fd, READ)
            self._send(len(self.wire).to_bytes(2, "big") + self.wire)
            return
        try:
            data = sock.recv(MAX_RESPONSE + 2)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                self.next_server()
            return
        if not self.stream:
            self._check(data)
            return
        self.got += data
        length = int.from_bytes(self.got[:2], "big")
        if len(self.got) >= 2 + length and len(self.got) > 2:
            self._check(bytes(self.got[2 : 2 + length]))
        elif not data:
            self.next_server()

    def _check(self, message: bytes) -> None:
        try:
            response = dns.parse_response(message, self.number, self.name, self.type)
        except Malformed:
            if self.stream:
                self.next_server()
            return  # over UDP: not an answer to us, the right one may still come
        if response.flags & dns.TC and not self.stream:
            self.start(self.resolver.server(self.tries), True)
        elif response.rcode not in (dns.NOERROR, dns.NXDOMAIN):
            self.next_server()
        else:
            self.finish(message)

    def next_server(self) -> None:
        """This one does not help."""
        self.tries += 1
        if self.tries >= ROUNDS * len(self.resolver.servers):
            self.finish(None)
        else:
            self.start(self.resolver.server(self.tries), False)

    def finish(self, message: bytes | None) -> None:
        """Tell the asker, once."""
        self._drop_socket()
        self.timer.cancel()
        self.resolver.queries.discard(self)
        self.answered(message)

    def _drop_socket(self) -> None:
        if self.sock is not None:
            self.resolver.reactor.unwatch(self.fd)
            self.sock.close()
            self.sock = None


class Resolver:
    """`servers`: addresses of the host's name servers. `random(n)` gives n random bytes."""

    def __init__(
        self, reactor: Reactor, servers: Sequence[str], random: Callable[[int], bytes], port: int = PORT
    ) -> None:
        self.reactor = reactor
        self.servers = tuple(servers)
        self.port = port
        self.queries: set[Query] = set()
        self._random = random

    def server(self, tries: int) -> str:
        """Whose turn it is."""
        return self.servers[tries % len(self.servers)]

    def ask(self, name: str, qtype: int, answered: Answered) -> None:
        """Resolve; `answered(None)` when nobody could, or too much is under way. Malformed for what is no name."""
        if len(self.queries) >= MAX_QUERIES or not self.servers:
            answered(None)
            return
        query = Query(self, name, qtype, int.from_bytes(self._random(2), "big"), answered)
        self.queries.add(query)
        query.start(self.server(0), False)

    def close(self) -> None:
        """Forget what is under way."""
        for query in list(self.queries):
            query.finish(None)
