# admin
# A router listens to the groups of routers, and learns who looks for one.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
mount -t tmpfs none /run
wide() { sed -n 's/^[0-9]* *\(v0\|w0\) *\(ff0[125]0*2\) *\([0-9]*\) .*/\1 \2 \3/p' /proc/thread-self/net/igmp6; }
echo 1 >/proc/sys/net/ipv6/conf/default/forwarding
ip link add w0 type veth peer name w1; wide; ip link del w0
echo 0 >/proc/sys/net/ipv6/conf/default/forwarding
ip link add v0 type veth peer name v1; ip netns add o; ip link set v1 netns o
echo 1 >/proc/sys/net/ipv6/conf/v0/forwarding; wide
echo 2 >/proc/sys/net/ipv6/conf/v0/forwarding; wide
echo 0 >/proc/sys/net/ipv6/conf/v0/forwarding; wide; echo off
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; wide
ip link set v0 up; ip -n o link set v1 up
n=0; until ip -6 neigh show dev v0 | grep -q STALE || [ $((n += 1)) -gt 300 ]; do sleep .02; done
ip -6 neigh show dev v0 | grep -v FAILED | sed 's/^fe80[^ ]*/L/; s/lladdr [0-9a-f:]*/lladdr X/'
grep -E 'Icmp6InRouterSol' /proc/thread-self/net/snmp6 | awk '{ print $1, ($2 > 0) }'
