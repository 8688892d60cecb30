"""IPV6_ADDRFORM: a connected endpoint of IPv6 whose peer has an IPv4 address becomes one of IPv4 (RFC 3493 obsoleted it).

Source: net/ipv6/ipv6_sockglue.c: do_ipv6_setsockopt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6
from tcpip.errors import NetworkError
from tcpip.transport.option_values import int_value

if TYPE_CHECKING:
    from tcpip.transport.endpoint import Endpoint

ADDRESS_FORM: Final = (AF_INET6, so.SOL_IPV6, so.IPV6_ADDRFORM)
"""Family, level and name."""


def set_address_form(endpoint: Endpoint, value: int | bytes, connected: bool, peer: bytes) -> None:
    """Of TCP and UDP. INVALID_ARGUMENT, NOT_CONNECTED, ADDRESS_NOT_AVAILABLE."""
    if int_value(value) != AF_INET:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if not connected:
        raise NetworkError(errors.NOT_CONNECTED)
    if len(peer) != 4:
        raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
    endpoint.family = AF_INET


def get_address_form(endpoint: Endpoint, connected: bool) -> int:
    """The family, which is that of IPv6 as long as there is the option. NOT_CONNECTED."""
    if not connected:
        raise NetworkError(errors.NOT_CONNECTED)
    return endpoint.family
