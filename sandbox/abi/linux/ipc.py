"""System V IPC: include/uapi/linux/{ipc,shm,sem,msg}.h, arch/x86/include/uapi/asm/{shm,sem,msg,ipc}buf.h."""

from __future__ import annotations

import struct
from typing import Final

IPC_PRIVATE: Final = 0
IPC_CREAT: Final = 0o1000
IPC_EXCL: Final = 0o2000
IPC_NOWAIT: Final = 0o4000
IPC_RMID: Final = 0
IPC_SET: Final = 1
IPC_STAT: Final = 2
IPC_INFO: Final = 3

IPCMNI: Final = 1 << 15  # indices there are; an id is seq << 15 | index
IPC_SEQ_MAX: Final = 0x7FFFFFFF >> 15

# key, uid, gid, cuid, cgid, mode, seq, then reserved words
IPC64_PERM: Final = struct.Struct("<iIIIIIHH4xQQ")

# --- shared memory ---

SHM_RDONLY: Final = 0o10000
SHM_RND: Final = 0o20000
SHM_REMAP: Final = 0o40000
SHM_EXEC: Final = 0o100000
SHM_HUGETLB: Final = 0o4000
SHM_NORESERVE: Final = 0o10000
SHM_HUGE_SHIFT: Final = 26
SHM_HUGE_MASK: Final = 0x3F
SHM_DEST: Final = 0o1000
SHM_LOCKED: Final = 0o2000
SHM_LOCK: Final = 11
SHM_UNLOCK: Final = 12
SHM_STAT: Final = 13
SHM_INFO: Final = 14
SHM_STAT_ANY: Final = 15
SHMMIN: Final = 1
SHMMNI: Final = 4096
SHMMAX: Final = (1 << 64) - 1 - (1 << 24)
SHMALL: Final = (1 << 64) - 1 - (1 << 24)
SHMLBA: Final = 4096

# perm, segsz, atime, dtime, ctime, cpid, lpid, nattch
SHMID64_DS: Final = struct.Struct("<48sQqqqiiQ16x")
SHMINFO64: Final = struct.Struct("<5Q32x")  # shmmax, shmmin, shmmni, shmseg, shmall
SHM_INFO_STRUCT: Final = struct.Struct("<i4x5Q")  # used_ids, shm_tot, shm_rss, shm_swp, swap counts

# --- semaphores ---

SEM_UNDO: Final = 0x1000
GETPID: Final = 11
GETVAL: Final = 12
GETALL: Final = 13
GETNCNT: Final = 14
GETZCNT: Final = 15
SETVAL: Final = 16
SETALL: Final = 17
SEM_STAT: Final = 18
SEM_INFO: Final = 19
SEM_STAT_ANY: Final = 20
SEMMNI: Final = 32000
SEMMSL: Final = 32000
SEMMNS: Final = SEMMNI * SEMMSL
SEMOPM: Final = 500
SEMVMX: Final = 32767
SEMUSZ: Final = 20

SEMBUF: Final = struct.Struct("<Hhh")
SEMID64_DS: Final = struct.Struct("<48sq8xq8xQ16x")  # perm, otime, ctime, nsems
SEMINFO: Final = struct.Struct("<10i")  # map, mni, mns, mnu, msl, opm, ume, usz, vmx, aem

# --- messages ---

MSG_STAT: Final = 11
MSG_INFO: Final = 12
MSG_STAT_ANY: Final = 13
MSG_NOERROR: Final = 0o10000
MSG_EXCEPT: Final = 0o20000
MSG_COPY: Final = 0o40000
MSGMNI: Final = 32000
MSGMAX: Final = 8192
MSGMNB: Final = 16384

# perm, stime, rtime, ctime, cbytes, qnum, qbytes, lspid, lrpid
MSQID64_DS: Final = struct.Struct("<48sqqqQQQii16x")
MSGINFO: Final = struct.Struct("<7iH2x")  # pool, map, max, mnb, mni, ssz, tql, seg
