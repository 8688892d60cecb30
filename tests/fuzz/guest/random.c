/* One random system call after another: what it is chosen from is in calls.h, what a pointer points to is made here. */
#include "syscalls.h"

#include "calls.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum { REMEMBERED = 16, AREA = 1 << 16, SLOT = 1024, STACK = 1 << 14, MADE = M_pid + 1 };

struct state {
    unsigned long random;
    struct worker *counted;
    int wild;        /* whether this call may have garbage in it */
    int depth, left; /* of a child or thread: how deep it is below a worker, how many calls it makes */
    char *area;      /* what pointers point to: slots in turn, the last one at the end of the mapping */
    unsigned slot;
    unsigned given[MADE]; /* how many of each kind were made: */
    long made[MADE][REMEMBERED];
};

static const char *const paths[] = {
    "a", "b", "c", "d", "d/a", "d/b", "d/c", "d/d", "l", "d/l", "e", "../w/a", ".", "..", "/", "/w", "f", "s", "d/e", "d/f",
    "/proc/self/maps", "/proc/self/fd", "/proc/self/status", "/proc/self/mem", "/proc/self/ns/mnt", "/proc/self/ns/pid",
    "/proc/self/ns/user", "/proc/self/ns/net", "/proc/self/ns/ipc", "/proc/self/ns/uts", "/proc/self/environ",
    "/proc/self/exe", "/proc/self/cwd", "/proc/self/fdinfo/0", "/proc/self/task", "/proc/self/stat", "/proc/self/smaps",
    "/proc/self/uid_map", "/proc/self/setgroups", "/proc/self/gid_map", "/proc/self/mountinfo", "/proc/self/comm",
    "/proc/self/oom_score_adj", "/proc/self/auxv", "/proc/self/limits", "/proc/self/pagemap", "/proc/self/wchan",
    "/proc/self/clear_refs", "/proc/self/coredump_filter", "/proc/self/attr/current", "/proc/self/net/tcp", "/proc/self/io",
    "/proc/self/timers", "/proc/self/syscall", "/proc/self/stack", "/proc/thread-self", "/proc/locks", "/proc/net/unix",
    "/proc/sysvipc/shm", "/proc/mounts", "/proc/stat", "/proc/2/fd", "/proc/3/mem", "/proc/4/maps", "/proc/5/task/5/comm",
    "/proc", "/proc/sys/kernel", "/sys", "/sys/class/net", "/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
    "/dev/ptmx", "/dev/tty", "/dev/pts/0", "/dev/shm/a", "/dev/fd/3", "/dev/pts", "/vol/a", "/vol/b", "/vol/d", "/vol/d/a",
    "/usr/bin", "/usr/bin/true", "", "x/y", "\xff\x01", "/w/d/../d/a/", "a/", "/proc/self/fd/3", "/proc/self/fd/4",
};

static unsigned long draw(struct state *s) {
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random * 0x2545f4914f6cdd1dul >> 16;
}

static long below(struct state *s, long n) { return draw(s) % n; }
static int once_in(struct state *s, long n) { return below(s, n) == 0; }

/* As once_in, for what makes a call fail. */
static int odd(struct state *s, long n) { return s->wild && once_in(s, n); }

static long garbage(struct state *s) {
    static const long list[] = {0, 1, -1, 2, 4096, -4096, 1l << 31, -(1l << 31), 0xffffffff, 1l << 32, 1l << 47, 1l << 62,
                                1l << 63, 0x7fffffffffffffff, 0x7fffffff, 0x7ffff000, 0x7fffffffe000, 0xffff800000000000, 255,
                                0x5555555555555555, -14};
    return once_in(s, 8) ? (long)draw(s) << 17 ^ draw(s) : list[below(s, sizeof list / sizeof *list)];
}

static void remember(struct state *s, int what, long value) { s->made[what][s->given[what]++ % REMEMBERED] = value; }

static long recall(struct state *s, int what, long otherwise) {
    unsigned known = s->given[what] < REMEMBERED ? s->given[what] : REMEMBERED;
    return known && !odd(s, 12) ? s->made[what][below(s, known)] : otherwise;
}

/* Room for what a pointer points to: a slot, full of what was there before, or (once in 30) the last bytes of a page. */
static char *room(struct state *s, long size) {
    if (odd(s, 20)) return s->area + AREA - (below(s, 2) ? size : below(s, size + 1));
    return s->area + (1 + s->slot++ % (AREA / SLOT - 24)) * SLOT;
}

static int safe(struct state *s, char *p, long size) { return p >= s->area && p + size <= s->area + AREA; }

static long one_fd(struct state *s) {
    if (odd(s, 5)) return below(s, 40);
    return recall(s, M_fd, odd(s, 4) ? garbage(s) : below(s, 6));
}

static long address(struct state *s) {
    if (odd(s, 3)) return odd(s, 3) ? garbage(s) : 0;
    if (once_in(s, 3)) return (long)s->area + below(s, AREA + 1);
    return recall(s, M_map, 0x100000000) + (once_in(s, 3) ? 4096 * below(s, 8) : 0);
}

static long size(struct state *s) {
    long kind = below(s, 16);
    return kind == 0 ? (s->wild ? garbage(s) : 1) : kind == 1 ? 0 : kind < 4 ? 4096 * below(s, 5) : kind < 10 ? below(s, 64) : below(s, 600);
}

static long one_pid(struct state *s) {
    if (once_in(s, 8)) return odd(s, 3) ? garbage(s) : 0;
    return recall(s, M_pid, 2 + below(s, 20));
}

static long choose(struct state *s, int kind) {
    if (kind < K_OPEN) {
        int which = kind - K_FSTYPE;
        char *p = room(s, 32);
        const char *text = strings[which].texts[below(s, strings[which].count)];
        if (safe(s, p, strlen(text) + 1)) strcpy(p, text);
        return (long)p;
    }
    int which = kind - K_OPEN;
    long value = sets[which].values[below(s, sets[which].count)];
    if (odd(s, 16)) return garbage(s);
    if (sets[which].bits && !once_in(s, 3)) return sets[which].values[0];
    while (sets[which].bits && once_in(s, 3)) value |= sets[which].values[below(s, sets[which].count)];
    return value;
}

#define WORDS(...) do { long words_[] = {__VA_ARGS__}; memcpy(p, words_, sizeof words_); } while (0)

static long nanoseconds(struct state *s) { return odd(s, 10) ? garbage(s) : once_in(s, 2) ? 0 : below(s, 2000000); }
static long seconds(struct state *s) { return odd(s, 30) ? garbage(s) : once_in(s, 50); }

static char *path(struct state *s) {
    char *p = room(s, 32);
    if (odd(s, 20)) {
        if (safe(s, p, SLOT)) memset(p, once_in(s, 2) ? '/' : 'x', SLOT), p[below(s, SLOT)] = 0;
        return p;
    }
    const char *text = paths[once_in(s, 2) ? below(s, 20) : below(s, sizeof paths / sizeof *paths)];
    if (safe(s, p, strlen(text) + 1)) strcpy(p, text);
    return p;
}

static void fill(struct state *s, char *p, long size) {
    for (long at = 0; at + 8 <= size && safe(s, p + at, 8); at += 8)
        if (!once_in(s, 3)) *(long *)(p + at) = odd(s, 3) ? garbage(s) : once_in(s, 8) ? address(s) : below(s, 3);
}

static void address_in(struct state *s, char *p) {
    static const unsigned char in[] = {2, 0, 0x1f, 0x90, 127, 0, 0, 1}, in6[] = {10, 0, 0x1f, 0x90, [23] = 1, 0, 0, 0, 0};
    static const unsigned char name[] = {1, 0, 's'}, abstract[] = {1, 0, 0, 'x', 'y'}, link[] = {16, 0}, packet[] = {17, 0, 0, 3, 1};
    static const struct { const void *bytes; int size; } kinds[] = {
        {in, sizeof in}, {in6, sizeof in6}, {name, sizeof name}, {abstract, sizeof abstract}, {link, sizeof link}, {packet, sizeof packet},
    };
    int kind = below(s, 6);
    memset(p, 0, 32);
    memcpy(p, kinds[kind].bytes, kinds[kind].size);
    if (kind < 2) p[3] = 0x90 + below(s, 4);
    if (kind < 1 && once_in(s, 4)) memset(p + 4, below(s, 2) ? 0 : 255, 4);
}

static void vector(struct state *s, char *p) {
    for (int i = 0; i < 4; i++, p += 16) WORDS(once_in(s, 12) ? address(s) : (long)room(s, 64), odd(s, 25) ? garbage(s) : below(s, 200));
}

static void message(struct state *s, char *p) {
    char *name = room(s, 32), *iov = room(s, 64), *control = room(s, 64);
    if (safe(s, name, 32)) address_in(s, name);
    if (safe(s, iov, 64)) vector(s, iov);
    if (safe(s, control, 64)) {
        int *c = (int *)control;
        memset(control, 0, 64);
        *(long *)c = odd(s, 20) ? garbage(s) : 16 + 4 * (1 + below(s, 3));
        c[2] = once_in(s, 3) ? 0 : 1;
        c[3] = 1 + below(s, 3);
        c[4] = one_fd(s), c[5] = one_fd(s), c[6] = one_fd(s);
    }
    WORDS(once_in(s, 2) ? 0 : (long)name, once_in(s, 8) ? below(s, 40) : 16, (long)iov, odd(s, 30) ? garbage(s) : below(s, 4),
          once_in(s, 2) ? 0 : (long)control, once_in(s, 8) ? size(s) : 24, below(s, 4));
}

static void structure(struct state *s, int kind, char *p) {
    switch (kind) {
    case K_timespec: WORDS(seconds(s), nanoseconds(s)); break;
    case K_itimer: WORDS(seconds(s), 1 + below(s, 20000), seconds(s), 1 + below(s, 20000)); break;
    case K_timespecs: case K_itimerspec: WORDS(seconds(s), nanoseconds(s), seconds(s), nanoseconds(s)); break;
    case K_sigset: case K_fdset: WORDS(odd(s, 4) ? garbage(s) & ~(1l << 13) : 1l << below(s, 12)); break;
    case K_pollfds:
        for (int i = 0; i < 4; i++, p += 8) *(int *)p = one_fd(s), *(int *)(p + 4) = below(s, 0x2000);
        break;
    case K_msghdr: message(s, p); break;
    case K_mmsghdr: for (int i = 0; i < 3; i++, p += 64) message(s, p); break;
    case K_epevent: *(int *)p = odd(s, 4) ? garbage(s) : 1 << below(s, 5) | (below(s, 8) << 28); break;
    case K_cloneargs:
        fill(s, p, 88);
        WORDS(choose(s, K_CLONE) & ~0xffl, (long)room(s, 8), (long)room(s, 8), (long)room(s, 8), 17, 0, 0, 0, 0, 0, 0);
        if (*(long *)p & 0x100) *(long *)(p + 40) = (long)s->area + AREA - STACK, *(long *)(p + 48) = once_in(s, 4) ? size(s) : STACK;
        break;
    case K_openhow: WORDS(choose(s, K_OPEN) & 0x7fffff & (s->wild ? -1 : ~0100l), odd(s, 4) ? garbage(s) : 0, !once_in(s, 3) ? 0 : 1l << below(s, 6)); break;
    case K_sigaction: WORDS(odd(s, 3) ? garbage(s) : below(s, 2), 0x4000000 | below(s, 16) << 27, 0x1000, below(s, 4096)); break;
    case K_rlimit: WORDS(odd(s, 3) ? garbage(s) : 1 << below(s, 24), once_in(s, 3) ? -1 : 1 << 24); break;
    case K_sigevent: WORDS(0, (1 + below(s, 31)) | ((s->wild ? below(s, 5) : below(s, 2)) << 32), recall(s, M_pid, 0)); break;
    case K_sembuf:
        for (int i = 0; i < 4; i++, p += 6) ((short *)p)[0] = below(s, 4), ((short *)p)[1] = below(s, 5) - 2, ((short *)p)[2] = below(s, 3) << 11;
        break;
    case K_argv: WORDS((long)path(s), 0); break;
    case K_schedattr: WORDS(48 | (s->wild ? below(s, 7) << 32 : 0), 0, 0, 0, 0, 0); break;
    case K_offptr: WORDS(odd(s, 8) ? garbage(s) : below(s, 5000), below(s, 5000)); break;
    case K_word: *(int *)p = odd(s, 3) ? garbage(s) : below(s, 3); break;
    case K_waitv:
        for (int i = 0; i < 3; i++, p += 24) WORDS(below(s, 3), (long)room(s, 8), 2 + below(s, 3) * 64);
        break;
    case K_iocbs: {
        char *one = room(s, 64), *old = p;
        WORDS((long)one, (long)one, 0);
        if (!safe(s, p = one, 64)) break;
        WORDS(below(s, 9), 0, below(s, 10) | one_fd(s) << 32, (long)room(s, 64), below(s, 200), below(s, 5000), 0, once_in(s, 3) ? 1 | one_fd(s) << 32 : 0);
        p = old;
        break;
    }
    case K_lenptr: *(int *)p = odd(s, 8) ? garbage(s) : below(s, 130); break;
    case K_caphead: ((int *)p)[0] = odd(s, 4) ? garbage(s) : 0x20080522, ((int *)p)[1] = once_in(s, 2) ? 0 : one_pid(s); break;
    case K_altstack: WORDS((long)s->area, below(s, 4), once_in(s, 4) ? size(s) : 8192); break;
    case K_program: { /* a filter that allows most */
        unsigned long *code = (unsigned long *)room(s, 64);
        WORDS(3, (long)code);
        if (!safe(s, (char *)code, 64)) break;
        code[0] = 0x20ul, code[1] = 0x15ul | 1ul << 24 | below(s, 450) << 32;
        code[2] = 0x6ul | (0x50000ul + below(s, 40)) << 32, code[3] = odd(s, 9) ? garbage(s) : 0x6ul | 0x7fff0000ul << 32;
        *(long *)p = 4;
        break;
    }
    case K_msgbuf: WORDS(odd(s, 10) ? garbage(s) : 1 + below(s, 3)); break;
    case K_handle: ((int *)p)[0] = once_in(s, 4) ? size(s) : 128; break;
    case K_uring:
        fill(s, p, 120);
        WORDS(0, once_in(s, 2) ? 0 : 1l << below(s, 14), 0, 0, 0);
        break;
    case K_out_iovec: case K_in_iovec: vector(s, p); break;
    case K_sockaddr_in: address_in(s, p); break;
    case K_str: memcpy(p, "text\0", 6); break;
    case K_in_buf: case K_struct_in: fill(s, p, 128); break;
    }
}

static long pointer(struct state *s, int kind) {
    if (odd(s, 10)) return once_in(s, 2) ? 0 : address(s);
    if (kind == K_path) return (long)path(s);
    char *p = room(s, 192);
    if (safe(s, p, 192)) structure(s, kind, p);
    return (long)p;
}

static long argument(struct state *s, int kind) {
    static const long few[] = {0, 1, 2, 3, 4, 8, 16};
    if (kind >= K_FSTYPE) return choose(s, kind);
    switch (kind) {
    case K_none: return odd(s, 2) ? garbage(s) : 0;
    case K_fd: return one_fd(s);
    case K_pollable: return recall(s, M_pipe + below(s, 6), one_fd(s));
    case K_file: case K_pipe: case K_sock: case K_epoll: case K_tfd: case K_sfd: case K_inot: case K_mq: case K_pidfd:
    case K_fsfd: case K_mntfd: case K_ring: case K_rules: case K_shm: case K_sem: case K_msg:
        return recall(s, M_file + kind - K_file, one_fd(s));
    case K_dirfd: return !odd(s, 3) ? AT_FDCWD : one_fd(s);
    case K_int: case K_uint: case K_long: case K_hex: case K_oct: return odd(s, 3) ? garbage(s) : below(s, 20);
    case K_size: return size(s);
    case K_addr: return address(s);
    case K_signal: return odd(s, 20) ? garbage(s) : below(s, 66);
    case K_pid: return one_pid(s);
    case K_offset: return odd(s, 8) ? garbage(s) : once_in(s, 2) ? 4096 * below(s, 5) : below(s, 9000);
    case K_timer: return below(s, 6);
    case K_watch: return recall(s, M_watch, below(s, 6));
    case K_aio: return *(long *)s->area;
    case K_aioptr: return (long)s->area;
    case K_len8: return odd(s, 20) ? garbage(s) : 8;
    case K_mapping: return once_in(s, 12) ? size(s) : 4096 * (1 + below(s, 40));
    case K_one: return 1;
    case K_zero: return odd(s, 8) ? garbage(s) : 0;
    case K_count: case K_iovcount: return odd(s, 20) ? garbage(s) : few[below(s, 7)];
    case K_msec: return odd(s, 30) ? garbage(s) : below(s, 3);
    case K_sockname: return once_in(s, 6) ? below(s, 130) : 16 + 12 * below(s, 2);
    default: return pointer(s, kind);
    }
}

/* What a forked child or a new thread does; a thread is on a stack of its own or shares its maker's. */
__attribute__((used)) static void child(struct state *parent) {
    struct state own = *parent, *s = &own;
    s->random ^= 0x9e3779b97f4a7c15 * (s->depth * 8 + parent->left + 1);
    s->depth++;
    for (s->left = 25; s->left; s->left--) one_call(s);
    call(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/* As call(); who comes back with 0, on whichever stack, never leaves here. */
static long call_and_part(struct state *s, long nr, const long *a) {
    long result;
    register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
    register struct state *kept __asm__("r12") = s;
    __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tand $-16, %%rsp\n\tmov %%r12, %%rdi\n\tcall child\n1:"
                     : "=a"(result) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9), "r"(kept)
                     : "rcx", "r11", "memory");
    return result;
}

static void note(struct state *s, const struct row *row, const long *a, long result) {
    if (result < 0 && result > -4096) return;
    if (row->gives >= M_fd && row->gives <= M_rules) remember(s, M_fd, result);
    if (row->gives) remember(s, row->gives, result);
    if ((row->nr == SYS_pipe || row->nr == SYS_pipe2 || row->nr == SYS_socketpair)) {
        int *pair = (int *)(row->nr == SYS_socketpair ? a[3] : a[0]);
        if (!safe(s, (char *)pair, 8)) return;
        for (int i = 0; i < 2; i++) {
            remember(s, M_fd, pair[i]);
            remember(s, row->nr == SYS_socketpair ? M_sock : M_pipe, pair[i]);
        }
    }
}

/* What one call may not do, because it ends the sequence and nothing else. */
static int excluded(struct state *s, const struct row *row, const long *a) {
    long mine = (long)s->area;
    switch (row->nr) {
    case SYS_fork: case SYS_vfork: case SYS_clone: case SYS_clone3:
        return s->depth > 1;
    case SYS_munmap: case SYS_mprotect: case SYS_mremap: case SYS_madvise: case SYS_pkey_mprotect: case SYS_mmap:
    case SYS_brk: case SYS_remap_file_pages: case SYS_shmat: /* its own room goes once in 50 times only */
        return a[0] >= mine - (1l << 24) && a[0] < mine + AREA && !once_in(s, 50);
    case SYS_setitimer: /* the alarm that ends calls that wait */
        return a[0] == 0 && !once_in(s, 20);
    case SYS_prctl: /* PR_SET_PDEATHSIG and PR_SET_SECCOMP strict end most sequences */
        return a[0] == 22 && !once_in(s, 20);
    }
    return 0;
}

struct state *begin(unsigned long seed, struct worker *counted) {
    char *at = mmap(0, AREA + 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct state *s = (struct state *)at;
    s->random = seed * 0x9e3779b97f4a7c15 | 1;
    s->counted = counted;
    s->area = at + 8192;
    munmap(at + 8192 + AREA, 8192);
    mprotect(at + 4096, 4096, PROT_NONE);
    for (int i = 0; i < 20; i++) draw(s);
    remember(s, M_pid, call(SYS_getpid, 0, 0, 0, 0, 0, 0));
    return s;
}

static void make(struct state *s, const struct row *row) {
    long a[6], result;
    for (int i = 0; i < 6; i++) a[i] = argument(s, row->kinds[i]);
    if (excluded(s, row, a)) return;
    if (row->nr == SYS_clone && a[0] & 0x100 && !once_in(s, 10)) a[1] = (long)s->area + AREA;
    if (row->gives == M_pid) result = call_and_part(s, row->nr, a);
    else result = call(row->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    __atomic_add_fetch(&s->counted->calls, 1, __ATOMIC_RELAXED);
    note(s, row, a, result);
}

/* Makes what a call of this kind needs, if there is none yet. */
static void provide(struct state *s, int kind) {
    const struct row *row;
    int what = M_file + kind - K_file;
    if (kind < K_file || kind > K_msg || s->given[what] || once_in(s, 8)) return;
    if (what == M_pipe) what = M_nothing;
    do row = &rows[below(s, sizeof rows / sizeof *rows)];
    while (row->gives != what || (what == M_nothing && row->nr != SYS_pipe2));
    make(s, row);
}

void one_call(struct state *s) {
    const struct row *row;
    do row = &rows[below(s, sizeof rows / sizeof *rows)];
    while (below(s, 60) >= row->weight);
    s->wild = 0;
    for (int i = 0; i < 6; i++) provide(s, row->kinds[i % 2]);
    s->wild = once_in(s, 3);
    make(s, row);
}
