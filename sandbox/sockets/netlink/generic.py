"""NETLINK_GENERIC: families by name (net/netlink/genetlink.c). `nlctrl` tells of the others: `TASKSTATS` (taskstats.py) and
`ethtool` (ethtool.py)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request

CONTROL: Final = 0x10  # GENL_ID_CTRL: its family's number, and that of its group
ETHTOOL: Final = 0x13  # GENL_START_ALLOC: others are numbered as they come
TASKSTATS: Final = 0x14
NEW_FAMILY, GET_FAMILY = 1, 3
_ID, _NAME, _VERSION, _HEADER_SIZE, _MOST_ATTRIBUTES, _OPERATIONS, _GROUPS = 1, 2, 3, 4, 5, 6, 7
_OPERATION_ID, _OPERATION_FLAGS = 1, 2
_GROUP_NAME, _GROUP_ID = 1, 2
_ADMIN, _CAN_DO, _CAN_DUMP, _HAS_POLICY, _NAMESPACE_ADMIN = 1, 2, 4, 8, 16
_HEADER: Final = struct.Struct("<BBH")
_SHORT: Final = struct.Struct("<H")


class GenericFamily:
    """`operations`: the flags of each command. `groups`: their names and numbers."""

    __slots__ = ("number", "name", "version", "operations", "groups")

    def __init__(
        self, number: int, name: str, version: int, operations: dict[int, int], groups: tuple[tuple[str, int], ...]
    ) -> None:
        self.number = number
        self.name = name
        self.version = version
        self.operations = operations
        self.groups = groups

    def body(self) -> bytes:
        """What CTRL_CMD_NEWFAMILY says of it (ctrl_fill_info)."""
        parts = [_HEADER.pack(NEW_FAMILY, _CONTROL_VERSION, 0), nl.string(_NAME, self.name)]
        parts.append(nl.attribute(_ID, _SHORT.pack(self.number)))
        parts += [nl.u32(_VERSION, self.version), nl.u32(_HEADER_SIZE, 0), nl.u32(_MOST_ATTRIBUTES, 0)]
        told = [nl.u32(_OPERATION_ID, one) + nl.u32(_OPERATION_FLAGS, flags) for one, flags in self.operations.items()]
        parts.append(nl.attribute(_OPERATIONS, _listed(told)))
        if self.groups:
            told = [nl.u32(_GROUP_ID, number) + nl.string(_GROUP_NAME, name) for name, number in self.groups]
            parts.append(nl.attribute(_GROUPS, _listed(told)))
        return b"".join(parts)


def _listed(bodies: list[bytes]) -> bytes:
    return b"".join([nl.attribute(number, body) for number, body in enumerate(bodies, 1)])


_CONTROL_VERSION: Final = 2
_GET: Final = _CAN_DO | _HAS_POLICY
_GETS: Final = _GET | _CAN_DUMP
_ETHTOOL_EEPROM: Final = 31
_ETHTOOL_GETS: Final = (1, 2, 4, 6, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 29, 34)
_FAMILIES: Final = (
    GenericFamily(CONTROL, "nlctrl", _CONTROL_VERSION, {GET_FAMILY: _CAN_DO | _CAN_DUMP}, (("notify", CONTROL),)),
    GenericFamily(
        ETHTOOL,
        "ethtool",
        1,
        {**{one: _GETS for one in _ETHTOOL_GETS}, _ETHTOOL_EEPROM: _GETS | _NAMESPACE_ADMIN},
        (("monitor", 3),),
    ),
    GenericFamily(TASKSTATS, "TASKSTATS", 1, {1: _GET | _ADMIN, 4: _GET}, ()),
)
_BY_NUMBER: Final = {family.number: family for family in _FAMILIES}


def answer(t: Task, network: Network, request: Request, port: int) -> list[bytes]:
    """genl_family_rcv_msg: ENOENT for a family that there is not, EOPNOTSUPP for what it does not do, EPERM, EINVAL."""
    family = _BY_NUMBER.get(request.type)
    if family is None:
        raise SyscallError(errno.ENOENT)
    command = request.header(_HEADER)[0]
    flags = family.operations.get(command, 0)
    dumps = request.flags & nl.NLM_F_DUMP == nl.NLM_F_DUMP  # both flags
    if not flags & (_CAN_DUMP if dumps else _CAN_DO):
        raise SyscallError(errno.EOPNOTSUPP)
    if flags & _ADMIN and not t.creds.has_in(INITIAL, CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    if flags & _NAMESPACE_ADMIN and not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    if family.number == CONTROL:
        return _control(request, port, dumps)
    if family.number == TASKSTATS:
        from sandbox.sockets.netlink import taskstats

        return taskstats.answer(t, request, port)
    from sandbox.sockets.netlink import ethtool

    return ethtool.answer(network, request, port, dumps)


def _control(request: Request, port: int, dumps: bool) -> list[bytes]:
    if dumps:
        return nl.dump(request, port, CONTROL, [family.body() for family in _FAMILIES])
    attributes = request.attributes(_HEADER.size)
    found = None
    if _NAME in attributes:
        name = attributes[_NAME].split(b"\0", 1)[0]
        found = next((family for family in _FAMILIES if family.name.encode() == name), None)
    elif len(attributes.get(_ID, b"")) >= 2:
        found = _BY_NUMBER.get(_SHORT.unpack_from(attributes[_ID])[0])
    else:
        raise SyscallError(errno.EINVAL)
    if found is None:
        raise SyscallError(errno.ENOENT)
    return [nl.message(CONTROL, 0, request.seq, port, found.body())]
