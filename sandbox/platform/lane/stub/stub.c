/*
 * The guest stub: the only code of ours in a guest process.
 *
 * Freestanding, no data segment, linked at STUB_BASE. Every system call of guest code becomes a
 * SIGSYS (seccomp RET_TRAP) and enters handler() on the thread's alternate stack, as do faults and
 * the interrupt signal. The handler posts a request on the thread's lane, looks for the answer for
 * a while, and parks in a hypercall (a getppid at one exact address, which the filter turns into a
 * seccomp notification). Nothing here is trusted by the sentry; nothing here decides anything.
 *
 * Names in capitals come from layout.py.
 */
typedef unsigned long u64;
typedef long i64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

/* (entry): make the call that it describes, number and six arguments. */
#define EXECUTE \
    "  mov 0(%rdi), %rax\n" \
    "  mov 16(%rdi), %rsi\n" \
    "  mov 24(%rdi), %rdx\n" \
    "  mov 32(%rdi), %r10\n" \
    "  mov 40(%rdi), %r8\n" \
    "  mov 48(%rdi), %r9\n" \
    "  mov 8(%rdi), %rdi\n" \
    "  syscall\n" \
    "  ret\n"

/* --- the gates: each must stay at its address, see layout.py --- */
__asm__(".section .gate,\"ax\",@progbits\n"
        "stub_restore:\n"
        "  mov $15, %eax\n"
        "  syscall\n"
        "  hlt\n"
        "  .org 0x10\n"
        "stub_hyper:\n"
        "  mov %rcx, %r10\n"
        "  mov $110, %eax\n"
        "  syscall\n"
        "  ret\n"
        "  .org 0x20\n"
        "stub_order:\n"
        EXECUTE
        "  .org 0x40\n"
        "stub_free:\n" /* as stub_order, for what the filter lets through by its arguments */
        EXECUTE
        "  .org 0x60\n"
        "stub_entry:\n" /* of every signal: AC survives handler entry and would make us fault */
        "  pushfq\n"
        "  andl $~0x40000, (%rsp)\n"
        "  popfq\n"
        "  jmp handler\n"
        "  .org 0x70\n"
        "stub_leave:\n" /* (ucontext): return from a frame that we did not enter by */
        "  mov %rdi, %rsp\n"
        "  jmp stub_restore\n"
        "  .org 0x80\n" /* thunks jump here */
        "  jmp stub_enter_mov\n"
        "  .org 0x88\n"
        "  jmp stub_enter_cmp\n"
        "  .org 0x90\n"
        ".globl _start\n"
        "_start:\n"
        "  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n"
        "  call stub_main\n"
        "  hlt\n"
        /* What touches the guest's memory: a fault in here makes the function return -EFAULT. */
        "stub_user:\n"
        "stub_cmpxchg:\n" /* (address, expected, new) */
        "  mov %rsi, %rax\n"
        "  lock cmpxchg %edx, (%rdi)\n"
        "  mov %eax, %eax\n"
        "  ret\n"
        "stub_xchg:\n" /* (address, new) */
        "  mov %rsi, %rax\n"
        "  xchg %eax, (%rdi)\n"
        "  mov %eax, %eax\n"
        "  ret\n"
        "stub_load:\n" /* (address) -> the word there */
        "  mov (%rdi), %eax\n"
        "  ret\n"
        "stub_copy:\n" /* (to, from, size) -> 0 */
        "  mov %rdx, %rcx\n"
        "  rep movsb\n"
        "  xor %eax, %eax\n"
        "  ret\n"
        "stub_string:\n" /* (to, from, room) -> bytes before the NUL, or room */
        "  xor %eax, %eax\n"
        "1:cmp %rdx, %rax\n"
        "  je 2f\n"
        "  movb (%rsi,%rax), %cl\n"
        "  movb %cl, (%rdi,%rax)\n"
        "  testb %cl, %cl\n"
        "  je 2f\n"
        "  inc %rax\n"
        "  jmp 1b\n"
        "2:ret\n"
        "stub_probe:\n" /* (first, last) -> 0: every page of it can be written */
        "  lock orb $0, (%rdi)\n"
        "1:or $0xfff, %rdi\n"
        "  inc %rdi\n"
        "  cmp %rsi, %rdi\n"
        "  ja 2f\n"
        "  lock orb $0, (%rdi)\n"
        "  jmp 1b\n"
        "2:xor %eax, %eax\n"
        "  ret\n"
        "stub_xsave:\n" /* (image, features) -> 0 */
        "  mov %rsi, %rax\n"
        "  mov %rsi, %rdx\n"
        "  shr $32, %rdx\n"
        "  xsave64 (%rdi)\n"
        "  xor %eax, %eax\n"
        "  ret\n"
        "stub_user_end:\n"
        "stub_fixup:\n"
        "  mov $-14, %rax\n"
        "  ret\n"
        ".text\n");
extern u64 stub_hyper(u64 op, u64 a, u64 b, u64 c);
extern i64 stub_order(volatile u64 *entry);
extern i64 stub_free(volatile u64 *entry);
extern i64 stub_cmpxchg(u64 address, u64 expected, u64 desired);
extern i64 stub_xchg(u64 address, u64 value);
extern i64 stub_load(u64 address);
extern void stub_leave(void *uc) __attribute__((noreturn));
extern i64 stub_copy(volatile void *to, const volatile void *from, u64 size);
extern i64 stub_string(volatile void *to, const volatile void *from, u64 room);
extern i64 stub_probe(u64 first, u64 last);
extern i64 stub_xsave(u64 image, u64 features);
extern const char stub_restore[], stub_entry[], stub_user[], stub_user_end[], stub_fixup[];

struct ucontext {
    u64 flags, link;
    u64 ss_sp;
    u32 ss_flags, pad;
    u64 ss_size;
    u64 gregs[23];
    u64 fpstate;
    u64 reserved[8];
    u64 sigmask;
};
struct siginfo {
    int signo, err, code, pad;
    u64 addr; /* SIGSYS: call address; faults: si_addr */
    int syscall;
    u32 arch;
};
enum { G_RSP = 15, G_RIP = 16, G_RAX = 13, G_CSGSFS = 18, G_ERR = 19, G_TRAPNO = 20 };
/* cs and ss of 64-bit and of 32-bit code, which a program may jump to */
#define IN_64_BIT (0x33 | 0x2bull << 48)
#define IN_32_BIT (0x23 | 0x2bull << 48)

#define SI_KERNEL 0x80
#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGSEGV 11
#define SIGSYS 31
#define AUDIT_ARCH_X86_64 0xC000003Eu

static inline u64 rdfsbase(void) { u64 v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline u64 rdgsbase(void) { u64 v; __asm__ volatile("rdgsbase %0" : "=r"(v)); return v; }
static inline void wrfsbase(u64 v) { __asm__ volatile("wrfsbase %0" : : "r"(v)); }
static inline void wrgsbase(u64 v) { __asm__ volatile("wrgsbase %0" : : "r"(v)); }
static inline void fence(void) { __asm__ volatile("lock orl $0, (%%rsp)" : : : "memory"); }
/* From the limit of a segment, as the vDSO has it: a guest may have the time stamp counter forbidden (PR_TSC_SIGSEGV). */
static inline u64 this_cpu(void) { u32 c; __asm__ volatile("lsl %1, %0" : "=r"(c) : "r"(0x7b) : "cc"); return c & 0xfff; }
static inline void barrier(void) { __asm__ volatile("" : : : "memory"); }

/* iret is a serialising instruction, and no hypervisor catches it. */
static inline void serialize(void) {
    u64 a, sp;
    __asm__ volatile("  mov %%rsp, %1\n  mov %%ss, %k0\n  push %0\n  push %1\n  pushfq\n  mov %%cs, %k0\n  push %0\n"
                     "  lea 1f(%%rip), %0\n  push %0\n  iretq\n1:\n" : "=&r"(a), "=&r"(sp) : : "memory", "cc");
}

static inline u64 slot_here(void) {
    return (((u64)__builtin_frame_address(0)) - STACKS_BASE) / STACK_SIZE;
}
static inline volatile u64 *private_lane(u64 slot) { return (volatile u64 *)(STACKS_BASE + slot * STACK_SIZE); }
static inline volatile u64 *shared_lane(u64 slot) { return (volatile u64 *)(LANES_BASE + slot * LANE_SIZE); }
static inline volatile u64 *lane_of(u64 slot) {
    volatile u64 *lane = private_lane(slot);
    return lane[LANE_ATTACHED] ? shared_lane(slot) : lane;
}

static i64 raw(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
    i64 r;
    register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}

/* A hypercall. ENOSYS: nobody listens any more, the sentry is dead; a trap while SIGSYS is masked kills us too. */
static void hypercall(u64 op, u64 a, u64 b) {
    if ((i64)stub_hyper(op, a, b, 0) == -38) raw(39, 0, 0, 0, 0, 0, 0);
}

static void broken(void) {
    for (;;) hypercall(HYPER_BROKEN, 0, 0);
}

/*
 * Post the request in the lane and come back when it is answered. A call whose registers the sentry may
 * let through as they are (munmap, mprotect, mmap of a file) parks at the order gate, so that one notification does for
 * question and execution; `direct` gets its result.
 */
static void post(volatile u64 *lane, u64 slot, volatile u64 *entry, i64 *direct) {
    volatile u64 *control = (volatile u64 *)CONTROL_BASE;
    u64 seq = lane[LANE_SEQ] + 1;
    barrier();
    lane[LANE_SEQ] = seq;
    fence(); /* the post is seen before we read AWAKE: the sentry clears AWAKE, then looks once more */
    if (control[CONTROL_AWAKE] && lane != private_lane(slot)) { /* at which nobody looks */
        for (u64 i = control[CONTROL_LOOKS]; i && lane[LANE_DONE] != seq && lane[LANE_BLOCKED] != seq; i--)
            __builtin_ia32_pause();
    }
    if (lane[LANE_DONE] != seq) {
        lane[LANE_CPU] = this_cpu();
        fence();
        if (entry && lane[LANE_DONE] != seq && lane[LANE_BLOCKED] != seq) *direct = stub_order(entry);
        for (;;) {
            if (lane[LANE_DONE] == seq) break;
            if (!seq || lane[LANE_BLOCKED] != seq) {
                hypercall(HYPER_PARK, slot, seq);
                continue;
            }
            u64 word = CONTROL_BASE + CONTROL_WAITS + lane[LANE_WAIT] % WAITS * 8; /* is there since before BLOCKED */
            u64 wait[8] = {202, word, 0, *(volatile u32 *)word, 0, 0, 0, 0}; /* FUTEX_WAIT; the word changes after DONE */
            if (lane[LANE_DONE] == seq) break;
            u64 other = lane[LANE_WAKE]; /* to be woken where we are */
            u64 wake[8] = {202, CONTROL_BASE + CONTROL_WAITS + other % WAITS * 8, 1, 0x7fffffff, 0, 0, 0, 0};
            lane[LANE_WAKE] = 0;
            if (other) stub_free(wake);
            stub_free(wait); /* nobody need be told: whoever answers sees to it that we are woken */
        }
    }
    barrier();
    if (lane == private_lane(slot)) lane[LANE_NOTED] = 0; /* it came with the request */
    else if (lane[LANE_ACTED]) lane[LANE_ACTED] = 0;
    if (lane[LANE_SYNC]) lane[LANE_SYNC] = 0, serialize();
}

/* The call's six arguments, from the registers. */
static inline void arguments(volatile u64 *lane, const volatile u64 *regs) {
    static const u8 order[] = {8, 9, 12, 2, 0, 1}; /* rdi rsi rdx r10 r8 r9 */
    for (u64 i = 0; i < sizeof order; i++) lane[LANE_ARGS + i] = regs[order[i]];
}

/* Close the descriptor that was kept after the last mapping of a file. */
static inline void give_back(volatile u64 *lane) {
    u64 close[8] = {3, LENT_FD, 0, 0, 0, 0, 0, 0};
    if (!lane[LANE_KEPT]) return;
    lane[LANE_KEPT] = 0;
    stub_free(close);
}

/* A mapping of a file that may be let through as it is: private, at a fixed address (MAP_DENYWRITE, MAP_EXECUTABLE). */
static inline int maps_file(volatile u64 *lane) {
    return lane[LANE_NR] == 9 && (lane[LANE_ARGS + 3] & ~0x1800ul) == 0x12 && (int)lane[LANE_ARGS + 4] >= 0;
}

/* The program ends or is replaced, or asks: the most memory that it ever had (getrusage: ru_maxrss), and what it has used. */
static inline void tell_peak(volatile u64 *lane) {
    u64 nr = lane[LANE_NR], usage[18];
    u64 call[8] = {98, 0, (u64)usage, 0, 0, 0, 0, 0};
    if (nr != 59 && nr != 60 && nr != 231 && nr != 322 && nr != 98 && nr != 100) return;
    for (int i = 0; i < 18; i++) usage[i] = 0;
    stub_free(call);
    lane[LANE_PEAK] = usage[4];
    lane[LANE_USAGE] = usage[2] * 1000000 + usage[3];
    lane[LANE_USAGE + 1] = usage[8];
    lane[LANE_USAGE + 2] = usage[9];
    lane[LANE_USAGE + 3] = usage[17];
}

#include "copy.c"
#include "known.c"
#include "futex.c"
#include "actions.c"
#include "signal.c"
#include "thunk.c"

static void frame_at(volatile u64 *lane, struct ucontext *uc) {
    lane[LANE_FRAME] = (u64)uc;
    lane[LANE_FPSTATE] = uc->fpstate;
}

static void save(volatile u64 *lane, struct ucontext *uc) {
    frame_at(lane, uc);
    for (int i = 0; i < 23; i++) lane[LANE_REGS + i] = uc->gregs[i];
    lane[LANE_REGS + 23] = rdfsbase();
    lane[LANE_REGS + 24] = guest_gs();
}

static void restore(volatile u64 *lane, struct ucontext *uc) {
    u64 segments = lane[LANE_REGS + G_CSGSFS];
    for (int i = 0; i < G_CSGSFS; i++) uc->gregs[i] = lane[LANE_REGS + i];
    if (segments == IN_64_BIT || segments == IN_32_BIT) uc->gregs[G_CSGSFS] = segments;
    wrfsbase(lane[LANE_REGS + 23]);
    wrgsbase(lane[LANE_REGS + 24]);
}

/* Map the shared lane, get rid of the descriptor that lent it, and take the request there. */
static volatile u64 *attach(volatile u64 *lane, u64 slot) {
    u64 chunk = LANES_BASE + slot / CHUNK_SLOTS * CHUNK_SIZE;
    u64 map[8] = {9, chunk, CHUNK_SIZE, 3, 0x11, LENT_FD, 0, 0}; /* MAP_SHARED | MAP_FIXED */
    u64 keep[8] = {28, chunk, CHUNK_SIZE, 10, 0, 0, 0, 0};       /* MADV_DONTFORK */
    u64 close[8] = {3, LENT_FD, 0, 0, 0, 0, 0, 0};
    lane[LANE_KEPT] = 0;
    if (stub_order(map) != (i64)chunk || stub_order(close) || stub_order(keep)) broken();
    volatile u64 *shared = shared_lane(slot);
    for (u64 i = LANE_KIND; i < LANE_REQUEST; i++) shared[i] = lane[i];
    lane[LANE_ATTACHED] = 1;
    return shared;
}

static void serve(volatile u64 *lane, u64 slot, struct ucontext *uc, int asked);

static void thread_entry(void) {
    u64 slot = slot_here();
    volatile u64 *lane = lane_of(slot);
    struct ucontext *uc = (struct ucontext *)lane[LANE_FRAME];
    hypercall(HYPER_THREAD, slot, 0);
    lane[LANE_KIND] = KIND_READY;
    save(lane, uc);
    serve(lane, slot, uc, 0);
    lend_gs(slot);
    stub_leave(uc);
}

/* Copy our own signal frame to the top of another slot's stack, so that its thread leaves through it. */
static u64 prepare_thread(u64 slot, struct ucontext *uc, u64 new_slot) {
    u64 delta = (new_slot - slot) * STACK_SIZE, top = STACKS_BASE + (slot + 1) * STACK_SIZE;
    u64 from = ((u64)uc - 8) & ~7ul;
    if (new_slot >= MAX_SLOTS || from < top - STACK_SIZE || from >= top) broken();
    for (u64 p = from; p < top; p += 8) *(volatile u64 *)(p + delta) = *(u64 *)p;
    struct ucontext *copy = (struct ucontext *)((u64)uc + delta);
    copy->ss_sp = STACKS_BASE + new_slot * STACK_SIZE;
    copy->ss_size = STACK_SIZE;
    copy->ss_flags = 0;
    if (copy->fpstate) copy->fpstate += delta;
    private_lane(new_slot)[LANE_ATTACHED] = 1;
    volatile u64 *lane = shared_lane(new_slot);
    lane[LANE_FRAME] = (u64)copy;
    u64 sp = (((u64)copy - 8) & ~15ul) - 256;
    *(volatile u64 *)sp = (u64)thread_entry;
    return sp;
}

/*
 * Execute the orders in the lane one after the other; the request that reports them is ready on return.
 * True in a forked child: it has told who it is, and that was a request of its own, answered in its private lane.
 */
static int run_orders(volatile u64 *lane, u64 slot, struct ucontext *uc) {
    u64 count = lane[LANE_COUNT], token = lane[LANE_TOKEN], index = 0;
    i64 result = 0;
    for (u64 i = 0; i < count && i < MAX_ORDERS; i++) {
        u64 entry[8];
        for (int k = 0; k < 8; k++) entry[k] = lane[LANE_ORDERS + i * ORDER_WORDS + k];
        i64 r;
        if (entry[7] & ORDER_LOCAL && entry[0] & 2) {
            u64 call[8] = {157, 15, (u64)&entry[1], 0, 0, 0, 0, 0}; /* prctl: PR_SET_NAME */
            stub_free(call);
            r = 0;
        } else if (entry[7] & ORDER_LOCAL) {
            r = entry[0] & 1 ? stub_xchg(entry[1], entry[2]) : stub_cmpxchg(entry[1], entry[2], entry[3]);
        } else {
            if (entry[7] & ORDER_THREAD) entry[2] = prepare_thread(slot, uc, lane[LANE_SLOT]);
            r = entry[7] & ORDER_FREE ? stub_free(entry) : stub_order(entry);
            if (r == 0 && entry[7] & ORDER_FORK) {
                hypercall(HYPER_CHILD, token, slot);
                return 1;
            }
        }
        index = i;
        result = r;
        int failed = r < 0 && r >= -4095;
        if (entry[7] & ORDER_KEEPABLE) lane[LANE_KEPT] = 1;
        if (entry[7] & ORDER_LENT && i + 1 < count) {
            lane[LANE_KEPT] = 0;
            u64 take_back[8];
            i++;
            for (int k = 0; k < 8; k++) take_back[k] = lane[LANE_ORDERS + i * ORDER_WORDS + k];
            stub_order(take_back);
        }
        if (failed) break;
    }
    lane[LANE_INDEX] = index;
    lane[LANE_RESULT] = (u64)result;
    lane[LANE_KIND] = KIND_DONE;
    return 0;
}

/* Post (unless that has been `asked` and answered already), do what the answer says, until it says to go on. */
static void serve(volatile u64 *lane, u64 slot, struct ucontext *uc, int asked) {
    u64 call[8] = {lane[LANE_NR], lane[LANE_ARGS], lane[LANE_ARGS + 1], lane[LANE_ARGS + 2],
                   lane[LANE_ARGS + 3], lane[LANE_ARGS + 4], lane[LANE_ARGS + 5], 0};
    int file = lane[LANE_KIND] == KIND_SYSCALL && maps_file(lane);
    if (file) { /* as it will be ordered */
        call[2] = (call[2] + 4095) & ~4095ul;
        call[4] = 0x4012; /* MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE */
        call[5] = LENT_FD;
    }
    if (call[0] == 11 || call[0] == 10) call[2] = (call[2] + 4095) & ~4095ul;
    u64 *entry = lane[LANE_KIND] == KIND_SYSCALL && (file || call[0] == 11 || call[0] == 10) ? call : 0;
    for (;;) {
        i64 direct = 0;
        if (!asked) post(lane, slot, entry, &direct);
        asked = 0;
        u64 action = lane[LANE_ACTION];
        if (action == ACTION_ATTACH) {
            lane = attach(lane, slot);
            continue;
        }
        entry = 0;
        if (action == ACTION_REPLY) {
            uc->gregs[G_RAX] = lane[LANE_VALUE];
            return;
        }
        if (action == ACTION_REPLY_COPY) {
            uc->gregs[G_RAX] = copy_out(lane, lane[LANE_VALUE]);
            return;
        }
        i64 framed = action == ACTION_DELIVER ? deliver(lane, uc) : action == ACTION_RETURN ? take_fpu(lane[DELIVER_AT], uc) : 0;
        if (action == ACTION_RESUME || ((action == ACTION_DELIVER || action == ACTION_RETURN) && !framed)) {
            restore(lane, uc);
            return;
        }
        i64 value = (i64)lane[LANE_VALUE];
        if (action == ACTION_PROCEEDED && file) lane[LANE_KEPT] = 1;
        if (action == ACTION_PROCEEDED || framed) {
            lane[LANE_INDEX] = 0;
            lane[LANE_RESULT] = (u64)(framed ? framed : direct);
            lane[LANE_KIND] = KIND_DONE;
        } else if (run_orders(lane, slot, uc)) {
            lane = private_lane(slot);
            asked = 1;
            continue;
        }
        i64 result = (i64)lane[LANE_RESULT];
        if (action != ACTION_ORDERS && lane[LANE_KIND] == KIND_DONE && !(result < 0 && result >= -4095)) {
            uc->gregs[G_RAX] = (u64)value;
            return;
        }
    }
}

__attribute__((used)) static void handler(int sig, struct siginfo *si, struct ucontext *uc) {
    u64 slot = slot_here(), rip = uc->gregs[G_RIP];
    if (sig == SIGSEGV || sig == SIGBUS) {
        if (rip >= (u64)stub_user && rip < (u64)stub_user_end) {
            uc->gregs[G_RIP] = (u64)stub_fixup;
            return;
        }
    }
    if (slot >= MAX_SLOTS) broken();
    int thunk = in_thunk(sig, slot, uc);
    if (thunk == GO_ON) return;
    volatile u64 *lane = lane_of(slot);
    if (sig == SIGSYS && si->arch == AUDIT_ARCH_X86_64) {
        u64 value;
        if (known(lane, (u32)uc->gregs[G_RAX], &value) || (lane == private_lane(slot) && noted(lane, uc->gregs, &value))) {
            uc->gregs[G_RAX] = value;
            lend_gs(slot);
            return;
        }
        u32 nr = (u32)uc->gregs[G_RAX];
        if (lane != private_lane(slot) && (nr == SYS_FUTEX || nr == SYS_YIELD || nr == SYS_SIGACTION) &&
            (++block_of(slot)[BLOCK_TRAPS] & 15 || !patching()) && needs_nobody(lane, nr, uc->gregs, &value)) {
            uc->gregs[G_RAX] = value;
            lend_gs(slot);
            return;
        }
        if ((u32)uc->gregs[G_RAX] == 15 && return_alone(lane, uc)) {
            lend_gs(slot);
            return;
        }
    }
    if (sig == SIGSYS && si->arch != AUDIT_ARCH_X86_64) { /* int 0x80 and the like: as on a kernel without 32-bit calls */
        uc->gregs[G_RIP] = rip - 2;
        uc->gregs[G_ERR] = 0x402;
        uc->gregs[G_TRAPNO] = 13;
        sig = SIGSEGV;
        si->code = SI_KERNEL;
        si->addr = 0;
    }
    if (thunk != ANSWERED) lane[LANE_COPIES] = 0;
    if (sig == SIGSYS || thunk == ENTERED) {
        u64 *g = uc->gregs;
        lane[LANE_KIND] = KIND_SYSCALL;
        lane[LANE_NR] = (u32)g[G_RAX];
        arguments(lane, g);
        if (!maps_file(lane)) give_back(lane);
        tell_peak(lane);
        if (lane != private_lane(slot)) copy_in(lane, g[G_RSP]);
    } else if (sig == INTERRUPT_SIGNAL || thunk == LEFT) {
        lane[LANE_KIND] = KIND_INTERRUPTED;
    } else if (!thunk) {
        lane[LANE_KIND] = KIND_FAULT;
        lane[LANE_SIGNO] = sig;
        lane[LANE_CODE] = (u64)(i64)si->code;
        lane[LANE_ADDR] = si->addr;
    }
    const volatile u64 *block = block_of(slot);
    u64 visible = block[BLOCK_REGS + G_RIP], tail = block[BLOCK_TAIL];
    if (thunk != ANSWERED) save(lane, uc);
    else frame_at(lane, uc); /* the sentry has the registers, and has perhaps set them */
    serve(lane, slot, uc, thunk == ANSWERED);
    if (thunk == ANSWERED && block_of(slot)[BLOCK_PENDING]) { /* the interrupt came after the answer */
        block_of(slot)[BLOCK_PENDING] = 0;
        lane = lane_of(slot);
        lane[LANE_COPIES] = 0;
        lane[LANE_KIND] = KIND_INTERRUPTED;
        save(lane, uc);
        serve(lane, slot, uc, 0);
    }
    /* The comparison behind the call has been overwritten: not there, where it would be an undefined instruction. */
    if ((thunk == ENTERED || thunk == ANSWERED) && uc->gregs[G_RIP] == visible) uc->gregs[G_RIP] = tail;
    lend_gs(slot);
}

#include "start.c"
