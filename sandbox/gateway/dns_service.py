"""The name service of the sandbox's network, at the gateway's port 53, UDP and TCP.

Names of the embedded network are answered here; allowed names are asked of the host's servers, and the addresses
they lead to are pinned to them; every other name does not exist (NXDOMAIN), and nothing leaves for it: DNS is no
tunnel. A wildcard rule is one, for names below it. Answers for A and AAAA are rebuilt record by record; addresses
that a name must not lead to (loopback, link-local, the sandbox's own network) are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway import dns_message as dns
from sandbox.gateway.counters import Counters
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.policy import is_name, never_leaves
from sandbox.gateway.resolver import Resolver
from tcpip.addr import AF_INET, AF_INET6, SockAddr, is_link_local
from tcpip.errors import Malformed, NetworkError
from tcpip.sockopt import IPPROTO_UDP, IPV6_V6ONLY, SOCK_DGRAM, SOL_IPV6
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.gateway.stream_service import StreamService

PORT: Final = 53
EMBEDDED_TTL: Final = 60
MAX_QUERY: Final = 4096
_REFUSED_TYPES: Final = frozenset((dns.TYPE_ANY, dns.TYPE_IXFR, 252))

Reply = Callable[[bytes], None]


class DnsService:
    """Answers queries. `names` are the embedded ones; `resolver` None: there is no outside. `ipv6`: the host has a way
    to the IPv6 Internet (otherwise AAAA answers are empty, so that programs try IPv4 at once)."""

    def __init__(
        self,
        stack: Stack,
        guard: EgressGuard,
        counters: Counters,
        names: dict[str, tuple[bytes, bytes]],
        resolver: Resolver | None,
        ipv6: Callable[[], bool],
    ) -> None:
        self._guard = guard
        self._counters = counters
        self._names = names
        self._reverse = {dns.reverse_name(a): name for name, pair in reversed(names.items()) for a in pair}
        self._resolver = resolver
        self._ipv6 = ipv6
        for address in (plan.GATEWAY4, plan.GATEWAY6):
            self._serve_udp(stack, address)
        self._stack = stack

    def streams(self) -> StreamService:
        """The service over TCP."""
        from sandbox.gateway.dns_stream import DnsConnection
        from sandbox.gateway.stream_service import StreamService

        return StreamService(self._stack, lambda endpoint: DnsConnection(endpoint, self))

    def asker(self, protocol: int, port: int) -> str:
        """Who asks from `port`, for the log."""
        return self._guard.asker(protocol, port)

    def use(self, resolver: Resolver) -> None:
        """From now on."""
        self._resolver = resolver

    def _serve_udp(self, stack: Stack, address: bytes) -> None:
        family = AF_INET if len(address) == 4 else AF_INET6
        endpoint = stack.new_endpoint(family, SOCK_DGRAM, 0)
        if family == AF_INET6:
            endpoint.set_option(SOL_IPV6, IPV6_V6ONLY, 1)
        endpoint.bind(SockAddr(address, PORT))
        endpoint.queue.add(EVENT_IN, lambda mask: self._from_udp(endpoint))

    def _from_udp(self, endpoint: Endpoint) -> None:
        buffer = memoryview(bytearray(MAX_QUERY))
        while True:
            try:
                message = endpoint.recvmsg(buffer)
            except NetworkError:
                return
            peer = message.address
            if peer is not None:
                self._query_udp(endpoint, bytes(buffer[: message.length]), peer)

    def _query_udp(self, endpoint: Endpoint, query: bytes, peer: SockAddr) -> None:
        def reply(answer: bytes) -> None:
            try:
                endpoint.sendmsg(answer, peer)
            except NetworkError:
                return  # the guest has gone, or its receive window is full: it asks again

        self.query(query, reply, self.asker(IPPROTO_UDP, peer.port), False)

    # --- a query ---

    def query(self, message: bytes, reply: Reply, who: str, stream: bool) -> None:
        """Answer, now or later; what is no query is dropped."""
        try:
            question = dns.parse_query(message)
        except Malformed:
            return
        limit = 65535 if stream else min(question.udp_size, dns.EDNS_SIZE)
        name = question.name
        if question.flags & dns.OPCODE_MASK or question.qclass != dns.CLASS_IN or question.type in _REFUSED_TYPES:
            reply(dns.make_answer(question, dns.NOTIMP, [], limit))
        elif name in self._names:
            reply(dns.make_answer(question, dns.NOERROR, self._embedded(name, question.type), limit))
        elif name in self._reverse:
            reply(dns.make_answer(question, dns.NOERROR, self._pointer(name, question.type), limit))
        elif name.endswith("." + plan.DOMAIN) or not is_name(name) or name == "localhost":
            reply(dns.make_answer(question, dns.NXDOMAIN, [], limit))
        elif not self._guard.permits_name(name):
            if not name.endswith(".arpa"):  # programs look addresses up backwards without being asked to
                self._guard.refused_name(who, name)
            reply(dns.make_answer(question, dns.NXDOMAIN, [], limit))
        elif self._resolver is None or (question.type == dns.TYPE_AAAA and not self._ipv6()):
            reply(dns.make_answer(question, dns.NOERROR, [], limit))
        else:
            self._forward(question, limit, reply, stream)

    def _embedded(self, name: str, qtype: int) -> list[dns.Record]:
        four, six = self._names[name]
        self._counters.resolved(name)
        if qtype == dns.TYPE_A:
            return [dns.Record(name, qtype, EMBEDDED_TTL, four)]
        if qtype == dns.TYPE_AAAA:
            return [dns.Record(name, qtype, EMBEDDED_TTL, six)]
        return []

    def _pointer(self, name: str, qtype: int) -> list[dns.Record]:
        if qtype != dns.TYPE_PTR:
            return []
        return [dns.Record(name, qtype, EMBEDDED_TTL, dns.write_name(self._reverse[name]))]

    def _forward(self, question: dns.Question, limit: int, reply: Reply, stream: bool) -> None:
        def answered(message: bytes | None) -> None:
            reply(self._answer(question, message, limit))

        assert self._resolver is not None
        self._resolver.ask(question.name, question.type, answered)

    def _answer(self, question: dns.Question, message: bytes | None, limit: int) -> bytes:
        """What the guest gets for what the host's server said."""
        if message is None:
            return dns.make_answer(question, dns.SERVFAIL, [], limit)
        if question.type not in (dns.TYPE_A, dns.TYPE_AAAA):
            return _renumbered(question, message, limit)
        try:
            number = int.from_bytes(message[:2], "big")
            response = dns.parse_response(message, number, question.name, question.type)
        except Malformed:
            return dns.make_answer(question, dns.SERVFAIL, [], limit)
        kept = []
        for record in dns.follow(response.records, question.name):
            if record.type == dns.TYPE_CNAME:
                kept.append(record)
            elif record.type == question.type and self._may_lead_to(record.data):
                self._guard.pins.pin(question.name, record.data, record.ttl)
                kept.append(record)
        if any(record.type == question.type for record in kept):
            self._counters.resolved(question.name)
        return dns.make_answer(question, response.rcode, kept, limit)

    def _may_lead_to(self, address: bytes) -> bool:
        """A name of the outside is no way to the host itself or to what is here."""
        return not (never_leaves(address) or is_link_local(address) or plan.in_own_network(address))


def _renumbered(question: dns.Question, message: bytes, limit: int) -> bytes:
    """A response of another type as it is, with the guest's number; cut to the question when it does not fit."""
    if len(message) > limit:
        cut = dns.make_answer(question, dns.NOERROR, [], limit)
        return cut[:2] + (int.from_bytes(cut[2:4], "big") | dns.TC).to_bytes(2, "big") + cut[4:]
    return question.id.to_bytes(2, "big") + message[2:]
