/*
 * Many threads that call, map, signal, fork, execute and end at the same time; each checks what it gets.
 * churn THREADS ROUNDS: prints what went wrong, and "ok" at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int wrong, caught;
static int rounds;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static long counter;

#define CHECK(what)                                                                    \
    do {                                                                               \
        if (!(what)) {                                                                 \
            wrong++;                                                                   \
            printf("line %d: %s: %s\n", __LINE__, #what, strerror(errno));             \
        }                                                                              \
    } while (0)

static void handler(int signo) { caught++; }
static void *nothing(void *p) { return p; }

static void maps(unsigned seed) {
    size_t size = 4096 * (1 + seed % 20);
    unsigned char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(p[0] == 0 && p[size - 1] == 0);
    memset(p, seed, size);
    CHECK(mprotect(p, size, PROT_READ) == 0);
    CHECK(p[size / 2] == (unsigned char)seed);
    CHECK(munmap(p, size) == 0);
}

static void pipes(unsigned seed) {
    int fds[2];
    unsigned got = 0;
    CHECK(pipe(fds) == 0);
    CHECK(write(fds[1], &seed, sizeof seed) == sizeof seed);
    CHECK(read(fds[0], &got, sizeof got) == sizeof got && got == seed);
    close(fds[0]);
    close(fds[1]);
}

static void forks(unsigned seed) {
    int status = -1, pid = fork();
    if (!pid) {
        unsigned *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *p = seed;
        for (unsigned i = 0; i < seed % 90; i++) getpid(); /* some children get a shared lane */
        _exit(*p % 100);
    }
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == seed % 100);
}

static void spawns(void) {
    int status = -1, pid;
    char *argv[] = {"true", 0}, *envp[] = {0};
    CHECK(posix_spawn(&pid, "/bin/true", 0, 0, argv, envp) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

static void threads(void) {
    pthread_t t;
    void *back = 0;
    CHECK(pthread_create(&t, 0, nothing, &back) == 0);
    CHECK(pthread_join(t, &back) == 0 && back == &back);
}

static void *churn(void *argument) {
    unsigned seed = (unsigned)(long)argument * 2654435761u;
    long pid = getpid(), tid = syscall(SYS_gettid);
    for (int i = 0; i < rounds; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned r = seed >> 16;
        switch (r % 8) {
        case 0: maps(r); break;
        case 1: pipes(r); break;
        case 2: forks(r); break;
        case 3: if (r % 3 == 0) spawns(); break;
        case 4: threads(); break;
        case 5: CHECK(syscall(SYS_tgkill, pid, tid, SIGUSR1) == 0); break;
        case 6: pthread_kill(pthread_self(), SIGUSR2); break;
        default:
            pthread_mutex_lock(&lock);
            counter++;
            pthread_cond_broadcast(&turn);
            pthread_mutex_unlock(&lock);
        }
        CHECK(syscall(SYS_gettid) == tid && syscall(SYS_getpid) == pid);
    }
    return 0;
}

int main(int argc, char **argv) {
    int count = atoi(argv[1]);
    rounds = atoi(argv[2]);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, handler);
    setvbuf(stdout, 0, _IOLBF, 0);
    pthread_t t[count];
    for (long i = 0; i < count; i++) CHECK(pthread_create(&t[i], 0, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < count; i++) CHECK(pthread_join(t[i], 0) == 0);
    if (!wrong) puts("ok");
    return wrong != 0;
}
