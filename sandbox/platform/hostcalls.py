"""Host system calls that the standard library does not offer, through ctypes.

Each wrapper raises OSError with the host's errno.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import os
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_syscall: Final = _libc.syscall
_syscall.restype = ctypes.c_long

SYS_MMAP: Final = 9
SYS_MUNMAP: Final = 11
SYS_FUTEX: Final = 202
SYS_TGKILL: Final = 234
SYS_CAPSET: Final = 126
SYS_PIDFD_GETFD: Final = 438
SYS_FSOPEN: Final = 430
SYS_FSCONFIG: Final = 431
SYS_FSMOUNT: Final = 432
SYS_CLOSE_RANGE: Final = 436

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_NEWCGROUP: Final = 0x02000000

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_SECUREBITS: Final = 28
PR_SET_NO_NEW_PRIVS: Final = 38


def _fail(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def call(what: str, number: int, *args: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """One system call; `what` names it in the error."""
    result: int = _syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    if result == -1:
        raise _fail(what)
    return result


def reaches(end: int) -> bool:
    """User space goes on to `end`, a page's: nothing can be mapped beyond (mmap(2): ENOMEM)."""
    page = os.sysconf("SC_PAGE_SIZE")
    try:
        # PROT_NONE; MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE
        call("mmap", SYS_MMAP, end - page, page, 0, 0x100022, -1, 0)
    except OSError as error:
        return error.errno == errno.EEXIST
    call("munmap", SYS_MUNMAP, end - page, page)
    return True


def pidfd_getfd(pidfd: int, fd: int) -> int:
    """A duplicate of another process's descriptor (pidfd_getfd(2))."""
    return call("pidfd_getfd", SYS_PIDFD_GETFD, pidfd, fd, 0)


def open_own_proc(writable: bool = False) -> int:
    """The root of a procfs of the caller's own PID namespace, mounted nowhere; -1 where the host does not allow that.

    /proc may be that of an outer namespace, where the same numbers name other processes. `writable`, where
    possible, is for /proc/PID/mem, in a procfs that has nothing but processes (proc(5): subset=pid).
    """
    try:
        context = call("fsopen", SYS_FSOPEN, ctypes.create_string_buffer(b"proc"), 1)
    except OSError:
        return -1
    try:
        if writable:
            key, value = ctypes.create_string_buffer(b"subset"), ctypes.create_string_buffer(b"pid")
            call("fsconfig", SYS_FSCONFIG, context, 1, key, value, 0)  # FSCONFIG_SET_STRING
        call("fsconfig", SYS_FSCONFIG, context, 6, None, None, 0)  # FSCONFIG_CMD_CREATE
        # no suid, no devices, no exec; read-only
        return call("fsmount", SYS_FSMOUNT, context, 1, 0x0E if writable else 0x0F)
    except OSError:
        return open_own_proc() if writable else -1
    finally:
        os.close(context)


_sched_getcpu: Final = ctypes.PyDLL(None).sched_getcpu


def current_cpu() -> int:
    """The processor that the caller runs on (sched_getcpu(3))."""
    return int(_sched_getcpu())


def set_nice(tid: int, nice: int) -> bool:
    """setpriority(2) of a thread. False: the host does not let it be taken back, or there is no such thread."""
    try:
        os.setpriority(os.PRIO_PROCESS, tid, nice)
    except OSError:
        return False
    return True


def tgkill(pid: int, tid: int, signo: int) -> None:
    """tgkill(2)."""
    call("tgkill", SYS_TGKILL, pid, tid, signo)


def close_range(first: int, last: int = 0xFFFF_FFFF) -> None:
    """close_range(2)."""
    call("close_range", SYS_CLOSE_RANGE, first, last, 0)


def unshare(flags: int) -> None:
    """unshare(2)."""
    if _libc.unshare(flags) != 0:
        raise _fail("unshare")


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one number."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise _fail("prctl")


def personality(persona: int) -> bool:
    """personality(2); False when the host does not allow it."""
    return int(_libc.personality(ctypes.c_ulong(persona))) != -1


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    args = [s.encode() if s is not None else None for s in (source, target, kind)]
    if _libc.mount(*args, ctypes.c_ulong(flags), data.encode() if data else None) != 0:
        raise _fail(f"mount {target}")


def umount(target: str, flags: int) -> None:
    """umount2(2)."""
    if _libc.umount2(target.encode(), flags) != 0:
        raise _fail(f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    if _syscall(ctypes.c_long(155), new.encode(), old.encode()) != 0:
        raise _fail("pivot_root")


def drop_capabilities(keep: int = 0) -> None:
    """Permitted, effective and bounding sets become `keep` (a mask); inheritable and ambient none."""
    for capability in range(64):
        if not keep >> capability & 1 and _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            if ctypes.get_errno() != 1:
                break  # EINVAL: past the last one this kernel knows; EPERM: none to drop, capset below decides
    header = ctypes.create_string_buffer(bytes((0x22, 0x05, 0x08, 0x20)) + bytes(4), 8)
    low, high = keep & 0xFFFF_FFFF, keep >> 32
    data = b"".join(word.to_bytes(4, "little") for word in (low, low, 0, high, high, 0))
    call("capset", SYS_CAPSET, header, ctypes.create_string_buffer(data, 24))


# --- guest memory ---

_process_vm_readv: Final = _libc.process_vm_readv
_process_vm_readv.restype = ctypes.c_ssize_t
_process_vm_writev: Final = _libc.process_vm_writev
_process_vm_writev.restype = ctypes.c_ssize_t

_Iovec: Final = ctypes.c_uint64 * 2
_local: Final = _Iovec()
_remote: Final = _Iovec()
_local_ref: Final = ctypes.byref(_local)
_remote_ref: Final = ctypes.byref(_remote)
_bounce: Final = bytearray(1 << 16)
_bounce_view: Final = memoryview(_bounce)
_bounce_address: Final = ctypes.addressof(ctypes.c_char.from_buffer(_bounce))
_addressof: Final = ctypes.addressof
_from_buffer: Final = ctypes.c_char.from_buffer
_one: Final = ctypes.c_ulong(1)
_zero: Final = ctypes.c_ulong(0)
BOUNCE: Final = 1 << 16


def vm_read(pid: int, address: int, size: int) -> bytes:
    """At most BOUNCE bytes of another process's memory; shorter where it ends, OSError where it begins."""
    _local[0] = _bounce_address
    _local[1] = size
    _remote[0] = address
    _remote[1] = size
    got: int = _process_vm_readv(pid, _local_ref, _one, _remote_ref, _one, _zero)
    if got < 0:
        raise _fail("process_vm_readv")
    return bytes(_bounce_view[:got])


def vm_read_into(pid: int, address: int, dst: memoryview) -> int:
    """Fill a writable, contiguous memoryview; how many bytes were there."""
    _local[0] = _addressof(_from_buffer(dst))
    _local[1] = _remote[1] = len(dst)
    _remote[0] = address
    got: int = _process_vm_readv(pid, _local_ref, _one, _remote_ref, _one, _zero)
    if got < 0:
        raise _fail("process_vm_readv")
    return got


def vm_write(pid: int, address: int, data: bytes | bytearray | memoryview) -> int:
    """Write into another process's memory, at most BOUNCE bytes; how many were written."""
    size = len(data)
    _bounce_view[:size] = data
    _local[0] = _bounce_address
    _local[1] = _remote[1] = size
    _remote[0] = address
    put: int = _process_vm_writev(pid, _local_ref, _one, _remote_ref, _one, _zero)
    if put < 0:
        raise _fail("process_vm_writev")
    return put


def vm_write_from(pid: int, address: int, src: memoryview) -> int:
    """As vm_write from a writable memoryview (kernel scratch), without a copy and without a bound."""
    _local[0] = _addressof(_from_buffer(src))
    _local[1] = _remote[1] = len(src)
    _remote[0] = address
    put: int = _process_vm_writev(pid, _local_ref, _one, _remote_ref, _one, _zero)
    if put < 0:
        raise _fail("process_vm_writev")
    return put


def vm_copy_in(pid: int, local: int, remote: int, size: int) -> bool:
    """As vm_read_into, between addresses (`address_of`). False: not all of it was there."""
    _local[0] = local
    _local[1] = _remote[1] = size
    _remote[0] = remote
    got: int = _process_vm_readv(pid, _local_ref, _one, _remote_ref, _one, _zero)
    return got == size


def vm_copy_out(pid: int, local: int, remote: int, size: int) -> bool:
    """The other way."""
    _local[0] = local
    _local[1] = _remote[1] = size
    _remote[0] = remote
    put: int = _process_vm_writev(pid, _local_ref, _one, _remote_ref, _one, _zero)
    return put == size


def vm_move(pid: int, source: int, target: int, size: int) -> bool:
    """Copy at most BOUNCE bytes from one place of another process's memory to another. False: not all of it was there."""
    return vm_copy_in(pid, _bounce_address, source, size) and vm_copy_out(pid, _bounce_address, target, size)


def address_of(memory: memoryview) -> int:
    """Where writable memory of the caller's lies, as long as it does."""
    return _addressof(_from_buffer(memory))


_SYS_FUTEX: Final = ctypes.c_long(SYS_FUTEX)


def futex_wake(address: int) -> None:
    """Wake all that wait at a word in shared memory; a full memory barrier before it looks (futex(2))."""
    _syscall(_SYS_FUTEX, ctypes.c_void_p(address), 1, 0x7FFF_FFFF, None, None, 0)  # FUTEX_WAKE


def futex_wake_in(fd: int, offset: int, count: int, bitset: int) -> int:
    """Wake up to `count` that wait at a word of a file (FUTEX_WAKE_BITSET): how many it were, none where it has no such word."""
    page = offset & -0x1000
    try:
        at = call("mmap", SYS_MMAP, 0, 0x1000, 1, 1, fd, page)  # PROT_READ, MAP_SHARED
    except OSError:
        return 0
    woken: int = _syscall(_SYS_FUTEX, ctypes.c_void_p(at + offset - page), 10, count, None, None, ctypes.c_uint(bitset))
    call("munmap", SYS_MUNMAP, at, 0x1000)
    return max(woken, 0)


_free_lock: Final = _thread.allocate_lock()


def locked() -> None:
    """A full memory barrier on x86-64: a free lock is taken and given back by one locked instruction each, and no load or
    store passes such a one (Intel SDM 3A, "Locked Instructions"). A fifth of what `fence` costs."""
    _free_lock.acquire()
    _free_lock.release()


_fence_words: Final = (ctypes.c_uint32 * 2)()
_fence_address: Final = ctypes.addressof(_fence_words)


def fence() -> None:
    """A full memory barrier: FUTEX_WAKE_OP is an atomic read-modify-write by the host kernel."""
    # op: FUTEX_OP_ADD 0, compare EQ 1: never wakes anyone
    _syscall(SYS_FUTEX, ctypes.c_void_p(_fence_address), 5 | 128, 0, 0, ctypes.c_void_p(_fence_address + 4), 0x11000001)
