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
    else return 0;
    if (!(which >> at & 1)) return 0;
    *value = lane[LANE_KNOWN + 1 + at];
    return 1;
}
