/*
 * Calls every system call named on the command line with garbage in each argument, each call in a child
 * that may die. Prints how many calls came back. As the first process it must outlive all of them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile struct { long at, returned; } *shared;
static unsigned long patterns[12];
static int npatterns;

static void one(long nr, long combination) {
    unsigned long a[6];
    long position = combination % 7, pattern = combination / 7 % npatterns, fill = combination / 7 / npatterns;
    for (int i = 0; i < 6; i++) a[i] = fill == 0 ? 0 : fill == 1 ? 3 : patterns[3];
    if (position < 6) a[position] = patterns[pattern];
    else for (int i = 0; i < 6; i++) a[i] = patterns[pattern];
    syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    shared->returned++;
}

int main(int argc, char **argv) {
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *edge = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *fixed = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4096, 4096);
    memset(edge, 'A', 4096);
    unsigned long list[] = {1, -1ul, 0x1000, (unsigned long)edge, (unsigned long)edge + 4093, 0xffff800000000000ul,
                            1ul << 47, 0x7fff00000000ul, 0x7fff20000000ul, (unsigned long)fixed, 1ul << 63, 0x80000000ul};
    memcpy(patterns, list, sizeof list);
    npatterns = sizeof list / sizeof *list;
    struct itimerval bound = {{0, 50000}, {0, 50000}};
    for (int signo = 1; signo < 65; signo++)
        if (signo != SIGCHLD) signal(signo, SIG_IGN);
    long calls = 0, total = 7 * npatterns * 3;
    for (int i = 1; i < argc; i++) {
        long nr = atol(argv[i]);
        shared->at = 0;
        while (shared->at < total) {
            int pid = fork();
            if (pid < 0) { /* what was made by garbage ends in its time */
                if (waitpid(-1, 0, 0) > 0) continue;
                perror("fork");
                return 2;
            }
            if (!pid) {
                setsid();
                for (int signo = 1; signo < 65; signo++) signal(signo, SIG_DFL);
                chdir("/tmp");
                struct rlimit files = {64, 64};
                setrlimit(RLIMIT_NOFILE, &files);
                while (shared->at < total) {
                    long combination = shared->at++;
                    setitimer(ITIMER_REAL, &bound, 0);
                    one(nr, combination);
                }
                _exit(0);
            }
            int status;
            while (waitpid(pid, &status, 0) != pid) {}
            while (waitpid(-1, &status, WNOHANG) > 0) {}
        }
        calls++;
    }
    printf("%ld calls, some returned: %d\n", calls, shared->returned > calls);
    return 0;
}
