// cflags: -static
#include "t.h"

int main(void) {
    puts("a static program");
    pid_t c = fork();
    if (c == 0) {
        char *m = malloc(1 << 20);
        memset(m, 1, 1 << 20);
        _exit(m[5]);
    }
    reap(c);
    VAL(getauxval(6 /* AT_PAGESZ */));
    printf("%.3f\n", 1.0 / 3);
    return 0;
}
