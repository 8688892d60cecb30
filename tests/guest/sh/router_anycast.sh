# admin
# A router has the anycast addresses of its subnets, and listens for who asks for them.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
ip link set lo up
ip link add v0 type veth peer name v1
echo 0 >/proc/sys/net/ipv6/conf/v0/addr_gen_mode
ip link set v0 address 02:00:00:00:00:01 up && ip link set v1 up
ip addr add fd01::1/64 dev v0 nodad
ip addr add fd02::1/127 dev v0 nodad
ip addr add fd03::1/128 dev v0 nodad
usable() { ip addr show dev v0 | grep -q fe80: && ! ip addr show dev v0 | grep -q tentative; }
settled() { n=0; until usable || [ $((n += 1)) -gt 300 ]; do sleep .02; done; }
settled
listed() { awk '$2 == "v0" { print $3, $4 }' /proc/thread-self/net/anycast6 | sort; }
show() { # that many users, soon: a worker of the kernel's joins
    n=0; until [ "$(listed | awk '{ sum += $2 } END { print sum + 0 }')" = "$2" ] || [ $((n += 1)) -gt 300 ]; do sleep .02; done
    echo "-- $1"; listed
    awk '$2 == "v0" { print $3, $4 }' /proc/thread-self/net/igmp6 | sort
}
show before 0
echo 1 >/proc/sys/net/ipv6/conf/v0/forwarding; show on 2
ip addr add fd04::1/64 dev v0 nodad; show added 3
ip addr add fd04::2/64 dev v0 nodad; show twice 4
ip addr del fd04::1/64 dev v0; show "one less" 3
ip addr del fd04::2/64 dev v0; show none 2
echo 0 >/proc/sys/net/ipv6/conf/v0/forwarding; show off 0
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; show all 2
ip addr add fd05::1/64 dev v0; settled; show checked 3
ping -6 -c 1 -W 5 fd01:: >/dev/null; echo "ping $?"
ip link set v0 down; show down 0
