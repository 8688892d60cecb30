exec 2>&1; cd "${1:-$(mktemp -d)}"
list() { conntrack "$@" 2>&1 | sed -E 's/((udp|tcp) +[0-9]+) [0-9]+ /\1 N /; s/ id=[0-9]*/ id/' | sort; }
ip link set lo up
conntrack -L; conntrack -C
nft add table inet n; nft add chain inet n o '{ type nat hook output priority -100; }'; nft add rule inet n o udp dport 5300 dnat ip to 127.0.0.1:53
nft add rule inet n o tcp dport 80 ct mark set 5
python3 -c '
import socket, time
def udp(port, to):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", port)); s.connect(("127.0.0.1", to)) if to else None
    return s
s, c, d = udp(53, 0), udp(4000, 5300), udp(4001, 53)
c.send(b"x"); s.sendto(b"y", s.recvfrom(9)[1]); c.recv(9); d.send(b"x")
l = socket.socket(); l.bind(("127.0.0.1", 80)); l.listen(5)
k = socket.socket(); k.bind(("127.0.0.1", 4002)); k.connect(("127.0.0.1", 80)); a, _ = l.accept()
open("ready", "w")
time.sleep(60)
' & server=$!
until [ -e ready ]; do sleep 0.02; done
list -L; list -L -o extended,id; list -L -p tcp; list -L -f ipv6; list -L --mark 5; conntrack -C
list -G -p tcp -s 127.0.0.1 -d 127.0.0.1 --sport 4002 --dport 80; list -G -p tcp -s 127.0.0.1 -d 127.0.0.1 --sport 1 --dport 80
list -D -p udp --orig-port-dst 53; list -L; list -D -p udp --orig-port-dst 77; conntrack -F; conntrack -L; kill $server
