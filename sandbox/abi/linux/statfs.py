"""struct statfs, file system magic numbers and mount flags (statfs(2), mount(2))."""

from __future__ import annotations

import struct
from typing import Final

# f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid (2), f_namelen, f_frsize, f_flags, spare
STATFS: Final = struct.Struct("<qqQQQQQiiqqq32x")

TMPFS_MAGIC: Final = 0x01021994
OVERLAYFS_SUPER_MAGIC: Final = 0x794C7630
EXT4_SUPER_MAGIC: Final = 0xEF53
PROC_SUPER_MAGIC: Final = 0x9FA0
SYSFS_MAGIC: Final = 0x62656572
DEVPTS_SUPER_MAGIC: Final = 0x1CD1
CGROUP2_SUPER_MAGIC: Final = 0x63677270
MQUEUE_MAGIC: Final = 0x19800202
PIPEFS_MAGIC: Final = 0x50495045
SOCKFS_MAGIC: Final = 0x534F434B
ANON_INODE_FS_MAGIC: Final = 0x09041934

ST_RDONLY: Final = 0x1
ST_NOSUID: Final = 0x2
ST_NODEV: Final = 0x4
ST_NOEXEC: Final = 0x8
ST_VALID: Final = 0x20
ST_NOATIME: Final = 0x400
ST_NODIRATIME: Final = 0x800
ST_RELATIME: Final = 0x1000
ST_NOSYMFOLLOW: Final = 0x2000

MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_SYNCHRONOUS: Final = 0x10
MS_REMOUNT: Final = 0x20
MS_MANDLOCK: Final = 0x40
MS_DIRSYNC: Final = 0x80
MS_NOSYMFOLLOW: Final = 0x100
MS_NOATIME: Final = 0x400
MS_NODIRATIME: Final = 0x800
MS_BIND: Final = 0x1000
MS_MOVE: Final = 0x2000
MS_REC: Final = 0x4000
MS_SILENT: Final = 0x8000
MS_UNBINDABLE: Final = 1 << 17
MS_PRIVATE: Final = 1 << 18
MS_SLAVE: Final = 1 << 19
MS_SHARED: Final = 1 << 20
MS_NOUSER: Final = 1 << 31
MS_RELATIME: Final = 1 << 21
MS_STRICTATIME: Final = 1 << 24
MS_LAZYTIME: Final = 1 << 25
MS_MGC_VAL: Final = 0xC0ED0000
MS_MGC_MSK: Final = 0xFFFF0000

MNT_FORCE: Final = 1
MNT_DETACH: Final = 2
MNT_EXPIRE: Final = 4
UMOUNT_NOFOLLOW: Final = 8
