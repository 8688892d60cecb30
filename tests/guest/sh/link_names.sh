# admin
# Other names of links, aliases, groups and lengths of queues.
if [ "$1" != inside ]; then exec unshare -nm --propagation private /bin/sh "$0" inside; fi
r() { echo "\$ $*"; "$@" 2>&1 | sed 's/[0-9a-f:]\{17\}/MAC/g; s/qdisc [a-z]*/qdisc/'; }
long=$(printf 'x%.0s' $(seq 127))
ip link set lo up; ip link add d9 type veth peer name d8
r ip link property add dev d9 altname longname1234567890 altname xx
r ip link set d9 alias 'foo bar'; r ip link show xx; r ip link show longname1234567890
for n in xx lo d8 d9; do r ip link property add dev d9 altname $n; done
for n in nope lo d9; do r ip link property del dev d9 altname $n; done
r ip link property del dev d8 altname xx
r ip link property add dev d9 altname $long; r ip link property add dev d9 altname x$long; r ip link property add dev nope altname q
r ip link set xx name lo; r ip link set d8 name xx; r ip link add xx type veth
r ip link set dev xx group 7; r ip link show group 7; r ip link set group 7 mtu 1400; r ip link set group 9 mtu 1300; r ip link show group 7
r ip link set xx up; r ip link set d8 up; r ip link property del dev d9 altname xx altname $long; r ip link show xx; r ip link set d9 alias ''; r ip link show d9
ip link add q0 txqueuelen 77 group 5 type veth peer name q1; r ip link show q0
for i in $(seq 600); do echo "link property add dev q0 altname y$i"; done >batch; ip -batch batch 2>&1 | tail -2; ip link show q0 | grep -c altname
python3 - <<'P'
import socket
for n in ('longname1234567890', 'y7', 'd9', 'lo', 'nope', 'xx'):
    try: print(n, socket.if_nametoindex(n))
    except OSError as e: print(n, e.errno)
P
r ip link del longname1234567890; ip -br link | awk '{print $1}' | sort
