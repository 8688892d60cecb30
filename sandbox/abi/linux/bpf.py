"""bpf(2): commands, the layout of its attributes, flags (include/uapi/linux/bpf.h); codes of instructions
(Documentation/bpf/standardization/instruction-set.rst)."""

from __future__ import annotations

import struct
from typing import Final

BPF_MAP_CREATE: Final = 0
BPF_PROG_LOAD: Final = 5
BPF_PROG_ATTACH: Final = 8
BPF_PROG_DETACH: Final = 9
BPF_PROG_GET_NEXT_ID: Final = 11
BPF_PROG_GET_FD_BY_ID: Final = 13
BPF_OBJ_GET_INFO_BY_FD: Final = 15
BPF_PROG_QUERY: Final = 16
BPF_COMMANDS: Final = 37  # BPF_MAP_CREATE … BPF_PROG_BIND_MAP
BPF_ATTR_SIZE: Final = 144

BPF_PROG_TYPE_CGROUP_SKB: Final = 8
BPF_PROG_TYPE_CGROUP_DEVICE: Final = 15
BPF_PROG_TYPES: Final = 33  # BPF_PROG_TYPE_UNSPEC … BPF_PROG_TYPE_NETFILTER
BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_DEVICE = 0, 1, 6  # of enum bpf_attach_type

BPF_F_ALLOW_OVERRIDE: Final = 1
BPF_F_ALLOW_MULTI: Final = 2
BPF_F_REPLACE: Final = 4
BPF_F_QUERY_EFFECTIVE: Final = 1

BPF_MAXINSNS: Final = 4096  # of who has no CAP_BPF, and of all here
BPF_OBJ_NAME_LEN: Final = 16

# prog_type, insn_cnt, insns, license, log_level, log_size, log_buf, kern_version, prog_flags, prog_name, prog_ifindex,
# expected_attach_type
PROG_LOAD: Final = struct.Struct("<IIQQIIQII16sII")
LOG_TRUE_SIZE: Final = 140
# target_fd, attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd
PROG_ATTACH: Final = struct.Struct("<IIIII")
# target_fd, attach_type, query_flags, attach_flags, prog_ids, prog_cnt
PROG_QUERY: Final = struct.Struct("<IIIIQI")
# start_id or prog_id, next_id, open_flags
PROG_ID: Final = struct.Struct("<III")
# bpf_fd, info_len, info
OBJ_INFO: Final = struct.Struct("<IIQ")
# struct bpf_prog_info up to gpl_compatible: type, id, tag, jited_prog_len, xlated_prog_len, jited_prog_insns, xlated_prog_insns,
# load_time, created_by_uid, nr_map_ids, map_ids, name, ifindex, gpl_compatible
PROG_INFO: Final = struct.Struct("<II8sIIQQQIIQ16sII")
PROG_INFO_SIZE: Final = 232

INSTRUCTION: Final = struct.Struct("<BBhi")  # code, dst and src, offset, immediate
BPF_LDX: Final = 1
BPF_ST: Final = 2
BPF_STX: Final = 3
BPF_ALU: Final = 4
BPF_JMP: Final = 5
BPF_JMP32: Final = 6
BPF_ALU64: Final = 7
BPF_LD_IMM64: Final = 0x18
BPF_MEM: Final = 0x60
BPF_X: Final = 0x08
BPF_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}

BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70
BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_END = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0
BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT, BPF_JSGE = (
    0x00,
    0x10,
    0x20,
    0x30,
    0x40,
    0x50,
    0x60,
    0x70,
)
BPF_CALL, BPF_EXIT, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0

# struct bpf_cgroup_dev_ctx: access_type (access << 16 | kind), major, minor
BPF_DEVCG_CTX: Final = struct.Struct("<III")
BPF_DEVCG_DEV_BLOCK: Final = 1
BPF_DEVCG_DEV_CHAR: Final = 2
BPF_DEVCG_ACC_MKNOD: Final = 1
BPF_DEVCG_ACC_READ: Final = 2
BPF_DEVCG_ACC_WRITE: Final = 4
