# admin
# What ip, tc and bridge say of what is refused: the kernel's words (NLMSGERR_ATTR_MSG).
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
run() {
    echo "\$ $*"
    "$@" 2>&1
    echo "= $?"
}
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 up
ip link set v1 up
run ip addr add 10.1.1.1/24 dev v0
run ip addr add 10.1.1.1/24 dev v0
run ip addr del 10.1.1.9/24 dev v0
run ip addr add fd00:99::1/64 dev v0 nodad
run ip addr add fd00:99::1/64 dev v0 nodad
run ip addr del fd00:99::9/64 dev v0
run ip route add 10.9.0.0/16 via 10.77.0.1
run ip route add 10.9.0.0/16 via 10.1.1.2
run ip route add 10.9.0.0/16 via 10.1.1.2
run ip route del 10.10.0.0/16
run ip -6 route add 2001:db8::/32 via fe80::1
run ip -6 route add 2001:db8::/32 via 2001:db9::1
run ip -6 route add 2001:db8::/32 via fe80::1 dev v0
run ip link set v0 mtu 1
run ip link set v0 mtu 99999999
run ip link add br0 type bridge
run ip link add br1 type bridge
run ip link set br0 master br1
run ip link set lo master br0
run ip link add x0 type nosuch
run ip link add v0 type veth peer name v9
run ip neigh add 10.1.1.5 dev v0
run ip neigh get 10.1.1.6 dev v0
run ip neigh del 10.1.1.6 dev v0
run tc qdisc add dev v0 root nosuch
run tc qdisc show dev v0
run tc qdisc del dev v0 root
run tc qdisc del dev v0 root nosuch
run tc qdisc del dev v0 root handle 7:
run tc qdisc del dev v0 parent 1:1
