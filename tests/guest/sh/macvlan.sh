#!/bin/bash admin
# macvlans: made, refused, following what is below, and who reaches whom in which mode.
[ "$1" ] || exec unshare -nm --propagation private bash "$0" inside
exec 2>&1
mount -t tmpfs none /run
c() { echo "$ $*" | sed -E "s/..(:..){5}/MAC/g"; "$@" 2>&1 | sed -E 's/..(:..){5}/MAC/g; s/ $//'; echo "= ${PIPESTATUS[0]}"; }
mac() { ip ${2:+-n $2} -br link show dev $1 | grep -o '..:..:..:..:..:..'; }
settled() { until ip ${3:+-n $3} -br link show dev $1 | grep -q " $2 "; do sleep 0.01; done; }
ip netns add a; ip netns add b; ip netns add far
ip link add v0 type veth peer name v1 netns far; ip link set v0 up; ip -n far link set v1 up; settled v0 UP
for m in bridge private vepa passthru; do c ip link add link v0 name m$m type macvlan mode $m; done
c ip link add link v0 name mdef type macvlan; c ip link add name mx type macvlan; c ip link add link lo name mx type macvlan; c ip link add link v0 name mbridge type macvlan
c ip -d link show mbridge | grep -v link/ | sed 's/ addrgenmode.*//'; ip -d link show mdef | grep -o 'mode [a-z]* b'; c ip link set mbridge up; settled mbridge UP
ip link show mbridge | grep -o '<.*state [A-Z]*'; c ip link set mbridge mtu 1600; c ip link set mbridge mtu 1400; ip link set v0 mtu 1200; ip link show mbridge | grep -o 'mtu [0-9]*'; ip link set v0 mtu 1500
ip link set v0 down; ip link show mbridge | grep -o '<.*state [A-Z]*'; ip link set v0 up; settled mbridge UP; ip link show mbridge | grep -o '<.*state [A-Z]*'
ip link add link mbridge name mm type macvlan mode bridge; ip link show mm | grep -o 'mm@[a-z0-9]*'; mac=$(mac mbridge)
c ip link set mm address $mac; c ip link set mm up; c ip link set mm address $(mac v0); c ip link set mm up; c ip link set mm address 02:00:00:00:00:77; c ip link set mm up; c ip link set mm address $mac
ip link add br0 type bridge; c ip link set v0 master br0; c ip link set mm master br0; ip link del br0
ethtool -i mbridge | head -1; ethtool mbridge | grep Speed
c ip link del mm; ip link set mprivate netns a; ip link set mvepa netns a; ip link set mbridge netns a; ip link add link v0 name n2 netns b type macvlan mode bridge; ip link add link v0 name p2 netns b type macvlan mode private
ip -n a link show mbridge | grep -o 'mbridge@if[0-9]* *: <.*link-netnsid [0-9]*\|@if'; ip -n a -d link show mbridge | grep -o 'mode bridge'
n=1; for pair in a:mbridge b:n2 a:mprivate b:p2 far:v1; do ns=${pair%:*} l=${pair#*:}; ip -n $ns link set $l up; settled $l UP $ns; ip -n $ns addr add 10.$((n > 2 ? 2 : 1)).0.$n/24 dev $l; n=$((n + 1)); done
ip -n far addr add 10.1.0.9/24 dev v1; ip -n far addr add 10.2.0.9/24 dev v1; ip addr add 10.1.0.8/24 dev v0
p() { ip netns exec $1 ping -c 1 -W ${3:-5} $2 >/dev/null 2>&1 && echo "$1 $2 reached" || echo "$1 $2 not"; }
p a 10.1.0.2; p b 10.1.0.1; p a 10.1.0.9; p b 10.2.0.9; p far 10.1.0.1; p far 10.2.0.4; p a 10.2.0.4 0.2; p a 10.1.0.8 0.2
ip netns exec a ping -c 1 -W 0.2 -b 10.1.0.255 >/dev/null 2>&1; ip -n b neigh show dev n2 | grep -c '10.1.0.1 '
c ip link add link v0 name pt type macvlan mode passthru; ip link del mdef; ip -n a link del mprivate; ip -n a link del mvepa; ip -n b link del p2; ip -n b link del n2; ip -n a link del mbridge; c ip link add link v0 name pt netns a type macvlan mode passthru
c ip link add link v0 name px type macvlan; test "$(mac pt a)" = "$(mac v0)" && echo same; ip -n a addr add 10.1.0.7/24 dev pt; ip -n a link set pt up; settled pt UP a; p a 10.1.0.9; p far 10.1.0.7
c ip link del v0; ip -n a link show pt
