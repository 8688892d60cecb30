"""Structures that few calls take: capabilities(7), sched_setattr(2), mq_overview(7), msgop(2), netdevice(7), adjtimex(2),
process_vm_readv(2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import capability
from sandbox.strace import names
from sandbox.strace.memory import MAX_ITEMS, pointer, quote, read, signed

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

_CAPS: Final = [name for value, name in sorted(names.choices(capability, "CAP_")) if value < 64]
_INTERFACE_FLAGS: Final = names.Flags(
    names.bits(
        "IFF_UP IFF_BROADCAST IFF_DEBUG IFF_LOOPBACK IFF_POINTOPOINT IFF_NOTRAILERS IFF_RUNNING IFF_NOARP IFF_PROMISC IFF_ALLMULTI "
        "IFF_MASTER IFF_SLAVE IFF_MULTICAST IFF_PORTSEL IFF_AUTOMEDIA IFF_DYNAMIC"
    )
)
_VERSIONS: Final = {0x19980330: "_LINUX_CAPABILITY_VERSION_1", 0x20071026: "_LINUX_CAPABILITY_VERSION_2", 0x20080522: "_LINUX_CAPABILITY_VERSION_3"}  # fmt: skip


def capability_set(mask: int) -> str:
    """`1<<CAP_CHOWN|…`."""
    parts = [f"1<<{name}" for n, name in enumerate(_CAPS) if mask >> n & 1]
    if mask >> len(_CAPS):
        parts.append(hex(mask >> len(_CAPS) << len(_CAPS)))
    return "|".join(parts) or "0"


def cap_header(t: Task, at: int) -> str:
    """struct __user_cap_header_struct."""
    data = read(t, at, 8)
    if data is None:
        return pointer(at)
    version, pid = struct.unpack("<Ii", data)
    return "{" + f"version={_VERSIONS.get(version) or hex(version)}, pid={pid}" + "}"


def cap_data(t: Task, at: int) -> str:
    """Two of struct __user_cap_data_struct, as version 3 has them."""
    data = read(t, at, 24)
    if data is None:
        return pointer(at)
    low, high = struct.unpack_from("<3I", data), struct.unpack_from("<3I", data, 12)
    words = ("effective", "permitted", "inheritable")
    return "{" + ", ".join(f"{word}={capability_set(low[n] | high[n] << 32)}" for n, word in enumerate(words)) + "}"


def sched_attr(t: Task, at: int) -> str:
    """struct sched_attr."""
    data = read(t, at, 48)
    if data is None:
        return pointer(at)
    size, policy, flags, nice, priority, runtime, deadline, period = struct.unpack("<IIQiIQQQ", data)
    text = f"size={size}, sched_policy={names.SCHED.text(policy)}, sched_flags={names.SCHED_FLAGS.text(flags)}, sched_nice={nice}, "
    text += f"sched_priority={priority}, sched_runtime={runtime}, sched_deadline={deadline}, sched_period={period}"
    return "{" + text + "}"


def mq_attr(t: Task, at: int) -> str:
    """struct mq_attr."""
    data = read(t, at, 32)
    if data is None:
        return pointer(at)
    flags, most, size, now = struct.unpack("<4q", data)
    shown = names.PIPE.text(flags & 0xFFFFFFFF)
    return "{" + f"mq_flags={shown}, mq_maxmsg={most}, mq_msgsize={size}, mq_curmsgs={now}" + "}"


def message(t: Task, at: int, size: int) -> str:
    """struct msgbuf of msgsnd(2)."""
    data = read(t, at, 8 + min(max(size, 0), 64))
    if data is None:
        return pointer(at)
    return "{" + f"mtype={int.from_bytes(data[:8], 'little', signed=True)}, mtext={quote(data[8:])}" + "}"


def interface(t: Task, at: int, request: int) -> str:
    """struct ifreq, as the request uses it."""
    data = read(t, at, 40)
    if data is None:
        return pointer(at)
    head = f"ifr_name={quote(data[:16].split(bytes(1))[0])}"
    number, flags = int.from_bytes(data[16:20], "little", signed=True), int.from_bytes(data[16:18], "little")
    if request == 0x8933:
        return "{" + f"{head}, ifr_ifindex={number}" + "}"
    if request in (0x8913, 0x8914):
        return "{" + f"{head}, ifr_flags={_INTERFACE_FLAGS.text(flags)}" + "}"
    if request in (0x8921, 0x8922):
        return "{" + f"{head}, ifr_mtu={number}" + "}"
    return "{" + head + "}"


def remote(t: Task, at: int, count: int) -> str:
    """struct iovec of another process: addresses alone."""
    data = read(t, at, 16 * min(count, MAX_ITEMS)) if 0 < count < 1 << 31 else b""
    if data is None or not at:
        return pointer(at)
    items = ["{" + f"iov_base={pointer(base)}, iov_len={size}" + "}" for base, size in struct.iter_unpack("<QQ", data)]
    return "[" + ", ".join(items) + (", ..." if count > MAX_ITEMS else "") + "]"


def timex(t: Task, at: int) -> str:
    """struct timex of adjtimex(2), as far as strace shows it first."""
    data = read(t, at, 64)
    if data is None:
        return pointer(at)
    modes, offset, freq, maxerror, esterror, status, constant = struct.unpack_from("<I4xqqqqi4xq", data)
    text = (
        f"modes={hex(modes) if modes else 0}, offset={offset}, freq={freq}, maxerror={maxerror}, esterror={esterror}, "
    )
    return "{" + text + f"status={hex(status & 0xFFFFFFFF)}, constant={constant}, ..." + "}"


def handle(t: Task, at: int) -> str:
    """struct file_handle, before its bytes are there."""
    data = read(t, at, 4)
    return pointer(at) if data is None else "{" + f"handle_bytes={int.from_bytes(data, 'little')}" + "}"


def membership(t: Task, at: int) -> str:
    """struct ip_mreq of ip(7)."""
    data = read(t, at, 8)
    if data is None:
        return pointer(at)
    group, local = (".".join(map(str, data[n : n + 4])) for n in (0, 4))
    return "{" + f'imr_multiaddr=inet_addr("{group}"), imr_interface=inet_addr("{local}")' + "}"


def action(t: Task, at: int) -> str:
    """What a seccomp filter may answer."""
    data = read(t, at, 4)
    return pointer(at) if data is None else f"[{names.SECCOMP_ACTIONS.text(int.from_bytes(data, 'little'))}]"


def process_keyring(value: int) -> str:
    """A serial number, or one of the special ones."""
    return names.KEYRINGS.names.get(value & 0xFFFFFFFF) or str(signed(value))


FORMS: Final[dict[str, Callable[[Task, int], str]]] = {
    "cap_header": cap_header,
    "cap_data": cap_data,
    "sched_attr": sched_attr,
    "mq_attr": mq_attr,
    "timex": timex,
    "file_handle": handle,
}
