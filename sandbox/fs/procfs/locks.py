"""/proc/locks: who holds which file locks (proc_locks(5), fs/locks.c: lock_get_status)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import F_WRLCK
from sandbox.vfs.locks import LOCK_EX, OFFSET_MAX

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.inode import Inode


def locks(t: Task) -> bytes:
    """Of the processes that the reader's PID namespace has. Locks on descriptions are shown for the first process that has
    one; who waits is not shown."""
    found: list[str] = []
    seen: set[int] = set()
    tables: set[int] = set()
    for group in list(t.pids.groups.values()):
        for task in group.tasks:
            if id(task.fds) in tables:
                continue
            tables.add(id(task.fds))
            for fd in task.fds.fds():
                file = task.fds.find(fd)
                inode = file.path.inode if file is not None and file.path is not None else None
                if inode is not None and inode.locks is not None:
                    _of_file(t, group, inode, task.fds, file, found, seen)
    return "".join(f"{number}: {line}\n" for number, line in enumerate(found, 1)).encode()


def _of_file(
    t: Task, group: ThreadGroup, inode: Inode, table: object, file: object, found: list[str], seen: set[int]
) -> None:
    """The locks that a descriptor table and a description have on an inode, once."""
    held = inode.locks
    assert held is not None
    device = inode.fs.dev
    place = f"{os.major(device):02x}:{os.minor(device):02x}:{inode.ino}"
    pid = group.ids.number_in(t.pids)
    for owner in (table, file):
        key = hash((id(owner), id(held)))
        if key in seen:
            continue
        seen.add(key)
        for record in held.records.get(owner, ()):
            name = "OFDLCK" if record.ids is None else "POSIX "
            who = -1 if record.ids is None else record.ids.number_in(t.pids)
            end = "EOF" if record.end >= OFFSET_MAX else str(record.end)
            kind = "WRITE" if record.kind == F_WRLCK else "READ"
            if who:
                found.append(f"{name} ADVISORY  {kind} {who} {place} {record.start} {end}")
        mode = held.flocks.get(owner)
        if mode is not None:
            found.append(f"FLOCK  ADVISORY  {'WRITE' if mode == LOCK_EX else 'READ'} {pid} {place} 0 EOF")
    for description, lease in held.leases.items():
        if description is file:
            state = "BREAKING " if lease.wanted != lease.kind else "ACTIVE   "
            found.append(f"LEASE  {state} {'WRITE' if lease.kind == F_WRLCK else 'READ'} {pid} {place} 0 EOF")
