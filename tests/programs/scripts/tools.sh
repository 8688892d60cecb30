#!/bin/bash
# title: PRoot, qemu-user, gdbserver, socat, Expect, Meson, CMake and GNU parallel
# packages: proot qemu-user gdbserver gdb gcc libc6-dev socat expect meson ninja-build cmake parallel python3
# what: programs under a tracer that moves paths, and emulated; a program debugged over a pipe; pseudo-terminals; builds with tests; jobs side by side
# quick
set -u
. /programs/lib.sh
mkdir -p /tmp/tools && cd /tmp/tools || exit 1
proot -r / -w /tmp -0 sh -c 'id -u; pwd; echo $((6 * 7))'; proot -b /etc:/media ls /media/passwd
cat >a.c <<'C'
#include <stdio.h>
int f(int x) { return x * 2; }
int main(void) { int s = 0; for (int i = 0; i < 5; i++) s += f(i); printf("s=%d\n", s); return s; }
C
gcc -g -o a a.c
gdb -q -batch -ex 'target remote | gdbserver --once - ./a' -ex 'break f' -ex c -ex 'p x' -ex c -ex 'p x' -ex delete -ex c ./a 2>&1 | grep -E '^\$|exited' | sed 's/process [0-9]*/process/'
qemu-x86_64 ./a; echo "status $?"; qemu-x86_64 -strace ./a 2>&1 | grep -c exit_group
qemu-x86_64 /usr/bin/python3 -c 'import threading as t; l=[]; a=[t.Thread(target=l.append, args=(i,)) for i in range(4)]; [x.start() for x in a]; [x.join() for x in a]; print(len(l))'
echo hi | socat - EXEC:'rev',pty,echo=0,raw; echo abc | socat -t 1 - 'SYSTEM:tr a-z A-Z'
socat -u UNIX-LISTEN:u.s - & eventually test -S u.s; echo by a socket | socat -u - UNIX-CONNECT:u.s; wait
expect -c 'spawn sh -c "read x; echo got \$x"; send "hello\r"; expect "got hello"; puts ok; expect eof' | tail -1
mkdir -p m c
printf "project('x','c')\ne=executable('x','x.c',dependencies:dependency('threads'))\ntest('t',e)\n" >m/meson.build
printf 'cmake_minimum_required(VERSION 3.10)\nproject(x C)\nenable_testing()\nadd_executable(x x.c)\nadd_test(t x)\n' >c/CMakeLists.txt
echo 'int main(void) { return 0; }' | tee m/x.c >c/x.c
meson setup m/b m >/dev/null && ninja -C m/b >/dev/null && meson test -C m/b | grep '^Ok'
cmake -S c -B c/b -G Ninja >/dev/null && cmake --build c/b | tail -1 && (cd c/b && ctest | grep passed)
parallel --will-cite -j4 -k 'echo {} {#}' ::: a b c d; seq 100 | parallel --will-cite -j4 --pipe -N25 wc -l
parallel --will-cite -j2 --timeout 1 'sleep {}' ::: 0 5 2>/dev/null; echo "status $?"
