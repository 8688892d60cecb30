"""io_uring (include/uapi/linux/io_uring.h) as of Linux 6.6."""

from __future__ import annotations

import struct
from typing import Final

MAX_ENTRIES: Final = 32768
MAX_CQ_ENTRIES: Final = 2 * MAX_ENTRIES

# io_uring_setup: flags
SETUP_IOPOLL: Final = 1 << 0
SETUP_SQPOLL: Final = 1 << 1
SETUP_SQ_AFF: Final = 1 << 2
SETUP_CQSIZE: Final = 1 << 3
SETUP_CLAMP: Final = 1 << 4
SETUP_ATTACH_WQ: Final = 1 << 5
SETUP_R_DISABLED: Final = 1 << 6
SETUP_SUBMIT_ALL: Final = 1 << 7
SETUP_COOP_TASKRUN: Final = 1 << 8
SETUP_TASKRUN_FLAG: Final = 1 << 9
SETUP_SQE128: Final = 1 << 10
SETUP_CQE32: Final = 1 << 11
SETUP_SINGLE_ISSUER: Final = 1 << 12
SETUP_DEFER_TASKRUN: Final = 1 << 13
SETUP_NO_MMAP: Final = 1 << 14
SETUP_REGISTERED_FD_ONLY: Final = 1 << 15
SETUP_NO_SQARRAY: Final = 1 << 16

# SINGLE_MMAP, NODROP, SUBMIT_STABLE, RW_CUR_POS, CUR_PERSONALITY, FAST_POLL, POLL_32BITS, SQPOLL_NONFIXED, EXT_ARG,
# NATIVE_WORKERS, CQE_SKIP, LINKED_FILE, REG_REG_RING; not RSRC_TAGS
FEATURES: Final = (1 << 14) - 1 & ~(1 << 10)

PARAMS: Final = struct.Struct("<IIIIIII12s40s40s")  # sq_entries … wq_fd, resv, sq_off, cq_off
OFFSETS: Final = struct.Struct("<8IQ")

OFF_SQ_RING: Final = 0
OFF_CQ_RING: Final = 0x0800_0000
OFF_SQES: Final = 0x1000_0000
OFF_PBUF_RING: Final = 0x8000_0000
OFF_PBUF_SHIFT: Final = 16
PBUF_RING_MMAP: Final = 1 << 0
OFF_MMAP_MASK: Final = 0xF800_0000

# io_uring_enter: flags
ENTER_GETEVENTS: Final = 1 << 0
ENTER_SQ_WAKEUP: Final = 1 << 1
ENTER_SQ_WAIT: Final = 1 << 2
ENTER_EXT_ARG: Final = 1 << 3
ENTER_REGISTERED_RING: Final = 1 << 4
ENTER_ALL: Final = 0x1F
GETEVENTS_ARG: Final = struct.Struct("<QIIQ")  # sigmask, its size, pad, timeout

# words of the rings
SQ_NEED_WAKEUP: Final = 1 << 0
SQ_CQ_OVERFLOW: Final = 1 << 1
SQ_TASKRUN: Final = 1 << 2
CQ_EVENTFD_DISABLED: Final = 1 << 0

# struct io_uring_sqe: opcode, flags, ioprio, fd, off, addr, len, op_flags, user_data, buf_index, personality,
# file_index, addr3, pad
SQE: Final = struct.Struct("<BBHiQQIIQHHIQQ")
CQE: Final = struct.Struct("<QiI")
CQE_BIG: Final = struct.Struct("<QiIQQ")

SQE_FIXED_FILE: Final = 1 << 0
SQE_IO_DRAIN: Final = 1 << 1
SQE_IO_LINK: Final = 1 << 2
SQE_IO_HARDLINK: Final = 1 << 3
SQE_ASYNC: Final = 1 << 4
SQE_BUFFER_SELECT: Final = 1 << 5
SQE_CQE_SKIP_SUCCESS: Final = 1 << 6
SQE_VALID: Final = 0x7F
SQE_LINKS: Final = SQE_IO_LINK | SQE_IO_HARDLINK

CQE_F_BUFFER: Final = 1 << 0
CQE_F_MORE: Final = 1 << 1
CQE_F_SOCK_NONEMPTY: Final = 1 << 2
CQE_F_NOTIF: Final = 1 << 3
CQE_BUFFER_SHIFT: Final = 16

OP_NOP: Final = 0
OP_READV: Final = 1
OP_WRITEV: Final = 2
OP_FSYNC: Final = 3
OP_READ_FIXED: Final = 4
OP_WRITE_FIXED: Final = 5
OP_POLL_ADD: Final = 6
OP_POLL_REMOVE: Final = 7
OP_SYNC_FILE_RANGE: Final = 8
OP_SENDMSG: Final = 9
OP_RECVMSG: Final = 10
OP_TIMEOUT: Final = 11
OP_TIMEOUT_REMOVE: Final = 12
OP_ACCEPT: Final = 13
OP_ASYNC_CANCEL: Final = 14
OP_LINK_TIMEOUT: Final = 15
OP_CONNECT: Final = 16
OP_FALLOCATE: Final = 17
OP_OPENAT: Final = 18
OP_CLOSE: Final = 19
OP_FILES_UPDATE: Final = 20
OP_STATX: Final = 21
OP_READ: Final = 22
OP_WRITE: Final = 23
OP_FADVISE: Final = 24
OP_MADVISE: Final = 25
OP_SEND: Final = 26
OP_RECV: Final = 27
OP_OPENAT2: Final = 28
OP_EPOLL_CTL: Final = 29
OP_SPLICE: Final = 30
OP_PROVIDE_BUFFERS: Final = 31
OP_REMOVE_BUFFERS: Final = 32
OP_TEE: Final = 33
OP_SHUTDOWN: Final = 34
OP_RENAMEAT: Final = 35
OP_UNLINKAT: Final = 36
OP_MKDIRAT: Final = 37
OP_SYMLINKAT: Final = 38
OP_LINKAT: Final = 39
OP_MSG_RING: Final = 40
OP_FSETXATTR: Final = 41
OP_SETXATTR: Final = 42
OP_FGETXATTR: Final = 43
OP_GETXATTR: Final = 44
OP_SOCKET: Final = 45
OP_URING_CMD: Final = 46
OP_SEND_ZC: Final = 47
OP_SENDMSG_ZC: Final = 48
OP_LAST: Final = 49

URING_CMD_FIXED: Final = 1 << 0
SOCKET_URING_OP_SIOCINQ: Final = 0
SOCKET_URING_OP_SIOCOUTQ: Final = 1

# sqe->len of POLL_ADD and POLL_REMOVE
POLL_ADD_MULTI: Final = 1 << 0
POLL_UPDATE_EVENTS: Final = 1 << 1
POLL_UPDATE_USER_DATA: Final = 1 << 2

# sqe->timeout_flags
TIMEOUT_ABS: Final = 1 << 0
TIMEOUT_UPDATE: Final = 1 << 1
TIMEOUT_BOOTTIME: Final = 1 << 2
TIMEOUT_REALTIME: Final = 1 << 3
LINK_TIMEOUT_UPDATE: Final = 1 << 4
TIMEOUT_ETIME_SUCCESS: Final = 1 << 5
TIMEOUT_MULTISHOT: Final = 1 << 6

# sqe->cancel_flags
ASYNC_CANCEL_ALL: Final = 1 << 0
ASYNC_CANCEL_FD: Final = 1 << 1
ASYNC_CANCEL_ANY: Final = 1 << 2
ASYNC_CANCEL_FD_FIXED: Final = 1 << 3
ASYNC_CANCEL_USERDATA: Final = 1 << 4
ASYNC_CANCEL_OP: Final = 1 << 5

FSYNC_DATASYNC: Final = 1

# sqe->ioprio of send, recv, accept
RECVSEND_POLL_FIRST: Final = 1 << 0
RECVSEND_FIXED_BUF: Final = 1 << 2
SEND_ZC_REPORT_USAGE: Final = 1 << 3
NOTIF_USAGE_ZC_COPIED: Final = 1 << 31
RECV_MULTISHOT: Final = 1 << 1
ACCEPT_MULTISHOT: Final = 1 << 0

FILE_INDEX_ALLOC: Final = 0xFFFFFFFF

MSG_DATA: Final = 0
MSG_SEND_FD: Final = 1
MSG_RING_CQE_SKIP: Final = 1 << 0
MSG_RING_FLAGS_PASS: Final = 1 << 1

# io_uring_register: opcodes
REGISTER_BUFFERS: Final = 0
UNREGISTER_BUFFERS: Final = 1
REGISTER_FILES: Final = 2
UNREGISTER_FILES: Final = 3
REGISTER_EVENTFD: Final = 4
UNREGISTER_EVENTFD: Final = 5
REGISTER_FILES_UPDATE: Final = 6
REGISTER_EVENTFD_ASYNC: Final = 7
REGISTER_PROBE: Final = 8
REGISTER_PERSONALITY: Final = 9
UNREGISTER_PERSONALITY: Final = 10
REGISTER_RESTRICTIONS: Final = 11
REGISTER_ENABLE_RINGS: Final = 12
REGISTER_FILES2: Final = 13
REGISTER_FILES_UPDATE2: Final = 14
REGISTER_BUFFERS2: Final = 15
REGISTER_BUFFERS_UPDATE: Final = 16
REGISTER_IOWQ_AFF: Final = 17
UNREGISTER_IOWQ_AFF: Final = 18
REGISTER_IOWQ_MAX_WORKERS: Final = 19
REGISTER_RING_FDS: Final = 20
UNREGISTER_RING_FDS: Final = 21
REGISTER_PBUF_RING: Final = 22
UNREGISTER_PBUF_RING: Final = 23
REGISTER_SYNC_CANCEL: Final = 24
REGISTER_FILE_ALLOC_RANGE: Final = 25
REGISTER_LAST: Final = 26
REGISTER_USE_REGISTERED_RING: Final = 1 << 31

RING_FDS_MAX: Final = 16
