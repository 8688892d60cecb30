/*
 * Calls that come by a thunk: without a signal, from a jump that stands where the guest's own code made the call.
 * Included by stub.c. A thunk (made by thunks.py) loads the address of its data into rcx and jumps here:
 *
 *     0  visible: the address after the guest's syscall instruction
 *     8  tail: where to go on, which is that, or the thunk's copy of what was overwritten
 *    16  mov form: the call's number; cmp form: where the thunk makes the call by a trap
 *
 * The thread is found through gs: its base is the bottom of the thread's alternate stack for a guest that has none of
 * its own. There too (words BLOCK_*) its registers are kept, all of them but the vector registers, which nothing
 * here touches. Neither the guest's stack nor its red zone is used.
 *
 * No signal is masked meanwhile. What the interrupt signal does depends on where it arrives:
 *   on the way in, before the request is posted: nothing, the sentry looks at what is pending before it answers; but where
 *   the stub may know the answer, as in C;
 *   in C: a word is set that stub_exit looks at;
 *   in stub_exit, after that look or at its fault: the handler completes the exit, since all registers are in the block,
 *   and reports the thread as interrupted at the visible address.
 *
 * Whatever is more than to give the call's result back needs a frame, so that signals are masked and rt_sigreturn sets
 * all registers: stub_frame, a fault whose handler takes the registers of the block for those of the frame. It is a
 * division by zero: hypervisors catch an undefined instruction for themselves (8 us where the division takes 1.2).
 */
#define S_(x) #x
#define S(x) S_(x)
#define AT(word) "%gs:8*(" S(word) ")"
#define REG(n) "%gs:8*(" S(ASM_BLOCK_REGS) "+" #n ")"

/* Is the thread's gs base that of a slot with a shared lane, and the thread the one whose it is? r11 and flags are lost. */
#define CHECK_GS \
    "  rdgsbase %r11\n" \
    "  sub stub_stacks(%rip), %r11\n" \
    "  ror $" S(ASM_STACK_BITS) ", %r11\n" \
    "  cmp $" S(ASM_MAX_SLOTS) ", %r11\n" \
    "  jae 1f\n" \
    "  cmpq $1, " AT(ASM_LANE_ATTACHED) "\n" \
    "  jne 1f\n" \
    "  rdfsbase %r11\n" \
    "  cmp %r11, " AT(ASM_BLOCK_FS) "\n" \
    "  jne 1f\n"
#define SWITCH_STACK \
    "  mov %rsp, " REG(15) "\n" \
    "  rdgsbase %r11\n" \
    "  lea " S(ASM_STACK_SIZE) "(%r11), %rsp\n"

#define FAULT \
    "  xor %ecx, %ecx\n" \
    "  div %ecx\n"
enum { FAULT_AT = 2 }; /* the xor's length */

__asm__(".section .gate,\"ax\",@progbits\n"
        "  .balign 8\n" /* the guest may have set AC */
        "stub_stacks: .quad " S(ASM_STACKS_BASE) "\n"
        "stub_enter_mov:\n" /* ah, al: the flags by lahf, seto; rcx: data */
        CHECK_GS
        SWITCH_STACK
        "  add $0x7f, %al\n"
        "  sahf\n"
        "  pushfq\n"
        "  popq " REG(17) "\n"
        "  mov 16(%rcx), %eax\n"
        "  jmp 2f\n"
        "1:add $0x7f, %al\n"
        "  sahf\n"
        "  mov 16(%rcx), %eax\n"
        "  mov 0(%rcx), %r11\n"
        "  lea -2(%r11), %r11\n" /* the syscall instruction still stands there */
        "  jmp *%r11\n"
        "stub_enter_cmp:\n" /* rcx: data; the comparison behind the call sets the flags anyway */
        CHECK_GS
        SWITCH_STACK
        "  pushfq\n"
        "  popq " REG(17) "\n"
        "2:mov %r8, " REG(0) "\n"
        "  mov %r9, " REG(1) "\n"
        "  mov %r10, " REG(2) "\n"
        "  mov %r12, " REG(4) "\n"
        "  mov %r13, " REG(5) "\n"
        "  mov %r14, " REG(6) "\n"
        "  mov %r15, " REG(7) "\n"
        "  mov %rdi, " REG(8) "\n"
        "  mov %rsi, " REG(9) "\n"
        "  mov %rbp, " REG(10) "\n"
        "  mov %rbx, " REG(11) "\n"
        "  mov %rdx, " REG(12) "\n"
        "  mov %rax, " REG(13) "\n"
        "  mov 0(%rcx), %r11\n"
        "  mov %r11, " REG(14) "\n" /* what the instruction leaves in rcx and r11 */
        "  mov %r11, " REG(16) "\n"
        "  mov 8(%rcx), %r11\n"
        "  mov %r11, " AT(ASM_BLOCK_TAIL) "\n"
        "  mov " REG(17) ", %rax\n"
        "  mov %rax, " REG(3) "\n"
        "  cld\n"
        "  test $0x40000, %eax\n" /* AC: C may use memory that is not aligned */
        "  jz 3f\n"
        "  pushfq\n"
        "  andl $~0x40000, (%rsp)\n"
        "  popfq\n"
        "3:rdgsbase %rdi\n"
        "  call thunk_call\n"
        "stub_exit:\n" /* rsp: the top of the alternate stack */
        "  cmpq $0, " AT(ASM_BLOCK_PENDING) "\n"
        "  jne 4f\n"
        "  pushq " REG(17) "\n"
        "  popfq\n"
        "  mov " REG(0) ", %r8\n"
        "  mov " REG(1) ", %r9\n"
        "  mov " REG(2) ", %r10\n"
        "  mov " REG(3) ", %r11\n"
        "  mov " REG(8) ", %rdi\n"
        "  mov " REG(9) ", %rsi\n"
        "  mov " REG(12) ", %rdx\n"
        "  mov " REG(13) ", %rax\n"
        "  mov " REG(14) ", %rcx\n"
        "  mov " REG(15) ", %rsp\n"
        "  jmp *" AT(ASM_BLOCK_TAIL) "\n"
        "4:" FAULT
        "stub_exit_end:\n"
        "1:jmp *16(%rcx)\n" /* of stub_enter_cmp: rsp is the guest's, it traps at once */
        "stub_enter_end:\n"
        "stub_frame:\n"
        FAULT
        "stub_trap:\n"
        FAULT
        ".text\n");
extern const char stub_enter_mov[], stub_enter_end[], stub_exit[], stub_exit_end[];
extern void stub_frame(void) __attribute__((noreturn)); /* have the answer in the lane carried out with a frame */
extern void stub_trap(void) __attribute__((noreturn));  /* make the call as if it had been trapped */

static inline volatile u64 *block_of(u64 slot) { return private_lane(slot); }

/* The gs base that the guest sees. */
static u64 guest_gs(void) {
    u64 gs = rdgsbase();
    return gs - STACKS_BASE < MAX_SLOTS * STACK_SIZE ? 0 : gs;
}

/* Once a thread of a guest without a gs of its own has a shared lane, thunks find it. Before guest code runs. */
static void lend_gs(u64 slot) {
    volatile u64 *block = block_of(slot);
    if (!block[LANE_ATTACHED] || !((volatile u64 *)CONTROL_BASE)[CONTROL_PATCH]) return;
    block[BLOCK_FS] = rdfsbase();
    if (!guest_gs()) wrgsbase((u64)block);
}

/* Write a signal frame and leave to its handler; 0: only by a frame. */
static int enter_handler(volatile u64 *lane, volatile u64 *block) {
    static const u8 kept[] = {4, 5, 6, 7, 10, 11}; /* r12 - r15, rbp, rbx: stub_exit leaves them as they are */
    volatile u64 *regs = block + BLOCK_REGS, *set = lane + LANE_REGS;
    for (u64 i = 0; i < sizeof kept; i++)
        if (set[kept[i]] != regs[kept[i]]) return 0;
    if (set[17] & 0x40100 || set[23] != rdfsbase() || set[24] || deliver_here(lane)) return 0; /* AC, TF */
    for (int i = 0; i < G_CSGSFS; i++) regs[i] = set[i];
    block[BLOCK_TAIL] = set[G_RIP];
    return 1;
}

/* What the sentry would rather have by a trap: a mapping of a file, and while nobody looks munmap, since they may be let
   through as they are (post). */
static inline int parks_at_gate(u64 nr, volatile u64 *regs) {
    if (nr == 9) return !(regs[2] & 0x20); /* r10: MAP_ANONYMOUS */
    return nr == 11 && !((const volatile u64 *)CONTROL_BASE)[CONTROL_AWAKE];
}

/*
 * The answer is one order that needs nobody's permission: made here, without a frame. 0: it is something else, or has failed,
 * and is done (once more: it is within the same call still) with a frame, by which a failure is reported.
 */
static int order_here(volatile u64 *lane, u64 *value) {
    u64 entry[8];
    if (lane[LANE_COUNT] != 1) return 0;
    for (int k = 0; k < 8; k++) entry[k] = lane[LANE_ORDERS + k];
    *value = lane[LANE_VALUE];
    if (entry[7] != ORDER_FREE) return 0;
    i64 result = stub_free(entry);
    return !(result < 0 && result >= -4095);
}

/* By a thunk: the registers are in the block, and a signal may come at any instruction. */
__attribute__((used)) static void thunk_call(volatile u64 *block) {
    u64 slot = slot_here();
    volatile u64 *lane = shared_lane(slot), *regs = block + BLOCK_REGS;
    const volatile u8 *served = (const volatile u8 *)(CONTROL_BASE + CONTROL_THUNKS);
    u64 nr = (u32)regs[G_RAX];
    if (nr >= COPIED_CALLS || !(served[nr >> 3] >> (nr & 7) & 1) || parks_at_gate(nr, regs)) stub_trap();
    u64 value;
    if (known(lane, nr, &value) || needs_nobody(lane, nr, regs, &value)) {
        regs[G_RAX] = value;
        return;
    }
    lane[LANE_COPIES] = 0;
    lane[LANE_KIND] = KIND_THUNK;
    lane[LANE_NR] = nr;
    arguments(lane, regs);
    give_back(lane);
    tell_peak(lane);
    lane[LANE_FPSTATE] = 0;
    for (int i = 0; i < G_CSGSFS; i++) lane[LANE_REGS + i] = regs[i];
    lane[LANE_REGS + G_CSGSFS] = IN_64_BIT;
    lane[LANE_REGS + 23] = rdfsbase();
    lane[LANE_REGS + 24] = 0;
    copy_in(lane, regs[G_RSP]);
    post(lane, slot, 0, 0);
    u64 action = lane[LANE_ACTION];
    if (action == ACTION_REPLY) regs[G_RAX] = lane[LANE_VALUE];
    else if (action == ACTION_REPLY_COPY) regs[G_RAX] = copy_out(lane, lane[LANE_VALUE]);
    else if (action == ACTION_ORDERS_RETURN && order_here(lane, &value)) regs[G_RAX] = value;
    else if (action != ACTION_DELIVER || !enter_handler(lane, block)) stub_frame();
}

static void take_registers(volatile u64 *block, struct ucontext *uc) {
    for (int i = 0; i < G_CSGSFS; i++) uc->gregs[i] = block[BLOCK_REGS + i];
}

enum { NOT_OURS, GO_ON, LEFT, ENTERED, ANSWERED };

/*
 * A signal: did it come at an instruction of ours, outside a frame? GO_ON: there is nothing to be done now. Else uc has
 * the guest's registers: LEFT, its call is done; ENTERED, it is to be posted; ANSWERED, the answer is in the lane.
 */
static int in_thunk(int sig, u64 slot, struct ucontext *uc) {
    u64 rip = uc->gregs[G_RIP];
    volatile u64 *block = block_of(slot);
    if (rip < STUB_BASE || rip >= CONTROL_BASE) return NOT_OURS;
    int leaving = rip >= (u64)stub_exit && rip < (u64)stub_exit_end;
    if (sig == SIGTRAP) return GO_ON; /* the guest has set TF: it is told at its own next instruction */
    if (sig == INTERRUPT_SIGNAL && !leaving) {
        if ((rip >= (u64)stub_enter_mov && rip < (u64)stub_enter_end) || (rip >= ENTER_MOV && rip < ENTER_MOV + 16)) {
            if (block[LANE_ATTACHED] && shared_lane(slot)[LANE_KNOWN]) block[BLOCK_PENDING] = 1; /* perhaps no request */
            return GO_ON;
        }
        if (uc->gregs[G_RSP] - (u64)block >= STACK_SIZE) return NOT_OURS;
        block[BLOCK_PENDING] = 1;
        return GO_ON;
    }
    if (sig != SIGFPE && sig != INTERRUPT_SIGNAL) return NOT_OURS;
    int framed = rip == (u64)stub_frame + FAULT_AT;
    if (!leaving && !framed && rip != (u64)stub_trap + FAULT_AT) return NOT_OURS;
    take_registers(block, uc);
    if (!leaving) return framed ? ANSWERED : ENTERED;
    block[BLOCK_PENDING] = 0;
    return LEFT;
}
