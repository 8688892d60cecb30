# admin
# Tables of /proc/net of which there is nothing but the head where nobody routes multicasts; and those that a fresh network begins with.
if [ "$1" != inside ]; then exec unshare -n /bin/bash "$0" inside; fi
ip link set lo up
cd /proc/net
for f in rt_cache ip_mr_vif ip_mr_cache ip6_mr_vif ip6_mr_cache mcfilter mcfilter6 igmp anycast6 ip6_flowlabel dev_mcast packet raw raw6 icmp icmp6 arp; do
    echo "$f $(stat -c %A $f)"
    cat -A $f
done
ip mroute
ip -6 mroute
