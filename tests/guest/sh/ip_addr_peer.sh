# admin
# Addresses whose peer is told, and those without a route to their prefix (ip-address(8)): what is listed, the routes that come
# and go with them, what a delete must say.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
ip link set lo up
ip link add veth1 type veth peer name veth2
ip link set veth1 addrgenmode none
ip link set veth2 addrgenmode none
show() {
    ip -4 -o addr show dev veth1 | sed 's/^[0-9]*: //'
    ip -6 -o addr show dev veth1 | sed 's/^[0-9]*: //'
    ip -4 route show dev veth1
    ip -6 route show dev veth1 | sort
    ip -4 route show table local dev veth1 | sort
}
ip addr add 10.8.0.1 peer 10.8.0.2 dev veth1
show
ip link set veth1 up
ip link set veth2 up
show
ip addr add 10.8.1.1 peer 10.9.1.2/24 dev veth1
ip addr add 10.8.1.7 peer 10.9.1.9/24 dev veth1
ip addr add fd00::1 peer fd00::2/128 nodad dev veth1
ip addr add fd01::1 peer fd02::2/64 nodad dev veth1
show
for to in 10.8.0.2 10.9.1.77 10.8.1.2 fd00::2 fd02::2 fd02::3 fd01::2; do ip route get $to | sed -n 's/^\([^ ]*\) .*src \([^ ]*\).*/\1 from \2/p'; done
ip addr add 10.8.0.1 peer 10.8.0.2 dev veth1
echo $?
ip addr del 10.8.0.1 peer 10.8.0.3/32 dev veth1
echo $?
ip addr del 10.8.0.1 dev veth1
echo $?
ip addr del 10.8.0.1 peer 10.8.0.2 dev veth1
echo $?
ip addr del 10.8.1.1 peer 10.9.1.2/24 dev veth1
echo $?
ip addr del fd00::1 peer fd00::2/128 dev veth1
echo $?
ip addr del fd01::1/64 dev veth1
echo $?
show
ip addr add 10.7.0.1/24 noprefixroute dev veth1
ip addr add fd07::1/64 noprefixroute nodad dev veth1
show
ip link set veth1 down
ip link set veth1 up
show
ip addr add 10.6.0.1/24 metric 77 dev veth1
ip addr add 10.5.0.1/24 scope link dev veth1
ip addr add fd06::1/64 metric 78 nodad dev veth1
show
ip link set veth1 down
ip link set veth1 up
show
ip addr change 10.7.0.1/24 dev veth1
ip addr change 10.6.0.1/24 metric 99 dev veth1
show
ip addr flush dev veth1
show
