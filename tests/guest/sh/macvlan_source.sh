# admin
# Changing the mode of a macvlan, and those that hear only some senders (mode source).
exec 2>&1
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
ip netns add far
ip link add v0 type veth peer name v1 netns far
ip -n far link set v1 address 02:00:00:00:00:01; ip link set v0 address 02:00:00:00:00:02
ip -n far addr add 10.0.0.2/24 dev v1; ip -n far link set v1 up; ip link set v0 up
until ip -br link show dev v0 | grep -q ' UP '; do sleep 0.02; done
r() { echo "\$ $*"; "$@" 2>&1 | sed 's/ *$//'; echo "= ${PIPESTATUS[0]}"; }
d() { ip -d link show $1 | grep -o 'macvlan .*\|macaddr.*' | sed 's/ numtxq.*//; s/ addrgenmode.*//'; }
r ip link add link v0 name m0 address 02:00:00:00:00:03 type macvlan mode private; d m0
for mode in vepa bridge private passthru nosuch; do r ip link set m0 type macvlan mode $mode; d m0; done
r ip link set m0 type vlan id 5
r ip link set m0 type macvlan macaddr add 02:00:00:00:00:11
r ip link set m0 type macvlan mode source; d m0
r ip link set m0 type macvlan macaddr add 02:00:00:00:00:11; d m0
r ip link set m0 type macvlan macaddr add 02:00:00:00:00:11
r ip link set m0 type macvlan macaddr add 02:00:00:00:00:01
r ip link set m0 type macvlan macaddr add 01:00:00:00:00:11
d m0
r ip link set m0 type macvlan macaddr del 02:00:00:00:00:11
r ip link set m0 type macvlan macaddr del 02:00:00:00:00:12
d m0
r ip link set m0 type macvlan macaddr set 02:00:00:00:00:21 02:00:00:00:00:01
d m0
r ip link set m0 type macvlan macaddr flush; d m0
r ip link add link v0 name m1 address 02:00:00:00:00:04 type macvlan mode source macaddr set 02:00:00:00:00:01 02:00:00:00:00:31
d m1
r ip link add link v0 name m2 type macvlan mode passthru
ip link set m1 up; ip addr add 10.0.0.1/24 dev v0
python3 - <<'P'
import ctypes, os, select, socket
hear = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5)) for _ in range(2)]
for s, name in zip(hear, ("m1", "v0")): s.bind((name, 0x88b5))
here = os.open("/proc/self/ns/net", os.O_RDONLY)
ctypes.CDLL(None).setns(os.open("/run/netns/far", os.O_RDONLY), 0x40000000)
send = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); send.bind(("v1", 0))
def frame(src, dst, word): send.send(bytes.fromhex(dst) + bytes.fromhex(src) + b"\x88\xb5" + word)
frame("020000000001", "020000000002", b"1 from a source, to the one below")
frame("020000000009", "020000000002", b"2 from another")
frame("020000000031", "ffffffffffff", b"3 from a source, to all")
frame("020000000009", "ffffffffffff", b"4 from another, to all")
frame("020000000009", "020000000004", b"5 from another, to itself")
frame("020000000001", "020000000004", b"6 from a source, to itself")
frame("020000000001", "020000000002", b"last")
got = {0: [], 1: []}
while not all(b"last" in one for one in got.values()):
    for s in select.select(hear, [], [])[0]: got[hear.index(s)].append(s.recv(100)[14:])
print(got)
P
r ip link set m1 type macvlan mode bridge; d m1
r ip link set m1 type macvlan mode source; d m1
