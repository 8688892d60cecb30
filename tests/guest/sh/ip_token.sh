# admin
# ip token: what addresses end in that are made of what a router advertises.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/sh "$0" inside; fi
mount -t tmpfs none /run; ip netns add far
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
ip link set lo up; ip link add v0 type veth peer name v1 netns far; sysctl -qw net.ipv6.conf.v0.accept_dad=0; ip netns exec far sysctl -qw net.ipv6.conf.v1.accept_dad=0
ip link set v0 up; ip -n far link set v1 up
until ip -6 addr show dev v0 scope link | grep -q fe80; do sleep 0.02; done; until ip -n far -6 addr show dev v1 scope link | grep -q fe80; do sleep 0.02; done
cat >advertise.py <<'P'
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
number = socket.if_nametoindex("v1")
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 7200, 3600, 0) + socket.inet_pton(socket.AF_INET6, sys.argv[1])
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0) + prefix, ("ff02::1", 0, 0, number))
P
advertise() { ip netns exec far python3 advertise.py $1:: ; until ip -6 addr show dev v0 | grep -q "$1:"; do sleep 0.02; done; ip -6 addr show dev v0 scope global | grep -o "inet6 $1:[0-9a-f:/]*"; }
r ip token get dev v0; r ip token set ::77:5 dev v0; r ip token get dev v0
advertise fd01
r ip token set 2001::9 dev v0; r ip token get dev v0
ip -6 addr show dev v0 scope global | grep -c inet6; advertise fd02
r ip token set :: dev v0; r ip token get dev v0; ip -6 addr show dev v0 scope global | grep -c inet6
r ip token set ::1 dev lo; sysctl -qw net.ipv6.conf.v0.accept_ra=0; r ip token set ::1 dev v0
ip -6 link show v0 | grep -o '<.*mtu [0-9]*'
rm advertise.py
