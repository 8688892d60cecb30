cat >prog.c <<'EOF'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int total;
double half(double x) { return x / 2; }
int add(int a, int b) {
    total += b;
    return a + b;
}
void *work(void *arg) {
    int n = add(100, *(int *)arg);
    return 0;
}
int main(int argc, char **argv) {
    if (argc > 2) for (;;) pause();
    int sum = 0, three = 3;
    for (int i = 0; i < 3; i++) sum = add(sum, i);
    pthread_t t;
    pthread_create(&t, 0, work, &three);
    pthread_join(t, 0);
    double h = half(sum);
    printf("sum %d total %d half %g\n", sum, total, h);
    if (argc > 1) abort();
    return 7;
}
EOF
gcc -g -O0 -pthread -w -o prog prog.c
clean() { sed -E 's/0x[0-9a-f]+/ADDR/g; s/(LWP|process|Process|thread|Inferior 1 \(process) [0-9]+/\1 N/gI; /libthread_db|host lib|warning: Error disabling|fork from child/d; s/ += /=/'; }
debug() { gdb -nx -q -batch -ex 'set confirm off' -ex 'set debuginfod enabled off' -ex 'set print thread-events off' "$@" 2>&1 </dev/null | clean; }
echo "== threads"
debug -ex 'break work' -ex run -ex 'print $_thread' -ex 'bt 1' -ex 'thread apply all -q print total' -ex 'thread 1' -ex 'frame function main' \
    -ex continue --args ./prog | sed '/^#\|clone3\|nptl\|^\[Switching/d; /pthread_/d'
echo "== a signal"
debug -ex run -ex 'bt -1' -ex 'print $_siginfo.si_signo' -ex 'signal 0' --args ./prog abort
echo "== vector registers"
debug -ex 'break half' -ex run -ex 'print $xmm0.v2_double[0]' -ex 'print x' -ex 'print/x $mxcsr' -ex kill --args ./prog
echo "== children"
debug -ex 'set follow-fork-mode child' -ex 'set detach-on-fork off' -ex 'catch exec' -ex run -ex 'info inferiors' -ex kill --args /bin/sh -c '/bin/true; :' | grep -c 'process N is executing\|Catchpoint'
echo "== attach"
./prog 1 2 &
until grep -q '^State:.S' /proc/$!/status; do :; done
debug -ex "attach $!" -ex 'frame function main' -ex 'print argc' -ex 'set var total = 5' -ex detach | grep -v '^\(__\|[0-9]*.in\|[0-9]*\t\)\|^Reading\|sysdeps\|libc'
debug -p $! -ex 'print total' -ex kill | tail -n 2
wait $!
echo "status $?"
rm -f prog prog.c
