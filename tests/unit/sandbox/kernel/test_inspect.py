"""process_vm_readv(2), process_vm_writev(2), kcmp(2)."""

from __future__ import annotations

import errno
import struct

from .box import HEAP, HEAP_SIZE, Box

READV, WRITEV, KCMP = 310, 311, 312
CLONE_FILES = 0x400


def iovec(box: Box, *ranges: tuple[int, int]) -> int:
    return box.put(box.init, b"".join(struct.pack("<QQ", *r) for r in ranges))


def test_reads_and_writes_another_process(box: Box) -> None:
    t = box.init
    place, target = box.put(t, b"hello world"), box.room()
    child = box.fork(t)
    box.put(child, b"HELLO", place)
    local, remote = iovec(box, (target, 3), (target + 10, 4)), iovec(box, (place, 2), (place + 2, 9))
    assert box.call(t, READV, child.pid, local, 2, remote, 2, 0) == 7
    assert box.get(t, target, 3) == b"HEL" and box.get(t, target + 10, 4) == b"LO w"
    assert box.call(t, WRITEV, child.pid, iovec(box, (target, 3)), 1, iovec(box, (place, 3)), 1, 0) == 3


def test_faults_end_the_transfer(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    end = HEAP + HEAP_SIZE
    local = iovec(box, (box.room(), 64))
    assert box.call(t, READV, child.pid, local, 1, iovec(box, (end - 5, 50)), 1, 0) == 5
    assert box.call(t, READV, child.pid, local, 1, iovec(box, (end, 50)), 1, 0) == -errno.EFAULT
    assert box.call(t, READV, child.pid, iovec(box, (end + 4096, 5)), 1, local, 1, 0) == -errno.EFAULT


def test_refusals(box: Box) -> None:
    t = box.init
    local = iovec(box, (box.room(), 8))
    child = box.fork(t)
    assert box.call(t, READV, 99, local, 1, local, 1, 0) == -errno.ESRCH
    assert box.call(t, READV, 99, local, 0, local, 1, 0) == 0
    assert box.call(t, READV, child.pid, local, 1, local, 1, 1) == -errno.EINVAL
    assert box.call(t, READV, child.pid, local, 1025, local, 1, 0) == -errno.EINVAL
    child.creds = child.creds.with_resuid(5, 5, 5)
    assert box.call(child, READV, 1, local, 1, local, 1, 0) == -errno.EPERM
    assert box.call(child, KCMP, 1, 2, 1, 0, 0) == -errno.EPERM


def test_kcmp(box: Box) -> None:
    t = box.init
    child, other = box.fork(t, CLONE_FILES), box.fork(t)
    assert box.call(t, KCMP, 1, child.pid, 2, 0, 0) == 0
    assert {box.call(t, KCMP, 1, other.pid, 2, 0, 0), box.call(t, KCMP, other.pid, 1, 2, 0, 0)} == {1, 2}
    assert box.call(t, KCMP, 1, 1, 1, 0, 0) == 0
    assert box.call(t, KCMP, 1, 1, 0, 0, 0) == -errno.EBADF
    assert box.call(t, KCMP, 1, 1, 9, 0, 0) == -errno.EINVAL
    assert box.call(t, KCMP, 1, 77, 1, 0, 0) == -errno.ESRCH
