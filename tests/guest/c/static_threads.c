// cflags: -static
#include "t.h"

static _Thread_local int mine = 5;
static void *run(void *p) {
    mine += (long)p;
    return (void *)(long)mine;
}
int main(void) {
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, run, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        VAL((long)r);
    }
    VAL(mine);
    return 0;
}
