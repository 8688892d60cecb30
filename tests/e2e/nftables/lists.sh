exec 2>&1; cd "${1:-$(mktemp -d)}"
cat > rules <<'R'
define http = { 80, 443 }
table inet fw {
	counter c1 { packets 3 bytes 400; }
	quota q1 { over 10 mbytes; }
	limit l1 { rate 400/hour; }
	set addrs { type ipv4_addr; flags interval; comment "some"; elements = { 10.0.0.0/8, 192.168.1.1, 172.16.0.1-172.16.0.9 } }
	set timed { type ipv4_addr; flags timeout; timeout 1h; size 100; }
	set dyn { type ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535; counter; }
	set pairs { type ipv4_addr . inet_service; elements = { 1.1.1.1 . 80, 2.2.2.2 . 443 } }
	set ranges { type ipv4_addr . inet_service; flags interval; elements = { 1.1.1.0/24 . 80-90, 2.2.2.2-2.2.2.9 . 443 } }
	map ports { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1, 81 : 10.0.0.2 } }
	map verdicts { type ipv4_addr : verdict; elements = { 1.2.3.4 : accept, 1.2.3.5 : jump sub } }
	map objs { type ipv4_addr : counter; elements = { 1.2.3.4 : "c1" } }
	set six { type ipv6_addr; flags interval; elements = { fd00::/8, 2001:db8::1 } }
	set ifs { type ifname; elements = { "lo", "eth0" } }
	set marks { type mark; elements = { 1, 2, 3 } }
	set every { type ipv4_addr; elements = { 1.1.1.1 , 5.5.5.5 comment "five" } }
	chain sub { counter name "c1"; quota name "q1"; limit name "l1" accept; return; }
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iif lo accept
		iifname { "eth0", "eth1" } tcp dport $http counter accept comment "web"
		ip saddr @addrs drop
		ip saddr . tcp dport @pairs accept
		ip saddr . tcp dport @ranges accept
		ip saddr vmap @verdicts
		counter name ip saddr map @objs
		ip6 saddr @six accept
		iifname @ifs accept
		meta mark @marks accept
		meta mark set 0x10
		ct mark set meta mark
		meta mark set ct mark and 0xff
		tcp flags syn tcp option maxseg size 1-500 drop
		tcp flags & (syn|ack) == syn counter
		ip protocol { icmp, udp } accept
		meta l4proto { tcp, udp } th dport 53 accept
		icmp type { echo-request, echo-reply } limit rate 5/second burst 10 packets accept
		limit rate over 1 mbytes/second drop
		icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept
		udp dport 1000-2000 reject with icmpx type admin-prohibited
		ip daddr 1.1.1.1 reject with icmp type host-unreachable
		tcp dport 22 reject with tcp reset
		reject
		tcp dport 99 add @dyn { ip saddr }
		tcp dport 98 update @dyn { ip saddr timeout 10s }
		tcp dport 97 update @timed { ip saddr }
		log prefix "hello " level info flags all
		log group 5 snaplen 100
		meta skuid 1000 accept
		meta skgid { 0, 5 } accept
		ip ttl 1 drop
		ip dscp set cs1
		ip6 hoplimit 64 accept
		ip frag-off & 0x1fff != 0 accept
		ip length 100-200 accept
		ct status assured ct direction original accept
		ct original ip saddr 1.2.3.4 accept
		ct original packets > 10 accept
		ct expiration < 10s accept
		meta pkttype broadcast drop
		meta nfproto ipv6 accept
		meta protocol ip accept
		fib daddr type local accept
		fib saddr . iif oif missing drop
		ether saddr 00:11:22:33:44:55 accept
		numgen inc mod 3 vmap { 0 : drop, 1 : accept, 2 : goto sub }
		numgen random mod 10 0 drop
		ip saddr 1.2.3.4 tcp sport . tcp dport { 1 . 2, 3 . 4 } accept
		quota 100 kbytes drop
		rt ip nexthop 1.2.3.4 accept
		tcp option sack-perm exists accept
		exthdr frag exists drop
		tcp option maxseg size set 1400
		meta day "Monday" accept
		meta hour "10:00"-"12:00" accept

	}
	chain forwarded { type filter hook forward priority filter + 5; policy accept;
 ct state new counter jump sub
 tcp option maxseg size set rt mtu
 }
	chain out { type route hook output priority mangle; meta mark set 1; }
}
table ip nat {
	map dnats { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 } }
	chain pre { type nat hook prerouting priority dstnat
 tcp dport 80 dnat to 10.0.0.1:8080
 tcp dport 81 redirect to :80
 dnat to tcp dport map { 1 : 1.1.1.1, 2 : 2.2.2.2 }
 dnat ip addr . port to tcp dport map @dnats
 }
	chain post { type nat hook postrouting priority srcnat
 oifname "eth0" masquerade random
 snat to 1.1.1.1-1.1.1.9 persistent
 meta l4proto tcp ip saddr 10.0.0.0/8 masquerade to :1000-2000
 }
}
table ip6 r {
 chain pre {
 type filter hook prerouting priority raw;
 notrack
 udp dport 53 tproxy to :50 accept
 }
}
R
nft -f rules; echo $?
nft -s list ruleset; nft -j -s list ruleset; nft list set inet fw addrs; nft list map ip nat dnats; nft list chain inet fw sub; nft list counters; nft list tables; nft list sets
nft add element inet fw addrs { 11.0.0.0/8 }; nft delete element inet fw addrs { 192.168.1.1 }; nft list set inet fw addrs
nft get element inet fw addrs { 10.1.2.3 }; nft get element inet fw addrs { 99.1.2.3 }; nft get element inet fw pairs { 1.1.1.1 . 80 }
nft add element inet fw every { 6.6.6.6, 1.1.1.1 }; nft delete element inet fw every { 6.6.6.6, 9.9.9.9 }; nft list set inet fw every
nft flush set inet fw every; nft list set inet fw every; nft delete counter inet fw c1; nft reset counters; nft list counters
nft delete set inet fw addrs; nft delete chain inet fw sub; nft rename chain inet fw sub suba; nft list chain inet fw suba
nft insert rule inet fw suba ip saddr 9.9.9.9 drop; nft -a list chain inet fw suba | sed 's/handle.*//'
nft flush chain inet fw input; nft list table inet fw; nft flush table ip nat; nft list table ip nat; nft delete table inet fw; nft list ruleset; nft flush ruleset; nft list ruleset
printf 'add table ip x\nadd chain ip x c\nadd rule ip x nope drop\n' | nft -f -; nft list ruleset
rm rules
