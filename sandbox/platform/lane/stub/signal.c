/*
 * Guest signal frames: the host's frame, by which we were entered, has the vector registers, and here they go to the
 * frame that the guest sees, and come back from it, without a copy by the sentry. Included by stub.c.
 *
 * XSAVE images as in asm/sigcontext.h (struct _fpstate with _fpx_sw_bytes). What does not look as it does on every day
 * (no room, a frame of another shape, values that the CPU would refuse) fails, and the sentry does it by hand.
 */
enum { FP_MXCSR = 24, FP_LEGACY = 416, FP_SW = 464, FP_SW_SIZE = 24, FP_HEADER = 512, FP_HEADER_SIZE = 64 };
#define FP_MAGIC1 0x46505853u
#define FP_MAGIC2 0x46505845u
#define MXCSR_MASK 0xffffu
#define MXCSR_INITIAL 0x1f80u
#define XFEATURE_PKRU (1ul << 9)

struct sw_bytes { u32 magic, extended_size; u64 features; u32 xstate_size, pad; };

static i64 deliver(volatile u64 *lane, struct ucontext *uc) {
    u64 at = lane[DELIVER_AT], size = lane[DELIVER_SIZE], fpu = lane[DELIVER_FPU], fpu_size = lane[DELIVER_FPU_SIZE];
    volatile u8 *image = (volatile u8 *)uc->fpstate;
    volatile struct sw_bytes *sw = (volatile struct sw_bytes *)(image + FP_SW);
    if (!image || sw->magic != FP_MAGIC1 || sw->extended_size != fpu_size) return -14;
    if (at >= TASK_SIZE || fpu >= TASK_SIZE || size > LANE_SIZE - LANE_DATA) return -14;
    if (stub_copy((void *)at, (volatile u8 *)lane + LANE_DATA, size) || stub_copy((void *)fpu, image, fpu_size)) return -14;
    /* The handler begins with the initial state (fpu__clear_user_states), its memory protection keys aside. */
    *(volatile u32 *)(image + FP_MXCSR) = MXCSR_INITIAL;
    *(volatile u64 *)(image + FP_HEADER) &= XFEATURE_PKRU;
    return 0;
}

/* An image whose every component is in its initial state: XSTATE_BV is 0, and MXCSR is loaded all the same. The rest of it is not
   read, but may be looked at for faults: build.py has XSTATE_MOST bytes behind all that is here. */
static const struct { u8 x87[FP_MXCSR]; u32 mxcsr; u8 rest[FP_HEADER + FP_HEADER_SIZE - FP_MXCSR - 4]; }
    initial __attribute__((aligned(64))) = {.mxcsr = MXCSR_INITIAL};

/*
 * As deliver, where there is no frame of the host's: the vector registers are the guest's own still. What it takes from
 * the processor is what the host takes (XSAVE, then the words for software), and what it leaves there is the same as there.
 */
static i64 deliver_here(volatile u64 *lane) {
    const volatile u64 *control = (const volatile u64 *)CONTROL_BASE;
    u64 at = lane[DELIVER_AT], size = lane[DELIVER_SIZE], fpu = lane[DELIVER_FPU], xstate = control[CONTROL_XSTATE];
    u64 features = control[CONTROL_XFEATURES], present, zero[FP_HEADER_SIZE / 8] = {0};
    struct { struct sw_bytes sw; u32 pad[6]; } words = {{FP_MAGIC1, xstate + 4, features, xstate, 0}, {0}};
    u32 magic2 = FP_MAGIC2;
    if (!xstate || lane[DELIVER_FPU_SIZE] != xstate + 4 || fpu & 63) return -14;
    if (at >= TASK_SIZE || fpu >= TASK_SIZE || size > LANE_SIZE - LANE_DATA) return -14;
    if (stub_copy((void *)at, (volatile u8 *)lane + LANE_DATA, size) || stub_copy((void *)(fpu + FP_HEADER), zero, sizeof zero) ||
        stub_xsave(fpu, features) || stub_copy((void *)(fpu + FP_SW), &words, sizeof words) ||
        stub_copy((void *)(fpu + xstate), &magic2, 4) || stub_copy(&present, (void *)(fpu + FP_HEADER), 8))
        return -14;
    present |= 3; /* x87 and SSE are always said to be there */
    if (stub_copy((void *)(fpu + FP_HEADER), &present, 8)) return -14;
    features &= ~XFEATURE_PKRU;
    __asm__ volatile("xrstor64 (%0)" : : "r"(&initial), "a"((u32)features), "d"((u32)(features >> 32)) : "memory");
    return 0;
}

static i64 take_fpu(u64 from, struct ucontext *uc) {
    u64 header[FP_HEADER_SIZE / 8];
    volatile u8 *image = (volatile u8 *)uc->fpstate, *theirs = (volatile u8 *)from;
    volatile struct sw_bytes *sw = (volatile struct sw_bytes *)(image + FP_SW);
    struct sw_bytes guest;
    u32 magic2, mxcsr;
    if (!image || sw->magic != FP_MAGIC1 || from & 63 || from >= TASK_SIZE) return -14;
    u64 size = sw->xstate_size, rest = FP_HEADER + FP_HEADER_SIZE;
    if (stub_copy(&guest, theirs + FP_SW, FP_SW_SIZE) || stub_copy(header, theirs + FP_HEADER, FP_HEADER_SIZE) ||
        stub_copy(&mxcsr, theirs + FP_MXCSR, 4) || stub_copy(&magic2, theirs + size, 4))
        return -14;
    if (guest.magic != FP_MAGIC1 || magic2 != FP_MAGIC2 || guest.extended_size != sw->extended_size ||
        guest.xstate_size != size || size < rest || header[0] & ~sw->features || header[1] || header[2] ||
        mxcsr & ~MXCSR_MASK)
        return -14;
    if (stub_copy(image, theirs, FP_LEGACY) || stub_copy(image + rest, theirs + rest, size - rest)) return -14;
    *(volatile u32 *)(image + FP_MXCSR) = mxcsr;
    *(volatile u64 *)(image + FP_HEADER) = header[0];
    return 0;
}

/*
 * rt_sigreturn from the frame that was written last, where the sentry need not be asked: it has said so, nothing was asked
 * since, and the signal mask, the alternate stack in the frame are as they were written, and the segments those of 64-bit code. 0: ask.
 *
 * The sentry may take the permission back at any time: it clears LANE_RETURN, crosses a barrier and reads LANE_RETURNED;
 * we set LANE_RETURNED, cross a barrier and read LANE_RETURN. Both may see the other's word, and then we ask for what the
 * sentry has taken for done: to return twice from the same frame is to return once.
 */
static int return_alone(volatile u64 *lane, struct ucontext *uc) {
    u64 at = lane[LANE_RETURN];
    volatile struct ucontext *made = (volatile struct ucontext *)((volatile u8 *)lane + LANE_DATA + 8);
    struct ucontext frame;
    if (!at || lane[LANE_RETURNED] || uc->gregs[G_RSP] != at + 8 || at >= TASK_SIZE) return 0;
    if (stub_copy(&frame, (void *)(at + 8), sizeof frame)) return 0;
    if (frame.sigmask != made->sigmask || frame.ss_sp != made->ss_sp || frame.ss_flags != made->ss_flags ||
        frame.ss_size != made->ss_size || frame.gregs[G_CSGSFS] != IN_64_BIT || take_fpu(frame.fpstate, uc))
        return 0;
    lane[LANE_RETURNED] = 1;
    fence();
    if (lane[LANE_RETURN] != at) {
        lane[LANE_RETURNED] = 0;
        return 0;
    }
    for (int i = 0; i < G_CSGSFS; i++) uc->gregs[i] = frame.gregs[i];
    return 1;
}
