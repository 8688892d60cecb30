#include "t.h"
#include "uring.h"
/* Buffers without room lock no memory, and giving them up gives back none. */

int main(void) {
    struct iovec none[2] = {{NULL, 0}, {NULL, 0}}, page = {mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096};
    int rings[3];
    for (int i = 0; i < 3; i++) {
        struct params p = {0};
        rings[i] = uring_setup(4, &p);
        VAL(rings[i] >= 0);
        SHOW(uring_register(rings[i], 0, none, 2));
    }
    for (int i = 0; i < 2; i++) SHOW(uring_register(rings[i], 1, NULL, 0));
    SHOW(uring_register(rings[0], 0, &page, 1));
    SHOW(uring_register(rings[2], 1, NULL, 0));
    for (int i = 0; i < 3; i++) SHOW(close(rings[i]));
    return 0;
}
