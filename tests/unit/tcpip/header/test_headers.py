"""Each header: literal bytes both ways, and nothing but Malformed for whatever bytes come."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcpip.addr import parse
from tcpip.errors import DropReason, Malformed
from tcpip.header import ipv4, ipv6_ext
from tcpip.header.arp import ArpPacket
from tcpip.header.ethernet import EthernetHeader
from tcpip.header.icmpv4 import Icmpv4Message
from tcpip.header.icmpv6 import Icmpv6Message
from tcpip.header.igmp import IgmpMessage, v3_reports
from tcpip.header.ipv4 import Ipv4Header
from tcpip.header.ipv6 import Ipv6Header
from tcpip.header.mld import MldQuery
from tcpip.header.ndp import NdpOptions, NeighborMessage, PrefixInfo, RouterAdvertisement
from tcpip.header.udp import UdpHeader
from tests.unit.attributes import attributes


def emit(header: object) -> bytes:
    out = bytearray(header.wire_len())  # type: ignore[attr-defined]
    header.emit(out, 0)  # type: ignore[attr-defined]
    return bytes(out)


GOLDEN: list[tuple[Callable[[bytes], object], str]] = [
    (EthernetHeader.parse, "ffffffffffff0200000000010806"),
    (ArpPacket.parse, "000108000604000102000000000 10a0000010000000000000a000002".replace(" ", "")),
    (Ipv4Header.parse, "45000014000040004011b8c0c0a80001c0a800c7"),
    (Ipv4Header.parse, "4600001800004000400124d3c0a80001c0a800c794040000"),
    (Ipv6Header.parse, "6012345600003a40fe800000000000000000000000000001ff020000000000000000000000000001"),
    (UdpHeader.parse, "0035c00100080000"),
    (Icmpv4Message.parse, "0800f7fd00010001"),
    (Icmpv6Message.parse, "8000000000010001616263"),
    (lambda b: ipv6_ext.FragmentHeader.parse(b), "1100000900000abc"),
]


@pytest.mark.parametrize(("parser", "text"), GOLDEN)
def test_golden_bytes_survive_parse_and_emit(parser: Callable[[bytes], object], text: str) -> None:
    raw = bytes.fromhex(text)
    if parser == Ipv4Header.parse:
        fixed = bytearray(raw)
        fixed[10:12] = b"\0\0"
        from tcpip.checksum import checksum

        fixed[10:12] = checksum(fixed).to_bytes(2, "big")
        raw = bytes(fixed)
    assert emit(parser(raw)) == raw


def test_ipv4_fields() -> None:
    header = Ipv4Header(parse("1.2.3.4"), parse("5.6.7.8"), 17, 1000, 3, 0x10, 77, False, True, 1480, b"\x94\x04\0\0")
    parsed = Ipv4Header.parse(emit(header) + bytes(976))
    for name in attributes(Ipv4Header):
        assert getattr(parsed, name) == getattr(header, name)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", DropReason.TRUNCATED),
        (b"\x45" + bytes(18), DropReason.TRUNCATED),
        (b"\x65" + bytes(19), DropReason.BAD_VERSION),
        (b"\x44" + bytes(19), DropReason.BAD_HEADER_LENGTH),
        (b"\x46" + bytes(19), DropReason.BAD_HEADER_LENGTH),
        (b"\x45\0\0\x13" + bytes(16), DropReason.BAD_LENGTH),
        (b"\x45\0\0\x15" + bytes(16), DropReason.BAD_LENGTH),
        (b"\x45\0\0\x14" + bytes(16), DropReason.BAD_CHECKSUM),
    ],
)
def test_bad_ipv4_headers(raw: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        Ipv4Header.parse(raw)
    assert caught.value.reason == reason


@pytest.mark.parametrize("raw", [b"\x07\0", b"\x07\x01", b"\x07", b"\x07\x05\0\0"])
def test_ipv4_options_with_bad_lengths(raw: bytes) -> None:
    with pytest.raises(Malformed):
        ipv4.parse_options(raw)


def test_ipv4_options_skip_nops_and_stop_at_the_end() -> None:
    options = ipv4.parse_options(b"\x01\x07\x03\x04\x01\x00\x99\x00")
    assert [(o.kind, o.data) for o in options] == [(7, b"\x04")]


def walk_all(data: bytes) -> object:
    return ipv6_ext.walk(data, data[0] if data else 0, 1, len(data), 0, False)


PARSERS: list[Callable[[bytes], object]] = [
    EthernetHeader.parse,
    ArpPacket.parse,
    Ipv4Header.parse,
    lambda b: ipv4.parse_options(bytes(b)),
    Ipv6Header.parse,
    ipv6_ext.FragmentHeader.parse,
    walk_all,
    UdpHeader.parse,
    Icmpv4Message.parse,
    Icmpv6Message.parse,
    NdpOptions.parse,
    NeighborMessage.parse,
    lambda b: RouterAdvertisement.parse(0xFFFFFFFF, b),
    IgmpMessage.parse,
    lambda b: MldQuery.parse(0xFFFFFFFF, b).max_response_ns(),
]


@given(st.binary(max_size=120), st.sampled_from(PARSERS))
@example(b"\x3c" + b"\x3c\0\x05\xff" * 30, walk_all)
def test_any_bytes_parse_or_are_malformed(data: bytes, parser: Callable[[bytes], object]) -> None:
    for view in (data, memoryview(data)):
        try:
            parser(view)  # type: ignore[arg-type]
        except Malformed as error:
            assert error.reason


def test_extension_chain_is_bounded() -> None:
    chain = b"\x3c\0\x01\x04\0\0\0\0" * 9
    with pytest.raises(Malformed):
        ipv6_ext.walk(chain, 60, 0, len(chain), 0, False)
    chain = b"\x3c\0\x01\x04\0\0\0\0" * 3 + b"\x11\0\x01\x04\0\0\0\0"
    assert ipv6_ext.walk(chain, 60, 0, len(chain), 0, False).protocol == 17


def test_routing_header_with_segments_left_is_reported() -> None:
    chain = ipv6_ext.walk(b"\x11\0\0\x01\0\0\0\0", 43, 0, 8, 0, False)
    assert chain.report == (0, 2)


@pytest.mark.parametrize(
    ("kind", "multicast", "outcome"), [(0x1E, False, "skip"), (0x5E, False, "drop"), (0x9E, True, 2)]
)
def test_unknown_options_act_as_their_top_bits_say(kind: int, multicast: bool, outcome: object) -> None:
    raw = bytes((17, 0, kind, 4, 0, 0, 0, 0))
    if outcome == "drop":
        with pytest.raises(Malformed):
            ipv6_ext.walk(raw, 60, 0, 8, 0, multicast)
        return
    chain = ipv6_ext.walk(raw, 60, 0, 8, 0, multicast)
    assert chain.report == (None if outcome == "skip" else (2, 2))


def test_ndp_options() -> None:
    prefix = PrefixInfo(parse("2001:db8::"), 64, True, True, 3600, 1800)
    raw = b"\x01\x01\x02\0\0\0\0\x09" + prefix.emit_option() + b"\x05\x01\0\0\0\0\x05\xdc" + b"\x63\x01abcdef"
    options = NdpOptions.parse(raw)
    assert options.source_link == b"\x02\0\0\0\0\x09"
    assert options.mtu == 1500
    got = options.prefixes[0]
    assert (got.prefix, got.length, got.on_link, got.autonomous) == (prefix.prefix, 64, True, True)
    assert (got.valid_s, got.preferred_s) == (3600, 1800)
    with pytest.raises(Malformed):
        NdpOptions.parse(raw + b"\x01\x00")


def test_igmp_report_and_query_times() -> None:
    assert v3_reports([(4, parse("239.1.2.3"), ())], 100)[0].hex() == "2200e8f90000000104000000ef010203"
    query = IgmpMessage(0x11, 0x8F, bytes(4), 3)
    assert query.max_response_ns() == ((15 | 16) << 3) * 100_000_000
