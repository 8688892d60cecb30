/* Threads that map different files at fixed places, as a loader does, and make other calls between. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 150, PAGES = 3 };
static int wrong[THREADS];

static void *map(void *argument) {
    long me = (long)argument;
    char name[32];
    snprintf(name, sizeof name, "file%ld", me);
    char *place = mmap(0, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        int fd = open(name, O_RDONLY);
        for (int page = 0; page < PAGES; page++) {
            char *p = mmap(place + page * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, page * 4096);
            if (p != place + page * 4096 || p[0] != 'a' + me || p[1] != '0' + page) wrong[me]++;
            if (round % 3 == 0) syscall(SYS_getppid);
        }
        close(fd);
    }
    return 0;
}

int main(void) {
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++) {
        char name[32], page[4096];
        snprintf(name, sizeof name, "file%ld", i);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        for (int n = 0; n < PAGES; n++) {
            memset(page, 0, sizeof page);
            page[0] = 'a' + i, page[1] = '0' + n;
            if (write(fd, page, sizeof page) != sizeof page) return 1;
        }
        close(fd);
    }
    map((void *)0); /* alone first */
    printf("alone: %d wrong\n", wrong[0]);
    for (long i = 0; i < THREADS; i++) pthread_create(&t[i], 0, map, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], 0);
    for (int i = 0; i < THREADS; i++) printf("%d: %d wrong\n", i, wrong[i]);
    map((void *)1);
    printf("alone again: %d wrong\n", wrong[1]);
    return 0;
}
