#!/bin/bash
# title: gosu, tini, dumb-init, s6, execline, nano, micro, Kakoune, joe, yash, ksh, dtach, anacron, logrotate
# packages: gosu tini dumb-init s6 execline nano micro kakoune joe expect yash ksh93u+m dtach bsdutils anacron logrotate
# what: images' entry points that become another user and run what they find; first processes that pass signals on and reap; services supervised, logged and taken down; editors typed into; shells' jobs; sessions left and kept; jobs caught up with and logs turned over
set -u
. /programs/lib.sh
chmod 1777 /tmp; cd /tmp
gosu nobody id; gosu nobody:root id -g; gosu 1000:1000 sh -c 'id -u; id -g; echo $HOME; pwd'; gosu nosuch id 2>&1; echo $?
gosu nobody gosu root id 2>&1; echo $?
gosu nobody cat /proc/self/status | grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)'
cat >entrypoint.sh <<'X'
#!/bin/bash
set -Eeo pipefail
file_env() {
    local var=$1 file=${1}_FILE
    if [ "${!var:-}" ]; then value=${!var}; elif [ "${!file:-}" ]; then value=$(<"${!file}"); else value=$2; fi
    export "$var"="$value"; unset "$file"
}
if [ "${1:0:1}" = - ]; then set -- sh "$@"; fi
if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/lib/thing; find /var/lib/thing \! -user nobody -exec chown nobody '{}' +; chmod 700 /var/lib/thing
    exec gosu nobody "$BASH_SOURCE" "$@"
fi
file_env PASSWORD none
for f in /tmp/first.d/*; do
    case $f in
        *.sh) if [ -x "$f" ]; then echo "run $f"; "$f"; else echo "read $f"; . "$f"; fi ;;
        *.gz) gunzip -c "$f" ;;
        *) echo "leave $f" ;;
    esac
done
exec "$@"
X
chmod +x entrypoint.sh; mkdir first.d; echo 'echo A $PASSWORD' >first.d/1.sh; printf '#!/bin/sh\necho B $PASSWORD $0\n' >first.d/2.sh
chmod 755 first.d/2.sh; echo zipped | gzip >first.d/3.gz; touch first.d/q; echo secret >word
PASSWORD_FILE=/tmp/word /tmp/entrypoint.sh -c 'id -un; echo $PASSWORD; ls -ld /var/lib/thing | cut -c1-10; exit 7'; echo $?

tini -s -- sh -c 'exit 3'; echo tini $?
tini -s -g -- sh -c 'trap "echo term; exit 9" TERM; (sleep 100) & echo >/tmp/ready1; wait' & p=$!
eventually test -e ready1; kill -TERM $p; wait $p; echo tini $?
tini -s -e 143 -- sh -c 'kill -TERM $$'; echo $?
tini -s nosuchprogram 2>/dev/null; echo $?
tini -s -v -- sh -c '(sleep 0.1 &) ; sleep 0.4; exit 4' 2>&1 | sed 's/[0-9]\{2,\}/N/g' ; echo ${PIPESTATUS[0]}
dumb-init sh -c 'exit 5'; echo $?
dumb-init -c -r 15:2 bash -c 'trap "echo int; exit 2" INT; echo >/tmp/ready2; while :; do sleep 0.1; done' & p=$!
eventually test -e ready2; kill $p; wait $p; echo $?

mkdir -p sv/a/log sv/b
printf '#!/bin/sh\nexec 2>&1\necho start; exec sleep 1000\n' >sv/a/run; printf '#!/bin/sh\nexec s6-log t n3 s1000 /tmp/alog\n' >sv/a/log/run
printf '#!/bin/sh\nsleep 0.2; exit 1\n' >sv/b/run
printf '#!/bin/sh\necho finished $1 $2 >>/tmp/bfin; test $(wc -l </tmp/bfin) -lt 2 || exit 125\n' >sv/b/finish; chmod +x sv/*/run sv/*/log/run sv/*/finish
s6-svscan sv & p=$!
eventually s6-svok sv/a; eventually test -s alog/current; s6-svstat -u sv/a; s6-svc -wr -T 5000 -r sv/a; echo $?; s6-svc -wd -T 5000 -d sv/a; echo $?
s6-svstat -o up,wantedup,exitcode,signal sv/a; s6-svc -wu -u sv/a; eventually bash -c '[ $(wc -l </tmp/bfin) = 2 ]'; cat bfin
eventually bash -c '[ $(wc -l </tmp/alog/current) = 3 ]'; s6-tai64nlocal <alog/current | wc -w; s6-svscanctl -t sv; wait $p; echo scan $?
s6-setuidgid nobody id; s6-softlimit -o 10 sh -c 'ulimit -n'; s6-setlock /tmp/lk sh -c 's6-setlock -n /tmp/lk true 2>&1; echo $?'
execlineb -c 'foreground { echo a } backtick X { echo b } importas Y X pipeline { echo q } tr q z'; execlineb -Pc 'forx i { 1 2 3 } importas j i echo $j'
start-stop-daemon -S -b -m -p ssd.pid -x /bin/sleep -- 1000; start-stop-daemon -T -p ssd.pid; echo $?
start-stop-daemon -K -p ssd.pid -R TERM/5/KILL/1; echo $?; start-stop-daemon -T -p ssd.pid; echo $?
runuser -u nobody -- id; setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs id; chroot --userspec=65534:65534 / id

typed() { # PROGRAM FILE EXPECTED KEYS
    cat >typed.exp <<X
log_user 0
set timeout 20
spawn -noecho sh -c "stty rows 24 columns 80; exec $1 $2"
expect "$3"
after 500
send "$4"
expect eof
catch wait r
puts [lindex \$r 3]
X
    expect typed.exp; cat "$2"; echo
}
typed "nano -I" f.txt "New File" 'hello\rtwo\r\x0f\r\x18'
typed "micro -clipboard internal" g.txt g.txt 'abc def\x13\x11'
typed joe h.txt h.txt 'text\r\x0bx'
printf 'one\ntwo\n' | kak -n -f '%stwo<ret>cTHREE<esc>'; echo $?
for s in yash ksh93 dash; do
    echo "== $s"
    $s -c 'sleep 0.1 & wait; echo $?; trap "echo t" USR1; kill -USR1 $$; echo $(echo a | tr a b); f() { return 4; }; f; echo $?; cat <<Y
here $((6 * 7))
Y
nosuch; echo $?; . /nosuch; echo $?'; echo $?
done 2>&1 | sed 's/line [0-9]*/line/'
ksh93 -c 'float x=1.5; print $((x*2)); cat |& print -p hi; read -p y; print $y; typeset -A a; a[q]=1; print ${!a[@]}'
dtach -n dt sh -c 'read x; echo got $x >/tmp/dto'; eventually test -S dt; echo hey | dtach -p dt; eventually test -s dto; cat dto
script -q -c 'echo in script; tty >/dev/null && echo tty' -O s.out -T s.tim -E never </dev/null >/dev/null; echo $?; grep -v Script s.out
scriptreplay -t s.tim -O s.out --divisor 100 2>&1 | grep -v Script; script -q -e -c 'exit 5' /dev/null </dev/null; echo $?

mkdir spool; printf '1 0 job1 echo ran >>/tmp/ran\n' >at; anacron -d -f -n -t /tmp/at -S /tmp/spool 2>&1 | sed 's/[0-9]\{4\}-[0-9-]*/D/'; cat ran; ls spool
mkdir lr; printf '/tmp/lr/*.log {\nrotate 2\ncompress\ndelaycompress\ncreate 640 root root\npostrotate\necho post >>/tmp/post\nendscript\n}\n' >lr.conf
for i in 1 2 3; do echo $i >lr/a.log; logrotate -f -s lr.st lr.conf; echo $?; done
ls lr; zcat lr/a.log.2.gz; stat -c %a lr/a.log; wc -l <post; chmod 777 lr; logrotate -f -s lr.st lr.conf >/dev/null 2>&1; echo $?
