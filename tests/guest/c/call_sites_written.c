/*
 * A page of code becomes writable while threads make calls from it, and the program writes bytes there: those that stand there
 * already, one of an instruction that is executed meanwhile, and others behind it, which it reads again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { THREADS = 2, ROUNDS = 12, SPARE = 100 };
/* xor %edi,%edi; mov $121,%eax (getpgid); syscall; ret: and the same with what libc has behind it */
static const unsigned char plain[] = {0x31, 0xff, 0xb8, 121, 0, 0, 0, 0x0f, 0x05, 0xc3};
static const unsigned char compared[] = {0x31, 0xff, 0xb8, 121, 0,    0,    0,    0x90, 0x0f, 0x05,
                                         0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0xc3};
static atomic_long calls, wrong;
static atomic_int stop;
static long (*code)(void);
static long group;

static void *make_calls(void *p) {
    while (!stop) {
        if (code() != group) wrong++;
        calls++;
    }
    return p;
}

static void check(const char *name, const unsigned char *text, size_t size, int at) {
    char path[] = "/tmp/call_sites_XXXXXX";
    pthread_t threads[THREADS];
    int fd = mkstemp(path), different = 0, rounds = 0;
    if (fd < 0 || write(fd, text, size) != (ssize_t)size || ftruncate(fd, 4096)) exit(1);
    unlink(path);
    volatile unsigned char *page = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    code = (long (*)(void))page;
    calls = wrong = stop = 0;
    for (int i = 0; i < 100; i++) code();
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, make_calls, 0);
    for (; rounds < ROUNDS; rounds++) {
        long before = calls;
        mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        if (memcmp((void *)page, text, size)) different++;
        page[at] = text[at];
        page[SPARE] = rounds;
        mprotect((void *)page, 4096, PROT_READ | PROT_EXEC);
        if (page[SPARE] != (unsigned char)rounds) different++;
        while (calls < before + 100) sched_yield();
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    printf("%s: wrong results %ld, other bytes %d\n", name, wrong, different);
    munmap((void *)page, 4096);
    close(fd);
}

int main(void) {
    group = getpgid(0);
    check("mov", plain, sizeof plain, 2);
    check("mov, the number", plain, sizeof plain, 4);
    check("cmp", compared, sizeof compared, 9);
    check("cmp, the comparison", compared, sizeof compared, 11);
    return 0;
}
