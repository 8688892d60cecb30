#include "t.h"

int main(void) {
    int p[2], n, total = 0;
    MUST(pipe(p));
    pid_t c = fork();
    char *b = malloc(1 << 20);
    if (c == 0) {
        close(p[0]);
        for (int i = 0; i < 1 << 20; i++) b[i] = i * 7;
        n = write(p[1], b, 1 << 20);
        _exit(n == 1 << 20 ? 0 : 1);
    }
    close(p[1]);
    int wrong = 0;
    while ((n = read(p[0], b, 10007)) > 0) {
        for (int i = 0; i < n; i++)
            if (b[i] != (char)((total + i) * 7)) wrong++;
        total += n;
    }
    VAL(total);
    VAL(wrong);
    reap(c);
    MUST(pipe(p));
    c = fork();
    if (c == 0) {
        SHOW(read(p[0], b, 10));
        _exit(0);
    }
    nap(30);
    write(p[1], "late", 4);
    reap(c);
    c = fork();
    if (c == 0) {
        signal(SIGPIPE, SIG_IGN);
        close(p[0]);
        long r = write(p[1], b, 1 << 20);
        printf("%s after some: %d\n", r == -1 ? ename(errno) : "short", r > 0);
        _exit(0);
    }
    nap(30);
    read(p[0], b, 4096);
    close(p[0]);
    reap(c);
    return 0;
}
