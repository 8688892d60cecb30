"""NETLINK_GENERIC: families by name (net/netlink/genetlink.c). There is one, `nlctrl`, which tells of the others."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl

if TYPE_CHECKING:
    from sandbox.sockets.netlink.message import Request

CONTROL: Final = 0x10  # GENL_ID_CTRL: its family's number, and that of its group
NEW_FAMILY, GET_FAMILY = 1, 3
_ID, _NAME, _VERSION, _HEADER_SIZE, _MOST_ATTRIBUTES, _OPERATIONS, _GROUPS = 1, 2, 3, 4, 5, 6, 7
_OPERATION_ID, _OPERATION_FLAGS = 1, 2
_GROUP_NAME, _GROUP_ID = 1, 2
_CAN_DO, _CAN_DUMP = 2, 4
_HEADER: Final = struct.Struct("<BBH")
_SHORT: Final = struct.Struct("<H")
_CONTROL_NAME: Final = "nlctrl"
_CONTROL_VERSION: Final = 2


def _family() -> bytes:
    """What CTRL_CMD_NEWFAMILY says of `nlctrl` (ctrl_fill_info)."""
    operation = nl.u32(_OPERATION_ID, GET_FAMILY) + nl.u32(_OPERATION_FLAGS, _CAN_DO | _CAN_DUMP)
    group = nl.u32(_GROUP_ID, CONTROL) + nl.string(_GROUP_NAME, "notify")
    parts = [_HEADER.pack(NEW_FAMILY, _CONTROL_VERSION, 0), nl.string(_NAME, _CONTROL_NAME)]
    parts.append(nl.attribute(_ID, _SHORT.pack(CONTROL)))
    parts += [nl.u32(_VERSION, _CONTROL_VERSION), nl.u32(_HEADER_SIZE, 0), nl.u32(_MOST_ATTRIBUTES, 0)]
    parts.append(nl.attribute(_OPERATIONS, nl.attribute(1, operation)))
    parts.append(nl.attribute(_GROUPS, nl.attribute(1, group)))
    return b"".join(parts)


def answer(request: Request, port: int) -> list[bytes]:
    """ENOENT for a family that there is not, EOPNOTSUPP for what it does not do, EINVAL."""
    if request.type != CONTROL:
        raise SyscallError(errno.ENOENT)
    command = request.header(_HEADER)[0]
    if command != GET_FAMILY:
        raise SyscallError(errno.EOPNOTSUPP)
    if request.flags & nl.NLM_F_DUMP == nl.NLM_F_DUMP:  # genl_family_rcv_msg wants both flags
        return nl.dump(request, port, CONTROL, [_family()])
    attributes = request.attributes(_HEADER.size)
    found = False
    if _NAME in attributes:
        found = attributes[_NAME].split(b"\0", 1)[0] == _CONTROL_NAME.encode()
    elif len(attributes.get(_ID, b"")) >= 2:
        found = _SHORT.unpack_from(attributes[_ID])[0] == CONTROL
    else:
        raise SyscallError(errno.EINVAL)
    if not found:
        raise SyscallError(errno.ENOENT)
    return [nl.message(CONTROL, 0, request.seq, port, _family())]
