/* Processes that leave cores of memory that is mostly holes, at once: others have their turn meanwhile. */
#define _GNU_SOURCE
#include "turns.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define CORES 8

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    int status, dumped = 0;
    alarm(100);
    if (chdir("/tmp") || setrlimit(RLIMIT_CORE, &all))
        return 1;
    start_caller();
    char *memory = mmap(NULL, 64UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    memory[0] = 1;
    unsigned long before = *calls;
    double begin = seconds();
    for (int i = 0; i < CORES; i++)
        if (!fork())
            abort();
    for (int i = 0; i < CORES; i++)
        dumped += wait(&status) > 0 && WCOREDUMP(status);
    double turns = (*calls - before) / (seconds() - begin);
    printf("%d cores, %s turns a second\n", dumped, turns > 40 ? "many" : "few");
    kill(caller, SIGKILL);
    unlink("core");
    return 0;
}
