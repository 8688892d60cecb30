/*
 * rt_sigaction(2) of a process that was made to execute another program: posix_spawn's child asks for the action of every
 * signal and sets it back to the default, 126 calls. Included by stub.c. LANE_DEFAULTS has the signals whose action is the
 * initial one. That is the answer to whoever asks; and that it shall be the default again, with the restorer that libc sets,
 * is kept in the lane and comes with the next request. For signals that are ignored by default it is a call, since what is
 * pending of them is discarded. The words are the guest's to write, who would set its own actions so.
 */
enum { SYS_SIGACTION = 13, A_RESTORER = 0x04000000 };
#define IGNORED_BY_DEFAULT (1ul << 16 | 1ul << 17 | 1ul << 22 | 1ul << 27) /* SIGCHLD SIGCONT SIGURG SIGWINCH */

static inline int actions_here(volatile u64 *lane, const volatile u64 *regs, u64 *value) {
    u64 act = regs[9], old = regs[12], action[4] = {0, 0, 0, 0}; /* rsi, rdx; handler, flags, restorer, mask */
    u32 at = (u32)regs[8] - 1;                                   /* rdi */
    if (!(lane[LANE_KNOWN] >> KNOWN_ACTIONS & 1) || at >= 64 || regs[2] != 8 || !act == !old) return 0; /* r10 */
    if ((act | old) >= TASK_SIZE - sizeof action || !(lane[LANE_DEFAULTS] >> at & 1)) return 0;
    u64 bit = 1ul << at, acted = lane[LANE_ACTED], restorer = lane[LANE_RESTORER];
    *value = 0;
    if (old) {
        if (acted & bit) action[1] = A_RESTORER, action[2] = restorer;
        return !stub_copy((volatile void *)old, action, sizeof action);
    }
    if (bit & IGNORED_BY_DEFAULT || stub_copy(action, (const volatile void *)act, sizeof action)) return 0;
    if (action[0] || action[1] != A_RESTORER || action[3] || (acted && action[2] != restorer)) return 0;
    lane[LANE_RESTORER] = action[2];
    lane[LANE_ACTED] = acted | bit;
    return 1;
}

enum { SYS_YIELD = 24 };

/* What nobody need be asked for: these two, or, as long as KNOWN_FUTEXES says so, sched_yield(2), which is the host's: it knows
 * who else would run. */
static inline int needs_nobody(volatile u64 *lane, u64 nr, const volatile u64 *regs, u64 *value) {
    u64 yield[8] = {SYS_YIELD, 0, 0, 0, 0, 0, 0, 0};
    if (nr == SYS_FUTEX) return futex_here(lane, regs, value);
    if (nr == SYS_SIGACTION) return actions_here(lane, regs, value);
    if (nr != SYS_YIELD || !(lane[LANE_KNOWN] >> KNOWN_FUTEXES & 1)) return 0;
    *value = stub_free(yield);
    return 1;
}
