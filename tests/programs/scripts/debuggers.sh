#!/bin/bash
# title: strace, gdb and valgrind
# packages: strace gdb valgrind gcc libc6-dev libc6-dbg
# what: strace -f and -c; gdb: breakpoints, stepping, threads, attach, a core of gcore; memcheck, helgrind and massif
set -u
. /programs/lib.sh
cd /tmp && cat >p.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int total;
int add(int x) { total += x; return total; }
void *work(void *a) { for (int i = 0; i < 100; i++) add(i); return a; }
int main(int c, char **v) { pthread_t t[3]; if (c > 1) { if (*v[1] == 'w') pause(); char *p = malloc(10); p[10] = 1; return p[3]; } for (int i = 0; i < 3; i++) { pthread_create(&t[i], 0, work, 0); pthread_join(t[i], 0); } printf("%d\n", total); return 0; }
C
gcc -g -O0 -pthread p.c -o p && ./p
strace -f -o s.txt ./p && grep -cE 'clone3?\(' s.txt; grep -c 'exited with 0' s.txt; strace -c -S name -o c.txt ./p && grep -cE 'execve|mmap' c.txt; strace -e trace=openat -e inject=openat:error=EACCES:when=3 cat /etc/hostname 2>&1 | grep -c INJECTED; strace -k true 2>/dev/null; strace -yy -e trace=write ./p 2>&1 >/tmp/o | grep -o 'write(1</tmp/o>'
gdb -q -batch -nx -ex 'break add if x == 50' -ex run -ex 'print total' -ex bt -ex 'info threads' -ex finish -ex 'watch total' -ex 'delete' -ex stepi -ex next -ex 'print total' -ex continue ./p 2>&1 | grep -E '^\$|^#|Run till|exited' | sed 's/0x[0-9a-f]*/ADDR/g; s/(LWP [0-9]*)//; s/process [0-9]*/process/'
./p w & pid=$!; eventually bash -c "grep -q 'State:.S' /proc/$pid/status"; gdb -q -batch -nx -p $pid -ex 'bt 1' -ex 'print c' -ex "gcore core.x" -ex detach 2>&1 | grep -E '^\$|Saved'; kill $pid; wait $pid; echo "status $?"; gdb -q -batch -nx -ex 'frame function main' -ex 'print c' ./p core.x 2>&1 | grep '^\$'
valgrind -q --error-exitcode=5 ./p x 2>&1 | grep -E 'Invalid|bytes after|uninit' | sed 's/==[0-9]*== *//; s/0x[0-9a-f]*/ADDR/g'; valgrind -q --leak-check=full --error-exitcode=5 ./p; echo "status $?"; valgrind -q --tool=helgrind --error-exitcode=6 ./p; echo "status $?"; valgrind -q --tool=massif --massif-out-file=m ./p && grep -c snapshot m | sed 's/[0-9]*/some/'; valgrind -q --tool=callgrind --callgrind-out-file=g ./p 2>/dev/null && grep -c 'fn=.*add' g
