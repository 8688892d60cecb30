#!/bin/bash
# title: sysstat, procps, psmisc, lsof, inotify-tools, incron, lsyncd, Unison and aria2
# packages: sysstat procps psmisc lsof inotify-tools incron lsyncd rsync unison aria2 python3
# what: figures of processors, discs, memory and networks gathered, kept and shown; who holds which file; changes of files told, and acted on: run, copied, merged; a file fetched in four parts
set -u
. /programs/lib.sh
cd /tmp
iostat -c 1 1 | head -3 | tail -1 | tr -s ' '
mpstat -P ALL 1 1 | grep -c Average; mpstat 1 1 >/dev/null; echo $?
pidstat 1 1 >/dev/null; echo $?; pidstat -d -p $$ 1 1 | grep -c bash; pidstat -t -p $$ 1 1 | grep -c bash;  pidstat -rsvw -p $$ 1 1 | grep -c bash
/usr/lib/sysstat/sadc 1 2 /tmp/sa; echo sadc $?; sar -f /tmp/sa -u | grep -c all; sar -A -f /tmp/sa >/tmp/sarA; echo sarA $?; sar -n DEV -f /tmp/sa | grep -c ' lo '; sar -r -f /tmp/sa | tail -1 | wc -w; sar -B 1 1 | tail -1 | wc -w; sar -W 1 1|tail -1|wc -w;  sar -n SOCK,TCP,UDP,IP,ICMP -f /tmp/sa | grep -c Average; sar -v 1 1 | tail -1|wc -w; sar -q 1 1 | tail -1|wc -w
sadf -j /tmp/sa -- -u | python3 -c 'import json,sys; d=json.load(sys.stdin); print(len(d["sysstat"]["hosts"]))'
tapestat 1 1 >/dev/null 2>&1; echo "tape $?"
vmstat 1 2 | tail -1 | wc -w; vmstat -s | wc -l; vmstat -d | wc -l >/dev/null; vmstat -D >/dev/null; echo $?; vmstat -m >/dev/null 2>&1; echo slab $?; free | head -2 | tail -1| wc -w; slabtop -o >/dev/null 2>&1; echo $?; pmap -X $$ | tail -1 | wc -w; pmap $$ | tail -1 | awk '{print $1}'; pwdx $$; tload -V; w -h; uptime -s >/dev/null; echo $?; skill -l | head -1; watch -t -n1 -e -g date +%s >/dev/null 2>&1 </dev/null; echo watch $?
fuser -v /tmp 2>&1 | grep -c bash; lsof -p $$ | grep -c cwd; lsof -i 2>/dev/null | wc -l; pstree -p $$ | head -1 | sed 's/[0-9]//g'; prtstat $$ | head -1 | cut -d: -f1; peekfd -h >/dev/null 2>&1; echo $?
ps -eo pid,ppid,ni,pri,psr,stat,wchan,comm,cls,rtprio,sgi_p,sz,rss,vsz,nlwp,cgroup | head -1; ps axZ >/dev/null 2>&1; echo $?; ps -eLf | wc -l >/dev/null; top -b -n 1 -H >/dev/null; echo $?
mkdir /tmp/w; cd /tmp/w
inotifywait -q -m -r --format '%e %w%f' -o /tmp/iw . 2>/dev/null & p=$!
sleep 0.7
mkdir d; sleep .4; echo a >d/x; mv d/x d/y; cat d/y >/dev/null; chmod 600 d/y; ln d/y d/z; truncate -s 0 d/z; rm d/z d/y; rmdir d; sleep .5; kill $p; cat /tmp/iw
timeout 5 inotifywait -q -e create,delete --timeout 1 . ; echo $?
inotifywatch -t 2 -r . >/tmp/iwatch 2>/dev/null & sleep .7; for i in 1 2 3; do echo $i >f$i; done; rm f*; wait; cat /tmp/iwatch
which rsync >/dev/null; mkdir src dst; mkdir -p /var/log/lsyncd
cat >l.conf <<C
settings { nodaemon = true, logfile="/tmp/ls.log", statusFile="/tmp/ls.st" }
sync { default.direct, source="/tmp/w/src", target="/tmp/w/dst", delay=1 }
C
lsyncd l.conf >/tmp/ls.out 2>&1 & p=$!; sleep 1; for i in 1 2 3; do echo $i >src/$i; done; eventually test -e dst/3; mkdir src/q; echo k >src/q/k; eventually test -e dst/q/k; rm src/1; eventually test ! -e dst/1; find dst | sort; kill $p; wait $p; echo lsyncd $?
mkdir u1 u2; echo a >u1/a; echo b >u2/b; unison -batch -silent u1 u2 ; echo $?; ls u1 u2; 
mkdir -p /etc/incron.d; echo "/tmp/w IN_CREATE /bin/sh -c 'echo \$# >>/tmp/inc'" >/etc/incron.d/a; incrond -n & p=$!; sleep 1; touch n1; sleep .3; touch n2; eventually grep -q n2 /tmp/inc; cat /tmp/inc; kill $p; wait $p; echo $?
echo xyz >src.txt; python3 -m http.server -b 127.0.0.1 8099 >/dev/null 2>&1 & h=$!; port 8099; head -c 3000000 /dev/zero >big; aria2c -q -x4 -s4 -k1M --file-allocation=falloc -d /tmp/dl http://127.0.0.1:8099/big; echo aria $?; cmp big /tmp/dl/big && echo same; kill $h
