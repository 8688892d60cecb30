"""What each opcode does: opcode -> Operation. An opcode that is not here is refused as one that the kernel does not know."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.io_uring import buffers, cancel, ops_rw, poll, timeout
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
    abi.OP_PROVIDE_BUFFERS: Operation(buffers.prepare_provide, buffers.provide),
    abi.OP_REMOVE_BUFFERS: Operation(buffers.prepare_remove, buffers.remove),
}
