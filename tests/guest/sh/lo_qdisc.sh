# admin
# What sends on the loopback of a new network namespace: nothing before it has been up, then no queue.
if [ "$1" != inside ]; then exec unshare -n /bin/bash "$0" inside; fi
show() { ip -o link show lo | grep -o 'qdisc [a-z]*'; }
show
ip link set lo up
show
ip link set lo down
show
