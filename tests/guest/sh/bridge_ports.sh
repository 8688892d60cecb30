# admin
# What bridge(8) changes of ports and of forwarding tables, and that frames obey it.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/sh "$0" inside; fi
run() {
    echo "\$ $*"
    "$@" 2>&1
    echo "= $?"
}
fdb() { bridge fdb show "$@" | grep -v ' self permanent\|02:00:00:00:01:0' | sort; }
mount -t tmpfs none /run
ip link add br0 type bridge
ip link set br0 address 02:00:00:00:00:01
for n in 1 2 3; do
    ip netns add n$n
    ip link add p$n address 02:00:00:00:01:0$n type veth peer name e0 address 02:00:00:00:02:0$n netns n$n
    ip -n n$n addr add 10.1.0.$n/24 dev e0
    ip -n n$n link set e0 up
    ip -n n$n link set lo up
    ip link set p$n master br0
    ip link set p$n up
done
ip link set br0 up
reaches() { ip netns exec n$1 ping -c 1 -W ${3:-5} 10.1.0.$2 >/dev/null 2>&1 && echo "$1 reaches $2" || echo "$1 does not reach $2"; }
reaches 1 2
reaches 1 3
run bridge link set dev p1 isolated on
run bridge link set dev p2 isolated on
for n in 1 2 3; do ip -n n$n neigh flush all; done
reaches 1 2 0.3
reaches 1 3
reaches 2 3
run bridge link set dev p1 isolated off
for n in 1 2 3; do ip -n n$n neigh flush all; done
reaches 1 2
run bridge link set dev p1 hairpin on
run bridge link set dev p1 cost 50 priority 5
run bridge link set dev p1 priority 99
run bridge link set dev p1 learning off flood off
bridge -d link show dev p1 | grep -o 'priority.*\|hairpin o[nf]*\|learning.*bcast_flood o[nf]*\|isolated.*'
run bridge link set dev nosuch hairpin on
run bridge link set dev lo hairpin on
run bridge link set dev br0 hairpin on
run bridge link set dev p1 state 3
run bridge fdb flush dev p1 master
run bridge fdb add 02:00:00:00:00:77 dev p1 master
run bridge fdb add 02:00:00:00:00:78 dev p1 master static
run bridge fdb add 02:00:00:00:00:79 dev p1 master dynamic
run bridge fdb add 02:00:00:00:00:77 dev p1 master
run bridge fdb replace 02:00:00:00:00:77 dev p1 master static
run bridge fdb add 02:00:00:00:00:98 dev br0 self
run bridge fdb add 00:00:00:00:00:00 dev p1 master
run bridge fdb add 02:00:00:00:00:77 dev lo master
run bridge fdb get 02:00:00:00:00:77 br br0
run bridge fdb get 02:00:00:00:00:66 br br0
fdb br br0 dev p1
fdb dev br0
run bridge fdb del 02:00:00:00:00:77 dev p1 master
run bridge fdb del 02:00:00:00:00:77 dev p1 master
run bridge fdb flush dev p1 master
fdb br br0 dev p1
# an address that is said to be elsewhere stays there
run bridge fdb add 02:00:00:00:02:02 dev p3 master static
reaches 1 2 0.3
run bridge fdb del 02:00:00:00:02:02 dev p3 master
reaches 1 2
ip link set p2 down
run bridge fdb add 02:00:00:00:00:70 dev p2 master dynamic
run bridge link set dev p2 state 3
bridge vlan del vid 1 dev p2
ip -br link show p2 | grep -c p2
