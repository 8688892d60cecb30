/* Wait until a process or a thread sleeps in a call, so that what follows finds it there. */
#ifndef ASLEEP_H
#define ASLEEP_H
#include "t.h"

static inline void in_state(pid_t tid, char state) {
    char path[64], line[256] = "";
    sprintf(path, "/proc/%d/stat", tid);
    for (;;) {
        int fd = open(path, O_RDONLY);
        if (fd == -1) return;
        int n = read(fd, line, sizeof line - 1);
        close(fd);
        char *end = n > 0 ? memrchr(line, ')', n) : NULL;
        if (end && end[2] == state) return;
        nap(1);
    }
}
static inline void asleep(pid_t tid) { in_state(tid, 'S'); }
#endif
