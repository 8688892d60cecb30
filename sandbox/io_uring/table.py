"""What each opcode does: opcode -> Operation. An opcode that is not here is refused as one that the kernel does not know."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.io_uring import advise, buffers, cancel, ops_fs, ops_misc, ops_net, ops_rw, ops_xattr, poll, timeout
from sandbox.io_uring.request import Operation


def _rw(select: bool = False) -> Operation:
    return Operation(
        ops_rw.prepare,
        ops_rw.transfer,
        file=True,
        waits=True,
        ioprio=True,
        select=select,
        polled=True,
        early=ops_rw.fetch,
    )


OPERATIONS: Final[dict[int, Operation]] = {
    abi.OP_NOP: Operation(ops_rw.prepare_nop, ops_rw.nop, polled=True),
    abi.OP_READV: _rw(True),
    abi.OP_WRITEV: _rw(),
    abi.OP_FSYNC: Operation(ops_rw.prepare_fsync, ops_rw.fsync, file=True),
    abi.OP_READ_FIXED: _rw(),
    abi.OP_WRITE_FIXED: _rw(),
    abi.OP_POLL_ADD: Operation(poll.prepare_add, poll.poll_add, file=True),
    abi.OP_POLL_REMOVE: Operation(poll.prepare_remove, poll.poll_remove),
    abi.OP_TIMEOUT: Operation(timeout.prepare, timeout.timeout),
    abi.OP_TIMEOUT_REMOVE: Operation(timeout.prepare_remove, timeout.remove),
    abi.OP_ASYNC_CANCEL: Operation(cancel.prepare, cancel.async_cancel),
    abi.OP_LINK_TIMEOUT: Operation(timeout.prepare, timeout.link_timeout),
    abi.OP_READ: _rw(True),
    abi.OP_WRITE: _rw(),
    abi.OP_SENDMSG: Operation(ops_net.prepare_send, ops_net.send, file=True, waits=True, ioprio=True),
    abi.OP_RECVMSG: Operation(
        ops_net.prepare_receive, ops_net.receive, file=True, waits=True, ioprio=True, select=True
    ),
    abi.OP_ACCEPT: Operation(ops_net.prepare_accept, ops_net.accept, file=True, waits=True, ioprio=True),
    abi.OP_CONNECT: Operation(ops_net.prepare_connect, ops_net.connect, file=True, waits=True),
    abi.OP_SEND: Operation(ops_net.prepare_send, ops_net.send, file=True, waits=True, ioprio=True),
    abi.OP_RECV: Operation(ops_net.prepare_receive, ops_net.receive, file=True, waits=True, ioprio=True, select=True),
    abi.OP_SHUTDOWN: Operation(ops_net.prepare_shutdown, ops_net.shutdown, file=True),
    abi.OP_SOCKET: Operation(ops_net.prepare_socket, ops_net.socket),
    abi.OP_SYNC_FILE_RANGE: Operation(ops_fs.prepare_plain, ops_fs.sync_file_range, file=True),
    abi.OP_FALLOCATE: Operation(ops_fs.prepare_plain, ops_fs.fallocate, file=True),
    abi.OP_FADVISE: Operation(ops_fs.prepare_plain, ops_fs.fadvise, file=True),
    abi.OP_MADVISE: Operation(advise.prepare, advise.madvise),
    abi.OP_OPENAT: Operation(ops_fs.prepare_open, ops_fs.openat),
    abi.OP_OPENAT2: Operation(ops_fs.prepare_open, ops_fs.openat),
    abi.OP_CLOSE: Operation(ops_fs.prepare_close, ops_fs.close),
    abi.OP_STATX: Operation(ops_fs.prepare_statx, ops_fs.statx),
    abi.OP_RENAMEAT: Operation(ops_fs.prepare_rename, ops_fs.renameat),
    abi.OP_LINKAT: Operation(ops_fs.prepare_rename, ops_fs.linkat),
    abi.OP_UNLINKAT: Operation(ops_fs.prepare_unlink, ops_fs.unlinkat),
    abi.OP_MKDIRAT: Operation(ops_fs.prepare_mkdir, ops_fs.mkdirat),
    abi.OP_SYMLINKAT: Operation(ops_fs.prepare_symlink, ops_fs.symlinkat),
    abi.OP_SPLICE: Operation(ops_fs.prepare_splice, ops_fs.splice_or_tee, file=True),
    abi.OP_TEE: Operation(ops_fs.prepare_splice, ops_fs.splice_or_tee, file=True),
    abi.OP_EPOLL_CTL: Operation(ops_misc.prepare_epoll, ops_misc.epoll_ctl),
    abi.OP_FILES_UPDATE: Operation(ops_misc.prepare_files, ops_misc.files_update),
    abi.OP_MSG_RING: Operation(ops_misc.prepare_message, ops_misc.msg_ring, file=True, polled=True),
    abi.OP_URING_CMD: Operation(ops_misc.prepare_command, ops_misc.command, file=True),
    abi.OP_FSETXATTR: Operation(ops_xattr.prepare, ops_xattr.by_file, file=True),
    abi.OP_SETXATTR: Operation(ops_xattr.prepare, ops_xattr.by_path),
    abi.OP_FGETXATTR: Operation(ops_xattr.prepare, ops_xattr.by_file, file=True),
    abi.OP_GETXATTR: Operation(ops_xattr.prepare, ops_xattr.by_path),
    abi.OP_SEND_ZC: Operation(ops_net.prepare_send_zc, ops_net.send_zc, file=True, waits=True, ioprio=True),
    abi.OP_SENDMSG_ZC: Operation(ops_net.prepare_send_zc, ops_net.send_zc, file=True, waits=True, ioprio=True),
    abi.OP_PROVIDE_BUFFERS: Operation(buffers.prepare_provide, buffers.provide),
    abi.OP_REMOVE_BUFFERS: Operation(buffers.prepare_remove, buffers.remove),
}
