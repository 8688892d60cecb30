cat >calls.c <<'EOF'
static long call(long nr, long a, long b, long c, long d) {
    long r;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
}
void _start(void) {
    int status;
    long pipes[1], signals = 1 << 9;
    call(2, (long)"/nowhere/at/all", 0, 0, 0);
    call(22, (long)pipes, 0, 0, 0);
    int in = (int)pipes[0], out = (int)(pipes[0] >> 32);
    call(14, 0, (long)&signals, 0, 8);
    long child = call(57, 0, 0, 0, 0);
    if (!child) {
        char buffer[8];
        call(0, in, (long)buffer, 3, 0);
        call(200, call(186, 0, 0, 0, 0), 10, 0, 0);
        call(231, 3, 0, 0, 0);
    }
    call(1, out, (long)"a\tb", 3, 0);
    call(61, child, (long)&status, 0, 0);
    call(1, 1, (long)"done\n", 5, 0);
    call(231, status >> 8, 0, 0, 0);
}
EOF
gcc -static -nostdlib -fno-stack-protector -O1 -o calls calls.c
clean() { sed -E 's/\b[0-9]{2,}\b/N/g; s/0x[0-9a-f]+/ADDR/g; s/si_pid=[0-9]+/si_pid=N/; s/(pid +|Process |fork\(\) += |wait4\(|tkill\(|gettid\(\) += )[0-9]+/\1P/; s/ = [0-9]+$/ = R/; s/ += /=/' "$1"; }
strace -f -o one ./calls
echo "status $?"
cut -d' ' -f1 one | sort -u | wc -l
grep -v resumed one | grep -o '[a-z_][a-z_0-9]*(' | sort | uniq -c
strace -ff -o each ./calls
echo "status $?"
for file in each.*; do clean "$file"; done | sort
strace -c -e trace=write,fork ./calls 2>&1 | awk '/write|fork/ { print $(NF), $4 }' | sort
strace -q -e trace=none -e signal=USR1 sh -c 'kill -USR1 $$' 2>&1 | sed -E 's/si_[pu]id=[0-9]+/N/g'
strace -q -e trace=open -e inject=open:error=EMFILE ./calls 2>&1 | sed -E 's/ += /=/; s/si_pid=[0-9]+/N/'
sleep 100 &
sleeper=$!
until grep -q '^[0-9]* (sleep) S' /proc/$sleeper/stat; do :; done
strace -q -p $sleeper -o attached &
until grep -q TracerPid:.[1-9] /proc/$sleeper/status; do :; done
until [ -s attached ]; do :; done
kill $sleeper
wait $!
echo "status $?"
sed -E 's/\{.*//; s/\(.*//' attached
rm -f one each.* attached calls calls.c
