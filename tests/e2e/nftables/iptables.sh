exec 2>&1; cd "${1:-$(mktemp -d)}"
iptables-nft -A INPUT -i lo -p tcp --dport 22 -m conntrack --ctstate NEW,ESTABLISHED -m comment --comment "hi there" -j ACCEPT
iptables-nft -A INPUT -p tcp --tcp-flags SYN,ACK SYN -m multiport --dports 80,443,1000:2000 -j DROP
iptables-nft -A INPUT -p udp --sport 53:60 -j REJECT
iptables-nft -A INPUT -p tcp -j REJECT --reject-with tcp-reset
iptables-nft -A INPUT -m limit --limit 5/min -j LOG --log-prefix "x: " --log-level 4
iptables-nft -A INPUT -p icmp --icmp-type echo-request -j ACCEPT
iptables-nft -A INPUT -m mark --mark 0x1/0xff -j RETURN
iptables-nft -A INPUT -m addrtype --dst-type LOCAL -j ACCEPT
iptables-nft -A INPUT -m state --state INVALID -j DROP
iptables-nft -A INPUT ! -s 10.0.0.0/8 -d 1.2.3.4 -f -j DROP
iptables-nft -A OUTPUT -m owner --uid-owner 1000 -j ACCEPT
iptables-nft -A INPUT -m tcp -p tcp --tcp-option 5 -j ACCEPT
iptables-nft -A INPUT -m pkttype --pkt-type broadcast -j ACCEPT
iptables-nft -A INPUT -m length --length 100:200 -j ACCEPT
iptables-nft -A INPUT -m ttl --ttl-eq 5 -j ACCEPT
iptables-nft -A INPUT -m iprange --src-range 1.1.1.1-1.1.1.9 -j ACCEPT
iptables-nft -A INPUT -m statistic --mode nth --every 3 -j ACCEPT
iptables-nft -A INPUT -m connmark --mark 3 -j ACCEPT
iptables-nft -N KUBE; iptables-nft -A KUBE -j RETURN; iptables-nft -A FORWARD -g KUBE
iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE
iptables-nft -t nat -A POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1000-2000
iptables-nft -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 1.2.3.4-1.2.3.7
iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.80:8080
iptables-nft -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 8080
iptables-nft -t mangle -A PREROUTING -j MARK --set-mark 5
iptables-nft -t mangle -A PREROUTING -j MARK --set-xmark 5/7
iptables-nft -t mangle -A PREROUTING -j CONNMARK --save-mark
iptables-nft -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
iptables-nft -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 5 --tproxy-mark 1
iptables-nft -t raw -A PREROUTING -j NOTRACK
iptables-nft -t raw -A PREROUTING -j CT --notrack
ip6tables-nft -A INPUT -p icmpv6 --icmpv6-type echo-request -j REJECT
ip6tables-nft -t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::1]:80
nft --debug=netlink list ruleset
iptables-nft-save | grep -v "^#"; ip6tables-nft-save | grep -v "^#"
nft -j list ruleset; nft -a list ruleset
