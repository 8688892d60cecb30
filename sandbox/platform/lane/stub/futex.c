/*
 * futex(2) where nobody need be asked: a wait for a word that has another value, and a wake-up where nobody waits. Included
 * by stub.c. Only private ones that are as they should be, waits without a time-out; everything else is the sentry's.
 *
 * Nobody waits where the sentry counts none at the word's place in its page (CONTROL_FUTEXES), for whoever would be woken waits
 * at an address with that place, whichever mapping it came by. The waker has changed the word, crosses a barrier and reads the
 * count; the sentry raises the count, crosses a barrier and reads the word (futexes.py). So either the waker sees the count, and
 * asks, or the sentry sees the word changed, and nobody waits. What the guest's thread reads is a read of its own at a moment
 * between the call's beginning and its end, as Linux has it.
 */
enum { SYS_FUTEX = 202, F_WAIT = 128, F_WAKE = 129, F_WAIT_BITSET = 137, F_WAKE_BITSET = 138, F_REALTIME = 256 };

/* Call sites are patched, and for that their traps have to be seen, one in sixteen of them. */
static inline int patching(void) { return ((const volatile u64 *)CONTROL_BASE)[CONTROL_PATCH] != 0; }

static inline int futex_here(volatile u64 *lane, const volatile u64 *regs, u64 *value) {
    u64 address = regs[8], waits = 0;                                   /* rdi */
    u32 op = (u32)regs[9], expected = (u32)regs[12], bits = (u32)regs[1]; /* rsi, rdx, r9 */
    if (!(lane[LANE_KNOWN] >> KNOWN_FUTEXES & 1) || address & 3 || address >= TASK_SIZE) return 0;
    if (op == F_WAIT || ((op & ~F_REALTIME) == F_WAIT_BITSET && bits)) waits = 1;
    else if (op != F_WAKE && !(op == F_WAKE_BITSET && bits)) return 0;
    fence();
    if (waits) {
        if (regs[2]) return 0; /* r10: a time-out, which is looked at first */
        i64 word = stub_load(address);
        if (word < 0 || (u32)word == expected) return 0;
        *value = -11ul; /* EAGAIN */
        return 1;
    }
    if (((const volatile u32 *)(CONTROL_BASE + CONTROL_FUTEXES))[(address & 0xfff) >> 2]) return 0;
    *value = 0;
    return 1;
}
