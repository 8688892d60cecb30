#include "t.h"

int main(void) {
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644)), sv[2], n, total = 0;
    char b[4096];
    for (int i = 0; i < 100; i++) memset(b, i, sizeof b), MUST(write(fd, b, sizeof b));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    pid_t c = fork();
    if (c == 0) {
        close(sv[0]);
        long sum = 0;
        while ((n = read(sv[1], b, sizeof b)) > 0)
            for (int i = 0; i < n; i++) sum += b[i], total++;
        printf("%d %ld\n", total, sum);
        _exit(0);
    }
    close(sv[1]);
    off_t at = 0;
    while (at < 409600) MUST(sendfile(sv[0], fd, &at, 409600 - at));
    close(sv[0]);
    reap(c);
    int p[2];
    MUST(pipe(p)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
    MUST(write(p[1], "spliced", 7));
    SHOW(splice(p[0], NULL, sv[0], NULL, 7, 0));
    SHOW(splice(sv[1], NULL, p[1], NULL, 100, 0));
    memset(b, 0, 20);
    SHOW(read(p[0], b, 20));
    STR(b);
    return 0;
}
