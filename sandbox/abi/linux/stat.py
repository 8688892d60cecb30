"""File modes, struct stat, struct statx and the flags of the *at calls (include/uapi/linux/stat.h, x86-64)."""

from __future__ import annotations

import struct
from typing import Final

S_IFMT: Final = 0o170000
S_IFSOCK: Final = 0o140000
S_IFLNK: Final = 0o120000
S_IFREG: Final = 0o100000
S_IFBLK: Final = 0o060000
S_IFDIR: Final = 0o040000
S_IFCHR: Final = 0o020000
S_IFIFO: Final = 0o010000
S_ISUID: Final = 0o4000
S_ISGID: Final = 0o2000
S_ISVTX: Final = 0o1000
S_IXGRP: Final = 0o0010
S_IALLUGO: Final = 0o7777

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_EACCESS: Final = 0x200
AT_REMOVEDIR: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_NO_AUTOMOUNT: Final = 0x800
AT_EMPTY_PATH: Final = 0x1000
AT_STATX_SYNC_TYPE: Final = 0x6000

# st_dev, st_ino, st_nlink, st_mode, st_uid, st_gid, pad, st_rdev, st_size, st_blksize, st_blocks,
# three times (seconds, nanoseconds), unused
STAT: Final = struct.Struct("<QQQIIIIQqqqqQqQqQ24x")

# stx_mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks, attributes_mask,
# four times (seconds, nanoseconds), rdev major, minor, dev major, minor, mnt_id, then zeros to 256 bytes
STATX: Final = struct.Struct("<IIQIIIH2xQQQQqI4xqI4xqI4xqI4xIIIIQ104x")

STATX_TYPE: Final = 0x1
STATX_MODE: Final = 0x2
STATX_NLINK: Final = 0x4
STATX_UID: Final = 0x8
STATX_GID: Final = 0x10
STATX_ATIME: Final = 0x20
STATX_MTIME: Final = 0x40
STATX_CTIME: Final = 0x80
STATX_INO: Final = 0x100
STATX_SIZE: Final = 0x200
STATX_BLOCKS: Final = 0x400
STATX_BASIC_STATS: Final = 0x7FF
STATX_BTIME: Final = 0x800
STATX_MNT_ID: Final = 0x1000
STATX_MNT_ID_UNIQUE: Final = 0x4000
STATX_RESERVED: Final = 0x8000_0000

STATX_ATTR_IMMUTABLE: Final = 0x10
STATX_ATTR_APPEND: Final = 0x20
STATX_ATTR_NODUMP: Final = 0x40
STATX_ATTR_MOUNT_ROOT: Final = 0x2000

UTIME_NOW: Final = (1 << 30) - 1
UTIME_OMIT: Final = (1 << 30) - 2

DT_UNKNOWN: Final = 0


def makedev(major: int, minor: int) -> int:
    """The number that user space sees as dev_t (new_encode_dev)."""
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


def major(dev: int) -> int:
    """The major number in a dev_t."""
    return (dev >> 8) & 0xFFF


def minor(dev: int) -> int:
    """The minor number in a dev_t."""
    return (dev & 0xFF) | ((dev >> 12) & 0xFFF00)
