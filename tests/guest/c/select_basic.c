#include "t.h"

int main(void) {
    int p[2];
    MUST(pipe(p));
    fd_set r, w, x;
#define SET() \
    do { \
        FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&x); \
        FD_SET(p[0], &r); FD_SET(p[1], &w); FD_SET(p[0], &x); \
    } while (0)
    struct timeval t = {0, 0};
    SET();
    SHOW(select(10, &r, &w, &x, &t));
    printf("%d %d %d\n", FD_ISSET(p[0], &r), FD_ISSET(p[1], &w), FD_ISSET(p[0], &x));
    write(p[1], "x", 1);
    SET();
    SHOW(select(10, &r, &w, &x, NULL));
    printf("%d %d %d\n", FD_ISSET(p[0], &r), FD_ISSET(p[1], &w), FD_ISSET(p[0], &x));
    close(p[1]);
    SET();
    SHOW(select(10, &r, &w, &x, &t));
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    SHOW(select(p[0], &r, NULL, NULL, &t));
    VAL(FD_ISSET(p[0], &r));
    t.tv_usec = 20000;
    SHOW(select(0, NULL, NULL, NULL, &t));
    printf("%ld %ld\n", t.tv_sec, t.tv_usec);
    SHOW(select(-1, NULL, NULL, NULL, &t));
    t.tv_sec = -1;
    SHOW(select(0, NULL, NULL, NULL, &t));
    SHOW(select(5, BAD, NULL, NULL, NULL));
    struct timespec s = {0, 1000000000};
    SHOW(pselect(0, NULL, NULL, NULL, &s, NULL));
    return 0;
}
