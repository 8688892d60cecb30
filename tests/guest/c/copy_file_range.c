#include "t.h"
#define COPY(a, b, n) copy_file_range(a, NULL, b, NULL, n, 0)

int main(void) {
    off_t from = 2, to = 5;
    put("a", "0123456789");
    int a = MUST(open("a", O_RDWR)), b = MUST(open("b", O_RDWR | O_CREAT, 0644));
    SHOW(COPY(a, b, 4));
    SHOW(copy_file_range(a, &from, b, &to, 3, 0));
    printf("%ld %ld\n", from, to);
    VAL(lseek(a, 0, SEEK_CUR));
    VAL(lseek(b, 0, SEEK_CUR));
    show_file("b");
    SHOW(COPY(a, b, 100));
    SHOW(COPY(a, b, 100));
    from = 0, to = 5;
    SHOW(copy_file_range(a, &from, a, &to, 5, 0));
    from = 0, to = 3;
    SHOW(copy_file_range(a, &from, a, &to, 5, 0));
    SHOW(copy_file_range(a, NULL, b, NULL, 5, 1));
    from = -1;
    SHOW(copy_file_range(a, &from, b, NULL, 5, 0));
    from = -9;
    SHOW(copy_file_range(a, &from, b, NULL, 5, 0));
    from = -9;
    SHOW(copy_file_range(a, &from, b, NULL, 9, 0));
    /* sizes are shortened to the file's end first: cp(1) asks for 0x7fffffffc0000000 wherever it is */
    static const unsigned long sizes[] = {SSIZE_MAX, SSIZE_MAX + 1UL, -1UL, -2UL, -3UL, -9UL};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        from = 8, to = 1;
        SHOW(copy_file_range(a, &from, b, &to, sizes[i], 0));
        from = 2, to = 1;
        SHOW(copy_file_range(a, &from, a, &to, sizes[i], 0));
        from = 8, to = 2;
        SHOW(copy_file_range(b, &from, b, &to, sizes[i], 0));
        from = 1L << 40, to = 1;
        SHOW(copy_file_range(a, &from, a, &to, sizes[i], 0));
        from = 0, to = SSIZE_MAX;
        SHOW(copy_file_range(a, &from, b, &to, sizes[i], 0));
        from = SSIZE_MAX, to = 0;
        SHOW(copy_file_range(a, &from, b, &to, sizes[i], 0));
    }
    SHOW(copy_file_range(a, BAD, b, NULL, 5, 0));
    SHOW(COPY(99, b, 1));
    SHOW(COPY(a, 99, 1));
    SHOW(COPY(open("a", O_WRONLY), b, 1));
    SHOW(COPY(a, open("b", O_RDONLY), 1));
    SHOW(COPY(a, open("b", O_WRONLY | O_APPEND), 1));
    SHOW(COPY(open(".", O_RDONLY), b, 1));
    int fds[2];
    MUST(pipe(fds));
    SHOW(COPY(fds[0], b, 1));
    SHOW(COPY(a, fds[1], 1));
    show_file("a");
    show_file("b");
    return 0;
}
