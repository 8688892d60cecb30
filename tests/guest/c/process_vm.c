#include "t.h"

int main(void) {
    int p[2], q[2];
    MUST(pipe(p)), MUST(pipe(q));
    static char text[] = "parent";
    pid_t c = fork();
    if (c == 0) {
        char x;
        strcpy(text, "child!");
        write(p[1], "r", 1);
        read(q[0], &x, 1);
        puts(text);
        _exit(0);
    }
    char b[16] = {0}, x;
    read(p[0], &x, 1);
    struct iovec l = {b, 7}, r = {text, 7};
    SHOW(process_vm_readv(c, &l, 1, &r, 1, 0));
    STR(b);
    strcpy(b, "poked!");
    SHOW(process_vm_writev(c, &l, 1, &r, 1, 0));
    write(q[1], "x", 1);
    reap(c);
    STR(text);
    SHOW(process_vm_readv(999999, &l, 1, &r, 1, 0));
    r.iov_base = BAD;
    SHOW(process_vm_readv(getpid(), &l, 1, &r, 1, 0));
    SHOW(process_vm_readv(getpid(), &l, 1, &r, 1, 1));
    return 0;
}
