// many_things WHAT COUNT: makes so many of something and gives them back. Says how many there were, and what refused one more.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *p) { return p; }

static long processes(long count) {
    int *pids = calloc(count, sizeof *pids), go[2];
    long made = 0;
    if (pipe(go)) return 0;
    for (; made < count; made++) {
        pids[made] = fork();
        if (pids[made] < 0) break;
        if (!pids[made]) {
            char c;
            close(go[1]);
            _exit(read(go[0], &c, 1) == 0 ? 7 : 1);
        }
    }
    int error = errno, status;
    close(go[1]);
    for (long n = 0; n < made; n++)
        if (waitpid(pids[n], &status, 0) != pids[n] || status != 7 << 8) printf("lost %ld\n", n);
    errno = error;
    return made;
}

static long threads(long count) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    long made = 0;
    while (made < count) {
        pthread_t some[100];
        int n = 0;
        for (; n < 100 && made < count; n++, made++)
            if ((errno = pthread_create(&some[n], &small, nothing, &some[n]))) break;
        int error = errno;
        for (int k = 0; k < n; k++) {
            void *result;
            if (pthread_join(some[k], &result) || result != &some[k]) printf("lost %d\n", k);
        }
        errno = error;
        if (error) break;
    }
    return made;
}

static long descriptors(long count) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    long made = 0;
    int fd = -1;
    while (made < count && (fd = open("/dev/null", O_RDONLY)) >= 0) made++;
    int error = errno;
    for (; fd > 2; fd--) close(fd);
    errno = error;
    return made;
}

static long files(long count) {
    char name[64];
    long made = 0;
    for (; made < count; made++) {
        if (made % 1000 == 0) {
            snprintf(name, sizeof name, "/tmp/d%ld", made / 1000);
            if (mkdir(name, 0755)) break;
        }
        snprintf(name, sizeof name, "/tmp/d%ld/%ld", made / 1000, made);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0) break;
        close(fd);
    }
    int error = errno;
    struct stat last;
    if (made && (snprintf(name, sizeof name, "/tmp/d%ld/%ld", (made - 1) / 1000, made - 1), stat(name, &last))) printf("lost\n");
    errno = error;
    return made;
}

static long file_of(long gigabytes) {
    char byte = 'x', back = 0;
    int fd = open("/tmp/large", O_RDWR | O_CREAT, 0644);
    long made = 0;
    for (; made < gigabytes; made++) {
        off_t last = ((off_t)(made + 1) << 30) - 1;
        if (pwrite(fd, &byte, 1, last) != 1) break;
        if (pread(fd, &back, 1, last) != 1 || back != 'x') printf("lost %ld\n", made);
        if (pread(fd, &back, 1, last - 4096) != 1 || back) printf("not a hole %ld\n", made);
    }
    struct stat s;
    fstat(fd, &s);
    if (s.st_size != (off_t)made << 30) printf("size %ld\n", (long)s.st_size);
    return made;
}

static long mapping_of(long gigabytes) {
    size_t size = (size_t)gigabytes << 30;
    char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return 0;
    for (size_t at = 0; at < size; at += 64 << 20) p[at] = at >> 26;
    for (size_t at = 0; at < size; at += 64 << 20)
        if (p[at] != (char)(at >> 26)) printf("lost %zu\n", at);
    return munmap(p, size) ? 0 : gigabytes;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        long (*make)(long);
    } all[] = {{"processes", processes}, {"threads", threads}, {"descriptors", descriptors},
               {"files", files}, {"file", file_of}, {"mapping", mapping_of}};
    if (argc != 3) return 2;
    for (unsigned n = 0; n < sizeof all / sizeof *all; n++) {
        if (strcmp(argv[1], all[n].name)) continue;
        long wanted = atol(argv[2]);
        errno = 0;
        long made = all[n].make(wanted);
        printf("%ld%s%s\n", made, made < wanted ? " " : "", made < wanted ? strerrorname_np(errno) : "");
        return 0;
    }
    return 2;
}
