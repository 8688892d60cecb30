/*
 * Children that play the stub's part: `hostile lane SECONDS`, threads of theirs write random words into their lanes while others
 * make calls; `hostile jump STEP`, each jumps into the stub or a thunk, one at every STEP bytes, with random registers. They
 * may die of it, and nobody else. Prints how many did not end in time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long u64;
/* sandbox/platform/lane/layout.py */
static const u64 STUB = 0x7fff00000000, CONTROL = 0x7fff10000000, LANES = 0x7fff20000000, STACKS = 0x7fff40000000;
enum { STUB_SIZE = 16384, LANE_SIZE = 12288, STACK_SIZE = 65536, THUNKS = 1024, DATA_SIZE = 65536, LOOKS = 30000 /* 15 s, of time that we have */ };

static char *data;
u64 registers[16];

static u64 next(u64 *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}
static u64 value(u64 *state) {
    static const unsigned short numbers[] = {3, 9, 10, 11, 15, 25, 28, 56, 60, 98, 110, 202, 216, 325};
    switch (next(state) % 11) {
    case 0: return next(state);
    case 1: return next(state) % 512;
    case 2: return (u64)data + next(state) % 8192;
    case 3: return LANES + next(state) % 3 * LANE_SIZE + next(state) % 1536 * 8;
    case 4: return STACKS + next(state) % 3 * STACK_SIZE + next(state) % 8192 * 8;
    case 5: return STUB + next(state) % STUB_SIZE;
    case 6: return CONTROL + next(state) % 20480;
    case 7: return -(next(state) % 200);
    case 8: return 1ul << next(state) % 64;
    case 9: return numbers[next(state) % (sizeof numbers / sizeof *numbers)];
    default: return 0;
    }
}

static void handled(int signo) { (void)signo; }
static void *call(void *argument) {
    u64 state = (u64)argument * 977 + getpid();
    char buffer[8192];
    struct stat found;
    int file = open("/etc/passwd", O_RDONLY), ends[2];
    if (pipe(ends)) return 0;
    for (;;) switch (next(&state) % 8) {
        case 0: syscall(SYS_getpgid, 0); break;
        case 1: (void)!pread(file, buffer, next(&state) % sizeof buffer, 0); break;
        case 2: stat("/etc/hosts", &found); break;
        case 3: (void)!(write(ends[1], buffer, 9) + read(ends[0], buffer, 9)); break;
        case 4: munmap(mmap(0, 65536, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 65536); break;
        case 5: raise(SIGUSR1); break;
        case 6: munmap(mmap(0, 8192, 1, MAP_PRIVATE, file, 0), 8192); break;
        default:
            if (!next(&state)) _exit(1);
            pid_t child = fork();
            if (!child) _exit(0);
            waitpid(child, 0, 0);
        }
}
static void *write_lanes(void *argument) {
    u64 state = (u64)argument * 7919 + getpid();
    for (;;) {
        u64 slot = next(&state) % 4;
        volatile u64 *lane = (volatile u64 *)(next(&state) & 1 ? LANES + slot * LANE_SIZE : STACKS + slot * STACK_SIZE);
        static const unsigned short from[] = {2, 24, 49, 66, 472, 0}, count[] = {22, 25, 15, 14, 30, 1536};
        int part = next(&state) % 6;
        lane[from[part] + next(&state) % count[part]] = value(&state);
        for (volatile int n = next(&state) % 2000; n; n--) {}
    }
    return argument;
}
static void lane(u64 seed) {
    pthread_t thread;
    for (u64 n = next(&seed) % 3 * 70; n; n--) syscall(SYS_getpgid, 0);
    for (u64 n = 1 + next(&seed) % 3; n; n--) pthread_create(&thread, 0, call, (void *)n);
    write_lanes((void *)1);
}

static void jump(u64 seed, u64 target) {
    for (u64 n = next(&seed) % 2 * 100; n; n--) syscall(SYS_getpgid, 0);
    for (int n = 0; n < 16; n++) registers[n] = value(&seed);
    registers[0] = target;
    if (next(&seed) & 1) registers[1] = (u64)data + DATA_SIZE / 2;
    __asm__ volatile("  mov %0, %%rsp\n  pop %%rax\n  mov %%rax, jump_to(%%rip)\n  pop %%rax\n  pop %%rbx\n  pop %%rcx\n  pop %%rdx\n"
                     "  pop %%rsi\n  pop %%rdi\n  pop %%rbp\n  pop %%r8\n  pop %%r9\n  pop %%r10\n  pop %%r11\n  pop %%r12\n  pop %%r13\n"
                     "  pop %%r14\n  pop %%r15\n  mov registers+8(%%rip), %%rsp\n  jmp *jump_to(%%rip)\n"
                     "  .local jump_to\n  .comm jump_to, 8\n" : : "r"(registers) : "memory");
}

static int late;
/* One child, `target` 0: a lane's. */
static void try(u64 seed, u64 target) {
    pid_t child = fork(), ended = 0;
    if (!child) {
        struct itimerval soon = {{0, 0}, {0, 60000 + seed % 100000}};
        setitimer(ITIMER_REAL, &soon, 0);
        if (target) jump(seed, target);
        lane(seed);
    }
    for (int looks = 0; looks < LOOKS && !ended; looks++) {
        ended = waitpid(child, 0, WNOHANG);
        if (!ended) usleep(500);
    }
    if (!ended) late++, kill(child, SIGKILL), waitpid(child, 0, 0);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    u64 seed = 88172645463325252, thunks = 0;
    char line[512];
    int much = atoi(argv[2]);
    data = mmap(0, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGUSR1, handled);
    for (int n = 0; n < 500; n++) getpgid(0), syscall(SYS_getpgid, 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "[thunks]")) thunks = strtoul(line, 0, 16);
    fclose(maps);
    if (!strcmp(argv[1], "lane")) {
        for (time_t end = time(0) + much; time(0) < end;) try(next(&seed), 0);
    } else {
        for (u64 at = 0; at < STUB_SIZE; at += much) try(next(&seed), STUB + at);
        for (u64 at = 0; thunks && at < THUNKS; at += much) try(next(&seed), thunks + at);
    }
    printf("%d came late\n", late);
    return 0;
}
