# admin
# Routing rules: what they look at, what is refused, what is shown, and that lookups and packets obey them.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/bash "$0" inside; fi
run() {
    echo "\$ $*"
    "$@" 2>&1 | sed 's/ *$//'
    echo "= ${PIPESTATUS[0]}"
}
settled() { until ip -br link show dev "$1" | grep -q " UP "; do sleep 0.02; done; }
mount -t tmpfs none /run
ip link set lo up
ip netns add far
for n in 1 2; do
    ip link add v$n type veth peer name w$n netns far
    ip addr add 10.9.$n.1/24 dev v$n
    ip link set v$n up
    ip -n far addr add 10.9.$n.2/24 dev w$n
    ip -n far link set w$n up
    settled v$n
done
ip -n far link set lo up
ip -n far addr add 10.20.0.1/32 dev lo
ip -n far addr add 10.20.0.2/32 dev lo
ip addr add fd00::1/64 dev v1 nodad
ip route add 10.20.0.0/16 via 10.9.1.2
ip route add 10.20.0.0/16 via 10.9.2.2 table 50
ip route add 10.20.0.0/16 via 10.9.2.2 table 5000
way() { echo "$* -> $(ip route get 10.20.0.1 "$@" 2>&1 | grep -o 'dev v.\|answers.*\|Error.*')"; }

# what is refused
run ip rule add from 10.0.0.1 table 5 pref 10
run ip rule add table 5 pref 10
run ip rule add not from 10.0.0.1 table 5 pref 10
run ip rule add from 10.0.0.0/24 table 5 pref 10
run ip rule add from 10.0.0.1 tos 8 table 5 pref 10
run ip rule add tos 0x11 table 5 pref 12
run ip rule add ipproto tcp sport 80 dport 100-200 uidrange 100-200 table 6 pref 13
run ip rule add ipproto tcp sport 80 dport 100-200 uidrange 100-200 table 6 pref 13
run ip rule add ipproto tcp sport 81 dport 100-200 uidrange 100-200 table 6 pref 13
run ip rule add sport 0 table 6
run ip rule add sport 10-65535 table 6
run ip rule add dport 10-5 table 6
run ip rule add uidrange 10-5 table 6
run ip rule add pref 100 goto 50
run ip rule add pref 100 goto 500
run ip rule list
run ip rule add pref 500 nop
run ip rule add pref 20 suppress_prefixlength 0 table main
run ip rule add pref 21 fwmark 1/0xff blackhole
run ip rule add pref 22 fwmark 0/0xff iif nosuch unreachable
run ip rule add pref 23 iif lo oif v1 prohibit
run ip rule add table 0 pref 77
run ip rule list
ip -j rule list | tr '{' '\n'
run ip rule show table 5
run ip rule del pref 78
run ip rule del not from 10.0.0.1
run ip rule del uidrange 100-200
run ip rule del dport 5
run ip rule del tos 0x10
run ip rule del from 1.2.3.4
run ip rule del goto 500
run ip rule del fwmark 1
run ip rule del fwmark 1/0xff
run ip rule del suppress_prefixlength 0
run ip rule list
ip rule save >saved
ip rule flush
run ip rule list
ip rule restore <saved
run ip rule list
rm saved
ip rule flush
ip rule add pref 32766 table main
ip rule add pref 32767 table default
run ip -6 rule add ipproto udp sport 10 dport 20 tos 4 table 9 suppress_prefixlength 3 uidrange 0-9 iif lo oif nosuch
run ip -6 rule add table 0
run ip -6 rule add pref 9 goto 10
run ip -6 rule add pref 10 prohibit
run ip -6 rule list
run ip -6 rule del dport 20
run ip -6 rule del dport 20
run ip -6 rule flush
run ip -6 rule add pref 32766 table main

# what lookups make of them
ip rule add pref 100 tos 0x10 table 50
way
way tos 0x10
ip rule del pref 100
ip rule add pref 100 ipproto tcp dport 80-90 table 50
way ipproto tcp dport 80
way ipproto tcp dport 91
way ipproto udp dport 80
way ipproto gre
ip rule add pref 99 ipproto udp sport 7 table 5000
way ipproto udp sport 7
way ipproto udp sport 8
ip route get 10.20.0.1 ipproto udp sport 7 | grep -o 'table.*src'
ip rule del pref 99
ip rule del pref 100
ip rule add pref 100 uidrange 5-6 table 50
way uid 4
way uid 5
way uid 6
way uid 7
ip rule del pref 100
ip rule add pref 100 fwmark 0x10/0xf0 table 50
way mark 0x1f
way mark 0x2f
ip rule del pref 100
ip rule add pref 100 not fwmark 0x10/0xf0 table 50
way mark 0x1f
way mark 0x2f
ip rule del pref 100
ip rule add pref 100 oif v2 table 50
way
way oif v2
ip rule del pref 100
for action in blackhole unreachable prohibit; do
    ip rule add pref 100 to 10.20.0.0/24 $action
    way
    ip rule del pref 100
done
ip route add default via 10.9.2.2
ip rule add pref 100 table main suppress_prefixlength 0
ip rule add pref 101 prohibit
way
echo "$(ip route get 10.77.0.1 2>&1)"
ip rule del pref 100
ip rule del pref 101
ip rule add pref 100 goto 200
ip rule add pref 150 table 50
way
ip rule add pref 200 nop
way
ip rule del pref 200
way
ip rule del pref 100
ip rule del pref 150
ip -6 route add fd20::/64 via fd00::2
ip -6 rule add pref 100 ipproto tcp dport 80 prohibit
ip -6 route get fd20::1 ipproto tcp dport 81 | grep -o 'via fd00::2 dev v1'
ip -6 route get fd20::1 ipproto tcp dport 80 2>&1

# what packets make of them: the second way is counted
sent() { awk '$1 == "v2:" { print $11 }' /proc/net/dev; }
counted() {
    local before=$(sent)
    "$@" >/dev/null 2>&1
    local status=$? n=$(($(sent) - before))
    echo "$1 $status: $([ $n -gt 0 ] && echo second || echo first)"
}
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.v1.rp_filter=0 net.ipv4.conf.v2.rp_filter=0
ip netns exec far sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.w1.rp_filter=0 net.ipv4.conf.w2.rp_filter=0
sysctl -qw net.ipv6.conf.v2.disable_ipv6=1
for n in 1 2; do
    ip neigh replace 10.9.$n.2 dev v$n nud permanent lladdr $(ip -n far -br link show dev w$n | grep -o '..:..:..:..:..:..')
    ip -n far neigh replace 10.9.$n.1 dev w$n nud permanent lladdr $(ip -br link show dev v$n | grep -o '..:..:..:..:..:..')
done
ping -c 1 -W 5 10.9.2.2 >/dev/null && ping -c 1 -W 5 10.9.1.2 >/dev/null && echo both
connects() { (exec 3<>/dev/tcp/10.20.0.1/$1) 2>/dev/null; }
sends() { echo x >/dev/udp/10.20.0.1/$1; }
counted connects 80
counted sends 53
counted ping -c 1 -W 5 10.20.0.1
ip rule add pref 100 ipproto tcp dport 80 table 50
ip rule add pref 101 ipproto udp dport 53 table 50
ip rule add pref 102 ipproto icmp table 50
counted connects 80
counted connects 81
counted sends 53
counted sends 54
counted ping -c 1 -W 5 10.20.0.1
ip rule del pref 102
counted ping -c 1 -W 5 10.20.0.1
ip rule add pref 103 tos 0x08 table 50
counted ping -c 1 -W 5 -Q 0x08 10.20.0.1
counted ping -c 1 -W 5 -Q 0x10 10.20.0.1
ip rule add pref 104 uidrange 77-77 ipproto udp table 50
as() { setpriv --reuid $1 bash -c 'echo x >/dev/udp/10.20.0.1/99'; }
counted as 77
counted as 78
ip rule add pref 105 ipproto tcp dport 443 prohibit
counted connects 443
