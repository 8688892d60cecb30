# admin
# Routes with several ways, with metrics of the path and with gateways that are said to be neighbours.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/sh "$0" inside; fi
run() {
    echo "\$ $*"
    "$@" 2>&1 | sed 's/ *$//'
}
settled() { until ip -br link show dev "$1" | grep -q " UP "; do sleep 0.02; done; }
mount -t tmpfs none /run
ip netns add far
for n in 1 2; do
    ip link add v$n type veth peer name w$n netns far
    ip addr add 10.9.$n.1/24 dev v$n
    ip link set v$n up
    ip -n far addr add 10.9.$n.2/24 dev w$n
    ip -n far link set w$n up
    settled v$n
done
ip addr add fd00::1/64 dev v1 nodad
ip -n far link set lo up
for n in 1 2 3 4 5 6 7 8 9; do ip -n far addr add 10.20.0.$n/32 dev lo; done
run ip route add 10.20.0.0/16 nexthop via 10.9.1.2 weight 2 nexthop via 10.9.2.2 dev v2 weight 5
run ip route add 10.20.0.0/16 nexthop via 10.9.1.2 nexthop via 10.9.2.2
run ip route show 10.20.0.0/16
for n in 1 2 3 4 5 6 7 8 9; do
    ping -c 1 -W 5 10.20.0.$n >/dev/null && echo "answers"
done
ip route get 10.20.0.1 oif v2 | grep -o 'via 10.9.2.2 dev v2'
ways=$(for a in 1 2 3; do for n in $(seq 1 60); do ip route get 10.20.$a.$n; done; done | grep -o 'dev v.' | sort -u | tr '\n' ' ')
echo "ways: $ways"
run ip route change 10.20.0.0/16 nexthop via 10.9.1.2 nexthop via 10.9.2.2
run ip route show 10.20.0.0/16
run ip route add 10.21.0.0/16 nexthop via 10.9.1.2 nexthop via 10.77.0.1
run ip route add 10.21.0.0/16 nexthop via 10.9.1.2
run ip route show 10.21.0.0/16
run ip route del 10.20.0.0/16 nexthop via 10.9.1.2
run ip route del 10.20.0.0/16
run ip route add 10.22.0.0/16 via 10.9.1.2 mtu 1300 advmss 1200 initcwnd 5 initrwnd 7 rto_min 50ms window 9000 quickack 1 congctl cubic features ecn
run ip route show 10.22.0.0/16
run ip route add 10.23.0.0/16 via 10.9.1.2 mtu 99999
run ip route show 10.23.0.0/16
run ip route add 10.24.0.0/16 via 10.9.1.2 congctl nosuch
run ip -6 route add 2001:db8::/32 via fd00::2 mtu 1400 initcwnd 9
run ip -6 route show 2001:db8::/32
run ip -6 route add 2001:db9::/32 nexthop via fd00::2 nexthop via fd00::3 weight 3
run ip -6 route show 2001:db9::/32
run ip -6 route del 2001:db9::/32
run ip route add 10.25.0.0/16 via 10.99.0.1 dev v1 onlink
run ip route show 10.25.0.0/16
run ip route get 10.25.0.1
run ip route add 10.26.0.0/16 via 10.99.0.1 onlink
run ip route add 10.26.0.0/16 via 10.9.1.1 dev v1 onlink
run ip route add default via 169.254.1.1 dev v1
run ip route add 169.254.1.1 dev v1 scope link
run ip route add default via 169.254.1.1 dev v1
run ip route show default
