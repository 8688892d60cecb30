# admin
# ip ntable: how neighbours of an interface are looked for, told and changed.
if [ "$1" != inside ]; then exec unshare -n /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1; echo "= $?"; }
ip link add v0 type veth peer name v1
t() { ip ntable show name $1 dev v0 | tr -s ' \n' '  ' | grep -oE 'inet6? [a-z]*_cache|dev v0|base_reachable [0-9]+|retrans [0-9]+|delay_probe [0-9]+|app_probes [0-9]+|[um]cast_probes [0-9]+'; }
t arp_cache; t ndisc_cache; ip ntable show | grep -oE '^inet6? .*|dev .*' | sed 's/ *$//'; ip -6 ntable show | grep -c ndisc; ip -6 ntable show | grep -c arp
for what in 'queue 7' 'base_reachable 20000' 'retrans 500' 'delay_probe 4000' 'ucast_probes 2' 'mcast_probes 6'; do r ip ntable change name arp_cache dev v0 $what; done
t arp_cache; ip ntable show name arp_cache dev v0 | grep -o 'queue [0-9]* *$'; ip ntable show name arp_cache dev v1 | grep -o 'retrans [0-9]*'
cat /proc/sys/net/ipv4/neigh/v0/ucast_solicit /proc/sys/net/ipv4/neigh/v0/base_reachable_time_ms
sysctl -qw net.ipv4.neigh.v0.mcast_solicit=4; ip ntable show name arp_cache dev v0 | grep -o 'mcast_probes [0-9]*'
r ip ntable change name nosuch dev v0 queue 7; r ip -6 ntable change name arp_cache dev v0 queue 7
