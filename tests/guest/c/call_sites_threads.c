/*
 * Threads make calls from many instructions, each from all of them at once, while another one computes, signals arrive and the
 * process forks: every call has its own result.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, ROUNDS = 80 };
static atomic_long wrong, calls, taken;
static volatile int stop;
static volatile long computed;

/* lseek(fd, offset, SEEK_SET) in the two shapes that libraries have. */
static inline __attribute__((always_inline)) long by_mov(int fd, long offset) {
    long r;
    __asm__ volatile("mov $8, %%eax\n syscall" : "=a"(r) : "D"((long)fd), "S"(offset), "d"(0L) : "rcx", "r11", "memory");
    return r;
}
static inline __attribute__((always_inline)) long by_cmp(int fd, long offset) {
    long r = 8;
    __asm__ volatile("nop\n nop\n syscall\n cmp $-4095, %%rax" : "+a"(r) : "D"((long)fd), "S"(offset), "d"(0L) : "rcx", "r11", "memory", "cc");
    return r;
}
#define ONE do { offset += 4097; wrong += by_mov(fd, offset) != offset; offset ^= 64; wrong += by_cmp(fd, offset) != offset; } while (0);
#define FOUR ONE ONE ONE ONE
static void round_trip(int fd, long offset) {
    FOUR FOUR FOUR FOUR FOUR FOUR
    calls += 48;
}
static void *work(void *arg) {
    int fd = memfd_create("offsets", 0);
    for (int i = 0; i < ROUNDS; i++) round_trip(fd, (long)arg * 1000003 + i);
    close(fd);
    return 0;
}
static void *compute(void *arg) {
    while (!stop) computed++;
    return arg;
}
static void count(int signo) { (void)signo; taken++; }

int main(void) {
    pthread_t computing, workers[WORKERS];
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    int children = 0;
    sigaction(SIGUSR1, &action, 0);
    pthread_create(&computing, 0, compute, 0);
    for (long i = 0; i < WORKERS; i++) pthread_create(&workers[i], 0, work, (void *)(i + 1));
    for (int i = 0; i < 10; i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            int fd = memfd_create("offsets", 0);
            long before = wrong; /* of its own, from here on */
            for (int k = 0; k < 5; k++) round_trip(fd, k);
            _exit(wrong == before ? 17 : 1);
        }
        for (int k = 0; k < WORKERS; k++) pthread_kill(workers[k], SIGUSR1);
        waitpid(pid, &status, 0);
        children += WIFEXITED(status) && WEXITSTATUS(status) == 17;
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], 0);
    stop = 1;
    pthread_join(computing, 0);
    printf("calls %ld, wrong %ld, children %d\n", (long)calls, (long)wrong, children);
    return 0;
}
