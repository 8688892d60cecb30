"""Socket addresses and messages (unix(7), ip(7), ipv6(7), netlink(7), packet(7), sendmsg(2)) as strace(1) writes them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.strace import memory, names
from sandbox.strace.memory import quote, read

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_MOST: Final = 128
_MSGHDR: Final = struct.Struct("<QI4xQQQQI4x")
_CONTROL: Final = {
    1: "SCM_RIGHTS",
    2: "SCM_CREDENTIALS",
    29: "SCM_TIMESTAMP",
    35: "SCM_TIMESTAMPNS",
    37: "SCM_TIMESTAMPING",
}
_CONTROL_MOST: Final = 1024


def _inet6(data: bytes) -> str:
    groups = [f"{int.from_bytes(data[n : n + 2], 'big'):x}" for n in range(0, 16, 2)]
    best, at = 1, -1
    for start in range(8):
        length = 0
        while start + length < 8 and groups[start + length] == "0":
            length += 1
        if length > best:
            best, at = length, start
    if at < 0:
        return ":".join(groups)
    return ":".join(groups[:at]) + "::" + ":".join(groups[at + best :])


def address_text(data: bytes) -> str:
    """A struct sockaddr of any family."""
    if len(data) < 2:
        return "{" + f"sa_data={quote(data)}" + "}"
    family = int.from_bytes(data[:2], "little")
    port = int.from_bytes(data[2:4], "big")
    head = f"sa_family={names.ADDRESS_FAMILIES.text(family)}"
    if family == 1:
        if len(data) == 2:
            return "{" + head + "}"
        path = data[2:]
        if path[:1] == b"\0":
            return "{" + f"{head}, sun_path=@{quote(path[1:], 108)}" + "}"
        return "{" + f"{head}, sun_path={quote(path.split(bytes(1))[0], 108)}" + "}"
    if family == 2 and len(data) >= 8:
        host = ".".join(map(str, data[4:8]))
        return "{" + f'{head}, sin_port=htons({port}), sin_addr=inet_addr("{host}")' + "}"
    if family == 10 and len(data) >= 24:
        flow = int.from_bytes(data[4:8], "big")
        scope = int.from_bytes(data[24:28], "little")
        text = f'sin6_flowinfo=htonl({flow}), inet_pton(AF_INET6, "{_inet6(data[8:24])}", &sin6_addr), sin6_scope_id={scope}'
        return "{" + f"{head}, sin6_port=htons({port}), {text}" + "}"
    if family == 16 and len(data) >= 12:
        pid, groups = struct.unpack_from("<II", data, 4)
        return "{" + f"{head}, nl_pid={pid}, nl_groups={groups:08x}" + "}"
    if family == 17 and len(data) >= 12:
        index, hardware, kind, size = struct.unpack_from("<iHBB", data, 4)
        station = ", ".join(f"{byte:#04x}" for byte in data[12 : 12 + min(size, 8)])
        text = f"sll_protocol=htons({port:#x}), sll_ifindex={index}, sll_hatype={hardware}, sll_pkttype={kind}, sll_halen={size}, sll_addr=[{station}]"
        return "{" + f"{head}, {text}" + "}"
    return "{" + f"{head}, sa_data={quote(data[2:])}" + "}"


def address(t: Task, at: int, size: int) -> str:
    """The `size` bytes of an address."""
    data = read(t, at, min(size, _MOST)) if 0 < size <= 1 << 20 else None
    return memory.pointer(at) if data is None else address_text(data)


def address_out(t: Task, at: int, length: int) -> str:
    """An address that was filled in, whose size stands where `length` points."""
    size = read(t, length, 4)
    return memory.pointer(at) if size is None or not at else address(t, at, int.from_bytes(size, "little"))


def control(t: Task, at: int, size: int) -> str:
    """Control messages (cmsg(3))."""
    data = read(t, at, min(size, _CONTROL_MOST)) if size else b""
    if data is None:
        return memory.pointer(at)
    items: list[str] = []
    offset = 0
    while offset + 16 <= len(data) and len(items) < memory.MAX_ITEMS:
        length, level, kind = struct.unpack_from("<QII", data, offset)
        if length < 16 or offset + length > len(data):
            break
        body = data[offset + 16 : offset + length]
        head = f"cmsg_len={length}, cmsg_level={names.SOL.text(level)}"
        if level == 1:
            text = f"cmsg_type={_CONTROL.get(kind, hex(kind))}"
        else:
            text = f"cmsg_type={hex(kind)}"
        if (level, kind) == (1, 1):
            fds = [str(value) for (value,) in struct.iter_unpack("<i", body[: len(body) & ~3])]
            text += f", cmsg_data=[{', '.join(fds)}]"
        elif (level, kind) == (1, 2) and len(body) >= 12:
            pid, uid, gid = struct.unpack_from("<III", body)
            text += ", cmsg_data={" + f"pid={pid}, uid={uid}, gid={gid}" + "}"
        elif body:
            text += f", cmsg_data={quote(body)}"
        items.append("{" + f"{head}, {text}" + "}")
        offset += length + 7 & ~7
    return "[" + ", ".join(items) + "]"


def message(t: Task, at: int, most: int = 1 << 40) -> str:
    """struct msghdr, with `most` bytes of what it leads to."""
    data = read(t, at, _MSGHDR.size)
    if data is None:
        return memory.pointer(at)
    name, namelen, iov, iovlen, ctl, ctllen, flags = _MSGHDR.unpack(data)
    parts = [
        f"msg_name={address(t, name, namelen) if namelen else memory.pointer(name)}",
        f"msg_namelen={namelen}",
        f"msg_iov={memory.iovec(t, iov, iovlen, most)}",
        f"msg_iovlen={iovlen}",
    ]
    if ctllen and ctl:
        parts.append(f"msg_control={control(t, ctl, ctllen)}")
    parts += [f"msg_controllen={ctllen}", f"msg_flags={names.MSG.text(flags)}"]
    return "{" + ", ".join(parts) + "}"
