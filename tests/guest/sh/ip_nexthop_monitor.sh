# admin
# What is told of next hops and of the routes that go by them as they come, change and go.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
for link in v0 w0; do ip link add $link type veth peer name p$link; ip link set $link addrgenmode none; ip link set p$link addrgenmode none; ip link set $link up; ip link set p$link up; done; ip link set lo up
for link in v0 w0; do until ip -br link show dev $link | grep -q ' UP '; do sleep 0.02; done; done
ip addr add 10.1.0.1/24 dev v0; ip addr add 10.2.0.1/24 dev w0
ip monitor nexthop route >mon & pid=$!
until [ -s mon ]; do ip route add 10.99.0.0/16 dev v0; ip route del 10.99.0.0/16; sleep 0.02; done
step() { echo "- $*"; "$@" >/dev/null; ip route add 10.98.$n.0/24 dev w0; until grep -q "10.98.$n.0" mon; do sleep 0.01; done; n=$((n + 1)); }
n=1
step ip nexthop add id 1 via 10.1.0.2 dev v0; step ip nexthop add id 2 via 10.2.0.2 dev w0; step ip nexthop add id 10 group 1/2
step ip route add 10.50.0.0/16 nhid 1; step ip route add 10.51.0.0/16 nhid 10; step ip nexthop replace id 1 via 10.1.0.5 dev v0; step ip nexthop replace id 10 group 2
step ip nexthop replace id 10 group 1/2; step ip nexthop del id 1; step ip nexthop add id 1 via 10.1.0.2 dev v0; step ip nexthop add id 11 group 1/2
step ip link set v0 down; step ip nexthop del id 11; step ip nexthop flush
kill $pid; wait $pid 2>/dev/null
grep -v '10.99.0\|ff00::' mon | sed 's/ *$//'; rm mon
