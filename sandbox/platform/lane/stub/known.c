/*
 * An answer that the sentry has given before and that has not changed since: *value. The words are the guest's to write,
 * who would deceive itself.
 */
static inline int known(volatile u64 *lane, u64 nr, u64 *value) {
    u64 which = lane[LANE_KNOWN], at;
    if (!which) return 0;
    if (nr == 39) at = 0;
    else if (nr == 186) at = 1;
    else if (nr == 110) at = 2;
    else if (nr == 102) at = 3;
    else if (nr == 107) at = 4;
    else if (nr == 104) at = 5;
    else if (nr == 108) at = 6;
    else if (nr == 334) at = 7;
    else return 0;
    if (!(which >> at & 1)) return 0;
    *value = lane[LANE_KNOWN + 1 + at];
    return 1;
}

/*
 * What a new process or program says of itself before it does anything: where its thread-local memory, its list of robust
 * futexes and its number are. It is kept in the lane and comes with the next request, or is read when the thread ends.
 * And what it asks, where its heap ends: that holds until it moves it.
 */
static inline int noted(volatile u64 *lane, const u64 *regs, u64 *value) {
    u64 nr = (u32)regs[G_RAX], first = regs[8], second = regs[9]; /* rdi, rsi */
    if (!(lane[LANE_KNOWN] >> KNOWN_NOTES & 1)) return 0;
    *value = 0;
    if (nr == 158 && (u32)first == 0x1002 && second < TASK_SIZE) { /* arch_prctl: ARCH_SET_FS */
        wrfsbase(second);
    } else if (nr == 273 && second == 24) {
        lane[LANE_ROBUST] = first;
        lane[LANE_NOTED] |= NOTED_ROBUST;
    } else if (nr == 12 && !first && lane[LANE_KNOWN] >> KNOWN_BREAK & 1) {
        *value = lane[LANE_KNOWN + 1 + KNOWN_BREAK];
    } else if (nr == 218 && known(lane, 186, value)) {
        lane[LANE_TID_ADDRESS] = first;
        lane[LANE_NOTED] |= NOTED_TID_ADDRESS;
    } else {
        if (nr == 12) lane[LANE_KNOWN] &= ~(1ul << KNOWN_BREAK); /* it is about to change */
        return 0;
    }
    return 1;
}
