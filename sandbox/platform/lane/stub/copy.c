/* Copies between the guest's memory and the lane, for calls whose table entry says what they read and write. Included by stub.c. */
/*
 * Copy what the call reads into the lane, as the sentry's table has it for its number, and see that what it
 * writes can be written. What does not fit or faults is left out: the sentry finds it in guest memory, or finds the
 * fault there.
 */
static void copy_in(volatile u64 *lane, u64 sp) {
    u64 nr = lane[LANE_NR], count = 0, at = LANE_DATA;
    const volatile u32 *spec = (const volatile u32 *)(CONTROL_BASE + CONTROL_COPIES) + nr * MAX_COPIES;
    for (int i = 0; nr < COPIED_CALLS && i < (int)MAX_COPIES && spec[i]; i++) {
        u64 kind = spec[i] >> COPY_KIND & 7, from = spec[i] >> COPY_LENGTH & 7, size = spec[i] >> COPY_SIZE;
        u64 argument = spec[i] & 7, room = LANE_SIZE - at;
        u64 address = argument == COPY_STACK ? sp : lane[LANE_ARGS + argument];
        if (from != COPY_FIXED) {
            u64 length = lane[LANE_ARGS + from];
            size = length > room ? room + 1 : size * length;
        }
        if (kind == COPY_OUT && size > room) size = room / 2; /* what comes may be short, and leave room for others */
        if (kind == COPY_STRING) size = 1;
        if (!size || size > room || address >= TASK_SIZE || size > TASK_SIZE - address) continue;
        volatile void *data = (volatile u8 *)lane + at;
        if (kind == COPY_STRING) {
            i64 length = stub_string(data, (void *)address, room < TASK_SIZE - address ? room : TASK_SIZE - address);
            if (length < 0 || (u64)length == room) continue;
            size = (u64)length + 1;
        } else if (kind == COPY_IN ? stub_copy(data, (void *)address, size) : stub_probe(address, address + size - 1)) {
            continue;
        }
        lane[LANE_COPY + 2 * count] = address;
        lane[LANE_COPY + 2 * count + 1] = size | kind << COPIED_KIND | at << COPIED_AT;
        at += (size + 7) & ~7ul;
        count++;
    }
    lane[LANE_COPIES] = count;
}

/* Copy what the sentry has written into the lane to where the call wants it; what the call returns then. */
static u64 copy_out(volatile u64 *lane, u64 value) {
    u64 sizes = lane[LANE_OUTS];
    for (u64 i = 0; i < MAX_COPIES && sizes; i++, sizes >>= 16) {
        u64 size = sizes & 0xffff, at = lane[LANE_COPY + 2 * i + 1] >> COPIED_AT;
        if (size && stub_copy((void *)lane[LANE_COPY + 2 * i], (volatile u8 *)lane + at, size)) return -14ul;
    }
    return value;
}
