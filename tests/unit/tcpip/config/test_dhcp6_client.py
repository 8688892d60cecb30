"""The DHCPv6 client (RFC 8415) against a server made of bytes, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcpip.addr import IPV6_ALL_NODES, multicast_mac, parse
from tcpip.config import dhcp6_client as client
from tcpip.config.dhcp6_client import Dhcp6Client
from tcpip.errors import Malformed
from tcpip.header import dhcp6 as wire
from tcpip.header.dhcp6 import Dhcp6Message, IdentityAssociation, LeasedAddress
from tcpip.header.ethernet import TYPE_IPV6

from ..bench import Host, icmpv6_message, ipv6_packet, udp_datagram

SERVER = parse("fe80::5")
LEASED = parse("2001:db8:7::100")
OTHER = parse("2001:db8:7::200")
DNS = parse("2001:db8:7::53")


class Bench:
    """A host with a client, and what the server says."""

    def __init__(self) -> None:
        self.host = Host(ipv6=False)
        self.host.nic.add_link_local(dad=False)
        self.own = next(a for a in self.host.nic.addresses if len(a) == 16)
        self.host.nic.accept_ra = True
        self.client = Dhcp6Client(self.host.nic)

    def sent(self) -> list[Dhcp6Message]:
        """What the client has said since the last time."""
        packets = [p for p in self.host.packets(TYPE_IPV6) if p[6] == 17]
        assert all(
            p[8:24] == self.own and p[24:40] == wire.ALL_SERVERS and p[40:44] == b"\2\x22\2\x23" for p in packets
        )
        return [Dhcp6Message.parse(p[48:]) for p in packets]

    def ask(self, seconds: float, kind: int, repeated: int = 0) -> Dhcp6Message:
        """The next message, which leaves within so much time; those of the kind `repeated` may come before."""
        end = self.host.clock.now_ns() + int(seconds * 1e9)
        while not (messages := [m for m in self.sent() if m.kind != repeated]):
            assert self.host.clock.now_ns() < end
            self.host.pass_time(0.125)
        (message,) = messages
        assert message.kind == kind
        assert wire.first(message.options, wire.OPTION_CLIENT_ID) == self.client.client_id
        return message

    def say(self, kind: int, asked: Dhcp6Message, options: list[wire.Option], server: bytes = b"srv") -> None:
        head = [(wire.OPTION_CLIENT_ID, self.client.client_id), (wire.OPTION_SERVER_ID, server)]
        data = Dhcp6Message(kind, asked.transaction, head + options).to_bytes()
        datagram = udp_datagram(data, wire.SERVER_PORT, wire.CLIENT_PORT, SERVER, self.own)
        self.host.ipv6(datagram, 17, src=SERVER, dst=self.own)

    def association(self, *addresses: LeasedAddress, t1: int = 0, t2: int = 0, status: int = 0) -> wire.Option:
        return IdentityAssociation(self.client.iaid, t1, t2, list(addresses), status).to_option()

    def advertise(self, managed: bool, other: bool) -> None:
        flags = (0x80 if managed else 0) | (0x40 if other else 0)
        message = icmpv6_message(134, 0, flags << 16 | 1800, bytes(8), SERVER, IPV6_ALL_NODES)
        packet = ipv6_packet(message, 58, SERVER, IPV6_ALL_NODES, hop_limit=255)
        self.host.frame(packet, TYPE_IPV6, multicast_mac(IPV6_ALL_NODES))

    def lease(self, valid: int = 1000, preferred: int = 500) -> None:
        """Through the four messages, and past duplicate address detection."""
        self.client.start()
        solicit = self.ask(1, wire.SOLICIT)
        leased = LeasedAddress(LEASED, preferred, valid)
        self.say(wire.ADVERTISE, solicit, [self.association(leased), (wire.OPTION_PREFERENCE, b"\xff")])
        request = self.ask(0, wire.REQUEST)
        assert wire.first(request.options, wire.OPTION_SERVER_ID) == b"srv"
        self.say(wire.REPLY, request, [self.association(leased), (wire.OPTION_DNS, DNS)])
        self.host.pass_time(2)
        self.sent()


def test_an_address_is_had_renewed_and_given_back() -> None:
    b = Bench()
    b.lease()
    address = b.host.nic.addresses[LEASED]
    assert not address.tentative and b.host.nic.dns_servers == [DNS] and b.client.state == client.BOUND
    renew = b.ask(250, wire.RENEW)
    assert wire.first(renew.options, wire.OPTION_SERVER_ID) == b"srv"
    b.say(wire.REPLY, renew, [b.association(LeasedAddress(LEASED, 500, 1000))])
    assert b.client.state == client.BOUND
    b.client.stop()
    (release,) = b.sent()
    assert release.kind == wire.RELEASE and LEASED not in b.host.nic.addresses
    association = IdentityAssociation.parse(wire.first(release.options, wire.OPTION_IA_NA) or b"")
    assert [a.addr for a in association.addresses] == [LEASED]
    b.host.pass_time(5000)
    assert not b.sent()


def test_a_server_that_is_gone_is_asked_then_all_are_then_the_address_ends() -> None:
    b = Bench()
    b.lease()
    b.ask(250, wire.RENEW)
    b.host.pass_time(148)
    assert {m.kind for m in b.sent()} == {wire.RENEW}
    rebind = b.ask(4, wire.REBIND, wire.RENEW)
    assert wire.first(rebind.options, wire.OPTION_SERVER_ID) is None
    b.host.pass_time(100)
    b.sent()
    assert b.host.nic.addresses[LEASED].deprecated
    b.host.pass_time(510)
    assert LEASED not in b.host.nic.addresses and wire.SOLICIT in {m.kind for m in b.sent()}


def test_another_server_may_answer_a_rebind() -> None:
    b = Bench()
    b.lease()
    b.host.pass_time(397)
    b.sent()
    rebind = b.ask(4, wire.REBIND, wire.RENEW)
    b.say(wire.REPLY, rebind, [b.association(LeasedAddress(LEASED, 500, 1000))], b"other")
    assert b.client.state == client.BOUND and b.client.server == b"other"


def test_the_best_of_the_first_second_is_taken() -> None:
    b = Bench()
    b.client.start()
    solicit = b.ask(1, wire.SOLICIT)
    for server, preference, addr in ((b"low", 1, OTHER), (b"high", 9, LEASED), (b"late", 9, OTHER)):
        offer = b.association(LeasedAddress(addr, 500, 1000))
        b.say(wire.ADVERTISE, solicit, [offer, (wire.OPTION_PREFERENCE, bytes((preference,)))], server)
    assert not b.sent()
    request = b.ask(1.1, wire.REQUEST)
    assert wire.first(request.options, wire.OPTION_SERVER_ID) == b"high"


def test_what_is_refused_or_strange_is_passed_over() -> None:
    b = Bench()
    b.client.start()
    solicit = b.ask(1, wire.SOLICIT)
    good = LeasedAddress(LEASED, 500, 1000)
    strange = [LeasedAddress(parse(a), 500, 1000) for a in ("::", "ff02::1", "fe80::9", "::1")]
    for options in (
        [b.association(good, status=wire.NO_ADDRESSES)],
        [b.association(*strange)],
        [b.association(good, t1=100, t2=50)],
        [b.association(LeasedAddress(LEASED, 2000, 1000))],
        [(wire.OPTION_STATUS, b"\0\2"), b.association(good)],
        [IdentityAssociation(b"else", 0, 0, [good]).to_option()],
    ):
        b.say(wire.ADVERTISE, solicit, [*options, (wire.OPTION_PREFERENCE, b"\xff")])
    wrong = Dhcp6Message(wire.SOLICIT, solicit.transaction ^ 1, [])
    b.say(wire.ADVERTISE, wrong, [b.association(good), (wire.OPTION_PREFERENCE, b"\xff")])
    assert b.client.state == client.SOLICITING and not b.sent()
    second = b.ask(1.2, wire.SOLICIT)
    assert second.transaction == solicit.transaction
    assert int.from_bytes(wire.first(second.options, wire.OPTION_ELAPSED) or b"", "big") >= 99
    b.say(wire.ADVERTISE, second, [b.association(good)])
    assert b.ask(0, wire.REQUEST)


def test_waits_grow_and_requests_end() -> None:
    b = Bench()
    b.client.start()
    times = []
    for _ in range(8):
        while not (messages := b.sent()):
            b.host.pass_time(0.25)
        times.append(b.host.clock.now_ns() / 1e9)
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert all(1.7 <= later / earlier <= 2.3 for earlier, later in zip(gaps[1:], gaps[2:], strict=False))
    b.say(wire.ADVERTISE, messages[0], [b.association(LeasedAddress(LEASED, 500, 1000))])
    b.host.pass_time(300)
    kinds = [m.kind for m in b.sent()]
    assert kinds.count(wire.REQUEST) == 10 and kinds[-1] == wire.SOLICIT


def test_a_binding_that_the_server_has_forgotten_is_asked_for() -> None:
    b = Bench()
    b.lease()
    renew = b.ask(250, wire.RENEW)
    b.say(wire.REPLY, renew, [b.association(status=wire.NO_BINDING)])
    request = b.ask(0, wire.REQUEST)
    b.say(wire.REPLY, request, [b.association(LeasedAddress(LEASED, 500, 1000))])
    assert b.client.state == client.BOUND and LEASED in b.host.nic.addresses


def test_an_address_that_somebody_has_is_declined() -> None:
    b = Bench()
    b.client.start()
    solicit = b.ask(1, wire.SOLICIT)
    offer = [b.association(LeasedAddress(LEASED, 500, 1000)), (wire.OPTION_PREFERENCE, b"\xff")]
    b.say(wire.ADVERTISE, solicit, offer)
    b.say(wire.REPLY, b.ask(0, wire.REQUEST), offer)
    message = icmpv6_message(136, 0, 0x20000000, LEASED, LEASED, IPV6_ALL_NODES)
    packet = ipv6_packet(message, 58, LEASED, IPV6_ALL_NODES, hop_limit=255)
    b.host.frame(packet, TYPE_IPV6, multicast_mac(IPV6_ALL_NODES))
    (decline,) = b.sent()
    assert decline.kind == wire.DECLINE and LEASED not in b.host.nic.addresses and not b.client.addresses
    assert b.ask(10, wire.SOLICIT)


def test_advertisements_say_what_to_ask_for() -> None:
    b = Bench()
    b.client.follow()
    b.host.pass_time(5)
    b.advertise(False, False)
    b.host.pass_time(5)
    assert not b.sent()
    b.advertise(False, True)
    inform = b.ask(1, wire.INFORMATION_REQUEST)
    assert wire.first(inform.options, wire.OPTION_IA_NA) is None
    told: list[int] = []
    b.client.on_change = lambda: told.append(1)
    b.say(wire.REPLY, inform, [(wire.OPTION_DNS, DNS), (wire.OPTION_REFRESH_TIME, b"\0\0\0\5")])
    assert b.host.nic.dns_servers == [DNS] and told
    b.advertise(False, True)
    b.host.pass_time(598)
    assert not b.sent()
    b.ask(4, wire.INFORMATION_REQUEST)
    b.advertise(True, True)
    assert b.ask(1, wire.SOLICIT)


def test_an_address_for_ever_is_never_renewed() -> None:
    b = Bench()
    b.lease(wire.FOREVER, wire.FOREVER)
    b.host.pass_time(10_000_000)
    assert not b.sent() and not b.host.nic.addresses[LEASED].deprecated


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    try:
        message = Dhcp6Message.parse(data)
    except Malformed:
        return
    assert message.to_bytes() == data


@given(st.binary(max_size=80), st.sampled_from((wire.ADVERTISE, wire.REPLY)))
def test_any_options_are_survived(data: bytes, kind: int) -> None:
    b = Bench()
    b.client.start()
    solicit = b.ask(1, wire.SOLICIT)
    head = Dhcp6Message(kind, solicit.transaction, []).to_bytes()
    known = wire.emit_options([(wire.OPTION_CLIENT_ID, b.client.client_id), (wire.OPTION_SERVER_ID, b"s")])
    for text in (head + known + data, head + known + wire.emit_options([(wire.OPTION_IA_NA, b.client.iaid + data)])):
        datagram = udp_datagram(text, wire.SERVER_PORT, wire.CLIENT_PORT, SERVER, b.own)
        b.host.ipv6(datagram, 17, src=SERVER, dst=b.own)
    assert b.client.state in (client.SOLICITING, client.REQUESTING)
