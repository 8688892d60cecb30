#!/bin/bash private (it makes device nodes)
# Every applet of busybox: with arguments that mean something where it needs no hardware, else its help.
command -v busybox >/dev/null || { echo no busybox; exit 0; }
b=busybox
seq 12 >n; printf 'b 2\na 1\nc 3\n' >l; printf 'a\r\nb\r\n' >dos; mkdir -p d/e; echo x >d/f; echo y >d/e/g; printf 'old\nsame\n' >o1; printf 'new\nsame\n' >o2
touch -d @1000000000 n l d/f
ids() { sed -E 's/[0-9]{2,}/N/g'; }
run() {
    case $1 in
    \[) $b [ 1 -lt 2 ] ;; \[\[) $b [[ a = b ]] ;;
    adjtimex|dmesg|df|free|ps|top|uptime|w|who|last|logname|hostid|netstat|pidof|lsmod|mt|route|arp|ifconfig|ip|ping|ping6)
        case $1 in top) $b top -b -n1 ;; pidof) $b pidof nosuchprogram; return ;; netstat|arp|route) $b "$1" -n ;; *) $b "$1" ;; esac >/dev/null 2>&1; echo ran ;;
    ar) ar rc a.a n l 2>/dev/null; $b ar t a.a; $b ar p a.a l ;;
    arch|uname) $b "$1" ;; nproc|tty) $b "$1" >/dev/null; echo $? ;;
    ascii) $b ascii | head -3 ;; crc32) $b crc32 n ;;
    ash|sh) $b "$1" -c 'f() { echo "f $1"; return 3; }; f 1; echo $?; for i in a b; do echo $i; done | cat; x=$((2 * 3)); echo $x; trap "echo bye" EXIT' ;;
    awk) $b awk '{s += $2; k[$1] = $2} END {print s, k["a"], length(k), substr("hello", 2, 3), toupper("x")}' l ;;
    base64) $b base64 n | $b base64 -d | cmp - n && echo same ;;
    basename) $b basename /x/y.c .c ;; dirname) $b dirname /x/y ;;
    bc) echo 'scale=3; 22/7; 2^64' | $b bc ;; dc) $b dc -e '2 3 * p' ;;
    bzip2|gzip|lzma|lzop|xz) $b "$1" -c n >z.$1 2>/dev/null; echo $?; case $1 in bzip2) $b bunzip2 -c z.bzip2;; gzip) $b gunzip -c z.gzip;; esac 2>&1 | tail -1 ;;
    bunzip2|bzcat) bzip2 -c n >n.bz2; $b "$1" -c n.bz2 | tail -1 ;; gunzip|zcat|uncompress) gzip -c n >n.gz; $b gunzip -c <n.gz | tail -1 ;;
    unxz|xzcat) xz -c n >n.xz; $b xzcat n.xz | tail -1 ;; lzcat|unlzma) xz --format=lzma -c n >n.lzma; $b "$1" -c n.lzma | tail -1 ;;
    cal) $b cal 2 2000 ;; date) $b date -u -d @86400 '+%F %T' ;;
    cat|tac|rev|nl|wc|sum|cksum|md5sum|sha1sum|sha256sum|sha3sum|sha512sum|expand|unexpand) $b "$1" n ;;
    chgrp) cp n g; $b chgrp 5 g; stat -c %g g ;; chown) cp n g; $b chown 7:8 g; stat -c %u:%g g ;; chmod) cp n g; $b chmod u=rx,go= g; stat -c %a g ;;
    chroot) $b chroot / /bin/echo inside ;; clear|reset) TERM=xterm $b "$1" | od -c | head -2 ;;
    cmp) $b cmp n l ;; comm) $b comm o1 o2 2>/dev/null || $b comm --help 2>&1 | head -1 ;; diff) $b diff -u o1 o2 | tail -n +3 ;;
    patch) diff -u o1 o2 >p; cp o1 o3; $b patch o3 p; cat o3 ;;
    cp) $b cp -a d copy; find copy | sort ;; mv) cp n m; $b mv m m2; ls m2 ;; ln) $b ln -s n s; $b ln n h; readlink s; stat -c %h h ;;
    rm) cp n r; $b rm r; ls r ;; rmdir) mkdir rr; $b rmdir rr; ls rr ;; mkdir) $b mkdir -p -m 700 u/v; stat -c %a u/v ;; mkfifo) $b mkfifo ff; stat -c %F ff ;;
    mknod) $b mknod null c 1 3; stat -c '%F %t %T' null ;; mktemp) x=$($b mktemp -d ./tXXXXXX); rmdir "$x"; echo ${#x} ;; unlink) cp n r; $b unlink r; ls r ;; link) $b link n hh; stat -c %h hh ;;
    touch) $b touch -d '2001-02-03 04:05:06' t; TZ= stat -c %Y t ;; truncate) $b truncate -s 100 tr; stat -c %s tr ;; fallocate) $b fallocate -l 5000 fa; stat -c %s fa ;;
    cpio) echo n | $b cpio -o -H newc 2>/dev/null | $b cpio -t 2>/dev/null ;; tar) $b tar -cf x.tar d n; $b tar -tvf x.tar | awk '{print $1, $3, $NF}' | sort; mkdir -p xx; $b tar -xf x.tar -C xx; find xx | sort ;;
    unzip) python3 -c 'import zipfile; zipfile.ZipFile("z.zip", "w").write("n")'; $b unzip -p z.zip | tail -1 ;;
    cut) $b cut -d' ' -f2 l ;; paste) $b paste l n | head -3 ;; sort) $b sort -k2 -rn l ;; uniq) printf 'a\na\nb\n' | $b uniq -c ;; shuf) $b shuf -i 1-5 | sort | paste -s ;;
    tr) echo hello | $b tr a-y b-z ;; head) $b head -n 2 n ;; tail) $b tail -n 2 n ;; fold) echo abcdefgh | $b fold -w 3 ;; od) $b od -An -c l ;; hexdump|hd) $b "$1" -C l ;; xxd) $b xxd l ;;
    split) $b split -l 5 n sp.; ls sp.* ;; tee) echo t | $b tee t1 t2; cat t1 t2 ;; sed) $b sed -n 's/^1/<&>/p' n ;; strings) $b strings l ;; ts) echo x | $b ts '' ;;
    grep|egrep) $b "$1" -n '^1' n ;; fgrep) $b fgrep -c 1 n ;; less|more) $b "$1" n | tail -1 ;; vi) printf ':s/1/one/\r:wq\r' >keys; cp n v; $b vi -c ':q!' v >/dev/null 2>&1 <keys; head -1 v ;; ed) : ;;
    dd) $b dd if=n of=dd.out bs=4 count=2 2>/dev/null; cat dd.out ;; du) $b du -s /dev/null ;; stat) $b stat -c '%n %s %a %F' n; $b stat -c '%n %a %F' d ;; find) $b find d -type f -name 'g*' ;; ls) TZ= $b ls -ln n | awk '{print $1, $3, $5}'; $b ls d ;;
    readlink) ln -sf n rl; $b readlink rl ;; realpath) $b realpath d/../n | sed "s|$PWD||" ;; pwd) $b pwd | sed "s|$PWD||" ;; test) $b test -d d ;; which) $b which sh | xargs basename ;;
    dos2unix) $b dos2unix <dos | od -c ;; unix2dos) $b unix2dos <l | od -c ;; uuencode) $b uuencode x <l ;; uudecode) $b uuencode out.uu <l | $b uudecode; cat out.uu ;;
    echo) $b echo -e 'a\tb' ;; printf) $b printf '%05d %s\n' 7 x ;; seq) $b seq 2 2 6 ;; factor) $b factor 60 97 ;; expr) $b expr 3 \* 4 ;; yes) $b yes | head -2 ;; true|false) $b "$1" ;; sleep) $b sleep 0 ;; usleep) $b usleep 1 ;;
    env) $b env -i A=1 $b env ;; id) $b id -u ;; whoami) $b whoami ;; groups) $b groups | wc -l ;; hostname|dnsdomainname) $b "$1" >/dev/null; echo ran ;; getopt) $b getopt -o ab: -- -a -b x y ;; ipcalc) $b ipcalc -n 10.1.2.3/24 ;;
    kill) sleep 100 & $b kill -TERM $!; wait $!; echo $? ;; killall) cp /bin/sleep ./slumber; ./slumber 100 & p=$!; until [ "$(cat /proc/$p/comm)" = slumber ]; do :; done; $b killall slumber; wait $p; echo $? ;;
    timeout) $b timeout 1 sleep 50 ;; time) $b time true 2>&1 | cut -d' ' -f1 | sort | head -3 ;; nice) $b nice -n 3 nice ;; renice) $b renice 5 $BASHPID >/dev/null; nice ;; ionice) $b ionice -c 2 -n 3 true ;; taskset) $b taskset 1 true ;; setsid) $b setsid true ;; nohup) $b nohup true ;;
    linux64|linux32) $b linux64 true ;; setpriv) $b setpriv --nnp true ;; nsenter|unshare) $b unshare true ;; start-stop-daemon) $b start-stop-daemon -S -x /bin/true ;; run-parts) mkdir -p rp; printf '#!/bin/sh\necho part\n' >rp/one; chmod 755 rp/one; $b run-parts rp ;; watch) $b watch --help >/dev/null 2>&1; echo $? ;;
    stty) $b stty </dev/null ;; sync) $b sync ;; fsync) $b fsync n ;; shred) cp n sh; $b shred -u sh; ls sh ;; sysctl) $b sysctl -n kernel.ostype ;; xargs) seq 3 | $b xargs -n 2 echo ;; mkpasswd) $b mkpasswd -m md5 -S abcdefgh secret ;; nologin) $b nologin </dev/null ;;
    nc) mkfifo hold; $b nc -l -p $((20000 + $$ % 20000)) <hold >got & exec 9>hold; for _ in $(seq 200); do echo hello | $b nc 127.0.0.1 $((20000 + $$ % 20000)) 2>/dev/null && break; $b usleep 10000; done; exec 9>&-; wait; cat got ;;
    httpd) echo page >index.html; $b httpd -f -p 127.0.0.1:14572 & p=$!; for _ in $(seq 200); do $b wget -q -O - http://127.0.0.1:14572/index.html 2>/dev/null && break; $b usleep 10000; done; kill $p; wait $p 2>/dev/null ;;
    wget) $b wget -q -O - http://127.0.0.1:9/ 2>&1; echo $? ;; telnet|ftpget|ftpput|tftp|rdate|nslookup|traceroute|traceroute6|ssl_client) $b "$1" --help >/dev/null 2>&1; echo $? ;;
    mkdosfs|mke2fs|mkswap) truncate -s 1M img; $b "$1" img >/dev/null 2>&1; echo $? ;; blkid) $b blkid img; echo $? ;; rpm|rpm2cpio) $b "$1" n >/dev/null 2>&1; echo $? ;; microcom|cttyhack|login|getty) $b "$1" --help 2>&1 | head -1 ;;
    *) $b "$1" --help 2>&1 | sed -n '3,$p' | head -3 ;;
    esac
}
for applet in $($b --list); do
    echo "== $applet"
    run "$applet" </dev/null
    echo "status $?"
done 2>&1
