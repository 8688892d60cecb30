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
echo "== breakpoints, registers, steps"
debug -ex 'break add' -ex run -ex bt -ex 'info args' -ex 'set var a = 40' -ex finish -ex next -ex step -ex 'print $rdi == 40' \
    -ex 'set $rip = $rip' -ex 'print $_siginfo.si_signo' -ex stepi -ex stepi -ex delete -ex continue --args ./prog
echo "== watchpoints by stepping"
debug -ex 'break add' -ex run -ex 'set can-use-hw-watchpoints 0' -ex 'delete' -ex 'watch total' -ex continue -ex 'print total' -ex kill --args ./prog
echo "== watchpoints by debug registers"
debug -ex 'break add' -ex run -ex 'delete' -ex 'watch total' -ex continue -ex continue -ex 'print total' -ex 'hbreak half' -ex 'delete 2' -ex continue -ex 'info args' -ex kill --args ./prog
rm -f prog prog.c
