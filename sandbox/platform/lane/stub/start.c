/*
 * Bringing up the first process: memory, signals, the seccomp filter. Plain system calls until the filter is in place.
 * Included by stub.c.
 */
static void die(u64 step) {
    raw(231, 100 + step, 0, 0, 0, 0, 0);
    __builtin_trap();
}

struct filter { u16 code; u8 jt, jf; u32 k; };
struct program { u16 len; const struct filter *filter; };
struct action { const void *entry; u64 flags; const void *restorer; u64 mask; };

enum { NOTIFY = 0x7fc00000, TRAP = 0x00030000, ALLOW = 0x7fff0000 };

/* Instruction number `at` of the program; jumps name the number of their target. */
#define LD(at, offset) [at] = {0x20, 0, 0, (offset)}
#define AND(at, k) [at] = {0x54, 0, 0, (u32)(k)}
#define JEQ(at, k, yes, no) [at] = {0x15, (yes) - (at) - 1, (no) - (at) - 1, (u32)(k)}
#define JGE(at, k, yes, no) [at] = {0x35, (yes) - (at) - 1, (no) - (at) - 1, (u32)(k)}
#define JSET(at, k, yes, no) [at] = {0x45, (yes) - (at) - 1, (no) - (at) - 1, (u32)(k)}
#define ORDERABLE(at, nr) JEQ(at, nr, DO_NOTIFY, (at) + 1)
#define ARG_LOW(n) (16 + 8 * (n))
#define ARG_HIGH(n) (20 + 8 * (n))
enum { FREE_MMAP = 34, FREE_MADVISE = 40, FREE_RANGE = 43, FREE_FUTEX = 47, FREE_CLOSE = 60, FREE_USAGE = 63, FREE_NAME = 67, DO_TRAP = 70, DO_NOTIFY, DO_ALLOW, PROGRAM_END };

static const struct filter program[PROGRAM_END] = {
    LD(0, 4), JEQ(1, AUDIT_ARCH_X86_64, 2, DO_TRAP), /* arch */
    LD(2, 12), JEQ(3, STUB_BASE >> 32, 4, DO_TRAP),  /* instruction pointer, high word */
    LD(4, 8),                                        /* low word */
    JEQ(5, GATE_HYPERCALL, 6, 8), LD(6, 0), JEQ(7, 110, DO_NOTIFY, DO_TRAP),
    JEQ(8, GATE_SIGRETURN, 9, 11), LD(9, 0), JEQ(10, 15, DO_ALLOW, DO_TRAP),
    JEQ(11, GATE_ORDER, 12, 29), LD(12, 0),
    ORDERABLE(13, 3), ORDERABLE(14, 9), ORDERABLE(15, 10), ORDERABLE(16, 11),   /* close mmap mprotect munmap */
    ORDERABLE(17, 25), ORDERABLE(18, 26), ORDERABLE(19, 27), ORDERABLE(20, 28), /* mremap msync mincore madvise */
    ORDERABLE(21, 56), ORDERABLE(22, 149), ORDERABLE(23, 150),                  /* clone mlock munlock */
    ORDERABLE(24, 216), ORDERABLE(25, 324), ORDERABLE(26, 325), ORDERABLE(27, 157), /* remap_file_pages membarrier mlock2 prctl */
    JEQ(28, 60, DO_NOTIFY, DO_TRAP), /* exit */
    JEQ(29, GATE_FREE, 30, DO_TRAP), LD(30, 0),
    JEQ(31, 9, FREE_MMAP, 32), JEQ(32, 11, FREE_RANGE, 33), JEQ(33, 28, FREE_MADVISE, FREE_FUTEX),
    /* mmap: readable and writable at most, private, anonymous, at a fixed address */
    LD(34, ARG_LOW(2)), JSET(35, ~FREE_PROT, DO_TRAP, 36), LD(36, ARG_LOW(3)), JSET(37, FREE_FIXED, 38, DO_TRAP),
    AND(38, ~FREE_FLAGS), JEQ(39, FREE_KIND, FREE_RANGE, DO_TRAP),
    LD(40, ARG_LOW(2)), JEQ(41, 4, FREE_RANGE, 42), JEQ(42, 8, FREE_RANGE, DO_TRAP), /* MADV_DONTNEED, MADV_FREE */
    /* below TASK_SIZE, and shorter than the 4 GiB from there to the stub */
    LD(43, ARG_HIGH(0)), JGE(44, TASK_SIZE >> 32, DO_TRAP, 45), LD(45, ARG_HIGH(1)), JEQ(46, 0, DO_ALLOW, DO_TRAP),
    /* futex: FUTEX_WAIT without a timeout, or FUTEX_WAKE, at a word of the control pages */
    LD(47, 0), JEQ(48, 202, 49, FREE_CLOSE), LD(49, ARG_LOW(1)), JGE(50, 2, DO_TRAP, 51),
    LD(51, ARG_LOW(3)), JEQ(52, 0, 53, DO_TRAP), LD(53, ARG_HIGH(3)), JEQ(54, 0, 55, DO_TRAP),
    LD(55, ARG_HIGH(0)), JEQ(56, CONTROL_BASE >> 32, 57, DO_TRAP),
    LD(57, ARG_LOW(0)), JGE(58, CONTROL_BASE + CONTROL_WAITS, 59, DO_TRAP), JGE(59, CONTROL_BASE + CONTROL_WAITS + WAITS * 8, DO_TRAP, DO_ALLOW),
    /* close: what was lent */
    JEQ(60, 3, 61, FREE_USAGE), LD(61, ARG_LOW(0)), JEQ(62, LENT_FD, DO_ALLOW, DO_TRAP),
    /* getrusage: its own */
    JEQ(63, 98, 64, 66), LD(64, ARG_LOW(0)), JEQ(65, 0, DO_ALLOW, DO_TRAP),
    JEQ(66, 24, DO_ALLOW, FREE_NAME), /* sched_yield */
    /* prctl: PR_SET_NAME, of what is only shown */
    JEQ(67, 157, 68, DO_TRAP), LD(68, ARG_LOW(0)), JEQ(69, 15, DO_ALLOW, DO_TRAP),
    [DO_TRAP] = {0x06, 0, 0, TRAP}, [DO_NOTIFY] = {0x06, 0, 0, NOTIFY}, [DO_ALLOW] = {0x06, 0, 0, ALLOW},
};

__attribute__((used)) static void stub_main(u64 *sp) {
    u64 *p = sp + 1 + *sp + 1, vdso = 0, hwcap2 = 0, frame = 0;
    while (*p) p++;
    for (p++; *p; p += 2) {
        if (p[0] == 33) vdso = p[1];
        if (p[0] == 26) hwcap2 = p[1];
        if (p[0] == 51) frame = p[1];
    }
    /* PROT_READ|WRITE, MAP_PRIVATE|ANONYMOUS|FIXED|NORESERVE; then the pages shared with the sentry */
    if (raw(9, STACKS_BASE, MAX_SLOTS * STACK_SIZE, 3, 0x4032, -1ul, 0) != STACKS_BASE) die(1);
    if (raw(9, CONTROL_BASE, CONTROL_SIZE, 1, 0x11, BOOT_CONTROL_FD, 0) != CONTROL_BASE) die(2);
    if (raw(9, LANES_BASE, CHUNK_SIZE, 3, 0x11, BOOT_LANES_FD, 0) != LANES_BASE) die(3);
    if (raw(28, LANES_BASE, CHUNK_SIZE, 10, 0, 0, 0)) die(4);
    struct { u64 sp; u32 flags, pad; u64 size; } stack = {STACKS_BASE, 0, 0, STACK_SIZE};
    if (raw(131, (u64)&stack, 0, 0, 0, 0, 0)) die(5);
    /* SA_SIGINFO|ONSTACK|RESTORER; everything masked but the faults of our own copies */
    struct action act = {stub_entry, 0x0c000004, stub_restore, ~(1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1))};
    static const u8 signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, INTERRUPT_SIGNAL};
    for (u64 i = 0; i < sizeof signals; i++)
        if (raw(13, signals[i], (u64)&act, 0, 8, 0, 0)) die(6);
    if (raw(157, 38, 1, 0, 0, 0, 0)) die(7); /* PR_SET_NO_NEW_PRIVS */
    private_lane(0)[LANE_ATTACHED] = 1;
    volatile u64 *lane = lane_of(0);
    lane[LANE_BOOT] = vdso;
    lane[LANE_BOOT + 1] = hwcap2;
    lane[LANE_BOOT + 2] = frame;
    u64 mask = 0;
    raw(14, 2, (u64)&mask, 0, 8, 0, 0); /* nothing blocked */
    if (raw(1, BOOT_PIPE_FD, (u64) "r", 1, 0, 0, 0) != 1) die(8);
    if (raw(436, 0, ~0u, 0, 0, 0, 0)) die(9); /* close_range */
    struct program prog = {sizeof program / sizeof *program, program};
    if (raw(317, 1, 8, (u64)&prog, 0, 0, 0) != LISTENER_FD) die(10); /* SECCOMP_SET_MODE_FILTER, NEW_LISTENER */
    raw(39, 0, 0, 0, 0, 0, 0); /* the first trap: from here on the sentry decides */
    __builtin_trap();
}
