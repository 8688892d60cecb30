#!/bin/bash
cat > t.c <<'X'
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; static long total;
static void *f(void *p) { for (int i = 0; i < 1000; i++) { pthread_mutex_lock(&m); total += (long)p; pthread_mutex_unlock(&m); } return p; }
int main(void) { pthread_t t[8]; for (long i = 0; i < 8; i++) pthread_create(t + i, 0, f, (void *)i); for (int i = 0; i < 8; i++) pthread_join(t[i], 0); printf("%ld\n", total); return total != 28000; }
X
gcc -O2 -Wall -pthread t.c -o t && ./t; echo $?; gcc -static -pthread t.c -o ts && ./ts; echo 'int main(){return x;}' > bad.c; gcc bad.c -o bad 2>/dev/null; echo "bad $?"; nm t | grep -c ' T main'; strip t; ./t; rm -f t ts
