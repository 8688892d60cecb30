#!/bin/bash admin
# What ip(8), bridge(8), tc(8) and genl(8) show of links, addresses, routes and neighbours.
[ "$1" ] || exec unshare -nm --propagation private bash "$0" inside
exec 2>&1
mount -t tmpfs none /run
c() { echo "## $*"; "$@" 2>&1 | sed -E 's/..(:..){5}/MAC/g; s/fe80::[0-9a-f:]+/LL/g; s/ $//'; echo "= ${PIPESTATUS[0]}"; }
settled() { until ip -br link show dev "$1" | grep -q " $2 "; do sleep 0.02; done; }
ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up; settled va UP; settled vb UP
ip addr add 10.1.0.1/24 dev va; ip addr add 10.1.0.2/24 dev va label va:2; ip -6 addr add fd00::1/64 dev va nodad
ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:05 dev va; ip neigh add fd00::5 lladdr 02:00:00:00:00:05 dev va nud permanent
ip link add br0 type bridge; ip link set vb master br0; ip link set br0 up; settled br0 UP
ip route add 10.7.0.0/16 via 10.1.0.9 metric 5; ip route add blackhole 10.8.0.0/16
c ip link show va; c ip -4 addr show dev va; c ip -4 -j addr show dev va; c ip -br -4 addr; c ip -d link show va | grep -o 'minmtu.*maxmtu [0-9]*\|^=.*'
c ip route get 10.1.0.9; c ip route get 10.1.0.1; c ip route get 10.1.0.9 from 10.1.0.1; c ip route get 10.7.1.1; c ip route get 10.8.1.1; c ip route get 10.99.0.1
c ip route; c ip rule; c ip -6 rule; c ip neigh show nud permanent; c ip neigh get 10.1.0.5 dev va; c ip addrlabel; c ip -4 netconf show dev vb | sed -E 's/ (on|off|strict|loose)\>//g'; c ip -6 netconf show dev vb | sed -E 's/ (on|off|strict|loose)\>//g'
c bridge link; c tc qdisc; c tc qdisc show dev va; c ip -4 maddr show dev va; c ip nosuch; c ip link show nosuch; c ip link set nosuch up; c ip addr add 10.1.0.1/24 dev nosuch
c genl ctrl get name nlctrl | head -3; c genl ctrl get name nosuch | tail -1; c ip tunnel
