"""/proc/sys/kernel/{msg*,sem,shm*} and fs/mqueue: limits that root may change (ipc/ipc_sysctl.c, mq_sysctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.ipc import IPCMNI
from sandbox.abi.linux.mqueue import HARD_MSGMAX, HARD_MSGSIZEMAX, MIN_MSGSIZEMAX
from sandbox.fs.procfs.number_file import NumbersFile, Values

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.ipc.namespace import IpcNamespace
    from sandbox.kernel.task import Task

_INT_MAX: Final = (1 << 31) - 1
_ULONG_MAX: Final = (1 << 64) - 1
# Lower than Linux has them: one call has to be held in the memory of the sentry.
_MESSAGE_MAX: Final = HARD_MSGSIZEMAX
_SEM_MAX: Final = 65536

Get = Callable[["IpcNamespace"], Values]
Put = Callable[["IpcNamespace", Values], None]


def _file(fs: ProcFs, get: Get, put: Put, most: Values, least: int = 0) -> NumbersFile:
    """Numbers of the reader's IPC namespace."""

    def get_all(t: Task) -> Values:
        return get(t.ns.ipc)

    def put_all(t: Task, values: Values) -> None:
        put(t.ns.ipc, values)

    return NumbersFile(fs, fs.new_ino(), get_all, put_all, least, most)


def _put_msgmax(ipc: IpcNamespace, values: Values) -> None:
    ipc.msg.max_message = values[0]


def _put_msgmnb(ipc: IpcNamespace, values: Values) -> None:
    ipc.msg.max_queue_bytes = values[0]


def _put_msgmni(ipc: IpcNamespace, values: Values) -> None:
    ipc.msg.max_queues = values[0]


def _put_shmmax(ipc: IpcNamespace, values: Values) -> None:
    ipc.shm.max_bytes = values[0]


def _put_shmall(ipc: IpcNamespace, values: Values) -> None:
    ipc.shm.max_pages = values[0]


def _put_forced(ipc: IpcNamespace, values: Values) -> None:
    ipc.shm.force(values[0] == 1)


def _put_shmmni(ipc: IpcNamespace, values: Values) -> None:
    ipc.shm.max_segments = values[0]


def _sem(ipc: IpcNamespace) -> Values:
    return (ipc.sem.per_set, ipc.sem.max_semaphores, ipc.sem.max_ops, ipc.sem.max_sets)


def _put_sem(ipc: IpcNamespace, values: Values) -> None:
    ipc.sem.per_set, ipc.sem.max_semaphores, ipc.sem.max_ops, ipc.sem.max_sets = values


def _put_queues(ipc: IpcNamespace, values: Values) -> None:
    ipc.mqueue.max_queues = values[0]


def _put_messages(ipc: IpcNamespace, values: Values) -> None:
    ipc.mqueue.messages = values[0]


def _put_max_messages(ipc: IpcNamespace, values: Values) -> None:
    ipc.mqueue.max_messages = values[0]


def _put_size(ipc: IpcNamespace, values: Values) -> None:
    ipc.mqueue.size = values[0]


def _put_max_size(ipc: IpcNamespace, values: Values) -> None:
    ipc.mqueue.max_size = values[0]


def mqueue_files(fs: ProcFs) -> list[tuple[str, NumbersFile]]:
    """fs/mqueue."""
    count, size = HARD_MSGMAX, HARD_MSGSIZEMAX
    rows: tuple[tuple[str, Get, Put, int, int], ...] = (
        ("msg_default", lambda ipc: (ipc.mqueue.messages,), _put_messages, 1, count),
        ("msg_max", lambda ipc: (ipc.mqueue.max_messages,), _put_max_messages, 1, count),
        ("msgsize_default", lambda ipc: (ipc.mqueue.size,), _put_size, MIN_MSGSIZEMAX, size),
        ("msgsize_max", lambda ipc: (ipc.mqueue.max_size,), _put_max_size, MIN_MSGSIZEMAX, size),
        ("queues_max", lambda ipc: (ipc.mqueue.max_queues,), _put_queues, 0, _INT_MAX),
    )
    return [(f"fs/mqueue/{name}", _file(fs, get, put, (most,), least)) for name, get, put, least, most in rows]


def files(fs: ProcFs) -> list[tuple[str, NumbersFile]]:
    """By path below /proc/sys."""
    rows: tuple[tuple[str, Get, Put, Values], ...] = (
        ("msgmax", lambda ipc: (ipc.msg.max_message,), _put_msgmax, (_MESSAGE_MAX,)),
        ("msgmnb", lambda ipc: (ipc.msg.max_queue_bytes,), _put_msgmnb, (_INT_MAX,)),
        ("msgmni", lambda ipc: (ipc.msg.max_queues,), _put_msgmni, (IPCMNI,)),
        ("sem", _sem, _put_sem, (_SEM_MAX, _INT_MAX, _SEM_MAX, IPCMNI)),
        ("shm_rmid_forced", lambda ipc: (int(ipc.shm.rmid_forced),), _put_forced, (1,)),
        ("shmall", lambda ipc: (ipc.shm.max_pages,), _put_shmall, (_ULONG_MAX,)),
        ("shmmax", lambda ipc: (ipc.shm.max_bytes,), _put_shmmax, (_ULONG_MAX,)),
        ("shmmni", lambda ipc: (ipc.shm.max_segments,), _put_shmmni, (IPCMNI,)),
    )
    return [(f"kernel/{name}", _file(fs, get, put, most)) for name, get, put, most in rows]
