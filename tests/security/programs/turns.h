/* Somebody who makes calls all the time, and how many of them he has made during one of ours. */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile unsigned long *calls;
static pid_t caller;

static void start_caller(void)
{
    calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    caller = fork();
    if (caller)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        access("/nothing", F_OK);
        ++*calls;
    }
}

#define DURING(what, call)                                                                  \
    do {                                                                                    \
        unsigned long before = *calls;                                                      \
        long result = (call);                                                               \
        printf("%s: %s, %s turns\n", what, result < 0 ? "refused" : "done",                 \
               *calls - before > 8 ? "many" : "few");                                      \
    } while (0)
