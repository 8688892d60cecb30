#!/bin/bash private (it makes device nodes)
# Every program of coreutils, with arguments that mean something.
seq 12 >n; printf 'b 2\na 1\nc 3\n' >l; mkdir -p d/e; echo x >d/f; echo y >d/e/g; touch -d @1000000000 n l d/f d/e/g d/e d
run() {
    case $1 in
    \[) [ 1 -lt 2 ]; env [ a = b ] ;;
    arch|whoami) $1 ;; nproc|hostid|logname|pinky|users|uptime|who|tty|df) $1 >/dev/null 2>&1; echo ran ;;
    b2sum|cksum|md5sum|sha*sum|sum|nl|tac|wc|od|cat|expand|unexpand|pr|ptx|fmt) case $1 in pr) pr -t -3 n ;; *) $1 n ;; esac ;;
    base32|base64) $1 l; $1 l | $1 -d ;; basenc) basenc --base16 l ;; basename) basename -s .c /x/y.c /z ;; dirname) dirname /x/y z ;;
    chcon|runcon) $1 --version | head -1 | tr -d 0-9. ;; chgrp) cp n g; chgrp 5 g; stat -c %g g ;; chown) cp n g; chown 7:8 g; stat -c %u:%g g ;;
    chmod) cp n g; for m in 644 u+x,g-r a=,u=rw +t; do chmod $m g; stat -c %a g; done ;; chroot) chroot --userspec=1:2 / /usr/bin/id -u ;;
    comm) comm <(sort l) <(echo 'a 1') ;; join) join <(sort l) <(printf 'a x\nc y\n') ;; paste) paste -d, l n | head -4 ;; cut) cut -c2- l; cut -d' ' -f2 --complement l ;;
    cp) cp -a d copy; find copy | sort; cp --sparse=always n sp; cp -l n hl; stat -c %h hl; cp -s "$PWD/n" sl; readlink sl | xargs basename; rm sl; cp --backup n sp; ls sp* ;;
    csplit) csplit -s n 4 '/^9/'; wc -l xx* ;; split) split -n l/3 n sp.; wc -l sp.*; split -b 5 --filter='wc -c' n ;; date) date -u -d '2001-02-03 + 1 day' '+%F %a %j' ;;
    dd) dd if=n of=dd.out bs=4 skip=1 seek=1 count=2 conv=ucase status=none; od -c dd.out; dd if=/dev/zero bs=1M count=3 status=none | wc -c ;;
    dir|vdir|ls) case $1 in ls) ls -l --time-style=+%s n l; ls -R d; ls -1 -S n l; ls --color=always d | od -c | head -2 ;; dir) dir d ;; vdir) vdir --time-style=+%s d/f ;; esac ;;
    dircolors) dircolors -b | head -1 | cut -c1-9 ;; du) du -b n; du -a --apparent-size -b d/e/g ;; echo) env echo -e 'a\tb\c' ;; env) env -i A=1 env -u A B=2 env; env -C / pwd ;;
    expr) expr length hello; expr 7 % 4; expr abc : 'a\(.\)' ;; factor) factor 1 60 97 18446744073709551557 ;; true|false) env $1 ;; fold) echo 'one two three' | fold -s -w 5 ;; groups|id) id -u; id -un; id -G | wc -w ;;
    head) head -c 5 n; head -n -9 n; head -n 1 n l ;; tail) tail -c 5 n; tail -n +11 n; (for i in 1 2 3; do echo $i >>tf; done) & : >>tf; timeout 20 tail -f --pid=$! tf | sort; wait ;;
    install) install -D -m 751 n in/st; stat -c %a in/st ;; link) link n hard; stat -c %h hard ;; ln) ln -s n s; ln -f n hard2; ln -r -s d/f rel; readlink s rel ;; unlink) cp n r; unlink r; ls r ;;
    md5sum.textutils) md5sum.textutils n ;; mkdir) mkdir -p -m 700 u/v; stat -c %a u u/v ;; mkfifo) mkfifo -m 600 ff; stat -c '%F %a' ff ;; mknod) mknod nod c 1 3; mknod pp p; stat -c '%F %t %T' nod pp ;;
    mktemp) x=$(mktemp -p . XXXXXX); rm "$x"; echo ${#x} ;; mv) cp n m; mv m m2; mv -t d m2; mv -n d/m2 d/f; ls d ;; nice) nice -n 5 nice ;; nohup) nohup echo up 2>/dev/null ;; numfmt) numfmt --to=iec 1536 --from=auto; echo 1K | numfmt --from=iec ;;
    pathchk) pathchk -p 'a b'; pathchk n ;; printenv) A=5 printenv A ;; printf) env printf '%05d %x %q %s\n' 7 255 'a b' z ;; pwd) (cd /usr/lib; env pwd -P) ;; readlink) ln -sf n rl; readlink rl; readlink -e nowhere ;; realpath) realpath --relative-to=d n; realpath -m /x/../y ;;
    rm) mkdir -p q/w; touch q/w/z; rm -rv q | sort; rm nowhere ;; rmdir) mkdir -p q/w; rmdir -p q/w; ls q; rmdir d ;; seq) seq -w 8 11; seq -s, 3 -1 1; seq 0.5 0.25 1 ;; shred) cp n sh; shred -n 1 -u sh; ls sh ;; shuf) shuf -i 1-9 | sort | paste -s; shuf -n 2 -e a a a ;;
    sleep) sleep 0.01; sleep x ;; sort) sort -k2 -rn l; sort -R l | wc -l; sort -S 1M -u n n | head -2; sort -c n; sort --parallel=2 -h <<<$'2K\n1M\n3' ;; stat) stat -c '%n %s %a %F %Y %h' n; stat -L -c %s n; stat -f -c %l . ;;
    stdbuf) stdbuf -oL echo buffered ;; stty) stty </dev/null; stty size </dev/null ;; sync) sync n; sync ;; tee) echo t | tee -a t1 - | sort; cat t1; yes 2>/dev/null | tee /dev/null 2>/dev/null | head -1 ;; test) env test -d d -a ! -f d; env test n -nt l; env test -L n ;;
    timeout) timeout 0.05 sleep 60; echo $?; sh -c 'timeout -s KILL 0.05 sleep 60; exit $?' 2>/dev/null; echo $?; timeout --preserve-status 0.05 sleep 60; echo $?; timeout 5 sh -c 'exit 3' ;; touch) touch -d '2001-02-03 04:05:06.789 UTC' t; stat -c %.3Y t; touch -r n t; stat -c %Y t; touch -c none; ls none ;;
    tr) tr -s 'a-z ' 'A-Z_' <l; tr -dc 0-9 <l ;; truncate) truncate -s 100 tr; truncate -s +5K tr; truncate -s %1000 tr; stat -c %s tr ;; tsort) tsort <<<'a b b c d c' ;; uname) uname -s -m -o ;; uniq) printf 'a\na\nb\nA\n' | uniq -ci; printf 'a\na\nb\n' | uniq -d ;; yes) yes x y | head -2 ;;
    *) $1 --version | head -1 | tr -d 0-9. ;;
    esac
}
for path in $(dpkg -L coreutils | grep -E '^(/usr)?/s?bin/.'); do
    echo "== ${path##*/}"
    run "${path##*/}" </dev/null
    echo "status $?"
done 2>&1
