#include "t.h"

int main(void) {
    int a = MUST(open("f", O_WRONLY | O_CREAT | O_APPEND, 0644)), b = MUST(open("f", O_RDWR));
    SHOW(write(a, "one", 3));
    SHOW(write(b, "TWO.", 4));
    SHOW(write(a, "three", 5));
    VAL(lseek(a, 0, SEEK_CUR));
    SHOW(lseek(a, 0, SEEK_SET));
    SHOW(write(a, "!", 1));
    SHOW(pwrite(a, "p", 1, 0));
    show_file("f");
    VAL(lseek(b, 0, SEEK_CUR));
    return 0;
}
