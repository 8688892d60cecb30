"""DNS messages: golden bytes, round trips, and hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gateway import dns_message as dns
from tcpip.errors import Malformed

QUERY = bytes.fromhex("12340100000100000000000003777777076578616d706c65036f72670000010001")
RESPONSE = bytes.fromhex(
    "1234818000010003000000000377777707457861"
    "6d706c65036f72670000010001"
    "c00c000500010000003c00060363646ec010"  # www.example.org CNAME cdn.example.org
    "c02d000100010000000a00045db8d822"
    "0461646473036f726700000100010000000a000406060606"  # adds.org: not asked for
)


def test_a_query_is_read() -> None:
    question = dns.parse_query(QUERY)
    assert (question.id, question.name, question.type, question.qclass) == (0x1234, "www.example.org", 1, 1)
    assert question.udp_size == dns.UDP_SIZE


def test_the_asking_side_writes_what_the_answering_side_reads() -> None:
    question = dns.parse_query(dns.make_query(7, "a.example.org", dns.TYPE_AAAA))
    assert (question.id, question.name, question.type) == (7, "a.example.org", dns.TYPE_AAAA)
    assert question.udp_size == dns.EDNS_SIZE


def test_a_response_is_followed_along_its_alias() -> None:
    response = dns.parse_response(RESPONSE, 0x1234, "www.example.org", dns.TYPE_A)
    chain = dns.follow(response.records, "www.example.org")
    assert [(r.name, r.type, r.target, r.data) for r in chain] == [
        ("www.example.org", dns.TYPE_CNAME, "cdn.example.org", b""),
        ("cdn.example.org", dns.TYPE_A, "", bytes((93, 184, 216, 34))),
    ]


def test_an_alias_loop_ends() -> None:
    records = [dns.Record("a", dns.TYPE_CNAME, 1, b"", "b"), dns.Record("b", dns.TYPE_CNAME, 1, b"", "a")]
    assert len(dns.follow(records, "a")) == 2


def test_answers_read_back_and_keep_the_askers_spelling() -> None:
    query = QUERY.replace(b"example", b"ExAmPlE")
    question = dns.parse_query(query)
    assert question.name == "www.example.org"
    answer = dns.make_answer(question, dns.NOERROR, [dns.Record("www.example.org", 1, 5, b"\1\2\3\4")], 512)
    assert b"ExAmPlE" in answer
    response = dns.parse_response(answer, 0x1234, "www.example.org", 1)
    assert [(r.ttl, r.data) for r in response.records] == [(5, b"\1\2\3\4")]


def test_what_does_not_fit_is_cut_off_and_said() -> None:
    question = dns.parse_query(QUERY)
    records = [dns.Record("www.example.org", 1, 5, bytes((1, 2, 3, n))) for n in range(100)]
    answer = dns.make_answer(question, dns.NOERROR, records, 512)
    assert len(answer) <= 512
    assert int.from_bytes(answer[2:4], "big") & dns.TC


@pytest.mark.parametrize(
    "message",
    [
        b"",
        QUERY[:-1],
        QUERY[:12] + b"\xc0\x0c" + b"\0\1\0\1",  # a pointer to itself
        QUERY[:12] + b"\xc0\xff" + b"\0\1\0\1",  # forwards
        QUERY[:12] + b"\x40a\0" + b"\0\1\0\1",
        QUERY[:12] + b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0\0\1\0\1",  # 257 bytes
        QUERY[:2] + b"\x81\0" + QUERY[4:],  # a response
        QUERY[:4] + b"\0\2" + QUERY[6:],  # two questions
    ],
)
def test_bad_queries_are_malformed(message: bytes) -> None:
    with pytest.raises(Malformed):
        dns.parse_query(message)


def test_a_dot_inside_a_label_does_not_make_two() -> None:
    question = dns.parse_query(QUERY[:12] + b"\x0bwww.example\3org\0\0\1\0\1")
    assert question.name == "www\\046example.org"


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for message in (data, QUERY[:12] + data, RESPONSE[:33] + data):
        try:
            dns.parse_query(message)
        except Malformed:
            pass
        try:
            dns.follow(dns.parse_response(message, 0x1234, "www.example.org", 1).records, "www.example.org")
        except Malformed:
            pass
