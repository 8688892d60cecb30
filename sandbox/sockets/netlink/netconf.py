"""RTM_NEWNETCONF: how an interface, all of them or new ones are set up (`ip netconf`; net/ipv4/devinet.c, net/ipv6/addrconf.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.stack.nic_settings import ALL, DEFAULT

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

RTM_NEWNETCONF: Final = 80
_IFINDEX, _FORWARDING, _RP_FILTER, _MC_FORWARDING, _PROXY_NEIGH, _LINKDOWN, _BC_FORWARDING = 1, 2, 3, 4, 5, 6, 8
_ALL, _DEFAULT = -1, -2
_INT: Final = struct.Struct("<i")
_HEADER: Final = 4  # struct netconfmsg, padded


def _value(kind: int, value: int) -> bytes:
    return nl.attribute(kind, _INT.pack(value))


def body(network: Network, family: int, nic: Nic, gone: bool = False) -> bytes:
    """struct netconfmsg and attributes; of an interface that is gone only its number."""
    parts = [bytes((family, 0, 0, 0)), _value(_IFINDEX, nic.number)]
    if not gone:
        four = family == AF_INET
        parts.append(_value(_FORWARDING, nic.forwards if four else nic.forwards_v6))
        if four:
            parts.append(_value(_RP_FILTER, nic.rp_filter))
        parts.append(_value(_MC_FORWARDING, 0))
        if four:
            parts.append(_value(_BC_FORWARDING, 0))
        parts.append(_value(_PROXY_NEIGH, int(nic.proxy_arp) if four else 0))
        parts.append(_value(_LINKDOWN, 0))
    return b"".join(parts)


def body_of_many(network: Network, family: int, number: int) -> bytes:
    """The same of `all` (-1) and of `default` (-2), what new ones begin with."""
    name = ALL if number == _ALL else DEFAULT
    four = family == AF_INET

    def value(kind: int, key: str) -> bytes:
        return _value(kind, network.stack.nic_settings.read(network.stack, key, name) if key else 0)

    parts = [bytes((family, 0, 0, 0)), _value(_IFINDEX, number)]
    parts.append(value(_FORWARDING, "ipv4/conf/forwarding" if four else "ipv6/conf/forwarding"))
    if four:
        parts.append(value(_RP_FILTER, "ipv4/conf/rp_filter"))
    parts.append(_value(_MC_FORWARDING, 0))
    if four:
        parts.append(_value(_BC_FORWARDING, 0))
    return b"".join((*parts, value(_PROXY_NEIGH, "ipv4/conf/proxy_arp" if four else ""), _value(_LINKDOWN, 0)))


def get(network: Network, request: Request, port: int) -> list[bytes]:
    """RTM_GETNETCONF: of an interface, of `all` or `default`, or a dump. EINVAL."""
    family = request.body[0] if request.body else AF_UNSPEC
    if request.dump:
        families = [one for one in (AF_INET, AF_INET6) if family in (AF_UNSPEC, one)]
        nics = sorted(network.stack.nics.items())
        bodies: list[bytes] = []
        for one in families:
            bodies += [body(network, one, nic) for _, nic in nics]
            bodies += [body_of_many(network, one, number) for number in (_ALL, _DEFAULT)]
        return nl.dump(request, port, RTM_NEWNETCONF, bodies)
    raw = request.attributes(_HEADER).get(_IFINDEX, b"")
    if len(raw) < _INT.size or family not in (AF_INET, AF_INET6):
        raise SyscallError(errno.EINVAL)
    number = _INT.unpack_from(raw)[0]
    if number in (_ALL, _DEFAULT):
        return [nl.message(RTM_NEWNETCONF, 0, request.seq, port, body_of_many(network, family, number))]
    nic = network.stack.nics.get(number)
    if nic is None:
        raise SyscallError(errno.EINVAL)
    return [nl.message(RTM_NEWNETCONF, 0, request.seq, port, body(network, family, nic))]
