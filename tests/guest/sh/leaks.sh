cat >leak.c <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void *volatile kept;
static pthread_barrier_t barrier;
static void *waits(void *arg) {
    void *volatile mine = malloc(33);
    pthread_barrier_wait(&barrier);
    for (;;) pause();
}
int main(int argc, char **argv) {
    pthread_t t;
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&t, 0, waits, 0);
    pthread_barrier_wait(&barrier);
    kept = malloc(50);
    if (argc > 1) {
        void *volatile lost = malloc(77);
        lost = 0;
    }
    puts("done");
    return 0;
}
EOF
gcc -g -O0 -w -pthread -fsanitize=address -o leak leak.c
./leak 2>&1
echo "status $?"
./leak loses 2>&1 | grep -E 'done|ERROR|leak of|SUMMARY' | sed -E 's/==[0-9]+==/==N==/'
gcc -g -O0 -w -pthread -fsanitize=leak -o leak leak.c
./leak loses >out 2>&1
echo "status $?"
grep -E 'leak of|SUMMARY' out
rm -f leak leak.c out
