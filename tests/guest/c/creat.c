#include "t.h"

int main(void) {
    char b[8];
    umask(027);
    int f = OK((int)syscall(SYS_creat, "a", 0666));
    VAL(fcntl(f, F_GETFL) & O_ACCMODE);
    VAL(fcntl(f, F_GETFD));
    SHOW(write(f, "hello", 5));
    SHOW(read(f, b, 5));
    show_mode("a");
    int g = OK((int)syscall(SYS_creat, "a", 0777));
    show_mode("a");
    SHOW(write(f, "x", 1));
    show_mode("a");
    SHOW(syscall(SYS_creat, "", 0666));
    SHOW(syscall(SYS_creat, ".", 0666));
    SHOW(syscall(SYS_creat, "a/b", 0666));
    SHOW(syscall(SYS_creat, "no/b", 0666));
    SHOW(syscall(SYS_creat, BAD, 0666));
    SHOW(symlink("target", "dangling"));
    OK((int)syscall(SYS_creat, "dangling", 04755));
    show_mode("target");
    SHOW(symlink("loop", "loop"));
    SHOW(syscall(SYS_creat, "loop", 0666));
    SHOW(syscall(SYS_creat, "slash/", 0666));
    OK((int)syscall(SYS_creat, "readonly", 0));
    show_mode("readonly");
    return 0;
}
