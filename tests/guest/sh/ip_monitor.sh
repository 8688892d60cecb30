#!/bin/bash admin
# What `ip monitor` and other listeners are told of links, addresses, routes, rules, neighbours and namespaces that change.
[ "$1" ] || exec unshare -nm --propagation private bash "$0" inside
exec 2>&1
mount -t tmpfs none /run
# Left out: what Linux keeps for multicast, link-local addresses that come in their own time, and link states on their way.
plain() { sed -E 's/^(Deleted )?[0-9]+: ([a-z0-9]+)@[^:]*:/\1\2:/; s/link\/ether ..(:..){5}/MAC/; s/ group default//; s/qdisc \w+ //; s/ $//' |
    grep -v 'fe80::\|ff00::\|ff02::\|224\.0\.0\.\|LOWER_UP\|NO-CARRIER\|M-DOWN\|MAC'; }
watch() { # NAME OBJECT...: into NAME, from when it listens
    local name=$1; shift
    stdbuf -oL ip monitor "$@" >>"$PWD/$name.log" 2>&1 & pids="$pids $!"
    local n=0
    : >$name.log
    until grep -q 31111 $name.log || [ $((n += 1)) -gt 500 ]; do
        if [ "$name" = rule ]; then ip rule add pref 31111 table 5; ip rule del pref 31111; fi
        if [ "$name" = route ]; then ip route add blackhole 10.99.0.0/16 metric 31111; ip route del blackhole 10.99.0.0/16 metric 31111; fi
        if [ "$name" = neigh ]; then echo 31111 >>$name.log; fi
        sleep 0.02
    done
}
settled() { until ip -br link show dev "$1" | grep -q " $2 "; do sleep 0.02; done; }
ip link set lo up
ip link add va type veth peer name vb; ip link set va up; ip link set vb up; settled va UP; settled vb UP
watch rule rule; watch route route
ip addr add 10.1.0.1/24 dev va; ip addr add 10.1.0.2/24 dev va; ip addr add 10.5.0.1/16 dev va broadcast +
ip -6 addr add fd00::1/64 dev va nodad; ip -6 addr add fd00::2/64 dev va nodad
ip route add 10.2.0.0/16 via 10.1.0.9; ip route replace 10.2.0.0/16 via 10.1.0.8; ip route append 10.2.0.0/16 via 10.1.0.7
ip route del 10.2.0.0/16; ip route del 10.2.0.0/16; ip route add 10.3.0.0/16 dev va src 10.1.0.1; ip route add unreachable 10.9.0.0/16 metric 7
ip -6 route add fd01::/64 via fd00::9; ip -6 route replace fd01::/64 via fd00::8; ip -6 route del fd01::/64
ip -6 addr del fd00::2/64 dev va; ip -6 addr del fd00::1/64 dev va; ip addr del 10.1.0.1/24 dev va; ip addr del 10.5.0.1/16 dev va
ip rule add from 10.1.0.0/24 table 100; ip rule add fwmark 7 table 100 pref 50; ip -6 rule add to fd00::/8 table 7; ip rule del pref 50
ip route add blackhole 10.98.0.0/16; ip rule add pref 32000 table 9
until grep -q 10.98 route.log && grep -q 32000: rule.log; do sleep 0.02; done
kill $pids; wait 2>/dev/null
echo "== rule"; grep -v 31111 rule.log | plain
echo "== route"; grep -v 31111 route.log | plain | grep -v ::; grep -v 31111 route.log | plain | grep ::
# The kinds that come together, in one stream.
python3 - <<'PY'
import select, socket, struct, subprocess, ipaddress
NAMES = {16: "NEWLINK", 17: "DELLINK", 20: "NEWADDR", 21: "DELADDR", 28: "NEWNEIGH", 29: "DELNEIGH", 80: "NEWNETCONF", 81: "DELNETCONF", 88: "NEWNSID", 89: "DELNSID"}
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.bind((0, 0))
for group in (1, 3, 5, 9, 24, 25, 28):
    s.setsockopt(270, 1, group)
s.setblocking(False)
def attributes(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("<HH", data)
        found[kind & 0x3FFF] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found
def told():
    while True:
        try: data = s.recv(65536)
        except BlockingIOError: return
        size, kind, flags, seq, port = struct.unpack_from("<IHHII", data)
        body, name = data[16:], NAMES[kind]
        who = f"{name} flags {flags} {'its number' if seq else 'no number'} {'its port' if port else 'no port'}"
        if kind in (16, 17):
            family, _, index, state, change = struct.unpack_from("<BxHiII", body)
            a = attributes(body[16:])
            if family == 7 or change == 0x100 or 44 in a or a[3] == b"br0\0": continue
            if kind == 16 and change == 0 and state & 1 and not state & 0x10000: continue # later than the rest
            if change == 1 and state & 1: state &= ~0x40
            print("  ", who, index, a[3].decode(), hex(state), hex(change), int.from_bytes(a[4], "little"), "master" if 10 in a else "", "moved" if 45 in a else "")
        elif kind in (20, 21):
            a = attributes(body[8:])
            addr = ipaddress.ip_address(a.get(2, a.get(1)))
            if addr.is_link_local: continue
            print("  ", who, addr, body[1], hex(body[2]), body[3], sorted(a), len(data) == size)
        elif kind in (28, 29):
            family, index, state = struct.unpack_from("<BxxxiH", body)
            a = attributes(body[12:])
            if family == 7 or state == 0x40: continue
            print("  ", who, ipaddress.ip_address(a[1]), hex(state), a.get(2, b"").hex(), sorted(a))
        elif kind in (80, 81):
            a = attributes(body[4:]) # values come from the host's first namespace
            print("  ", who, body[0], struct.unpack("<i", a[1])[0], sorted(a))
        else:
            print("  ", who, attributes(body[4:]))
def run(line):
    print(line, subprocess.run(line, shell=True, capture_output=True).returncode)
    if line.startswith("ip -n other"): # a carrier that comes in its own time
        subprocess.run("until ip -br link show va | grep -q ' UP '; do sleep 0.02; done", shell=True)
        try:
            while s.recv(65536): pass
        except BlockingIOError: return
    if line.startswith("ip -6 addr add"): select.select([s], [], [], 10) # told of by a kernel thread, natively
    told()
for line in """ip addr flush dev va scope global
ip addr add 10.1.0.1/24 dev va
ip addr add 10.1.0.1/24 dev va
ip addr add 10.1.0.2/24 dev va
ip -6 addr add fd00::1/64 dev va nodad
ip addr add 10.3.0.1/32 dev va label va:x
ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:05 dev va
ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:05 dev va
ip neigh replace 10.1.0.5 lladdr 02:00:00:00:00:06 dev va
ip neigh replace 10.1.0.5 lladdr 02:00:00:00:00:06 dev va
ip neigh change 10.1.0.6 lladdr 02:00:00:00:00:06 dev va
ip neigh add 10.1.0.6 lladdr 02:00:00:00:00:06 nud reachable dev va
ip neigh add fd00::7 lladdr 02:00:00:00:00:06 nud stale dev va
ip neigh show 10.1.0.6 dev va | grep -q REACHABLE
ip neigh get 10.1.0.5 dev va | grep -q 'lladdr 02:00:00:00:00:06 PERMANENT'
ip neigh get 10.1.0.99 dev va
ip neigh del 10.1.0.6 dev va
ip neigh del 10.1.0.6 dev va
ip neigh flush dev va
ip link set va mtu 1400
ip link set va mtu 1400
ip link set va address 02:11:22:33:44:55
ip link set va txqueuelen 1000
ip link set va up
ip link set vb name vc
ip addr del 10.1.0.1/24 dev va
ip addr del 10.1.0.1/24 dev va
ip addr del 10.3.0.1/24 dev va
ip addr add 10.4.0.1/24 dev va valid_lft 0
ip addr add 10.4.0.1/24 dev va valid_lft 10 preferred_lft 20
ip link add dev vx type veth peer name vy
ip link del vy
ip netns add other
ip link set vc netns other
ip -n other link set vc up
ip link set va down""".splitlines():
    run(line)
import time
subprocess.run(["ip", "netns", "del", "other"])
limit = time.monotonic() + 20
while socket.if_nameindex()[-1][1] == "va" and time.monotonic() < limit: time.sleep(0.02)
print([name for _, name in socket.if_nameindex()])
PY
rm -f *.log
