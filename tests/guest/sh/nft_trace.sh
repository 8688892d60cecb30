# admin
# What nft(8) tells of packets that are traced through rules: which rules they meet, what those decide, what a packet is.
exec 2>&1
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
ip link set lo up
cat > /run/rules <<'X'
table inet t {
	chain pre {
		type filter hook prerouting priority -100;
		ct state new continue
	}
	chain sub {
		udp dport 4002 counter return
		counter
	}
	chain sub2 {
		udp sport 4001 counter
	}
	chain c {
		type filter hook output priority 0; policy accept;
		udp dport 4444 meta nftrace set 1
		udp dport 4002 meta nftrace set 1 comment "hello"
		udp dport 4002 jump sub
		udp dport 4003 accept
		udp dport vmap { 4002 : jump sub2 }
		udp dport 4002 meta mark set 7
		udp sport 4005 meta nftrace set 0
	}
	chain i {
		type filter hook input priority 0; policy drop;
		udp dport 4003 accept
		udp sport 4006 drop
		udp dport 4002 goto sub2
	}
}
X
nft -f /run/rules
nft list ruleset | grep nftrace
nft add rule inet t c meta nftrace 1 2>&1 | head -1
T=/run/told
: >$T
stdbuf -oL nft monitor trace >$T 2>&1 &
w=$!
until grep -q 4444 $T; do echo x >/dev/udp/127.0.0.1/4444; sleep 0.02; done
python3 - <<'P'
import socket
def send(family, host, port, to):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((host, port))
    s.sendto(b"xyz", (host, to))
send(socket.AF_INET, "127.0.0.1", 4001, 4002)
send(socket.AF_INET6, "::1", 4001, 4002)
send(socket.AF_INET, "127.0.0.1", 4005, 4002)
send(socket.AF_INET, "127.0.0.1", 4006, 4002)
send(socket.AF_INET, "127.0.0.1", 4007, 4444)
P
until grep -q "4007.*4444" $T; do sleep 0.02; done
kill $w
wait $w 2>/dev/null
grep -n 'sport 4001' $T | head -1 | cut -d: -f1 >/run/first
tail -n +$(cat /run/first) $T | sed -E 's/trace id [0-9a-f]*/trace/; s/ip id [0-9]* //; s/flowlabel [0-9]*//; /4444/,$d'
