"""Who may set which socket option: the capability it takes, and the user namespace that must grant it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_NET_ADMIN, CAP_NET_RAW
from sandbox.kernel.user_namespace import INITIAL
from tcpip import sockopt as so
from tcpip.transport.sent_headers import MESSAGES

if TYPE_CHECKING:
    from sandbox.kernel.user_namespace import UserNamespace

_ADMIN: Final = (CAP_NET_ADMIN,)
_RAW: Final = (CAP_NET_RAW,)
_RAW_OR_ADMIN: Final = (CAP_NET_RAW, CAP_NET_ADMIN)

# One of the capabilities; the endpoint refuses the option, or the value, to others.
_NEEDED: Final = {
    (abi.SOL_SOCKET, abi.SO_MARK): _RAW_OR_ADMIN,
    (abi.SOL_SOCKET, abi.SO_PRIORITY): _RAW_OR_ADMIN,
    (abi.SOL_SOCKET, abi.SO_SNDBUFFORCE): _ADMIN,
    (abi.SOL_SOCKET, abi.SO_RCVBUFFORCE): _ADMIN,
    (abi.SOL_SOCKET, so.SO_PREFER_BUSY_POLL): _ADMIN,
    (abi.SOL_SOCKET, so.SO_BUSY_POLL_BUDGET): _ADMIN,
    (abi.SOL_SOCKET, abi.SO_TXTIME): _ADMIN,
    (abi.SOL_IP, so.IP_TRANSPARENT): _RAW_OR_ADMIN,
    (abi.SOL_IPV6, so.IPV6_TRANSPARENT): _RAW_OR_ADMIN,
    (abi.SOL_TCP, so.TCP_REPAIR): _ADMIN,
    (abi.SOL_IPV6, so.IPV6_FLOWLABEL_MGR): _ADMIN,
    (abi.SOL_IPV6, so.IPV6_JOIN_ANYCAST): _ADMIN,
    (abi.SOL_IP, so.IP_OPTIONS): _RAW,
    (abi.SOL_IP, so.IP_RETOPTS): _RAW,
    **{(abi.SOL_IPV6, name): _RAW for name in MESSAGES},
}
# Memory and processor time belong to no network namespace.
_OF_THE_SANDBOX: Final = (
    abi.SO_SNDBUFFORCE,
    abi.SO_RCVBUFFORCE,
    so.SO_PREFER_BUSY_POLL,
    so.SO_BUSY_POLL_BUDGET,
)


def privileges(level: int, name: int, owner: UserNamespace) -> tuple[tuple[UserNamespace, int], ...]:
    """Where and which; any one of them will do. `owner` is who administers the socket's network."""
    where = INITIAL if level == abi.SOL_SOCKET and name in _OF_THE_SANDBOX else owner
    return tuple((where, capability) for capability in _NEEDED.get((level, name), ()))
