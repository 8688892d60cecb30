# admin
# Classes of htb and filters of u32: how tc(8) makes, changes and shows them, what is refused, who is told, and where packets go.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
plain() { sed 's/ *$//; s/ 8[0-9a-f]\{3\}: / own: /; s/ refcnt [0-9]*//'; }
run() {
    echo "\$ $*"
    tc "$@" 2>&1 | plain
    echo "= ${PIPESTATUS[0]}"
}
mount -t tmpfs none /run
ip link set lo up
run qdisc add dev lo root handle 1: htb default 10
run class add dev lo parent 1: classid 1:1 htb rate 10mbit
run class add dev lo parent 1:1 classid 1:10 htb rate 1mbit ceil 2mbit
run class change dev lo parent 1: classid 1:10 htb rate 3mbit ceil 4mbit
run class show dev lo
run class change dev lo classid 1:10 htb rate 3mbit ceil 4mbit
run class change dev lo classid 1:11 htb rate 3mbit ceil 4mbit
run class add dev lo parent 1:5 classid 1:11 htb rate 3mbit ceil 4mbit
run class add dev lo parent 2: classid 1:12 htb rate 3mbit ceil 4mbit
run class add dev lo parent 1: classid 2:12 htb rate 3mbit ceil 4mbit
run class add dev lo parent 1: htb rate 3mbit ceil 4mbit
run class replace dev lo parent 1: classid 1:ffff htb rate 3mbit prio 9 quantum 3000 burst 20k cburst 1k
run -d class show dev lo
run class show dev lo root
run class show dev lo parent 1:
run class show dev lo parent 1:1
run class show dev lo classid 1:1
run class add dev lo parent 1:10 classid 1:20 htb rate 1mbit
run class add dev lo parent 1:20 classid 1:30 htb rate 1mbit
run class add dev lo parent 1:30 classid 1:40 htb rate 1mbit
run class add dev lo parent 1:40 classid 1:50 htb rate 1mbit
run class add dev lo parent 1:50 classid 1:60 htb rate 1mbit
run class add dev lo parent 1:60 classid 1:70 htb rate 1mbit
run class add dev lo parent 1:70 classid 1:80 htb rate 1mbit
run class add dev lo parent 1:80 classid 1:90 htb rate 1mbit
run -d class show dev lo
run qdisc add dev lo parent 1:80 handle 80: pfifo limit 5
run qdisc add dev lo parent 1:70 handle 70: pfifo limit 5
run qdisc add dev lo parent 1:5 handle 70: pfifo limit 5
run qdisc show dev lo
run -d class show dev lo
run class del dev lo classid 1:70
run class del dev lo classid 1:80
run class del dev lo classid 1:81
run class del dev lo classid 1:1
run qdisc add dev lo parent 1:70 handle 70: pfifo limit 5
run -d class show dev lo
run qdisc change dev lo root handle 1: htb default 11
run qdisc replace dev lo root handle 1: htb default 11
run filter add dev lo parent 1:99 protocol ip u32 match u32 0 0 flowid 1:20
run filter add dev lo parent 1:1 protocol ip u32 match u32 0 0 flowid 1:20
run filter add dev lo parent 1:1 protocol ip u32 match u32 0 0 flowid 2:20
run filter add dev lo protocol ip u32 match u32 0 0 flowid 1:20
run filter show dev lo parent 1:1
run filter show dev lo
run filter replace dev lo parent 1:1 protocol ip pref 49152 handle 800::800 u32 match u32 1 1 flowid 1:30
run filter change dev lo parent 1:1 protocol ip pref 49152 handle 800::801 u32 match u32 1 1 flowid 1:30
run filter change dev lo parent 1:1 protocol ip pref 49152 handle 800::809 u32 match u32 1 1 flowid 1:30
run filter change dev lo parent 1:1 protocol ip pref 3 handle 800::809 u32 match u32 1 1 flowid 1:30
run filter change dev lo parent 1:1 protocol ip handle 800::809 u32 match u32 1 1 flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 handle 800::9 u32 match u32 1 1 flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 handle ::9 u32 match u32 1 1 flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 u32 ht 9: match u32 1 1 flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 u32 ht 800:7: match u32 1 1 flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 u32 match u32 1 1 link 800:
run filter add dev lo parent 1:1 protocol ip pref 8 u32 match u32 1 1 link 7:
run filter add dev lo parent 1:1 protocol ip pref 8 handle 7: u32 divisor 3
run filter add dev lo parent 1:1 protocol ip pref 8 handle 7: u32 divisor 512
run filter add dev lo parent 1:1 protocol ip pref 8 handle 7: u32 divisor 256
run filter add dev lo parent 1:1 protocol ip pref 8 handle 7: u32 divisor 256
run filter add dev lo parent 1:1 protocol ip pref 8 u32 match u32 1 1 link 7:
run filter add dev lo parent 1:1 protocol ip pref 8 u32 match u32 1 1 indev lo flowid 1:30
run filter add dev lo parent 1:1 protocol ip pref 8 u32 match u32 1 1 indev nosuch flowid 1:30
run filter show dev lo parent 1:1
run filter del dev lo parent 1:1 pref 8 handle 7: u32
run filter del dev lo parent 1:1 pref 8 handle 801: u32
run filter del dev lo parent 1:1 pref 49152
run filter show dev lo parent 1:1
run filter del dev lo parent 1:1 protocol ip
run filter del dev lo parent 1:1
run filter del dev lo parent 1:1
run filter del dev lo parent 1:1 pref 5
run qdisc del dev lo root
run qdisc add dev lo root htb r2q 5 direct_qlen 7 offload
run qdisc add dev lo root htb r2q 5 direct_qlen 7
run qdisc show
run qdisc del dev lo root

told=/run/told
: >$told
stdbuf -oL tc monitor >>$told 2>&1 &
watcher=$!
until grep -q 31111 $told; do tc qdisc replace dev lo root handle 9: bfifo limit 31111; sleep 0.02; done
run qdisc replace dev lo root handle 1: htb default 10
run class add dev lo parent 1: classid 1:1 htb rate 10mbit
run class add dev lo parent 1:1 classid 1:10 htb rate 1mbit ceil 2mbit
run class add dev lo parent 1:1 classid 1:20 htb rate 2mbit prio 1
run class change dev lo parent 1:1 classid 1:20 htb rate 3mbit prio 2
run filter add dev lo parent 1: protocol ip pref 10 u32 match ip dport 80 0xffff flowid 1:20
run filter add dev lo parent 1: protocol ip pref 10 u32 match ip dst 127.0.0.0/8 match ip protocol 17 0xff classid 1:10
run filter add dev lo parent 1: protocol ipv6 pref 11 u32 match ip6 dport 80 0xffff flowid 1:20
run filter add dev lo parent 1: protocol ip pref 10 handle 800::801 u32 match u32 0 0 flowid 1:20
run filter add dev lo parent 1: protocol ip u32 match u32 0 0 flowid 1:20
run filter add dev lo parent 1: protocol ip prio 5 u32 divisor 4
run filter add dev lo parent 1: protocol ip prio 5 handle 5: u32 divisor 4
run filter add dev lo parent 1: protocol ip prio 5 u32 ht 5:3: match u32 0 0 flowid 1:20
run filter add dev lo parent 1: protocol ip prio 5 u32 ht 800:: match u32 0 0 link 5: hashkey mask 0x00030000 at 16
run filter show dev lo
run -s -d -j filter show dev lo
run filter get dev lo parent 1: protocol ip pref 10 handle 800::800 u32
run filter get dev lo parent 1: protocol ip pref 10 handle 800::850 u32
run filter del dev lo parent 1: protocol ip pref 10 handle 800::801 u32
run filter del dev lo parent 1: protocol ip pref 10 handle 800::805 u32
run filter del dev lo parent 1: pref 11
run filter del dev lo parent 1: protocol ip pref 12
run filter del dev lo parent 1: protocol ipv6 pref 10
run filter add dev lo parent 1: protocol ipv6 pref 10 u32 match u32 0 0 flowid 1:20
run chain show dev lo
run class del dev lo classid 1:20
run filter del dev lo
run chain show dev lo
run class del dev lo classid 1:20
run class del dev lo classid 1:1
run qdisc replace dev lo root handle 9: bfifo limit 77777
until grep -q 77777 $told; do sleep 0.02; done
kill $watcher
wait $watcher 2>/dev/null
grep -v 31111 $told | grep -v '^deleted qdisc' | plain
tc qdisc del dev lo root

# where packets go
ip netns add far
ip link add d0 type veth peer name e0 netns far
ip -n far link set e0 up
sysctl -qw net.ipv6.conf.d0.accept_dad=0 net.ipv6.conf.d0.accept_ra=0
ip link set d0 addrgenmode none
ip addr add 10.1.0.1/24 dev d0
ip addr add fd01::1/128 dev lo
ip link set d0 up
ip route add fd01::9 dev d0 src fd01::1
until ip -br link show dev d0 | grep -q " UP "; do sleep 0.02; done
far=$(ip -n far -br link show dev e0 | grep -o '..:..:..:..:..:..')
for to in 10.1.0.2 10.1.0.4 10.1.0.5 10.1.0.6 10.1.0.9 fd01::9; do ip neigh replace $to dev d0 nud permanent lladdr $far; done
run qdisc add dev d0 root handle 1: htb default 30
run class add dev d0 parent 1: classid 1:1 htb rate 1gbit
for n in 10 20 30; do run class add dev d0 parent 1:1 classid 1:$n htb rate 100mbit ceil 1gbit; done
run qdisc add dev d0 parent 1:20 handle 20: pfifo limit 9
counts() { tc -s class show dev d0 | grep -o '^class htb [0-9:]*\|Sent.*pkt\|lended: [0-9]*\|borrowed: [0-9]*'; tc -s qdisc show dev d0 | grep -o 'qdisc.*: \|direct_packets_stat [0-9]*\|Sent.*pkt'; }
datagrams() { for n in $(seq $1); do printf %s xxxxxxxxxxxxxxxxxxxx >/dev/udp/$2; done; }
filter() { run filter add dev d0 parent 1: protocol "$@"; }
filter ip pref 1 u32 match ip dport 81 0xffff flowid 1:10
filter ip pref 1 u32 match ip dst 10.1.0.2/32 flowid 1:20
filter ipv6 pref 2 u32 match ip6 dport 82 0xffff flowid 1:20
filter ip pref 3 handle 1: u32 divisor 16
filter ip pref 3 u32 ht 1:4: match udp dst 83 0xffff flowid 1:10
filter ip pref 3 u32 ht 1:5: match udp dst 83 0xffff flowid 1:20
filter ip pref 3 u32 match ip protocol 17 0xff link 1: offset at 0 mask 0x0f00 shift 6 plus 0 eat hashkey mask 0x0000000f at 16
filter ip pref 4 u32 match ip dport 84 0xffff flowid 1:
filter ip pref 5 u32 match ip dport 85 0xffff flowid 1:1
run filter add dev d0 parent 1:1 protocol ip u32 match u32 0 0 flowid 1:20
filter ip pref 6 u32 match ip dport 86 0xffff flowid 1:77
filter all pref 7 u32 match u8 1 1 at 2000 flowid 1:10
sent() { datagrams 1 $1; echo "-> $1"; counts; }
sent 10.1.0.9/81
sent 10.1.0.2/90
sent fd01::9/82
sent fd01::9/81
sent 10.1.0.4/83
sent 10.1.0.5/83
sent 10.1.0.6/83
sent 10.1.0.9/84
sent 10.1.0.9/85
sent 10.1.0.9/86
sent 10.1.0.9/87
run -s -d class show dev d0
run class change dev d0 classid 1:10 htb rate 1kbit burst 1 cburst 1 quantum 2000
datagrams 9 10.1.0.9/81
tc -s class show dev d0 classid 1:10 | grep -o 'backlog.*p '
tc -s qdisc show dev d0 | grep -o 'backlog.*p '
run class change dev d0 classid 1:10 htb rate 800mbit quantum 2000
until tc -s qdisc show dev d0 | head -3 | grep -q 'backlog 0b 0p'; do sleep 0.02; done
counts
