"""The system-call table of x86-64: the rows of all families, and one for every number that has none."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.kernel.control import Handler
from sandbox.syscalls.linux import (
    sys_acct,
    sys_aio,
    sys_arch_prctl,
    sys_attr,
    sys_bpf,
    sys_clone,
    sys_copy_range,
    sys_cred,
    sys_dir,
    sys_epoll,
    sys_eventfd,
    sys_exec,
    sys_exit,
    sys_fcntl,
    sys_fd,
    sys_flock,
    sys_fs_kinds,
    sys_futex,
    sys_futex2,
    sys_handle,
    sys_inotify,
    sys_inspect,
    sys_io_uring,
    sys_ioctl,
    sys_keys,
    sys_landlock,
    sys_link,
    sys_memfd,
    sys_mempolicy,
    sys_misc,
    sys_mm,
    sys_mmap,
    sys_mount,
    sys_mount_api,
    sys_mqueue,
    sys_msg,
    sys_namespace,
    sys_open,
    sys_pid,
    sys_pipe,
    sys_poll,
    sys_prctl,
    sys_privileged,
    sys_process,
    sys_ptrace,
    sys_read_write,
    sys_remote_mm,
    sys_rlimit,
    sys_sched,
    sys_seccomp,
    sys_select,
    sys_sem,
    sys_sendrecv,
    sys_shm,
    sys_signal,
    sys_signalfd,
    sys_socket,
    sys_splice,
    sys_stat,
    sys_statfs,
    sys_sync,
    sys_syslog,
    sys_thread_memory,
    sys_time,
    sys_timer,
    sys_timerfd,
    sys_truncate,
    sys_wait,
    sys_xattr,
)
from sandbox.syscalls.linux.refused import row_for
from sandbox.syscalls.row import REFUSED, Row, refuse

MODULES: Final = (
    sys_acct,
    sys_aio,
    sys_arch_prctl,
    sys_attr,
    sys_bpf,
    sys_clone,
    sys_copy_range,
    sys_cred,
    sys_dir,
    sys_epoll,
    sys_eventfd,
    sys_exec,
    sys_exit,
    sys_fcntl,
    sys_fd,
    sys_flock,
    sys_fs_kinds,
    sys_futex,
    sys_futex2,
    sys_handle,
    sys_inotify,
    sys_inspect,
    sys_io_uring,
    sys_ioctl,
    sys_keys,
    sys_landlock,
    sys_link,
    sys_memfd,
    sys_mempolicy,
    sys_misc,
    sys_mm,
    sys_mmap,
    sys_mount,
    sys_mount_api,
    sys_mqueue,
    sys_msg,
    sys_namespace,
    sys_open,
    sys_pid,
    sys_pipe,
    sys_poll,
    sys_prctl,
    sys_privileged,
    sys_process,
    sys_ptrace,
    sys_read_write,
    sys_remote_mm,
    sys_rlimit,
    sys_sched,
    sys_seccomp,
    sys_select,
    sys_sem,
    sys_sendrecv,
    sys_shm,
    sys_signal,
    sys_signalfd,
    sys_socket,
    sys_splice,
    sys_stat,
    sys_statfs,
    sys_sync,
    sys_syslog,
    sys_thread_memory,
    sys_time,
    sys_timer,
    sys_timerfd,
    sys_truncate,
    sys_wait,
    sys_xattr,
)


def _collect() -> tuple[Row, ...]:
    rows: list[Row | None] = [None] * len(SYSCALL_NAMES)
    for family in MODULES:
        for row in family.ROWS:
            if rows[row.number] is not None:
                raise ValueError(f"two rows for call {row.number} ({row.name})")
            if SYSCALL_NAMES[row.number] != row.name:
                raise ValueError(f"call {row.number} is {SYSCALL_NAMES[row.number]}, not {row.name}")
            rows[row.number] = row
    return tuple(
        row or (row_for(number, name) if name != "-" else Row(number, name, _no_such_call, REFUSED, (), "no such call"))
        for number, (row, name) in enumerate(zip(rows, SYSCALL_NAMES, strict=True))
    )


_no_such_call: Final = refuse(errno.ENOSYS)

ROWS: Final = _collect()


def handlers() -> list[Handler]:
    """The handlers by number."""
    return [row.handler for row in ROWS]
