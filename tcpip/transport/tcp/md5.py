"""TCP_MD5SIG: segments signed with a key that both ends have (RFC 2385), as BGP speakers use it.

Keys are for peers' addresses, or prefixes of them, and belong to a socket; a connection that is accepted takes the one for
its peer along. Between ends with a key nothing that is not signed with it is taken. Segments are sent one by one then, and
time stamps give way to SACK, as there is no room for both. Source: net/ipv4/tcp_ipv4.c: tcp_md5_do_lookup,
tcp_v4_md5_hash_skb, net/ipv4/tcp.c: tcp_inbound_md5_hash.
Deviates: a segment to nobody, and a fast open, are never signed; there are no devices whose routing tables of their own keys
could be for (TCP_MD5SIG_FLAG_IFINDEX).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, unmapped
from tcpip.buffer import Slice
from tcpip.errors import NetworkError
from tcpip.header.tcp_options import MD5_SIGNATURE, NOP

if TYPE_CHECKING:
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.segment import Segment

OPTION_LEN: Final = 20
"""Aligned, as it is sent."""
MAX_KEY: Final = 80
MAX_KEYS: Final = 1024
FLAG_PREFIX: Final = 1
FLAG_IFINDEX: Final = 2
DIGEST: Final = 16
_HEADER: Final = 20
_OPTION: Final = struct.Struct("=128sBBHi80s")
_PSEUDO_4: Final = struct.Struct("!4s4sBBH")
_PSEUDO_6: Final = struct.Struct("!16s16sII")
_HEAD: Final = bytes((NOP, NOP, MD5_SIGNATURE, DIGEST + 2))


class Md5Keys:
    """Keys by peer: (address with the bits that do not count cleared, how many count)."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: dict[tuple[bytes, int], bytes] = {}

    def find(self, address: bytes) -> bytes:
        """The key of the longest prefix that fits, empty: none."""
        best, longest = b"", -1
        for (prefix, bits), key in self.keys.items():
            if bits > longest and len(prefix) == len(address) and _cut(address, bits) == prefix:
                best, longest = key, bits
        return best

    def only(self, address: bytes) -> Md5Keys | None:
        """What a connection to `address` takes along."""
        key = self.find(address)
        if not key:
            return None
        other = Md5Keys()
        other.keys[address, len(address) * 8] = key
        return other


def _cut(address: bytes, bits: int) -> bytes:
    whole = len(address) * 8
    return (int.from_bytes(address, "big") >> whole - bits << whole - bits).to_bytes(len(address), "big")


def set_key(ep: TcpEndpoint, name: int, value: int | bytes) -> None:
    """setsockopt(2) with struct tcp_md5sig; an empty key removes one. INVALID_ARGUMENT, NO_SUCH_FILE, NO_BUFFER_SPACE."""
    if isinstance(value, int) or len(value) < _OPTION.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    where, flags, bits, size, _, key = _OPTION.unpack_from(value)
    address = _address(ep, where)
    extended = name == so.TCP_MD5SIG_EXT
    if extended and flags & FLAG_PREFIX:
        if bits > (128 if ep.family == AF_INET6 and len(address) == 16 else 32):
            raise NetworkError(errors.INVALID_ARGUMENT)
    else:
        bits = len(address) * 8
    if (extended and flags & FLAG_IFINDEX and struct.unpack_from("=i", value, 132)[0]) or size > MAX_KEY:
        raise NetworkError(errors.INVALID_ARGUMENT)
    keys = ep.tcp_options.md5 or Md5Keys()
    at = (_cut(address, bits), bits)
    if not size:
        if keys.keys.pop(at, None) is None:
            raise NetworkError(errors.NO_SUCH_FILE)
    elif at not in keys.keys and len(keys.keys) >= MAX_KEYS:
        raise NetworkError(errors.NO_BUFFER_SPACE)
    else:
        keys.keys[at] = key[:size]
    ep.tcp_options.md5 = keys if keys.keys else None
    choose_key(ep)
    ep.snd.sync_mss()


def _address(ep: TcpEndpoint, where: bytes) -> bytes:
    family = int.from_bytes(where[:2], "little")
    if family != ep.family:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return where[4:8] if family == AF_INET else unmapped(where[8:24])


def choose_key(ep: TcpEndpoint) -> None:
    """The connection's own, for its peer; nothing takes a short way past the signatures."""
    keys = ep.tcp_options.md5
    ep.md5_key = keys.find(ep.remote_addr) if keys is not None and ep.remote_addr else b""
    ep.option_len = option_len(ep)
    ep.options_changed()


def option_len(ep: TcpEndpoint) -> int:
    """What every segment of the connection carries."""
    return (12 if ep.timestamps else 0) + (OPTION_LEN if ep.md5_key else 0)


def key_for(ep: TcpEndpoint, peer: bytes) -> bytes:
    """A listener's key for who calls."""
    keys = ep.tcp_options.md5
    return keys.find(peer) if keys is not None else b""


def digest(src: bytes, dst: bytes, header: bytes | bytearray, length: int, pieces: list[Slice], key: bytes) -> bytes:
    """RFC 2385 2.0: pseudo-header, the fixed header with a checksum of zero, text, key. `length` is the whole segment's."""
    import hashlib  # OpenSSL, which takes milliseconds: few programs have keys

    total = hashlib.md5(usedforsecurity=False)
    total.update(_PSEUDO_4.pack(src, dst, 0, 6, length) if len(src) == 4 else _PSEUDO_6.pack(src, dst, length, 6))
    total.update(header[:16] + b"\0\0" + header[18:_HEADER])
    for piece in pieces:
        total.update(piece)
    total.update(key)
    return total.digest()


def sign(src: bytes, dst: bytes, header: bytearray, pieces: list[Slice], size: int, key: bytes) -> None:
    """Put the option behind the header's others."""
    header[12] += OPTION_LEN // 4 << 4
    length = len(header) + OPTION_LEN + size
    header += _HEAD + digest(src, dst, header, length, pieces, key)


def acceptable(ep: TcpEndpoint, seg: Segment, key: bytes) -> bool:
    """It is signed with `key`, or there is no key and no signature; counted when not."""
    pkt = seg.pkt
    if not key:
        if seg.options.signed:
            ep.stats_ext.inc("TCPMD5Unexpected")
        return not seg.options.signed
    found = [option.data for option in seg.options.unknown if option.kind == MD5_SIGNATURE]
    if not found:
        ep.stats_ext.inc("TCPMD5NotFound")
        return False
    at = pkt.transport
    text: list[Slice] = [memoryview(pkt.data)[seg.start : pkt.end]]
    if digest(pkt.src, pkt.dst, pkt.data[at : at + _HEADER], pkt.end - at, text, key) == found[0]:
        return True
    ep.stats_ext.inc("TCPMD5Failure")
    return False
