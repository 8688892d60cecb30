exec 2>&1; cd "${1:-$(mktemp -d)}"
mount -t tmpfs none /run
ip netns add a; ip netns add b; ip netns add r
ip link add ra netns r type veth peer name eth0 netns a; ip link add rb netns r type veth peer name eth0 netns b
ip -n a addr add 10.1.0.2/24 dev eth0; ip -n r addr add 10.1.0.1/24 dev ra; ip -n r addr add 10.2.0.1/24 dev rb; ip -n b addr add 10.2.0.2/24 dev eth0
for n in a b r; do ip -n $n link set lo up; done
ip -n a link set eth0 up; ip -n b link set eth0 up; ip -n r link set ra up; ip -n r link set rb up
ip -n a route add default via 10.1.0.1
until ip netns exec a ping -c1 -W1 10.1.0.1 >/dev/null; do sleep 0.02; done; until ip netns exec r ping -c1 -W1 10.2.0.2 >/dev/null; do sleep 0.02; done
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec b python3 -c '
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 53))
t = socket.socket(); t.bind(("0.0.0.0", 80)); t.listen(50)
def serve():
    while True:
        d, p = u.recvfrom(100); u.sendto(("%s saw %s" % (d.decode(), p[0])).encode(), p)
threading.Thread(target=serve).start()
open("ready", "w")
while True:
    c, p = t.accept(); c.sendall(("from %s %s\n" % (p[0], "high" if 1000 <= p[1] <= 1010 else "any")).encode()); c.close()
' & server=$!
until [ -e ready ]; do sleep 0.02; done; rm ready
get() { ip netns exec $1 python3 - "$2" "$3" <<'P'
import socket, sys
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.5); print(s.makefile().read().strip())
except OSError as e: print(type(e).__name__, e.errno)
P
}
ask() { ip netns exec $1 python3 - "$2" "$3" <<'P'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5); s.connect((sys.argv[1], int(sys.argv[2]))); s.send(b"q")
try: print(s.recv(100))
except OSError as e: print(type(e).__name__, e.errno)
P
}
r="ip netns exec r"
$r nft -f - <<'R'
table ip nat {
	chain post { type nat hook postrouting priority srcnat; oifname "rb" masquerade; }
	chain pre { type nat hook prerouting priority dstnat; iifname "ra" ip daddr 10.1.0.1 tcp dport 8080 dnat to 10.2.0.2:80; iifname ra udp dport 5353 dnat to 10.2.0.2:53; tcp dport 9999 redirect to :22; }
}
table ip f {
	chain forwarded { type filter hook forward priority 0; policy drop;
		ct state established,related accept
		iif ra oif rb ct state new counter jump fresh
		iif rb oif ra counter reject
	}
	chain fresh { udp dport 53 counter accept; tcp dport 80 counter accept; tcp dport 81 reject with tcp reset; udp dport 99 reject; icmp type echo-request counter accept; counter drop; }
}
R
ip netns exec a ping -n -q -c 2 -i 0.01 -W 1 10.2.0.2 | grep -o '[0-9]* received'
get a 10.2.0.2 80; get a 10.1.0.1 8080; ask a 10.2.0.2 53; ask a 10.1.0.1 5353; get a 10.2.0.2 81; get a 10.2.0.2 82; ask a 10.2.0.2 99; get a 10.1.0.1 9999
ip -n b route add default via 10.2.0.1; ask b 10.1.0.2 7
$r nft list ruleset
$r nft flush ruleset
$r nft -f - <<'R'
table ip nat { chain post { type nat hook postrouting priority srcnat
 oifname "rb" meta l4proto tcp snat to 10.2.0.77-10.2.0.78 : 1000-1010
 oifname "rb" snat to 10.2.0.1
 }
}
table ip m { chain f { type filter hook forward priority mangle; ip ttl set 3; tcp flags syn tcp option maxseg size set 1000; ip dscp set cs1; }; }
R
$r ip addr add 10.2.0.77/24 dev rb;  $r ip addr add 10.2.0.78/24 dev rb
get a 10.2.0.2 80 | sed 's/10.2.0.7[78]/7x/'; ask a 10.2.0.2 53
ip netns exec a ping -n -q -c 2 -i 0.01 -W 1 10.2.0.2 | grep -o '[0-9]* received'
ip netns exec b nft -f - <<'R'
table ip t { chain in { type filter hook input priority 0; ip ttl 3 counter; ip dscp cs1 tcp option maxseg size 1000 counter; ip saddr 10.2.0.1 counter; }; }
R
get a 10.2.0.2 80 | sed 's/10.2.0.7[78]/7x/';  ask a 10.2.0.2 53; ip netns exec b nft list ruleset | sed 's/ip ttl.*//'
kill $server; ip netns del a; ip netns del b; ip netns del r
