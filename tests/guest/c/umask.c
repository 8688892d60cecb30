// private
#include "t.h"

int main(void) {
    umask(022);
    printf("%o\n", umask(0777));
    printf("%o\n", umask(07777));
    printf("%o\n", umask(0));
    umask(077);
    MUST(mkdir("d", 0777));
    put("f", "");
    MUST(mkfifo("p", 0666));
    MUST(mknod("n", S_IFREG | 0644, 0));
    show_mode("d"), show_mode("f"), show_mode("p"), show_mode("n");
    if (fork() == 0) {
        printf("%o\n", umask(0));
        _exit(0);
    }
    wait(NULL);
    printf("%o\n", umask(0));
    return 0;
}
