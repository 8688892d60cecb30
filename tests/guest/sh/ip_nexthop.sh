# admin
# Next hops as objects (ip-nexthop(8)): made, shown, replaced, grouped, deleted, and the routes that go by them.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1 | sed 's/ *$//'; }
for link in v0 w0; do ip link add $link type veth peer name p$link; ip link set $link up; ip link set p$link up; done; ip link set lo up
for link in v0 w0 pv0 pw0; do until ip -br link show dev $link | grep -q ' UP '; do sleep 0.02; done; done
ip addr add 10.1.0.1/24 dev v0; ip addr add 10.2.0.1/24 dev w0; ip -6 addr add fd00:1::1/64 dev v0 nodad; ip -6 addr add fd00:2::1/64 dev w0 nodad
r ip nexthop
r ip nexthop add id 1 via 10.1.0.2 dev v0; r ip nexthop add id 2 via 10.2.0.2 dev w0 protocol 99; r ip nexthop add id 3 blackhole; r ip nexthop add id 4 dev v0
r ip nexthop add id 5 via 10.9.0.1 dev v0; r ip nexthop add id 5 via 10.9.0.1 dev v0 onlink; r ip nexthop add id 6 via fd00:1::2 dev v0; r ip nexthop add id 7 via fd00:2::2 dev w0
r ip nexthop add id 1 via 10.1.0.3 dev v0; r ip nexthop add via 10.1.0.4 dev v0; r ip nexthop add id 8 via 10.1.0.1 dev v0; r ip nexthop add id 8 via 10.1.0.2
r ip nexthop add id 8 dev nosuch; r ip nexthop add id 10 group 1/2; r ip nexthop add id 11 group 1,3/2,5; r ip nexthop add id 12 group 6/7; r ip nexthop add id 13 group 1/6; r ip nexthop add id 14 group 77
r ip nexthop add id 15 group 10/1; r ip nexthop add id 16 group 3/1; r ip nexthop add id 17 group 1/1
r ip nexthop; r ip -4 nexthop; r ip nexthop list groups; r ip nexthop list dev v0; r ip nexthop get id 1; r ip nexthop get id 99; r ip nexthop get id 11; r ip nexthop list proto 99
r ip route add 10.50.0.0/16 nhid 1; r ip route add 10.51.0.0/16 nhid 10; r ip route add 10.52.0.0/16 nhid 3; r ip route add 10.54.0.0/16 nhid 99; r ip route add 10.55.0.0/16 nhid 4
r ip -6 route add fd50::/32 nhid 6; r ip -6 route add fd51::/32 nhid 12; r ip -6 route add fd52::/32 nhid 1; r ip -6 route add fd53::/32 nhid 3
r ip route; for p in fd50 fd51; do r ip -6 route show $p::/32; done; r ip route get 10.50.1.1; r ip route get 10.52.1.1; ip -6 route get fd50::5 | grep -o 'via.*src [^ ]*'; ip route show 10.51.0.0/16 | grep -c via
r ip route add 10.50.0.0/16 nhid 2; r ip route replace 10.50.0.0/16 nhid 2; r ip route show 10.50.0.0/16; r ip route show nhid 2
r ip nexthop replace id 2 via 10.1.0.9 dev v0; r ip route show 10.50.0.0/16; r ip route get 10.50.1.1; r ip nexthop replace id 10 group 2/1,3; r ip route show 10.51.0.0/16; r ip nexthop replace id 1 group 2; r ip nexthop replace id 10 via 10.1.0.2 dev v0; r ip nexthop replace id 20 via 10.1.0.20 dev v0
r ip route del 10.55.0.0/16 nhid 1; r ip route del 10.55.0.0/16 nhid 4
r ip nexthop del id 2; r ip nexthop del id 2; r ip route; r ip nexthop del id 1; r ip nexthop; for p in fd50 fd51; do r ip -6 route show $p::/32; done
r ip route add 10.56.0.0/16 nhid 20; r ip link set v0 down; r ip nexthop; r ip route; r ip nexthop add id 30 via 10.1.0.2 dev v0; r ip nexthop flush; r ip nexthop; r ip route
