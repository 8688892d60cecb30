"""What a guest allocates with System V IPC and POSIX queues is bounded, charged, and given back."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.ipc import IPC_NOWAIT, IPC_RMID, SEM_UNDO, SEMBUF
from sandbox.abi.linux.sched import CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM
from sandbox.vfs.space import SpaceAccount

from ..kernel.box import Box

SHMGET, SHMCTL, SEMGET, SEMOP, SEMCTL = 29, 31, 64, 65, 66
MSGGET, MSGSND, MSGCTL = 68, 69, 71
MQ_OPEN, MQ_UNLINK, MQ_SEND, CLOSE, EXIT = 240, 241, 242, 3, 60
GETVAL = 12


def made(box: Box, nr: int, *args: int) -> int:
    result = box.call(box.init, nr, *args)
    assert result is not None and result >= 0, result
    return result


def test_messages_fill_the_space_and_leave_it(box: Box, space: SpaceAccount) -> None:
    before = space.overhead
    queues = []
    message = box.put(box.init, struct.pack("<q", 1) + bytes(8192), box.room(8200))
    result: int | None = 0
    while result == 0:
        queues.append(made(box, MSGGET, 0, 0o600))
        for _ in range(2):
            result = result or box.call(box.init, MSGSND, queues[-1], message, 8192, IPC_NOWAIT)
    assert result == -errno.ENOMEM
    assert 50 < len(queues) < 70  # two messages of 8 KiB each in 1 MiB
    assert box.kernel.ipc.msg.bytes > 900_000
    for queue in queues:
        assert box.call(box.init, MSGCTL, queue, IPC_RMID, 0) == 0
    assert space.overhead == before
    assert (box.kernel.ipc.msg.bytes, box.kernel.ipc.msg.messages) == (0, 0)


def test_semaphores_are_charged(box: Box, space: SpaceAccount) -> None:
    before = space.overhead
    sets = []
    while (ident := box.call(box.init, SEMGET, 0, 32000, 0o600)) is not None and ident >= 0:
        sets.append(ident)
    assert ident == -errno.ENOMEM and len(sets) == 4
    for one in sets:
        assert box.call(box.init, SEMCTL, one, 0, IPC_RMID, 0) == 0
    assert space.overhead == before and box.kernel.ipc.sem.used == 0


def test_undos_are_charged_until_they_are_applied(box: Box, space: SpaceAccount) -> None:
    ident = made(box, SEMGET, 0, 100, 0o600)
    before = space.overhead
    child = box.fork(box.init)
    ops = box.put(child, b"".join(SEMBUF.pack(n, 1, SEM_UNDO) for n in range(100)), box.room(600))
    assert box.call(child, SEMOP, ident, ops, 100) == 0
    assert space.overhead > before + 100 * 100
    assert box.call(box.init, SEMCTL, ident, 7, GETVAL, 0) == 1
    box.call(child, EXIT, 0)
    assert space.overhead == before
    assert box.call(box.init, SEMCTL, ident, 7, GETVAL, 0) == 0


def test_undos_of_threads_wait_for_the_last_one(box: Box) -> None:
    ident = made(box, SEMGET, 0, 1, 0o600)
    child = box.fork(box.init)
    thread = box.fork(child, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, 0)
    op = box.put(thread, SEMBUF.pack(0, 3, SEM_UNDO))
    assert box.call(thread, SEMOP, ident, op, 1) == 0
    box.call(thread, EXIT, 0)
    assert box.call(box.init, SEMCTL, ident, 0, GETVAL, 0) == 3
    box.call(child, EXIT, 0)
    assert box.call(box.init, SEMCTL, ident, 0, GETVAL, 0) == 0


def test_a_removed_set_forgets_its_undos(box: Box, space: SpaceAccount) -> None:
    before = space.overhead
    ident = made(box, SEMGET, 0, 1, 0o600)
    op = box.put(box.init, SEMBUF.pack(0, 3, SEM_UNDO))
    assert box.call(box.init, SEMOP, ident, op, 1) == 0
    assert box.call(box.init, SEMCTL, ident, 0, IPC_RMID, 0) == 0
    assert space.overhead == before
    assert box.init.sem_undo is not None and not box.init.sem_undo.undos


def test_segments_are_promised_memory(box: Box, space: SpaceAccount) -> None:
    commit = box.kernel.commit
    used, overhead = commit.used, space.overhead
    assert box.call(box.init, SHMGET, 0, commit.size << 13, 0o600) == -errno.ENOMEM
    segments = []
    while (ident := box.call(box.init, SHMGET, 0, commit.size << 12, 0o600)) is not None and ident >= 0:
        segments.append(ident)
    assert ident == -errno.ENOMEM and len(segments) < 10
    for segment in segments:
        assert box.call(box.init, SHMCTL, segment, IPC_RMID, 0) == 0
    assert (commit.used, space.overhead) == (used, overhead)


def test_limits_can_be_lowered(box: Box) -> None:
    ipc = box.kernel.ipc
    ipc.shm.max_segments, ipc.shm.max_pages, ipc.shm.max_bytes = 2, 10, 9 * 4096
    assert box.call(box.init, SHMGET, 0, 10 * 4096, 0o600) == -errno.EINVAL
    made(box, SHMGET, 0, 9 * 4096, 0o600)
    assert box.call(box.init, SHMGET, 0, 2 * 4096, 0o600) == -errno.ENOSPC
    made(box, SHMGET, 0, 1, 0o600)
    ipc.shm.max_pages = 100
    assert box.call(box.init, SHMGET, 0, 1, 0o600) == -errno.ENOSPC
    ipc.sem.max_semaphores, ipc.sem.max_ops = 5, 1
    ident = made(box, SEMGET, 0, 3, 0o600)
    assert box.call(box.init, SEMGET, 0, 3, 0o600) == -errno.ENOSPC
    assert box.call(box.init, SEMOP, ident, 0, 2) == -errno.E2BIG
    ipc.msg.max_queues = 1
    made(box, MSGGET, 0, 0o600)
    assert box.call(box.init, MSGGET, 0, 0o600) == -errno.ENOSPC


def test_ids_are_not_soon_given_again(box: Box) -> None:
    seen = set()
    for _ in range(500):
        ident = made(box, MSGGET, 0, 0o600)
        assert ident not in seen
        seen.add(ident)
        assert box.call(box.init, MSGCTL, ident, IPC_RMID, 0) == 0
        assert box.call(box.init, MSGCTL, ident, IPC_RMID, 0) == -errno.EINVAL


def test_posix_queues_fill_the_space_and_leave_it(box: Box, space: SpaceAccount) -> None:
    t = box.init
    name = box.put(t, b"queue\0")
    attr = box.put(t, struct.pack("<4q32x", 0, 1000, 8192, 0))
    t.group.rlimits.soft[12] = 1 << 30
    fd = made(box, MQ_OPEN, name, 0o4102, 0o600, attr)
    opened = space.overhead
    text = box.put(t, bytes(8192), box.room(8192))
    sent = 0
    while (result := box.call(t, MQ_SEND, fd, text, 8192, 0, 0)) == 0:
        sent += 1
    assert result == -errno.ENOMEM and 100 < sent < 130
    assert box.call(t, MQ_UNLINK, name) == 0
    assert space.overhead > opened
    assert box.call(t, CLOSE, fd) == 0
    assert space.overhead < opened
    fs = box.kernel.ipc.mqueue.fs
    assert fs is not None and fs.count == 0 and not fs.users
