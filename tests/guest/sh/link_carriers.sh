# admin
# How often carriers have come and gone, and who has named an interface: in sysfs and over netlink.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t sysfs none /sys
mount -t tmpfs none /run
show() {
    for f in carrier_changes carrier_up_count carrier_down_count name_assign_type; do
        echo -n "$f $(stat -c %A /sys/class/net/$1/$f) $(cat /sys/class/net/$1/$f 2>&1 | sed 's/.*: //') "
    done
    echo $1
}
until_is() { until ip -br link show dev $1 | grep -q " $2 "; do sleep 0.02; done; }
show lo
ip link set lo up
show lo
ip link add d0 type veth peer name e0
show d0
ip link set d0 up
show d0
ip link set e0 up
until_is d0 UP
show d0
show e0
ip link set e0 down
until_is d0 LOWERLAYERDOWN
show d0
show e0
ip link set e0 up
until_is d0 UP
show d0
ip link set d0 name dd
show dd
ip netns add far
ip link set e0 netns far
show dd
ip -n far link set e0 up
until_is dd UP
ip netns exec far cat /sys/class/net/dd/carrier_changes 2>/dev/null
show dd
ip link add type veth
show veth0
ip link add name br0 type bridge
show br0
ip link set br0 name brx
show brx
ip tuntap add tap0 mode tap
show tap0
ip link set tap0 name tapx
show tapx
python3 - <<'END'
import socket, struct
s = socket.socket(16, 3, 0)
for name in ("lo", "dd", "veth0", "tapx"):
    body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), 0, 0)
    s.send(struct.pack("=IHHII", 16 + len(body), 18, 1, 1, 0) + body)
    rest, found = s.recv(65536)[32:], {}
    while rest:
        length, kind = struct.unpack_from("=HH", rest)
        found[kind] = rest[4:length]
        rest = rest[(length + 3) & ~3:]
    print(name, [found[kind].hex() for kind in (35, 47, 48)])
END
