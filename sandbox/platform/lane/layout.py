"""Where things lie in a guest process, and the shape of a lane: shared by the stub and the sentry.

The stub is compiled with these numbers (build.py passes every upper-case integer as -DNAME=value),
so this file is their only place.

    task_size                                                             end of user space
    |  guest below  | STUB_BASE  | CONTROL | LANES ... | STACKS ...  | vDSO, first stack |

A lane is LANE_SIZE bytes of memory for one guest thread. It begins its life *private*, at the bottom of the
thread's alternate stack, where the sentry reads requests and writes answers as it does in other guest memory: a
process that is forked only to execute another program, or that makes few calls, costs no more. A thread that has
made many is *attached*: it gets a lane of shared pages, which the sentry can look at. The first part is written by the
stub (a request), the second by the sentry (the answer), each on cache lines of its own. From LANE_DATA on lie
copies of what the call reads, and what it writes on its way there. Everything the stub writes is guest input.

Where there is no user space so high, since this is a guest of another sentry, all of it lies lower by LOWER.
"""

from __future__ import annotations

from typing import Final

from sandbox.platform.hostcalls import reaches

LOWERS: Final = (
    0,
    0x10_0000_0000,
)  # below the stack of a program in a sandbox; whole 4 GiB, since filters compare halves
HIGHEST: Final = 0x7FFF_4800_0000  # the end of the stacks, if nothing is lower
LOWER: Final[int] = LOWERS[0] if reaches(HIGHEST) else LOWERS[1]
FITS: Final[bool] = not LOWER or reaches(HIGHEST - LOWER)

TASK_SIZE: Final[int] = 0x7FFE_0000_0000 - LOWER

STUB_BASE: Final[int] = 0x7FFF_0000_0000 - LOWER
CONTROL_BASE: Final[int] = 0x7FFF_1000_0000 - LOWER
CONTROL_SIZE: Final = 20480
LANES_BASE: Final[int] = 0x7FFF_2000_0000 - LOWER
STACKS_BASE: Final[int] = 0x7FFF_4000_0000 - LOWER

# One slot per host thread: a lane and an alternate signal stack.
LANE_SIZE: Final = 12288
STACK_BITS: Final = 16
STACK_SIZE: Final = 1 << STACK_BITS  # also its alignment: a handler finds its slot by masking rsp
CHUNK_SLOTS: Final = 64  # lanes are mapped in chunks of this many
CHUNK_SIZE: Final = CHUNK_SLOTS * LANE_SIZE
MAX_CHUNKS: Final = 32
MAX_SLOTS: Final = CHUNK_SLOTS * MAX_CHUNKS

# Guest memory ends at TASK_SIZE; what is from here on is the vDSO.
STUB_END: Final[int] = STACKS_BASE + MAX_SLOTS * STACK_SIZE

# The only instructions that the filter lets through, by the address after `syscall`.
GATE_SIGRETURN: Final[int] = STUB_BASE + 0x07
GATE_HYPERCALL: Final[int] = STUB_BASE + 0x1A
GATE_ORDER: Final[int] = STUB_BASE + 0x3D
GATE_FREE: Final[int] = STUB_BASE + 0x5D

# Where thunks jump to.
ENTER_MOV: Final[int] = STUB_BASE + 0x80
ENTER_CMP: Final[int] = STUB_BASE + 0x88

# What the filter lets through at GATE_FREE: close(LENT_FD), munmap, madvise (DONTNEED, FREE), and mmap with these
# protections at most, with FREE_KIND and at least one of FREE_FIXED of FREE_FLAGS; below TASK_SIZE and shorter than FREE_SIZE.
FREE_PROT: Final = 0x3  # PROT_READ | PROT_WRITE
FREE_KIND: Final = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
FREE_FIXED: Final = 0x10_0010  # MAP_FIXED, MAP_FIXED_NOREPLACE
FREE_FLAGS: Final = 0x10_C010  # those, MAP_NORESERVE, MAP_POPULATE
FREE_SIZE: Final = 1 << 32

# Control page, u64 words; read-only in guests.
CONTROL_AWAKE: Final = 0  # the sentry looks at the lanes
CONTROL_LOOKS: Final = 1  # how often a thread looks at its answer before it parks
CONTROL_PATCH: Final = 2  # call sites may be patched: a thread without a gs of its own gets one that finds its lane
CONTROL_XSTATE: Final = 3  # size of an XSAVE image in the host's signal frames, without what follows it; 0: no XSAVE
CONTROL_XFEATURES: Final = 4  # what it has
XSTATE_MOST: Final = STACK_SIZE // 4  # with what belongs to it
CONTROL_THUNKS: Final = 512  # in bytes: a bit for each number that a thunk may serve
CONTROL_COPIES: Final = 4096  # in bytes: what the stub copies for each call, MAX_COPIES u32 words a number

CONTROL_WAITS: Final = (
    12288  # in bytes: WAITS u64 words at which threads sleep; the sentry changes one when it has answered
)
WAITS: Final = 512
CONTROL_FUTEXES: Final = (
    16384  # in bytes: how many wait at futexes, a u32 word for each place that a word has in its page
)

# A word of that table: the argument that is the address, what to do, the argument that has the length, and the size.
COPY_KIND: Final = 3
COPY_LENGTH: Final = 6
COPY_SIZE: Final = 16  # the size, or with a length argument what it is multiplied by
COPY_FIXED: Final = 7  # no length argument
COPY_IN: Final = 1
COPY_OUT: Final = 2
COPY_STRING: Final = 3
MAX_COPIES: Final = 4
COPIED_CALLS: Final = 512
COPY_STACK: Final = 6  # in place of an argument's number: the stack pointer

# Request, u64 words.
LANE_SEQ: Final = 0
LANE_NOTED: Final = 1  # private lanes: which of the NOTED_ it has said since it last asked, without asking (known.c)
LANE_KIND: Final = 2
LANE_NR: Final = 3
LANE_ARGS: Final = 4  # six
LANE_FRAME: Final = 10  # address of the ucontext
LANE_FPSTATE: Final = 11  # address of the XSAVE image in the frame
LANE_SIGNO: Final = 12
LANE_CODE: Final = 13
LANE_ADDR: Final = 14
# Calls that end the program, getrusage and times: system time in us, minor and major faults, preempted; where a fault has
# its signal, and a call its orders' end.
LANE_USAGE: Final = 12
LANE_INDEX: Final = 15  # KIND_DONE: the last order executed
LANE_RESULT: Final = 16  # KIND_DONE: what it returned
LANE_CPU: Final = 17  # the processor on which the thread parked, a hint
LANE_ATTACHED: Final = 18  # private lanes only: the thread uses its shared lane
LANE_KEPT: Final = 19  # the descriptor that was lent last is open: only between mappings of the same file
LANE_PEAK: Final = 20  # KIND_SYSCALL that ends the program: the most memory that it ever had, KiB
LANE_RETURNED: Final = 21  # the thread has returned by itself from the frame at LANE_RETURN
LANE_ROBUST: Final = 22  # NOTED_ROBUST: set_robust_list
LANE_TID_ADDRESS: Final = 23  # NOTED_TID_ADDRESS: set_tid_address
LANE_REGS: Final = 24  # arch/amd64.py's order
LANE_REQUEST: Final = LANE_REGS + 25  # words up to here are the stub's to write
# Shared lanes also have:
LANE_COPIES: Final = 49  # pieces of guest memory that lie in the lane
LANE_COPY: Final = 50  # for each its address there, and size | kind << COPIED_KIND | offset in the lane << COPIED_AT
LANE_WAIT: Final = 58  # the word of CONTROL_WAITS at which the thread sleeps
LANE_WAKE: Final = 59  # with LANE_BLOCKED: the word of another thread that it wakes first; 0: none
COPIED_KIND: Final = 32
COPIED_AT: Final = 48
LANE_RETURN: Final = 60  # of a signal frame: the thread may return from it by itself; 0: from none
LANE_SYNC: Final = 61  # code was changed: a serialising instruction before the thread goes on
LANE_ACTED: Final = 62  # signals whose action was set to the default since it last asked, without asking (actions.c)
LANE_RESTORER: Final = 63  # and with which restorer
LANE_DATA: Final = 4096  # in bytes: the pieces, to the lane's end
# Answer.
LANE_DONE: Final = 64
LANE_ACTION: Final = 65
LANE_VALUE: Final = 66
LANE_COUNT: Final = 67
LANE_TOKEN: Final = 68
LANE_SLOT: Final = 69
LANE_BLOCKED: Final = 70  # sequence number of a request that will not be answered soon: park
LANE_OUTS: Final = 71  # ACTION_REPLY_COPY: bytes to be written back of each piece, 16 bits each
LANE_ORDERS: Final = 72  # ORDER_WORDS each
ORDER_WORDS: Final = 8  # number, six arguments, flags
MAX_ORDERS: Final = 50
# Words that ACTION_DELIVER has there: where DELIVER_SIZE bytes from LANE_DATA on go, where the XSAVE image, its size.
DELIVER_AT: Final = 72
DELIVER_SIZE: Final = 73
DELIVER_FPU: Final = 74
DELIVER_FPU_SIZE: Final = 75
# Of a thread with a shared lane, in its private one: its registers while it is in a call that came by a thunk.
BLOCK_REGS: Final = 472  # as LANE_REGS, to the flags
BLOCK_TAIL: Final = 496  # where it goes on
BLOCK_PENDING: Final = 497  # an interrupt came meanwhile
BLOCK_FS: Final = 498  # its fs base, for the case that gs is another thread's
BLOCK_TRAPS: Final = 499  # how many calls of futex(2) that came by a trap it might have answered itself (futex.c)

# Answers that the stub may give itself: which (a bit each), then the values, as KNOWN_CALLS (answers.py) has them.
LANE_KNOWN: Final = 472
KNOWN_BREAK: Final = 8  # the bit of brk(0), in private lanes
KNOWN_NOTES: Final = 9  # private lanes: the bit which says that the stub may keep what is LANE_NOTED
KNOWN_FUTEXES: Final = 10  # shared lanes: the bit which says that the stub may answer futex(2) and yield (futex.c)
KNOWN_ACTIONS: Final = 11  # shared lanes: the bit which says that the stub may answer rt_sigaction(2) (actions.c)
KNOWN_END: Final = 482
LANE_DEFAULTS: Final = 488  # with KNOWN_ACTIONS: signals whose action is the initial one

LANE_BOOT: Final = 484  # first process only: vDSO address, HWCAP2, MINSIGSTKSZ

NOTED_ROBUST: Final = 1
NOTED_TID_ADDRESS: Final = 2

KIND_SYSCALL: Final = 0
KIND_FAULT: Final = 1
KIND_INTERRUPTED: Final = 2
KIND_DONE: Final = 3
KIND_READY: Final = 4
KIND_THUNK: Final = 5  # as KIND_SYSCALL, without a frame: LANE_FPSTATE is 0

ACTION_REPLY: Final = 0
ACTION_RESUME: Final = 1
ACTION_ORDERS: Final = 2
ACTION_ORDERS_RETURN: Final = 3  # and if all succeed go on with LANE_VALUE as the call's result, without a word
ACTION_ATTACH: Final = 5  # map a shared lane, then ask again there
ACTION_REPLY_COPY: Final = 6  # as ACTION_REPLY, after what LANE_OUTS says has been copied to guest memory
ACTION_DELIVER: Final = 7  # write a signal frame, then as ACTION_RESUME; see DELIVER_*
ACTION_RETURN: Final = 8  # as ACTION_RESUME, with the vector registers of the signal frame at LANE_ORDERS
ACTION_PROCEEDED: Final = 4  # the call at which it parked was let through: its result is the call's

ORDER_LENT: Final = 1  # the next order takes the lent descriptor back and runs even if this one fails
ORDER_FORK: Final = 2
ORDER_THREAD: Final = 4
ORDER_FREE: Final = 16  # executed at GATE_FREE
ORDER_KEEPABLE: Final = 32  # a descriptor is lent for it, which the stub closes at GATE_FREE before another call
ORDER_LOCAL: Final = 8  # done by the stub itself: OP_CMPXCHG32, OP_XCHG32, OP_NAME

HYPER_PARK: Final = 1  # (slot, seq)
HYPER_CHILD: Final = 2  # (token, slot)
HYPER_THREAD: Final = 3  # (slot)
HYPER_BROKEN: Final = 4  # the stub found itself somewhere it cannot be

LENT_FD: Final = 3
INTERRUPT_SIGNAL: Final = 10  # SIGUSR1: standard signals do not queue up
POOL_MOST: Final = 8  # host threads without a guest thread that a process keeps for the next ones
THREAD_FLAGS: Final = 0x00050F00  # CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM
FORK_FLAGS: Final = 0x00008011  # CLONE_PARENT | SIGCHLD

BOOT_CONTROL_FD: Final = 3
BOOT_LANES_FD: Final = 4
BOOT_PIPE_FD: Final = 5
LISTENER_FD: Final = 0  # the lowest free one: everything is closed before the filter is installed


def constants(lower: int) -> dict[str, int]:
    """Every constant of this file by name, as they are where everything lies lower by `lower`."""
    found = {name: value for name, value in globals().items() if name.isupper() and type(value) is int}
    return {name: value + LOWER - lower if value >= HIGHEST >> 1 else value for name, value in found.items()}
