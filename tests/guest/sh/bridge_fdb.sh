# admin
# The forwarding tables of bridges.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
for bridge in br0 br1; do ip link add $bridge type bridge; done
ip link add v0 type veth peer name v1
ip link add w0 type veth peer name w1
n=1
for device in br0 br1 v0 v1 w0 w1; do
    ip link set $device address 02:00:00:00:00:0$n
    n=$((n + 1))
done
ip link set v0 master br0
ip link set w0 master br0
for device in br0 br1 v0 v1 w0 w1; do ip link set $device up; done
entries() { bridge fdb show "$@" | grep -v ' self permanent'; }
n=0
until [ "$(entries | grep -c ' master br0 $')" = 2 ] || [ $((n += 1)) -gt 1000 ]; do
    if [ $((n % 50)) = 0 ]; then
        for device in v1 w1; do ip link set $device down; ip link set $device up; done # what comes up asks whether its address is free
    fi
    sleep 0.02
done
for what in '' 'br br0' 'br br1' 'dev v0' 'dev v1' 'br br0 dev w0' dynamic; do
    echo "show $what"
    entries $what | sort
done
ip link set w0 nomaster
echo "without w0"
entries | sort
