"""The system-call table of x86-64: the rows of all families, and one for every number that has none."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.syscall_names import SYSCALL_NAMES
from sandbox.kernel.control import Handler
from sandbox.syscalls.linux import (
    sys_aio,
    sys_attr,
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
    sys_time,
    sys_timer,
    sys_timerfd,
    sys_truncate,
    sys_wait,
    sys_xattr,
)
from sandbox.syscalls.linux.refused import row_for
from sandbox.syscalls.row import REFUSED, Row, refuse

_FAMILIES: Final = (
    sys_aio.ROWS,
    sys_attr.ROWS,
    sys_clone.ROWS,
    sys_copy_range.ROWS,
    sys_cred.ROWS,
    sys_dir.ROWS,
    sys_epoll.ROWS,
    sys_eventfd.ROWS,
    sys_exec.ROWS,
    sys_exit.ROWS,
    sys_fcntl.ROWS,
    sys_fd.ROWS,
    sys_flock.ROWS,
    sys_fs_kinds.ROWS,
    sys_futex.ROWS,
    sys_futex2.ROWS,
    sys_handle.ROWS,
    sys_inotify.ROWS,
    sys_inspect.ROWS,
    sys_io_uring.ROWS,
    sys_ioctl.ROWS,
    sys_landlock.ROWS,
    sys_link.ROWS,
    sys_memfd.ROWS,
    sys_mempolicy.ROWS,
    sys_misc.ROWS,
    sys_mm.ROWS,
    sys_mmap.ROWS,
    sys_mount.ROWS,
    sys_mount_api.ROWS,
    sys_mqueue.ROWS,
    sys_msg.ROWS,
    sys_namespace.ROWS,
    sys_open.ROWS,
    sys_pid.ROWS,
    sys_pipe.ROWS,
    sys_poll.ROWS,
    sys_prctl.ROWS,
    sys_process.ROWS,
    sys_ptrace.ROWS,
    sys_read_write.ROWS,
    sys_remote_mm.ROWS,
    sys_rlimit.ROWS,
    sys_sched.ROWS,
    sys_seccomp.ROWS,
    sys_select.ROWS,
    sys_sem.ROWS,
    sys_sendrecv.ROWS,
    sys_shm.ROWS,
    sys_signal.ROWS,
    sys_signalfd.ROWS,
    sys_socket.ROWS,
    sys_splice.ROWS,
    sys_stat.ROWS,
    sys_statfs.ROWS,
    sys_sync.ROWS,
    sys_time.ROWS,
    sys_timer.ROWS,
    sys_timerfd.ROWS,
    sys_truncate.ROWS,
    sys_wait.ROWS,
    sys_xattr.ROWS,
)


def _collect() -> tuple[Row, ...]:
    rows: list[Row | None] = [None] * len(SYSCALL_NAMES)
    for family in _FAMILIES:
        for row in family:
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
