exec 2>&1; cd "${1:-$(mktemp -d)}"
ip link set lo up
p() { ping -n -q -c ${2:-1} -i 0.01 -W 1 $1 | grep -o '[0-9]* received'; }
tcp() { python3 - "$@" <<'P'
import socket, sys
for port in sys.argv[2:]:
    try: socket.create_connection((sys.argv[1], int(port)), 0.3).close(); print(port, "open")
    except OSError as e: print(port, type(e).__name__, e.errno)
P
}
udp() { python3 - "$@" <<'P'
import socket, sys
for port in sys.argv[2:]:
    s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)
    try:
        s.connect((sys.argv[1], int(port))); s.send(b"hello"); print(port, s.recv(100))
    except OSError as e: print(port, type(e).__name__, e.errno)
P
}
python3 -c '
import socket, threading
def echo(a, f=socket.AF_INET):
    s = socket.socket(f, socket.SOCK_DGRAM); s.bind(a)
    while True:
        d, p = s.recvfrom(100); s.sendto(d + b"@%d" % a[1], p)
for port in (53, 54): threading.Thread(target=echo, args=(("127.0.0.1", port),)).start()
threading.Thread(target=echo, args=(("::1", 53), socket.AF_INET6)).start()
for port in (80, 81):
    s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("127.0.0.1", port)); s.listen(50); globals()["s%d" % port] = s
open("ready", "w")
' & server=$!
until [ -e ready ]; do sleep 0.02; done; rm ready
nft -f - <<'R'
table inet f {
	counter named { }
	set seen { type ipv4_addr . inet_service; flags dynamic; size 100; counter; }
	map v { type inet_service : verdict; elements = { 90 : drop, 91 : jump rej } }
	chain rej { counter; tcp dport 91 reject with tcp reset; }
	chain in {
		type filter hook input priority 0; policy accept;
		icmp type echo-request counter name "named" accept
		ct state established,related accept
		udp dport { 53, 54 } add @seen { ip daddr . udp dport }
		udp dport 54 counter drop
		udp dport 55 counter reject
		udp dport 56 counter reject with icmpx type admin-prohibited
		tcp dport vmap @v
		tcp dport 81 ct state new counter packets 0 bytes 0 log prefix "81 " accept
		tcp dport 92 reject with icmp type host-unreachable
		ip daddr 127.0.0.2 icmp type echo-request drop
	}
	chain out { type filter hook output priority 0; meta skuid 0 udp dport 60 counter drop; oif lo icmp type echo-request counter; meta mark set 7; ip daddr 127.0.0.9 counter meta mark 7 drop; }
	chain in2 { type filter hook input priority 10; meta mark 7 icmp type echo-request counter; ip daddr 127.0.0.3 drop; }
}
R
p 127.0.0.1 3; p 127.0.0.2; p 127.0.0.3; p 127.0.0.9; p ::1
tcp 127.0.0.1 80 81 82 90 91 92; udp 127.0.0.1 53 54 55 56 57 60; udp ::1 53 55 56
nft list table inet f
nft flush ruleset
nft -f - <<'R'
table ip n {
	chain out { type nat hook output priority -100
		tcp dport 8080 counter packets 0 bytes 0 redirect to :80
		tcp dport 8081 dnat to 127.0.0.1:81
		udp dport 5300 dnat to 127.0.0.1:53
		ip daddr 10.9.9.9 dnat to 127.0.0.1
		udp dport 7000-7001 dnat to 127.0.0.1 : udp dport map { 7000 : 53, 7001 : 54 }
	}
	chain in { type nat hook input priority 100; udp dport 53 counter; }
}
R
ip route add 10.0.0.0/8 dev lo
tcp 127.0.0.1 8080 8081 8082; udp 127.0.0.1 5300 7000 7001; p 10.9.9.9
nft list ruleset
nft flush ruleset
iptables-nft -A INPUT -p udp --dport 53 -m comment --comment hi -j REJECT
iptables-nft -A INPUT -p tcp -m multiport --dports 80,85:90 -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset
iptables-nft -A INPUT -m addrtype --dst-type LOCAL -p icmp -m icmp --icmp-type 8 -m limit --limit 1/hour --limit-burst 2 -j ACCEPT
iptables-nft -A INPUT -p icmp -m icmp --icmp-type 8 -j DROP
iptables-nft -A OUTPUT -p udp -m owner --uid-owner 0 -m udp --dport 61 -j DROP
iptables-nft -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 127.0.0.1:81
iptables-nft -t nat -A OUTPUT -p udp --dport 5400 -j REDIRECT --to-ports 54
iptables-nft -t mangle -A OUTPUT -p udp --dport 62 -j MARK --set-mark 9
iptables-nft -A INPUT -m mark --mark 9 -j REJECT
p 127.0.0.1 4; tcp 127.0.0.1 80 81 8080; udp 127.0.0.1 53 5400 61 62
iptables-nft -nvL; iptables-nft -t nat -S; iptables-nft -P INPUT DROP; p 127.0.0.1; iptables-nft -nL INPUT; iptables-nft -F; iptables-nft -P INPUT ACCEPT; p 127.0.0.1
iptables-nft -D INPUT 1; iptables-nft -X nope; iptables-nft -C INPUT -j DROP
kill $server
