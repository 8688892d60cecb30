#!/bin/bash admin
# What there is none of, and what was counted: next hops, multicast routes, classes and filters, ip stats, tc -s.
[ "$1" ] || exec unshare -n bash "$0" inside
ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
r() { echo "\$ $*"; "$@" 2>&1 | sed 's/ *$//'; echo "= ${PIPESTATUS[0]}"; }
until ip -br link show dev v1 | grep -q " UP "; do sleep 0.02; done
ping -c 2 -i 0.2 127.0.0.1 >/dev/null
r ip nexthop; r ip mroute; r ip -6 mroute; r tc class show dev v0; r tc filter show dev v0; r tc chain show dev v0
(exec 3<>/dev/tcp/127.0.0.1/9) 2>/dev/null
r ip stats show dev lo group link; r ip stats show dev nosuch
r tc -s qdisc show dev v0; r tc -s qdisc show dev lo
r tc qdisc change dev v0 root handle 1: fq_codel
r tc qdisc add dev v0 root handle 1: nosuch
