# admin
# Next hops as objects, and routes by them.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip link set lo up; ip addr add 10.1.1.1/24 dev v0; ip -6 addr add 2001:db8:1::1/64 dev v0 nodad
r ip nexthop add id 1 dev v0
r ip nexthop add id 2 via 10.1.1.2 dev v0 proto bgp
r ip nexthop add id 3 blackhole
r ip nexthop add id 4 via 10.1.1.3 dev v0
r ip -6 nexthop add id 5 via 2001:db8:1::2 dev v0
r ip -6 nexthop add id 6 dev v0
r ip nexthop add via 10.1.1.9 dev v0 onlink
r ip nexthop add id 10 group 2/4,3
r ip nexthop
r ip nexthop add id 2 via 10.1.1.7 dev v0
r ip nexthop replace id 4 via 10.1.1.7 dev v0
r ip nexthop add id 11 via 10.9.9.9 dev v0
r ip nexthop add id 12 group 99
r ip nexthop add id 12 group 3/2
r ip nexthop add id 12 group 10
r ip nexthop get id 99
r ip nexthop get id 10
r ip nexthop add id 20 via 10.1.1.2
r ip nexthop list dev v0
r ip nexthop list groups
r ip route add 10.50.0.0/16 nhid 2
r ip route add 10.51.0.0/16 nhid 10
r ip route add 10.52.0.0/16 nhid 3
r ip route add 10.53.0.0/16 nhid 99
r ip route add 10.54.0.0/16 nhid 2 via 10.1.1.2
r ip route add 10.56.0.0/16 nhid 1
r ip -6 route add 2001:db8:50::/48 nhid 5
r ip -6 route add 2001:db8:51::/48 nhid 2
r ip -6 route add 2001:db8:52::/48 nhid 6
r ip route
ip -6 route | grep nhid | sort
ip route get 10.50.1.1 | head -1
r ip route get 10.52.1.1
r ip nexthop replace id 2 via 10.1.1.5 dev v0
r ip route show 10.50.0.0/16
r ip nexthop del id 4
r ip route show 10.51.0.0/16
r ip nexthop
r ip nexthop del id 2
r ip route
r ip nexthop del id 2
r ip route del 10.56.0.0/16 nhid 3
r ip route del 10.56.0.0/16 nhid 1
r ip link set v0 down
r ip nexthop
r ip route
r ip nexthop flush
r ip nexthop
ip link set v0 up; ip addr add 10.1.1.1/24 dev v0 2>/dev/null
r ip nexthop add id 0 dev v0
r ip nexthop add id 1 via 10.1.1.2 dev v0
r ip nexthop add id 2 via 10.1.1.3 dev v0
r ip nexthop add id 3 group 1/2
r ip nexthop add id 4 group 1/1
r ip nexthop replace id 3 via 10.1.1.2 dev v0
r ip nexthop replace id 1 group 2
r ip nexthop replace id 1 blackhole
r ip route add 10.60.0.0/16 nhid 3
r ip route add 10.60.0.0/16 nhid 3
r ip route replace 10.60.0.0/16 nhid 2
r ip route append 10.60.0.0/16 nhid 1
ip route show 10.60.0.0/16 | sort
r ip nexthop replace id 3 group 2,5
r ip nexthop del id 1
ip nexthop; ip route show 10.60.0.0/16 | sort
r ip nexthop change id 77 dev v0
