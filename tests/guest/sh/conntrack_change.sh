# admin
# Connections that somebody makes, changes and takes away (conntrack(8)), and what who watches is told of them and of others.
exec 2>&1
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
ip link set lo up
plain() { sed -E 's/ (1000|99[0-9]) / 999 /; s/ (500|49[0-9]) / 499 /; s/\bid=[0-9]+$/id=N/; s/ (432000|43199[0-9]) / 432000 /; s/^(.*(udp|tcp) +[0-9]+) ([36]0|[25][0-9]|1[12][0-9]) /\1 T /; s/id=[0-9]+ ?(\[USERSPACE\])?.*$/id=N \1/'; }
r() { echo "\$ $*"; "$@" 2>&1 | plain | sort; echo "= ${PIPESTATUS[0]}"; }
nft add table ip t; nft add chain ip t c '{ type filter hook input priority 0; }'; nft add rule ip t c ct state new counter
T=/run/told
stdbuf -oL conntrack -E -o id >$T 2>/dev/null &
w=$!
until conntrack -I -p udp -s 9.9.9.9 -d 9.9.9.8 --sport 1 --dport 2 -t 100 >/dev/null 2>&1; conntrack -D -s 9.9.9.9 >/dev/null 2>&1; grep -q 9.9.9.9 $T; do sleep 0.02; done
u="-p udp -s 1.1.1.1 -d 2.2.2.2 --dport 20 -t 1000"
r conntrack -I $u --sport 10
r conntrack -I $u --sport 10
r conntrack -I $u --sport 11 -u ASSURED
r conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 10 --dport 20 -t 1000 --state ESTABLISHED -u SEEN_REPLY,ASSURED
r conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 11 --dport 20 -t 1000 --state SYN_SENT
r conntrack -I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 1000
r conntrack -I -p 99 -s 1.1.1.1 -d 2.2.2.2 -t 1000
r conntrack -I -p udp -s fe80::1 -d fe80::2 --sport 10 --dport 20 -t 1000
r conntrack -I $u --sport 13 --src-nat 3.3.3.3
r conntrack -I $u --sport 14 --dst-nat 3.3.3.3:99
r conntrack -I $u --sport 15 -r 2.2.2.2 -q 7.7.7.7 --reply-port-src 20 --reply-port-dst 16
r conntrack -I $u --sport 16 -r 2.2.2.2 -q 1.1.1.1 --reply-port-src 20 --reply-port-dst 10
r conntrack -L -o id
r conntrack -L -o extended
r conntrack -L -f ipv6
r conntrack -L -u ASSURED
r conntrack -U -p udp -s 1.1.1.1 --sport 10 -m 9
r conntrack -U -p udp -s 1.1.1.1 --sport 10 -t 500
r conntrack -U -p udp -s 1.1.1.1 --sport 10 -u SEEN_REPLY,ASSURED
r conntrack -U -p tcp -s 1.1.1.1 --sport 11 --state CLOSE_WAIT
r conntrack -U -p udp -s 1.1.1.99 --sport 10 -m 9
r conntrack -G -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 10 --dport 20
r conntrack -D -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 11
r conntrack -C
conntrack -S 2>&1 | head -1 | sed 's/=[0-9]*/=/g'
stat -c '%n %a' /proc/net/nf_conntrack /proc/net/stat/nf_conntrack
plain </proc/net/nf_conntrack | sort
head -1 /proc/net/stat/nf_conntrack; sed -n '2s/[0-9a-f]/x/gp' /proc/net/stat/nf_conntrack
python3 - <<'P'
import socket
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(("127.0.0.1", 4001)); b.bind(("127.0.0.1", 4002))
for n in range(2):
    a.sendto(b"x", ("127.0.0.1", 4002)); b.recv(9)
    b.sendto(b"x", ("127.0.0.1", 4001)); a.recv(9)
l = socket.socket(); l.bind(("127.0.0.1", 4003)); l.listen()
c = socket.socket(); c.bind(("127.0.0.1", 4004)); c.connect(("127.0.0.1", 4003))
d, _ = l.accept(); c.send(b"hi"); d.recv(2); c.close(); d.recv(1); d.close()
c = socket.socket(); c.bind(("127.0.0.1", 4005))
try: c.connect(("127.0.0.1", 4006))
except OSError as e: print(e)
P
r conntrack -F
r conntrack -L
conntrack -I -p udp -s 9.9.9.9 -d 9.9.9.8 --sport 1 --dport 3 -t 100 >/dev/null 2>&1
until grep -q 'dport=3 ' $T; do sleep 0.02; done
kill $w; wait $w 2>/dev/null
grep -v 'DESTROY\|9\.9\.9\.9' $T | plain
grep DESTROY $T | grep -v '9\.9\.9\.9' | plain | sort

# what is counted, and times
cd /proc/sys/net/netfilter
cat nf_conntrack_acct nf_conntrack_events nf_conntrack_udp_timeout nf_conntrack_tcp_timeout_established nf_conntrack_tcp_loose
echo 1 >nf_conntrack_acct; echo 77 >nf_conntrack_udp_timeout; for what in acct=2 events=3 udp_timeout=x; do sysctl -q net.netfilter.nf_conntrack_$what 2>/dev/null || echo refused; done
cat nf_conntrack_acct nf_conntrack_udp_timeout nf_conntrack_events
python3 -c '
import socket
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(("127.0.0.1", 4001)); b.bind(("127.0.0.1", 4002))
a.sendto(b"x", ("127.0.0.1", 4002)); a.sendto(b"x", ("127.0.0.1", 4002)); b.sendto(b"xyz", ("127.0.0.1", 4001))
'
conntrack -L -p udp --sport 4001 2>/dev/null | sed -E 's/ 7[67] / T /'
sed -nE 's/ 7[67] / T /; /=4001/p' /proc/net/nf_conntrack
conntrack -L -z -p udp --sport 4001 >/dev/null 2>&1
conntrack -L -p udp --sport 4001 2>/dev/null | sed -E 's/ 7[67] / T /'
