# admin
# The order of routes of the same prefix, of IPv6's prefixes, and the hop limit that a route gives packets.
exec 2>&1
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
ip link set lo up
ip link add v0 type veth peer name v1
ip netns add far; ip link set v1 netns far
sysctl -qw net.ipv6.conf.v0.addr_gen_mode=1; ip netns exec far sysctl -qw net.ipv6.conf.v1.addr_gen_mode=1
ip link set v0 up; ip -n far link set v1 up; ip -n far link set lo up
ip addr add 10.0.0.1/24 dev v0; ip addr add fd00::1/64 dev v0 nodad
ip -n far addr add 10.0.0.2/24 dev v1; ip -n far addr add fd00::2/64 dev v1 nodad
ip -n far addr add 10.1.0.5/32 dev v1; ip -n far addr add fd01::5/128 dev v1 nodad
until ip -br link show dev v0 | grep -q ' UP '; do sleep 0.02; done
r() { echo "\$ $*"; "$@" 2>&1 | sed 's/pref medium//; s/ *$//'; echo "= ${PIPESTATUS[0]}"; }
r ip route add 10.1.0.0/24 via 10.0.0.2 hoplimit 7
r ip route add 10.1.1.0/24 via 10.0.0.2 hoplimit 255
r ip route add 10.1.2.0/24 via 10.0.0.2 hoplimit 300
r ip route add 10.1.3.0/24 via 10.0.0.2 hoplimit 0
r ip route add 10.1.4.0/24 via 10.0.0.2 mtu 1300 advmss 1000
r ip -6 route add fd01::/64 via fd00::2 hoplimit 8
r ip -6 route add fd02::/64 via fd00::2 hoplimit 255
r ip -6 route add fd03::/64 via fd00::2 hoplimit 400
r ip -6 route add fd04::/64 via fd00::2 hoplimit 0
r ip route get 10.1.0.5
r ip route get 10.1.4.5
r ip route get fd01::5
for n in 3 4 5; do r ip route append 10.5.0.0/24 via 10.0.0.$n; done
r ip route append 10.5.0.0/24 via 10.0.0.6 metric 5
r ip route append 10.5.0.0/24 via 10.0.0.7 metric 5
r ip route prepend 10.5.0.0/24 via 10.0.0.8
r ip route prepend 10.5.0.0/24 via 10.0.0.9 metric 5
r ip route append 10.5.0.0/24 via 10.0.0.3
r ip route prepend 10.5.0.0/24 via 10.0.0.3
r ip route show 10.5.0.0/24
r ip route get 10.5.0.1
r ip route replace 10.5.0.0/24 via 10.0.0.77
r ip route show 10.5.0.0/24
r ip route del 10.5.0.0/24
r ip route show 10.5.0.0/24
r ip route get 10.5.0.1
r ip -6 route add fd08::/64 dev v0
r ip -6 route add fd00:9::/64 dev v0 metric 3
r ip -6 route add fd00:9::/64 dev v0
r ip -6 route add fd00:9::/64 dev v0 metric 2
r ip -6 route add fd00:8::/48 dev v0
r ip -6 route add fd00:8:0:1::/64 dev v0
r ip -6 route add fd00:8:0:1::7/128 dev v0
r ip -6 route add fd00:a::/64 dev v0
r ip -6 route add default via fd00::2
r ip -6 route add fc00::/7 via fd00::2
r ip -6 route show
r ip route show
ip netns exec far python3 - <<'P' &
import select, socket
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); four.bind(("", 9)); four.setsockopt(0, 12, 1)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); six.setsockopt(41, 26, 1); six.bind(("::", 9)); six.setsockopt(41, 51, 1)
open("/run/ready", "w").close()
got = {}
while len(got) < 4:
    for s in select.select([four, six], [], [])[0]:
        data, control, _, _ = s.recvmsg(100, 100)
        got[data.decode()] = control[0][2][0]
print(sorted(got.items()), flush=True)
P
until [ -e /run/ready ]; do sleep 0.02; done
python3 - <<'P'
import socket
def send(family, to, word, *option):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if option: s.setsockopt(*option)
    s.sendto(word, (to, 9))
send(socket.AF_INET, "10.1.0.5", b"four")
send(socket.AF_INET, "10.1.0.5", b"four, asked", 0, 2, 33)
send(socket.AF_INET6, "fd01::5", b"six")
send(socket.AF_INET6, "fd01::5", b"six, asked", 41, 16, 34)
P
wait
