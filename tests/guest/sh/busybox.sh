#!/bin/bash
command -v busybox >/dev/null || { echo no busybox; exit 0; }
b=busybox; seq 5 > n
$b ash -c 'for i in 1 2; do echo $i; done; echo $((2+3)); x=$(echo a | tr a b); echo $x; (exit 4); echo $?'
$b cat n | $b sort -r | $b head -2; $b wc -l n; $b sed s/1/one/ n | $b head -1; $b awk '{s+=$1} END{print s}' n; $b grep 3 n
$b tar cf t.tar n; $b tar tf t.tar; rm t.tar; $b gzip -c n | $b gunzip | $b cmp - n && echo gz; $b md5sum n; $b sha256sum n; $b cksum n
$b ls -l n | $b cut -c1-10; $b stat -c %s n; $b dd if=n of=m bs=2 2>/dev/null; $b cmp n m && echo dd; $b cp n c; $b mv c d; $b rm m; $b ls
$b find . -type f | $b sort; $b xargs echo < n; $b tr 1-5 a-e < n | $b paste -s; $b tail -1 n; $b tac n | $b head -1; $b uniq -c n | $b head -1
$b expr 1 + 2; $b seq 3; $b printf '%d\n' 5; $b test -f n && echo yes; $b basename /a/b; $b dirname /a/b; $b env -i X=1 $b env; $b id -u; $b uname -s
$b mkdir q; $b rmdir q; $b ln -s n s; $b readlink s; $b touch z; $b chmod 600 z; $b stat -c %a z; $b du -s . >/dev/null && echo du; $b df >/dev/null && echo df
$b date -u -d @0 +%Y; $b sleep 0; $b timeout 1 $b true; echo $?; $b timeout 1 $b sleep 5; echo $?; $b vi -h 2>/dev/null; $b od -c n | $b head -1; $b hexdump -C n | $b head -1
$b base64 n; $b diff n z; $b comm n n | $b wc -l; $b cut -c1 n | $b tail -1; $b fold -w 1 n | $b head -1; $b expand n | $b head -1; $b nl n | $b head -1; $b split -l 2 n pp; $b ls pp*
$b mkfifo ff; ($b echo fifo > ff &); $b cat ff; $b ps >/dev/null && echo ps; $b pidof init >/dev/null; $b free >/dev/null && echo free; $b uptime >/dev/null && echo uptime; $b hostname >/dev/null && echo host
$b bc <<<'2^10' 2>/dev/null; $b dc -e '2 3 + p' 2>/dev/null; $b xxd n 2>/dev/null | head -1; $b unxz -h >/dev/null 2>&1; $b which sh; $b nproc >/dev/null && echo nproc; $b tty; $b logname >/dev/null 2>&1; $b whoami; $b groups >/dev/null; echo end
