#!/bin/bash admin
# Namespaces joined by veth pairs, a bridge and a router between them, made, moved and ended as ip-netns(8) does it.
[ "$1" ] || exec unshare -nm --propagation private bash "$0" inside
exec 2>&1
mount -t tmpfs none /run; mount -t sysfs none /sys
view() { ip $1 link show $2 | sed -E 's/ether ([1-9a-f].|0[1-9a-f])(:..){5}/MAC/; s/ group default//; s/ mode DEFAULT//'; }
no() { "$@" >/dev/null 2>&1; echo "$3 $4 $5: $?"; } # the words differ between kernels
until_ok() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.02; done; echo "never: $*"; }
ip netns add red; ip netns add blue; ip netns list | sort
no ip link add va type veth peer name vb; view "" va; view "" vb
ip addr add 10.1.0.1/24 dev va; ip route
ip link set va up; view "" va; ip route
ip link set vb up; view "" va; ip route
ip link set va down; view "" vb; ip route; ip -4 addr show dev va | head -2
ip link set vb netns red; ip link show vb; ip netns exec red ip link set vb up; ip link set va up; view "" va
ip -n red addr add 10.1.0.2/24 dev vb; ip -n red -4 -br addr; ip netns list-id | sed 's/ (.*//'
no ip link set lo netns red; ip link add va type veth; no ip link add va type dummy
until_ok ping -c 1 -W 1 10.1.0.2; ping -c 2 -i 0.01 10.1.0.2 | grep -c ttl=64
ip netns exec red nc -l -p 99 </etc/hostname >"$PWD/got" & until_ok nc -z -s 10.1.0.1 10.1.0.2 99; wait
ip netns exec red nc -l -p 98 >"$PWD/got" & server=$!
until ip netns exec red ss -ltn | grep -q :98; do sleep 0.02; done
head -c 3000000 /dev/zero | nc -N 10.1.0.2 98; wait $server; stat -c %s got; rm got
# a bridge with two namespaces
ip link add br0 type bridge; ip addr add 10.2.0.254/24 dev br0; view "" br0
for n in 1 2; do
    ip netns add h$n; ip link add p$n type veth peer name eth0 netns h$n; ip link set p$n master br0; ip link set p$n up
    ip -n h$n addr add 10.2.0.$n/24 dev eth0; ip -n h$n link set eth0 up; ip -n h$n link set lo up; ip -n h$n route add default via 10.2.0.254
done
ip link set br0 up; view "" br0; view "" p1; ip link show master br0 | grep -c p[12]@
until_ok ip netns exec h1 ping -c 1 -W 1 10.2.0.2; ip netns exec h1 ping -c 1 10.2.0.2 | grep -o 'ttl=.. '
until_ok ip netns exec h1 ping -c 1 -W 1 10.2.0.254
# a router
ip -n red route add 10.2.0.0/24 via 10.1.0.1
echo 0 >/proc/sys/net/ipv4/ip_forward; ip netns exec red ping -c 1 -W 0.3 10.2.0.2 | grep -o '.* received'
echo 1 >/proc/sys/net/ipv4/ip_forward; until_ok ip netns exec red ping -c 1 -W 1 10.2.0.2; ip netns exec red ping -c 1 10.2.0.2 | grep -o 'ttl=.. '
ip netns exec h2 nc -l -p 97 >got & server=$!
until ip netns exec h2 ss -ltn | grep -q :97; do sleep 0.02; done
head -c 1000000 /dev/zero | ip netns exec red nc -N 10.2.0.2 97; wait $server; stat -c %s got; rm got
# errors and ends
no ip link set br0 netns red; no ip link set br0 master br0; no ip link set lo master br0; no ip link set p1 master va
ip link set p1 nomaster; view "" p1; ip link set p2 netns red; view "-n red" p2; ip -n h2 link del eth0; ip -n red link show p2
view "" br0; ip link del br0; ip link show br0
ip link set va name renamed; no ip link set renamed name lo; no ip link set renamed mtu 20; ip link set renamed mtu 9000; view "" renamed
no ip link set renamed address 01:00:00:00:00:00; ip link set renamed address 02:00:00:00:00:07; cat /sys/class/net/renamed/address /sys/class/net/renamed/mtu
ip netns exec red sleep 100 & sleeper=$!
until [ "$(ip netns pids red)" ]; do sleep 0.02; done
ip netns del red; ip link show renamed | grep -c renamed; kill $sleeper; wait $sleeper 2>/dev/null
gone() { ! ip link show renamed; }; until_ok gone; ip -br link | cut -c1-24
