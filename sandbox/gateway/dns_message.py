"""DNS messages, as much as a forwarder needs: one question in, records out, answers built.

Every reader is bounded by the message; compression pointers must point backwards, so that they end.
Implements: RFC 1035 3.2, 4.1; RFC 3596 2; RFC 6891 6.1 (an OPT record is recognised, and answered with one).
"""

from __future__ import annotations

import struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_RECORD: Final = struct.Struct("!HHIH")

QR: Final = 0x8000
OPCODE_MASK: Final = 0x7800
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
RA: Final = 0x0080

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4

TYPE_A: Final = 1
TYPE_CNAME: Final = 5
TYPE_PTR: Final = 12
TYPE_AAAA: Final = 28
TYPE_OPT: Final = 41
TYPE_IXFR: Final = 251
TYPE_ANY: Final = 255
CLASS_IN: Final = 1

MAX_NAME: Final = 255
MAX_RECORDS: Final = 128
UDP_SIZE: Final = 512
EDNS_SIZE: Final = 1232


class Question:
    """What is asked. `name` is lower case without the final dot, bytes outside printable ASCII escaped as \\ddd;
    `raw` is the question section as it came (the asker's spelling is given back)."""

    __slots__ = ("id", "flags", "name", "type", "qclass", "raw", "udp_size")

    def __init__(self, id: int, flags: int, name: str, type: int, qclass: int, raw: bytes, udp_size: int) -> None:
        self.id = id
        self.flags = flags
        self.name = name
        self.type = type
        self.qclass = qclass
        self.raw = raw
        self.udp_size = udp_size


class Record:
    """One answer record; `data` is the raw data, for CNAME `target` is the name."""

    __slots__ = ("name", "type", "ttl", "data", "target")

    def __init__(self, name: str, type: int, ttl: int, data: bytes, target: str = "") -> None:
        self.name = name
        self.type = type
        self.ttl = ttl
        self.data = data
        self.target = target


def read_name(message: bytes, at: int) -> tuple[str, int]:
    """The name at `at`, and where it ends. Raises Malformed."""
    labels: list[str] = []
    size, end, limit = 1, -1, at
    while True:
        if at >= len(message):
            raise Malformed(DropReason.TRUNCATED)
        length = message[at]
        if length == 0:
            return ".".join(labels), at + 1 if end < 0 else end
        if length >= 0xC0:
            if at + 1 >= len(message):
                raise Malformed(DropReason.TRUNCATED)
            pointer = (length & 0x3F) << 8 | message[at + 1]
            if end < 0:
                end = at + 2
            if pointer >= limit:
                raise Malformed(DropReason.BAD_FIELD)
            at = limit = pointer
            continue
        if length > 63:
            raise Malformed(DropReason.BAD_FIELD)
        label = message[at + 1 : at + 1 + length]
        size += length + 1
        if len(label) < length or size > MAX_NAME:
            raise Malformed(DropReason.TRUNCATED)
        labels.append(_label_text(label))
        at += length + 1


def _label_text(label: bytes) -> str:
    """A label in lower case; what is not plain (a dot inside, say) is escaped and so never equals a plain name."""
    return "".join(chr(b) if 0x21 <= b <= 0x7E and b not in b".\\" else f"\\{b:03d}" for b in label.lower())


def write_name(name: str) -> bytes:
    """A plain name, uncompressed. Raises Malformed for one that cannot be written."""
    out = bytearray()
    for label in name.split(".") if name else ():
        raw = label.encode("ascii")
        if not 0 < len(raw) <= 63 or b"\\" in raw:
            raise Malformed(DropReason.BAD_FIELD)
        out.append(len(raw))
        out += raw
    out.append(0)
    if len(out) > MAX_NAME:
        raise Malformed(DropReason.BAD_FIELD)
    return bytes(out)


def reverse_name(address: bytes) -> str:
    """The name under which an address is looked up backwards (RFC 1035 3.5, RFC 3596 2.5)."""
    if len(address) == 4:
        return ".".join(str(byte) for byte in reversed(address)) + ".in-addr.arpa"
    return ".".join(reversed(address.hex())) + ".ip6.arpa"


def parse_query(message: bytes) -> Question:
    """A query with exactly one question. Raises Malformed."""
    if len(message) < HEADER.size:
        raise Malformed(DropReason.TRUNCATED)
    number, flags, questions, answers, authorities, additional = HEADER.unpack_from(message)
    if flags & QR or questions != 1:
        raise Malformed(DropReason.BAD_FIELD)
    name, at = read_name(message, HEADER.size)
    if at + 4 > len(message):
        raise Malformed(DropReason.TRUNCATED)
    qtype, qclass = _QUESTION.unpack_from(message, at)
    raw = message[HEADER.size : at + 4]
    udp_size = UDP_SIZE
    if additional == 1 and not answers and not authorities and message[at + 4 : at + 7] == b"\0\0\x29":
        udp_size = max(UDP_SIZE, int.from_bytes(message[at + 7 : at + 9], "big"))
    return Question(number, flags, name, qtype, qclass, raw, udp_size)


def make_query(number: int, name: str, qtype: int) -> bytes:
    """A recursive query with an OPT record."""
    opt = b"\0" + _RECORD.pack(TYPE_OPT, EDNS_SIZE, 0, 0)
    return HEADER.pack(number, RD, 1, 0, 0, 1) + write_name(name) + _QUESTION.pack(qtype, CLASS_IN) + opt


def make_answer(question: Question, rcode: int, records: list[Record], limit: int) -> bytes:
    """The response to `question`; what does not fit `limit` bytes is left out and TC is set.

    A question with OPT gets one back (RFC 6891 6.1.1: it must).
    """
    opt = b"\0" + _RECORD.pack(TYPE_OPT, EDNS_SIZE, 0, 0) if question.udp_size > UDP_SIZE else b""
    body = bytearray(question.raw)
    count, flags = 0, QR | RA | (question.flags & (RD | OPCODE_MASK)) | rcode
    for record in records:
        data = write_name(record.target) if record.type == TYPE_CNAME else record.data
        wire = write_name(record.name) + _RECORD.pack(record.type, CLASS_IN, record.ttl, len(data)) + data
        if HEADER.size + len(body) + len(wire) + len(opt) > limit:
            flags |= TC
            break
        body += wire
        count += 1
    return HEADER.pack(question.id, flags, 1, count, 0, 1 if opt else 0) + bytes(body) + opt


class Response:
    """What an upstream server said. `records`: the answer section's A, AAAA and CNAME records of class IN."""

    __slots__ = ("flags", "rcode", "records")

    def __init__(self, flags: int, rcode: int, records: list[Record]) -> None:
        self.flags = flags
        self.rcode = rcode
        self.records = records


def parse_response(message: bytes, number: int, name: str, qtype: int) -> Response:
    """The response to `make_query(number, name, qtype)`. Raises Malformed when it is not that."""
    if len(message) < HEADER.size:
        raise Malformed(DropReason.TRUNCATED)
    got, flags, questions, answers, _, _ = HEADER.unpack_from(message)
    if got != number or not flags & QR or questions != 1:
        raise Malformed(DropReason.BAD_FIELD)
    asked, at = read_name(message, HEADER.size)
    if at + 4 > len(message) or asked != name or _QUESTION.unpack_from(message, at) != (qtype, CLASS_IN):
        raise Malformed(DropReason.BAD_FIELD)
    if flags & TC:
        return Response(flags, flags & 15, [])  # cut anywhere: ask again over TCP
    return Response(flags, flags & 15, _read_answers(message, at + 4, answers))


def _read_answers(message: bytes, at: int, count: int) -> list[Record]:
    records: list[Record] = []
    for _ in range(min(count, MAX_RECORDS)):
        owner, at = read_name(message, at)
        if at + _RECORD.size > len(message):
            raise Malformed(DropReason.TRUNCATED)
        kind, rclass, ttl, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        if at + length > len(message):
            raise Malformed(DropReason.TRUNCATED)
        if rclass == CLASS_IN and "\\" not in owner:
            record = _read_data(message, at, length, owner, kind, ttl)
            if record is not None:
                records.append(record)
        at += length
    return records


def _read_data(message: bytes, at: int, length: int, owner: str, kind: int, ttl: int) -> Record | None:
    ttl = ttl if ttl < 1 << 31 else 0  # RFC 2181 8
    if kind == TYPE_CNAME:
        target, end = read_name(message, at)
        return Record(owner, kind, ttl, b"", target) if end <= at + length and "\\" not in target else None
    if (kind, length) in ((TYPE_A, 4), (TYPE_AAAA, 16)):
        return Record(owner, kind, ttl, message[at : at + length])
    return None


def follow(records: list[Record], name: str) -> list[Record]:
    """The records that belong to `name`: along its CNAME chain, in chain order (RFC 1034 3.6.2)."""
    chain: list[Record] = []
    for _ in range(len(records) + 1):
        chain.extend(r for r in records if r.name == name and r.type != TYPE_CNAME)
        alias = next((r for r in records if r.name == name and r.type == TYPE_CNAME), None)
        if alias is None or alias in chain:
            break
        chain.append(alias)
        name = alias.target
    return chain
