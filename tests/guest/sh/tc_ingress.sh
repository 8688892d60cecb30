# admin
# ingress and clsact: how tc(8) makes and shows them and their filters, what they drop and what goes elsewhere.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
plain() { sed 's/ *\(installed\|used\|firstused\) [0-9]* sec.*//; s/ *$//'; } # how long ago is not the same twice
run() {
    echo "\$ tc $*"
    tc "$@" 2>&1 | plain
    echo "= ${PIPESTATUS[0]}"
}
mount -t tmpfs none /run
ip link set lo up
ip netns add far
for n in 0 1 2; do
    ip link add d$n type veth peer name e$n netns far
    ip link set d$n up addrgenmode none
    ip -n far link set e$n up addrgenmode none
    until ip -br link show dev d$n | grep -q " UP "; do sleep 0.02; done
done
told=/run/told
: >$told
stdbuf -oL tc monitor >>$told 2>&1 &
watcher=$!
until grep -q 31111 $told; do tc qdisc replace dev lo root handle 9: bfifo limit 31111; sleep 0.02; done
run qdisc add dev d0 ingress
run qdisc show dev d0
run -s qdisc show dev d0
run -j qdisc show dev d0
run qdisc add dev d0 ingress
run qdisc replace dev d0 ingress
run qdisc change dev d0 ingress
run qdisc add dev d0 handle 5: ingress
run qdisc add dev d0 clsact
run qdisc replace dev d0 clsact
run qdisc add dev d0 parent ffff:fff1 handle ffff: pfifo
run class show dev d0
run class show dev d0 parent ffff:
run filter add dev d0 parent ffff: protocol ip u32 match ip dport 80 0xffff flowid 1:1
run filter add dev d0 parent ffff: protocol ip u32 match ip dport 81 0xffff action mirred egress redirect dev d1
run filter add dev d0 ingress protocol ip prio 5 u32 match ip dport 81 0xffff action mirred egress mirror dev d1
run filter add dev d0 egress protocol ip prio 5 u32 match ip dport 81 0xffff flowid 1:1
run filter add dev d0 ingress protocol ip prio 5 u32 match ip dport 81 0xffff action nosuch
run filter show dev d0 ingress
run filter show dev d0 egress
run filter show dev d0 parent ffff:
run -s filter show dev d0 ingress
run filter show dev d0
run filter show dev d0 parent ffff:1
run filter add dev d0 parent ffff:5 protocol ip prio 5 u32 match ip dport 81 0xffff flowid 1:1
run filter add dev d0 parent fffe: protocol ip prio 5 u32 match ip dport 81 0xffff flowid 1:1
run chain show dev d0 ingress
run qdisc del dev d0 parent ffff:fff1 handle 5: ingress
run qdisc del dev d0 clsact
run qdisc del dev d0 ingress
run qdisc del dev d1 ingress
run filter show dev d0 ingress
run filter add dev d0 ingress protocol ip prio 5 u32 match ip dport 81 0xffff flowid 1:1
run qdisc change dev d0 clsact
run qdisc add dev d0 clsact
run qdisc show dev d0
run qdisc add dev d0 clsact
run qdisc add dev d0 ingress
run qdisc add dev d1 parent ffff:fff1 nosuch
run qdisc add dev d1 parent ffff:fff1 pfifo
run filter add dev d0 egress protocol ip prio 5 u32 match ip dport 81 0xffff flowid 1:1
run filter add dev d0 ingress protocol ip prio 5 u32 match ip dport 82 0xffff flowid 1:1
run filter add dev d0 parent ffff:fff4 protocol ip prio 5 u32 match ip dport 82 0xffff flowid 1:1
run filter add dev d0 parent ffff: protocol ip prio 5 u32 match ip dport 83 0xffff flowid 1:1
run filter show dev d0
run filter show dev d0 ingress
run filter show dev d0 egress
run filter show dev d0 parent ffff:
run filter del dev d0 egress
run filter show dev d0 ingress
run qdisc del dev d0 clsact
run qdisc show dev d0
run qdisc replace dev lo root handle 9: bfifo limit 77777
until grep -q 77777 $told; do sleep 0.02; done
kill $watcher
wait $watcher 2>/dev/null
grep -v 31111 $told | grep -v '^deleted qdisc noq' | plain

run qdisc add dev d0 clsact
run filter add dev d0 ingress protocol ip prio 1 u32 match ip dport 81 0xffff action mirred egress redirect dev d1
run filter add dev d0 ingress protocol ipv6 prio 2 u32 match ip6 dport 82 0xffff action mirred egress mirror dev d1 action mirred egress mirror dev d2
run filter add dev d0 ingress protocol ip prio 3 u32 match ip dport 84 0xffff action mirred egress redirect dev lo
run filter add dev d0 egress protocol ip prio 4 u32 match ip dport 85 0xffff action mirred egress redirect dev d2
run filter add dev d0 egress protocol ip prio 5 u32 match ip dport 86 0xffff action mirred egress mirror dev d1
ip addr add 10.0.0.1/24 dev d0
cat >/run/go.py <<'P'
import ctypes, os, select, socket, struct
ETH_P_ALL = socket.htons(3)
def taps(names):
    made = {}
    for name in names:
        made[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ETH_P_ALL)
        made[name].bind((name, 3))
    return made
mac = open("/sys/class/net/d0/address").read().strip()
ours = bytes.fromhex(mac.replace(":", ""))
here = os.open("/proc/self/ns/net", os.O_RDONLY)
hears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hears.bind(("10.0.0.1", 81))
also = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
also.bind(("10.0.0.1", 90))
out = taps(["d0"])["d0"]
plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
setns = ctypes.CDLL(None).setns
setns(os.open("/run/netns/far", os.O_RDONLY), 0x40000000)
far = taps(["e0", "e1", "e2"])
setns(here, 0x40000000)
def frame(port, six):
    udp = struct.pack("!HHHH", 7, port, 8 + 9, 0) + b"port %4d" % port
    if six:
        ip = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + bytes(15) + b"\2" + bytes(15) + b"\3"
        return ours + b"\2\0\0\0\0\1" + b"\x86\xdd" + ip + udp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + socket.inet_aton("10.0.0.2") + socket.inet_aton("10.0.0.1")
    total = sum(struct.unpack("!10H", ip))
    total = ~(total + (total >> 16)) & 0xFFFF
    return ours + b"\2\0\0\0\0\1" + b"\x08\0" + ip[:10] + struct.pack("!H", total) + ip[12:] + udp
def heard(wait):
    found = []
    while True:
        ready = select.select([*far.values(), hears, also], [], [], wait)[0]
        if not ready:
            return sorted(found)
        for name, one in [*far.items(), ("socket 81", hears), ("socket 90", also)]:
            if one in ready:
                data, address = one.recvfrom(2000)
                if b"port " in data and (len(address) == 2 or address[2] != 4):
                    found.append((name, data[-9:].decode()))
for port, six in ((81, 0), (81, 1), (82, 0), (82, 1), (90, 0), (84, 0)):
    far["e0"].send(frame(port, six))
    print("from afar", port, six, heard(0.1))
for port in (85, 86, 87):
    plain.sendto(b"port %4d" % port, ("10.0.0.2", port))
    print("sent", port, heard(0.1))
P
ip neigh add 10.0.0.2 dev d0 lladdr 02:00:00:00:00:01 nud permanent
python3 /run/go.py
tc -s filter show dev d0 ingress | grep -o 'mirred.*\|Sent.*dropped [0-9]*'
tc -s filter show dev d0 egress | grep -o 'mirred.*\|Sent.*dropped [0-9]*'
ip link del d2
run filter show dev d0 egress
ip link del d0
tc qdisc show | grep -c clsact
