# admin
# Routes for a type of service, and all that routes say about a path.
if [ "$1" != inside ]; then exec unshare -n /bin/bash "$0" inside; fi
run() {
    echo "\$ ip $*"
    ip "$@" 2>&1 | sed 's/ *$//'
}
ip link set lo up
for n in 0 1; do
    ip link add d$n type veth peer name e$n
    ip link set e$n up
    ip addr add 10.$n.0.1/24 dev d$n
    ip link set d$n up addrgenmode none
    ip link set e$n arp off addrgenmode none
    until ip -br link show dev d$n | grep -q " UP "; do sleep 0.02; done
done
ip addr add fd01::1/64 dev d0 nodad
run route add 10.2.0.0/16 via 10.0.0.2
run route add 10.2.0.0/16 tos 0x10 via 10.1.0.3
run route add 10.2.0.0/16 tos 0x10 via 10.0.0.4
run route add 10.2.0.0/16 tos 0x10 via 10.0.0.4 metric 5
run route add 10.2.0.0/16 tos 0x08 via 10.0.0.5
run route add 10.2.0.0/16 tos 0x03 via 10.0.0.6
run route add 10.2.0.0/16 tos 0x20 via 10.0.0.7
run route add 10.2.0.0/16 tos 0xb8 via 10.0.0.8
run route append 10.2.0.0/16 tos 0x10 via 10.0.0.14
run route show
run -d route show
run -j route show
for t in 0 0x10 0x11 0x08 0x04 0x20 0xb8 0xbb; do run route get 10.2.3.4 tos $t; done
run route show tos 0x10
ip neigh add 10.0.0.2 dev d0 nud permanent lladdr 02:00:00:00:00:01
ip neigh add 10.1.0.3 dev d1 nud permanent lladdr 02:00:00:00:00:02
sent() { python3 - $1 <<'END'
import socket, sys
def count():
    return [int(open(f"/sys/class/net/d{n}/statistics/tx_packets").read()) for n in (0, 1)]
def told(what, before):
    print(what, hex(tos), [now - old for now, old in zip(count(), before)])
tos = int(sys.argv[1], 0)
before = count()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(0, socket.IP_TOS, tos)
s.sendto(b"x", ("10.2.0.9", 9))
told("a datagram", before)
before = count()
s.connect(("10.2.0.9", 9))
s.send(b"x")
told("connected", before)
s = socket.socket()
s.setsockopt(0, socket.IP_TOS, tos)
s.setblocking(False)
before = count()
s.connect_ex(("10.2.0.9", 9))
told("a connection", before)
END
}
sent 0
sent 0x10
sent 0x12
sent 0x04
run rule add tos 0x04 lookup 7
run route add 10.2.0.0/16 tos 0x04 via 10.1.0.3 table 7
run route get 10.2.3.4 tos 4
run route del 10.2.0.0/16
run route show
run route get 10.2.3.4
run route del 10.2.0.0/16 tos 0x10 via 10.0.0.14
run route del 10.2.0.0/16 tos 0x10
run route del 10.2.0.0/16 tos 0x44
run route change 10.2.0.0/16 tos 0x08 via 10.0.0.99
run route replace 10.2.0.0/16 tos 0x1c via 10.0.0.98
run route show
run -6 route add fd02::/64 tos 0x10 via fd01::2
run -6 route show

all="rtt 30ms rttvar 20ms ssthresh 30 cwnd 20 initcwnd 5 initrwnd 6 advmss 1000 mtu lock 1200 quickack 1 congctl cubic features ecn reordering 4 hoplimit 9 rto_min 50ms window 3000"
run route add 10.3.0.0/16 via 10.0.0.2 $all
run route add 10.4.0.0/16 via 10.0.0.2 rtt 0.5ms mtu 999 initrwnd lock 3 advmss lock 500 rtt lock 9ms
run route add 10.5.0.0/16 via 10.0.0.2 rttvar lock 50ms features ecn fastopen_no_cookie 1 reordering lock 9
run route add 10.6.0.0/16 via 10.0.0.2 ssthresh lock 7 mtu 70000 advmss 70000 hoplimit 255
run -6 route add fd03::/64 via fd01::2 $all
run route show
run -6 route show
run route get 10.3.0.1
run -6 route get fd03::1
sed 's/ *$//' /proc/net/route
python3 - <<'END'
import socket
rest = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
rest.bind(("e0", 0x800))
def flags(to, discover=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if discover is not None:
        s.setsockopt(0, socket.IP_MTU_DISCOVER, discover)
    s.sendto(b"y", (to, 9))
    while (got := rest.recv(2000))[-1:] != b"y":
        pass
    return got[6] >> 5
print([flags(to, how) for to in ("10.3.0.9", "10.4.0.9") for how in (None, 0, 1, 2, 3)])
s = socket.socket()
s.setblocking(False)
s.connect_ex(("10.3.0.9", 9))
while (got := rest.recv(2000))[9] != 6 or got[16:20] != socket.inet_aton("10.3.0.9"):
    pass
print("SYN", got[6] >> 5, got[8], int.from_bytes(got[42:44], "big"), int.from_bytes(got[34:36], "big"))
print(s.getsockopt(6, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode())
END
