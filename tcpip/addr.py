"""Addresses: `bytes` of 4 or 16 (network), 6 (link), in network order, and what can be asked of them.

The data path never sees `ipaddress` objects; `parse` and `text` translate at the edges.
Implements: RFC 4291, RFC 5952 (text form), RFC 1122 3.2.1.3, RFC 6890 in parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ipaddress

AF_UNSPEC: Final = 0
AF_INET: Final = 2
AF_INET6: Final = 10
AF_PACKET: Final = 17

IPV4_ANY: Final = b"\0\0\0\0"
IPV4_BROADCAST: Final = b"\xff\xff\xff\xff"
IPV4_LOOPBACK: Final = b"\x7f\0\0\x01"
IPV4_ALL_SYSTEMS: Final = b"\xe0\0\0\x01"
IPV6_ANY: Final = bytes(16)
IPV6_LOOPBACK: Final = bytes(15) + b"\x01"
IPV6_ALL_NODES: Final = b"\xff\x02" + bytes(13) + b"\x01"
IPV6_ALL_ROUTERS: Final = b"\xff\x02" + bytes(13) + b"\x02"
V4_MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"
MAC_BROADCAST: Final = b"\xff" * 6
MAC_ZERO: Final = bytes(6)


class SockAddr:
    """Where an endpoint is or talks to. `addr` has 4 or 16 bytes (`LinkAddress`: 6); `scope_id` is a NIC number, 0 for none."""

    __slots__ = ("addr", "port", "scope_id", "flowinfo")

    def __init__(self, addr: bytes, port: int, scope_id: int = 0, flowinfo: int = 0) -> None:
        self.addr = addr
        self.port = port
        self.scope_id = scope_id
        self.flowinfo = flowinfo

    @property
    def family(self) -> int:
        return AF_INET if len(self.addr) == 4 else AF_INET6

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SockAddr):
            return NotImplemented
        return self.addr == other.addr and self.port == other.port and self.scope_id == other.scope_id

    def __hash__(self) -> int:
        return hash((self.addr, self.port, self.scope_id))

    def __repr__(self) -> str:
        host = text(self.addr)
        scope = f"%{self.scope_id}" if self.scope_id else ""
        return f"[{host}{scope}]:{self.port}" if len(self.addr) == 16 else f"{host}:{self.port}"


class LinkAddress(SockAddr):
    """Where a frame comes from or goes to (struct sockaddr_ll): `addr` is a link address, `port` the ethertype, `scope_id`
    the NIC's number; `hardware` ARPHRD_*, `kind` TO_* of a received one."""

    __slots__ = ("hardware", "kind")

    def __init__(self, addr: bytes, port: int, scope_id: int = 0, hardware: int = 0, kind: int = 0) -> None:
        super().__init__(addr, port, scope_id)
        self.hardware = hardware
        self.kind = kind

    @property
    def family(self) -> int:
        return AF_PACKET

    def __repr__(self) -> str:
        return f"{self.addr.hex(':')}%{self.scope_id}:{self.port:04x}"


def any_of(family: int) -> bytes:
    """The unspecified address of a family."""
    return IPV4_ANY if family == AF_INET else IPV6_ANY


def is_any(addr: bytes) -> bool:
    """0.0.0.0 or ::."""
    return not any(addr)


def is_loopback(addr: bytes) -> bool:
    """127.0.0.0/8 or ::1."""
    return addr[0] == 127 if len(addr) == 4 else addr == IPV6_LOOPBACK


def is_multicast(addr: bytes) -> bool:
    """224.0.0.0/4 or ff00::/8."""
    return 224 <= addr[0] < 240 if len(addr) == 4 else addr[0] == 0xFF


def is_link_local(addr: bytes) -> bool:
    """169.254.0.0/16 or fe80::/10."""
    if len(addr) == 4:
        return addr[0] == 169 and addr[1] == 254
    return addr[0] == 0xFE and addr[1] & 0xC0 == 0x80


def is_scoped(addr: bytes) -> bool:
    """An IPv6 address that needs a scope id: link-local, or multicast of interface or link scope."""
    if len(addr) == 4:
        return False
    return is_link_local(addr) or (addr[0] == 0xFF and addr[1] & 0x0F <= 2)


def is_v4_mapped(addr: bytes) -> bool:
    """::ffff:a.b.c.d."""
    return len(addr) == 16 and addr.startswith(V4_MAPPED_PREFIX)


def v4_mapped(addr: bytes) -> bytes:
    """An IPv4 address in IPv6 clothes."""
    return V4_MAPPED_PREFIX + addr


def unmapped(addr: bytes) -> bytes:
    """The 4 bytes of a v4-mapped address; any other address unchanged."""
    return addr[12:] if is_v4_mapped(addr) else addr


def solicited_node(addr: bytes) -> bytes:
    """The solicited-node multicast address of a unicast one (RFC 4291 2.7.1)."""
    return b"\xff\x02" + bytes(9) + b"\x01\xff" + addr[13:]


def multicast_mac(addr: bytes) -> bytes:
    """The Ethernet address of a multicast group (RFC 1112 6.4, RFC 2464 7)."""
    if len(addr) == 4:
        return b"\x01\x00\x5e" + bytes((addr[1] & 0x7F,)) + addr[2:]
    return b"\x33\x33" + addr[12:]


def eui64_address(prefix: bytes, mac: bytes) -> bytes:
    """An address from the first 8 bytes of `prefix` and a MAC's modified EUI-64 (RFC 4291 appendix A)."""
    return prefix[:8] + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def prefix_mask(length: int, size: int) -> int:
    """The netmask of a prefix as an int; `size` is 4 or 16 bytes."""
    bits = size * 8
    return ((1 << length) - 1) << (bits - length)


def masked(addr: bytes, length: int) -> bytes:
    """`addr` with all bits behind the prefix cleared."""
    size = len(addr)
    return (int.from_bytes(addr, "big") & prefix_mask(length, size)).to_bytes(size, "big")


def in_prefix(addr: bytes, prefix: bytes, length: int) -> bool:
    """`addr` is in prefix/length."""
    size = len(addr)
    if len(prefix) != size:
        return False
    shift = size * 8 - length
    return int.from_bytes(addr, "big") >> shift == int.from_bytes(prefix, "big") >> shift


def common_prefix_len(a: bytes, b: bytes) -> int:
    """How many leading bits agree (RFC 6724 2.2)."""
    return len(a) * 8 - (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_length()


def subnet_broadcast(addr: bytes, length: int) -> bytes:
    """The directed broadcast address of an IPv4 subnet."""
    host = (1 << (32 - length)) - 1
    return (int.from_bytes(addr, "big") | host).to_bytes(4, "big")


def parse(value: str) -> bytes:
    """Address text to bytes; ValueError for anything else. No scope suffix."""
    import _socket

    try:
        return _socket.inet_pton(AF_INET6 if ":" in value else AF_INET, value)
    except OSError:
        raise ValueError(f"not an IPv4 or IPv6 address: {value!r}") from None


def parse_prefix(value: str) -> tuple[bytes, int]:
    """`ADDRESS[/LENGTH]` to (address, prefix length); ValueError."""
    host, slash, tail = value.partition("/")
    addr = parse(host)
    bits = len(addr) * 8
    if not slash:
        return addr, bits
    if not tail.isdecimal() or int(tail) > bits:
        raise ValueError(f"not a prefix length: {tail!r}")
    return addr, int(tail)


def parse_mac(value: str) -> bytes:
    """`aa:bb:cc:dd:ee:ff` to bytes; ValueError."""
    parts = value.replace("-", ":").split(":")
    if len(parts) != 6 or any(len(part) not in (1, 2) for part in parts):
        raise ValueError(f"not an Ethernet address: {value!r}")
    return bytes(int(part, 16) for part in parts)


def text(addr: bytes) -> str:
    """Address bytes as text (RFC 5952 for IPv6, colons for a MAC); empty stays empty."""
    if len(addr) == 6:
        return addr.hex(":")
    if not addr:
        return ""
    import _socket

    return _socket.inet_ntop(AF_INET if len(addr) == 4 else AF_INET6, addr)


def to_ipaddress(addr: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The standard library's object for an address."""
    import ipaddress

    return ipaddress.ip_address(addr)


def from_ipaddress(addr: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """The bytes of the standard library's object."""
    return addr.packed
