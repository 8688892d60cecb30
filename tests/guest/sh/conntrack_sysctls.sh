# admin
# How many connections are tracked, and of how many at most.
if [ "$1" != inside ]; then exec unshare -n /bin/bash "$0" inside; fi
cd /proc/sys/net/netfilter || exit
ip link set lo up
stat -c '%n %a' nf_conntrack_count nf_conntrack_max
cat nf_conntrack_count; [ "$(cat nf_conntrack_max)" -ge 65536 ] && echo enough
nft add table ip t; nft add chain ip t c '{ type filter hook input priority 0; }'; nft add rule ip t c ct state new counter
python3 - <<'P'
import socket
listener = socket.create_server(("127.0.0.1", 0))
ends = [socket.create_connection(listener.getsockname()) for _ in range(3)]
print(open("/proc/sys/net/netfilter/nf_conntrack_count").read())
P
