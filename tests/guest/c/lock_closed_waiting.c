// A record lock that was waited for with a descriptor that has been closed meanwhile is given up at once: EBADF (fs/locks.c: fcntl_setlk).
#include "t.h"
#include <pthread.h>

static int fd;
static volatile int tid, waited;

static void *waits(void *command) {
    struct flock f = {.l_type = F_WRLCK, .l_start = 2, .l_len = 3};
    tid = gettid();
    waited = fcntl(fd, (long)command, &f) < 0 ? errno : 0;
    return NULL;
}

static void until_it_sleeps(void) {
    char name[64], text[400];
    do {
        usleep(1000);
        snprintf(name, sizeof name, "/proc/self/task/%d/stat", tid);
        int stat = open(name, O_RDONLY);
        ssize_t n = read(stat, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        close(stat);
    } while (!strstr(text, ") S"));
}

static void is_held(const char *path) {
    int other = open(path, O_RDWR);
    struct flock f = {.l_type = F_WRLCK, .l_len = 10};
    SHOW(fcntl(other, F_OFD_GETLK, &f));
    VAL(f.l_type == F_UNLCK);
    close(other);
}

static void one(const char *path, long command, int instead) {
    int holder = open(path, O_RDWR);
    struct flock f = {.l_type = F_WRLCK, .l_len = 10};
    SHOW(fcntl(holder, F_OFD_SETLK, &f));
    fd = open(path, O_RDWR);
    tid = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, waits, (void *)command);
    while (!tid) usleep(1000);
    until_it_sleeps();
    if (instead)
        dup2(holder, fd);
    else
        close(fd);
    f.l_type = F_UNLCK;
    SHOW(fcntl(holder, F_OFD_SETLK, &f));
    pthread_join(thread, NULL);
    VAL(waited);
    is_held(path);
    close(holder);
    if (instead) close(fd);
    is_held(path);
}

int main(void) {
    char path[] = "/tmp/lock_closed_XXXXXX";
    close(mkstemp(path));
    one(path, F_SETLKW, 0);
    one(path, F_SETLKW, 1);
    one(path, F_OFD_SETLKW, 0);
    unlink(path);
    return 0;
}
