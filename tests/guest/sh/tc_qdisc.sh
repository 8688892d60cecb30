# admin
# Queueing disciplines that every kernel has: how tc(8) makes, changes and shows them, what is refused, and what they drop.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
plain() { sed 's/ *$//; s/ 8[0-9a-f]\{3\}: / own: /; s/"8[0-9a-f]\{3\}:"/"own:"/; s/ refcnt [0-9]*//; s/"refcnt":[0-9]*,//'; }
run() {
    echo "\$ $*"
    "$@" 2>&1 | plain
    echo "= ${PIPESTATUS[0]}"
}
mount -t tmpfs none /run
ip link set lo up
ip netns add far
ip link add d0 type veth peer name e0 netns far
ip -n far addr add 10.1.0.2/24 dev e0
ip -n far link set e0 up
ip -n far link set lo up
sysctl -qw net.ipv6.conf.d0.disable_ipv6=1
ip addr add 10.1.0.1/24 dev d0
ip link set d0 up
ip neigh replace 10.1.0.2 dev d0 nud permanent lladdr $(ip -n far -br link show dev e0 | grep -o '..:..:..:..:..:..')
ip -n far neigh replace 10.1.0.1 dev e0 nud permanent lladdr $(ip -br link show dev d0 | grep -o "..:..:..:..:..:..")
until ip -br link show dev d0 | grep -q " UP "; do sleep 0.02; done
root() { echo "\$ tc qdisc $*"; tc qdisc "$1" dev d0 root "${@:2}" 2>&1 | plain; echo "= ${PIPESTATUS[0]}"; }

root show
root add pfifo limit 10
root show
run tc -s qdisc show dev d0
root add pfifo limit 20
root add bfifo limit 20
root add handle 1: bfifo limit 20
root change pfifo limit 20
root show
root replace handle 5: bfifo limit 2000
root show
root replace handle 5: pfifo
root add handle 5: bfifo
root replace handle 6: bfifo limit 3000
root change bfifo limit 4000
root show
root link pfifo
root link handle 8: pfifo
root del handle 7:
root del handle 6: pfifo
run tc qdisc del dev d0 handle 6:
run tc qdisc del dev d0 parent 6:1
run tc qdisc del dev d0 parent 5:1
run tc qdisc add dev d0 parent 6:1 pfifo
run tc qdisc add dev d0 parent 7:1 pfifo
run tc qdisc change dev d0 handle 6: bfifo limit 5000
run tc qdisc change dev d0 handle 9: bfifo limit 5000
run tc qdisc show dev d0
root del handle 6: bfifo
root del
root show
root change pfifo
root add nosuch
root change nosuch
root add pfifo
root show
root replace bfifo
root show
root replace pfifo_head_drop limit 3
root show
root replace pfifo_fast
root show
run tc -j qdisc show dev d0
root change pfifo_fast
root replace noqueue
root show
root del
run tc qdisc del dev lo root
run tc qdisc add dev lo root handle 3: pfifo
run tc qdisc del dev lo root

# buckets
root add handle 1: tbf rate 1mbit burst 10kb latency 50ms
root show
run tc -d qdisc show dev d0
run tc -j -s qdisc show dev d0
run tc class show dev d0
run tc -s class show dev d0
run tc class show dev d0 parent 1:
run tc class show dev d0 parent 2:
run tc class del dev d0 classid 1:1
run tc class add dev d0 parent 1: classid 1:2 htb rate 1mbit
run tc filter add dev d0 parent 1: protocol ip matchall
root change handle 1: tbf rate 2mbit burst 20kb limit 3000
root show
root replace tbf rate 10gbit burst 1mb limit 3mb
root show
root del

# one inside another
run tc qdisc add dev d0 root handle 1: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc add dev d0 parent 1:1 handle 10: pfifo limit 5
run tc qdisc show dev d0
run tc class show dev d0
run tc qdisc show dev d0
run tc qdisc add dev d0 parent 1:1 handle 11: pfifo limit 5
run tc qdisc add dev d0 parent 1:1 handle 10: pfifo limit 5
run tc qdisc add dev d0 parent 1:1 pfifo limit 5
run tc qdisc replace dev d0 parent 1:1 handle 11: bfifo limit 5000
run tc qdisc show dev d0
run tc qdisc replace dev d0 parent 1:1 pfifo limit 5
run tc qdisc show dev d0
run tc qdisc change dev d0 parent 1:1 pfifo limit 7
run tc qdisc change dev d0 parent 1:1 handle 20: pfifo limit 7
run tc qdisc replace dev d0 parent 1:1 handle 20: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc add dev d0 parent 20:1 handle 30: pfifo limit 6
run tc qdisc add dev d0 parent 20:1 handle 30:1 pfifo limit 6
run tc qdisc add dev d0 parent 30:1 handle 40: pfifo limit 6
run tc qdisc show dev d0
run tc class show dev d0
run tc qdisc replace dev d0 parent 20:1 handle 1: pfifo
run tc qdisc replace dev d0 parent 20:1 handle 20: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc replace dev d0 parent 20:1 handle 1: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc change dev d0 handle 30: pfifo limit 9
run tc qdisc show dev d0 parent 20:1
run tc qdisc show dev d0 handle 30:
run tc qdisc del dev d0 parent 20:1 handle 31:
run tc qdisc del dev d0 parent 20:1 pfifo
run tc qdisc del dev d0 parent 20:1
run tc qdisc show dev d0
run tc qdisc add dev d0 parent 20:1 handle 30: pfifo limit 6
run tc qdisc show dev d0
run tc qdisc del dev d0 parent 1:1
run tc qdisc show dev d0
run tc qdisc replace dev d0 root handle 20: pfifo limit 6
run tc qdisc del dev d0 root
run tc qdisc add dev d0 root handle 1: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc change dev d0 handle 10: tbf rate 1mbit burst 10kb latency 50ms
run tc qdisc add dev d0 parent 1:5 handle 10: pfifo limit 5
run tc qdisc show dev d0
run tc qdisc del dev d0 parent 1:5
run tc qdisc show dev d0
run tc qdisc change dev d0 root handle 1: tbf rate 1mbit burst 10kb limit 7000
run tc qdisc add dev d0 parent 1:1 handle 2: pfifo
run tc qdisc add dev d0 parent 1:1 handle 2: noqueue
run tc qdisc show dev d0
root del

# classes and filters
root add handle 1: pfifo limit 5
run tc class add dev d0 parent 1: classid 1:1 htb rate 1mbit
run tc class add dev d0 parent 2: classid 2:1 htb rate 1mbit
run tc class show dev d0
run tc filter add dev d0 parent 1: protocol ip matchall
run tc filter add dev d0 parent 2: protocol ip matchall
run tc filter show dev d0
root del

# who watches is told
told=/run/told
: >$told
root add handle 9: bfifo limit 31110
stdbuf -oL tc monitor >>$told 2>&1 &
watcher=$!
until grep -q 31111 $told; do tc qdisc replace dev d0 root handle 9: bfifo limit 31111; sleep 0.02; done
root change handle 9: bfifo limit 500
root replace handle a: pfifo limit 4
root replace pfifo limit 5
root replace handle b: tbf rate 1mbit burst 10kb latency 50ms
root del
root add handle c: pfifo limit 77777
root del
until grep -q 'deleted.*77777' $told; do sleep 0.02; done
kill $watcher
wait $watcher 2>/dev/null
grep -v 31111 $told | plain

# what is sent and what is dropped
counts() { tc -s qdisc show dev d0 | grep -o 'Sent.*dropped [0-9]*\|backlog.*p '; }
datagrams() {
    local data=$(head -c $2 /dev/zero | tr '\0' x)
    for n in $(seq $1); do printf %s $data >/dev/udp/10.1.0.2/9; done
}
root add bfifo limit 200
datagrams 3 100
datagrams 4 200
counts
root change bfifo limit 300
datagrams 4 200
counts
root replace pfifo limit 0
datagrams 4 200
counts
root change pfifo limit 1
datagrams 4 200
counts
root replace tbf rate 1kbit burst 1600 limit 3000
datagrams 10 1000
counts
datagrams 2 1000
counts
root change tbf rate 1gbit burst 100kb limit 1mb
until counts | grep -q 'backlog 0b 0p'; do sleep 0.02; done
counts
datagrams 10 1000
until counts | grep -q 'backlog 0b 0p'; do sleep 0.02; done
counts
root replace tbf rate 1kbit burst 1600 limit 3000
datagrams 10 1000
ip link set d0 down
root show
counts | grep backlog
ip link set d0 up
root del
ip link show d0 | grep -o 'qdisc [a-z]*'
