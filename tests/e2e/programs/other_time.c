/* A child in a time namespace counts, and says whether the vDSO's clock is the one that calls tell. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct timespec before, one, two, pause = {0, 30000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (unshare(CLONE_NEWTIME)) return 1;
    int fd = open("/proc/self/timens_offsets", O_WRONLY);
    if (write(fd, "monotonic 864000 0\n", 19) != 19) return 2;
    close(fd);
    if (fork()) {
        int status;
        wait(&status);
        return WEXITSTATUS(status);
    }
    for (int n = 1; n <= 40; n++) {
        clock_gettime(CLOCK_MONOTONIC, &one), syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &two);
        printf("%d %s\n", n, labs(one.tv_sec - two.tv_sec) < 60 && one.tv_sec - before.tv_sec > 800000 ? "same" : "differs");
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
    return 5;
}
