"""`tc qdisc ... prio, codel, fq_codel, sfq` inside: what tc(8) shows of them, and who waits for whom. Not every host's kernel has them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.bundles import change
from tests.e2e.conftest import runsc

SETUP = """
ip link set lo up
ip netns add far
ip link add d0 type veth peer name e0 netns far
ip -n far addr add 10.1.0.2/24 dev e0; ip -n far link set e0 up; ip -n far link set lo up
ip addr add 10.1.0.1/24 dev d0; ip link set d0 addrgenmode none; ip link set d0 up  # nothing but what is sent is to be counted
until ip -br link show dev d0 | grep -q " UP "; do sleep 0.02; done
ping -q -c 1 10.1.0.2 >/dev/null
show() { tc "$@" show dev d0; }
"""
SHOWN = """
root() { tc qdisc replace dev d0 root handle 1: "$@" && show qdisc; }
root prio; show class
root prio bands 4 priomap 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3
tc qdisc add dev d0 parent 1:2 handle 20: sfq perturb 10
tc qdisc add dev d0 parent 1:5 handle 50: codel
tc qdisc add dev d0 parent 1:4 handle 40: fq_codel limit 100 flows 16 target 2ms interval 40ms noecn
show qdisc; show class
tc qdisc change dev d0 root handle 1: prio bands 3
tc qdisc change dev d0 handle 20: sfq limit 50 quantum 3000 headdrop depth 20
show qdisc
tc qdisc change dev d0 root handle 1: prio bands 2 priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2
tc class add dev d0 parent 1: classid 1:9 htb rate 1mbit
tc class del dev d0 classid 1:1
tc filter add dev d0 parent 1: protocol ip route from 1 classid 1:1
tc qdisc del dev d0 root; root codel limit 20 ecn ce_threshold 10ms; tc -s qdisc show dev d0 | tail -3
tc qdisc del dev d0 root; root fq_codel; tc -s qdisc show dev d0 | tail -2
tc qdisc change dev d0 root handle 1: fq_codel flows 10
tc qdisc change dev d0 root handle 1: fq_codel quantum 300 memory_limit 1mb drop_batch 4 ce_threshold 3ms
show qdisc
tc -j -s qdisc show dev d0
tc qdisc del dev d0 root; root sfq divisor 256 flows 64; tc -d qdisc show dev d0
"""
EXPECTED = """\
qdisc prio 1: root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
class prio 1:1 parent 1:
class prio 1:2 parent 1:
class prio 1:3 parent 1:
qdisc prio 1: root refcnt 2 bands 4 priomap 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3
Error: Specified class not found.
qdisc prio 1: root refcnt 2 bands 4 priomap 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3
qdisc fq_codel 40: parent 1:4 limit 100p flows 16 quantum 1514 target 2ms interval 40ms memory_limit 32Mb drop_batch 64
qdisc sfq 20: parent 1:2 limit 127p quantum 1514b depth 127 divisor 1024 perturb 10sec
class prio 1:1 parent 1:
class prio 1:2 parent 1: leaf 20:
class prio 1:3 parent 1:
class prio 1:4 parent 1: leaf 40:
qdisc prio 1: root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
qdisc sfq 20: parent 1:2 limit 50p quantum 3000b depth 20 headdrop divisor 1024
"priomap" element is out of bands
RTNETLINK answers: Operation not supported
RTNETLINK answers: Operation not supported
Error: TC classifier not found.
We have an error talking to the kernel
qdisc codel 1: root refcnt 2 limit 20p target 5ms ce_threshold 10ms interval 100ms ecn
 backlog 0b 0p requeues 0
  count 0 lastcount 0 ldelay 0us drop_next 0us
  maxpacket 0 ecn_mark 0 drop_overlimit 0
qdisc fq_codel 1: root refcnt 2 limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64
  maxpacket 0 drop_overlimit 0 new_flow_count 0 ecn_mark 0
  new_flows_len 0 old_flows_len 0
RTNETLINK answers: Invalid argument
qdisc fq_codel 1: root refcnt 2 limit 10240p flows 1024 quantum 300 target 5ms ce_threshold 3ms interval 100ms memory_limit 1Mb ecn drop_batch 4
[{"kind":"fq_codel","handle":"1:","root":true,"refcnt":2,"options":{"limit":10240,"flows":1024,"quantum":300,"target":4999,"ce_threshold":2999,"interval":99999,"memory_limit":1048576,"ecn":true,"drop_batch":4},"bytes":0,"packets":0,"drops":0,"overlimits":0,"requeues":0,"backlog":0,"qlen":0,"maxpacket":0,"drop_overlimit":0,"new_flow_count":0,"ecn_mark":0,"new_flows_len":0,"old_flows_len":0}]
qdisc sfq 1: root refcnt 2 limit 127p quantum 1514b depth 127 divisor 256
qdisc sfq 1: root refcnt 2 limit 127p quantum 1514b depth 127 flows 64 divisor 256
"""


def inside(tmp_path: Path, script: str) -> str:
    """What it prints, with the rights over a network."""
    words = ["/bin/bash", "-c", f"exec 2>&1; mount -t tmpfs none /run; {SETUP}{script}"]
    assert runsc("spec", "--bundle", str(tmp_path), *words).status == 0
    sets = {kind: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}
    change(tmp_path, root={"path": "/", "readonly": True}, process__capabilities=sets)
    return runsc("--network=none", "run", "--bundle", str(tmp_path), "queues").out.replace(" \n", "\n")


def test_what_is_shown(tmp_path: Path) -> None:
    assert inside(tmp_path, SHOWN) == EXPECTED


ACTS = """
cat > /run/flows.py <<'END'
import ctypes, os, select, socket, sys
setns = ctypes.CDLL(None).setns
here = os.open("/proc/self/ns/net", os.O_RDONLY)
setns(os.open("/run/netns/far", os.O_RDONLY), 0x40000000)
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("10.1.0.2", 9000))
sink.setsockopt(socket.IPPROTO_IP, 13, 1)
setns(here, 0x40000000)
def flow(tos=0, ecn=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos | ecn)
    s.connect(("10.1.0.2", 9000))
    return s
def order(first, second, count):
    for n in range(count):
        first.send(b"a" * 500)
    second.send(b"b" * 500)
    got = []
    while len(got) <= count and select.select([sink], [], [], 0.4)[0]:
        data, control, _, _ = sink.recvmsg(1000, 100)
        got.append((chr(data[0]), control[0][2][0] & 3))
    return got
what = sys.argv[1]
if what == "tos":
    names = [name for name, _ in order(flow(8), flow(16), 12)]
    print(what, len(names), names.index("b") < 8)
elif what == "flows":
    names = [name for name, _ in order(flow(), flow(), 12)]
    print(what, len(names), names.index("b") < 8)
else:
    got = order(flow(0, 2), flow(0, 2), 30)
    print(what, len(got), any(mark == 3 for _, mark in got))
END
bucket() { tc qdisc del dev d0 root 2>/dev/null; tc qdisc add dev d0 root handle 1: tbf rate 320kbit burst 1600 limit 100000; tc qdisc add dev d0 parent 1:1 handle 2: "$@"; }
go() { python3 /run/flows.py $1; }
bucket pfifo; go tos; go flows
bucket prio; go tos; go flows
bucket pfifo_fast; go tos
bucket sfq divisor 65536; go tos; go flows
bucket fq_codel flows 65536 target 500ms interval 900ms; go flows
bucket codel target 1ms interval 10ms ecn; go marks
tc -s qdisc show dev d0 | grep -o 'ecn_mark [1-9]' | cut -c1-8
bucket codel target 1ms interval 10ms; python3 /run/flows.py drops | { read a b c; [ $b -lt 31 ] && echo dropped $c; }
tc -s qdisc show dev d0 | grep -c 'dropped [1-9]'
"""
ACTED = """\
tos 13 False
flows 13 False
tos 13 True
flows 13 False
tos 13 True
tos 13 True
flows 13 True
flows 13 True
marks 31 True
ecn_mark
dropped False
2
"""


def test_what_waits_for_whom(tmp_path: Path) -> None:
    assert inside(tmp_path, ACTS) == ACTED


DEFAULTS = """
cd /proc/sys/net/core
cat default_qdisc; ip tuntap add dev t0 mode tap; ip link set t0 up; tc qdisc show dev t0
for kind in sfq tbf nosuch; do echo $kind >default_qdisc || echo refused; cat default_qdisc; done
tc qdisc show dev t0
tc qdisc change dev t0 root sfq limit 5
tc qdisc del dev t0 root
tc qdisc add dev t0 root handle 7: prio; tc qdisc show dev t0
tc qdisc del dev t0 root; tc qdisc show dev t0
"""
DEFAULT = """\
fq_codel
qdisc fq_codel 0: root refcnt 2 limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64
sfq
refused
sfq
refused
sfq
qdisc fq_codel 0: root refcnt 2 limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms memory_limit 32Mb ecn drop_batch 64
Error: Qdisc not found. To create specify NLM_F_CREATE flag.
Error: Cannot delete qdisc with handle of zero.
qdisc prio 7: root refcnt 2 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1
qdisc sfq 0: root refcnt 2 limit 127p quantum 1514b depth 127 divisor 1024
"""


def test_what_interfaces_begin_with() -> None:
    got = runsc("do", "--cap-add", "ALL", "--network", "none", "bash", "-c", f"exec 2>&1; {DEFAULTS}").out
    lines = [line for line in got.replace(" \n", "\n").splitlines(True) if "write error" not in line]
    assert "".join(lines) == DEFAULT


FILTERS = """
root() { tc qdisc replace dev d0 root handle 1: "$@"; }
filter() { tc filter "$1" dev d0 parent 1: "${@:2}"; }
root prio
for n in 1 2 3; do tc qdisc add dev d0 parent 1:$n handle ${n}0: pfifo; done
filter add protocol ip pref 1 handle 5 fw classid 1:3
filter add protocol ip pref 1 handle 0x105 fw classid 1:2
filter add protocol ip pref 2 u32 match ip dport 91 0xffff flowid 1:1 action pass
filter add protocol ip pref 3 u32 match ip dport 92 0xffff action pipe action drop
filter add protocol ip pref 4 matchall classid 1:2
filter add protocol ip pref 4 matchall classid 1:1
filter replace protocol ip pref 1 handle 5 fw classid 1:1
filter replace protocol ip pref 5 handle 5/0xff fw classid 1:1
filter add protocol ip pref 6 matchall action mirred egress redirect dev lo
filter add protocol ip pref 6 flower classid 1:1
filter show | sed 's/index [0-9]* //; s/installed.*//; s/\\t/    /'
filter del protocol ip pref 1 handle 0x105 fw
filter del protocol ip pref 1 handle 0x105 fw
filter del pref 5
filter change protocol ip pref 9 matchall
send() { python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(1, 36, int(sys.argv[1]))
s.sendto(b"x" * 20, ("10.1.0.2", int(sys.argv[2])))' $1 $2; }
send 5 90; send 6 91; send 5 92; send 6 92; send 6 93
tc -s qdisc show dev d0 | grep -o 'qdisc.*: \\|Sent.*pkt.*dropped [0-9]*'
filter show | grep -c matchall
tc -s filter show dev d0 parent 1: | grep -o 'action order.*\\|Sent.*dropped [0-9]*'
nft add table t; nft 'add chain t c { type filter hook output priority 0; }'; nft add rule t c udp dport 94 meta mark set 5
send 0 94
tc -s qdisc show dev d0 | grep -o 'Sent.*pkt' | head -3
"""
FILTERED = """\
RTNETLINK answers: File exists
We have an error talking to the kernel
RTNETLINK answers: Operation not supported
We have an error talking to the kernel
Error: TC classifier not found.
We have an error talking to the kernel
filter protocol ip pref 1 fw chain 0
filter protocol ip pref 1 fw chain 0 handle 0x105 classid 1:2
filter protocol ip pref 1 fw chain 0 handle 0x5 classid 1:1
filter protocol ip pref 2 u32 chain 0
filter protocol ip pref 2 u32 chain 0 fh 800: ht divisor 1
filter protocol ip pref 2 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:1 not_in_hw
  match 0000005b/0000ffff at 20
    action order 1: gact action pass
     random type none pass val 0
     ref 1 bind 1

filter protocol ip pref 3 u32 chain 0
filter protocol ip pref 3 u32 chain 0 fh 801: ht divisor 1
filter protocol ip pref 3 u32 chain 0 fh 801::800 order 2048 key ht 801 bkt 0 terminal flowid not_in_hw
  match 0000005c/0000ffff at 20
    action order 1: gact action pipe
     random type none pass val 0
     ref 1 bind 1

    action order 2: gact action drop
     random type none pass val 0
     ref 1 bind 1

filter protocol ip pref 4 matchall chain 0
filter protocol ip pref 4 matchall chain 0 handle 0x1 flowid 1:2
  not_in_hw
filter protocol ip pref 5 fw chain 0
filter protocol ip pref 5 fw chain 0 handle 0x5/0xff classid 1:1
Error: Specified filter handle not found.
We have an error talking to the kernel
Error: Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter.
We have an error talking to the kernel
qdisc prio 1:
Sent 248 bytes 4 pkt (dropped 1
qdisc pfifo 30:
Sent 0 bytes 0 pkt (dropped 0
qdisc pfifo 10:
Sent 186 bytes 3 pkt (dropped 0
qdisc pfifo 20:
Sent 62 bytes 1 pkt (dropped 0
2
action order 1: gact action pass
Sent 62 bytes 1 pkt (dropped 0
action order 1: gact action pipe
Sent 62 bytes 1 pkt (dropped 0
action order 2: gact action drop
Sent 62 bytes 1 pkt (dropped 1
Sent 310 bytes 5 pkt
Sent 0 bytes 0 pkt
Sent 248 bytes 4 pkt
"""


def test_filters(tmp_path: Path) -> None:
    assert inside(tmp_path, FILTERS) == FILTERED


POLICED = """
tc qdisc add dev d0 clsact
add() { tc filter add dev d0 ingress protocol ip "$@"; }
add pref 1 u32 match ip sport 90 0xffff police rate 1kbit burst 100 drop flowid :1
add pref 2 u32 match ip sport 91 0xffff action police rate 1kbit burst 100 conform-exceed drop/ok
add pref 3 u32 match ip sport 92 0xffff action police rate 1kbit burst 100 pipe action drop
add pref 4 u32 match ip sport 93 0xffff action police mtu 50 drop
add pref 5 u32 match ip sport 94 0xffff action police rate 1kbit burst 100 peakrate 2kbit mtu 2000 drop
tc filter show dev d0 ingress | grep -v chain | sed 's/\\t/    /'
cat > /run/go.py <<'END'
import ctypes, os, select, socket
setns = ctypes.CDLL(None).setns
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("10.1.0.1", 80))
setns(os.open("/run/netns/far", os.O_RDONLY), 0x40000000)
for port, sizes in ((90, (20, 20)), (91, (20, 20)), (92, (20, 20)), (93, (4, 50, 5)), (95, (20, 2))):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.1.0.2", port))
    got = []
    for size in sizes:
        s.sendto(bytes(size), ("10.1.0.1", 80))
    while select.select([sink], [], [], 0.02)[0]:
        got.append(len(sink.recv(2000)))
    print(port, got)
END
python3 /run/go.py
tc -s filter show dev d0 ingress | grep -o 'Sent.*'
"""


ARE_POLICED = """\
RTNETLINK answers: Operation not supported
We have an error talking to the kernel
  match 005a0000/ffff0000 at 20
 police 0x1 rate 1Kbit burst 100b mtu 255Kb action drop overhead 0b
    ref 1 bind 1

  match 005b0000/ffff0000 at 20
    action order 1:  police 0x2 rate 1Kbit burst 100b mtu 255Kb action drop overhead 0b
    ref 1 bind 1

  match 005c0000/ffff0000 at 20
    action order 1:  police 0x3 rate 1Kbit burst 100b mtu 255Kb action pipe overhead 0b
    ref 1 bind 1

    action order 2: gact action drop
     random type none pass val 0
     index 1 ref 1 bind 1

  match 005d0000/ffff0000 at 20
    action order 1:  police 0x4 rate 0bit burst 0b mtu 50b action drop overhead 0b
    ref 1 bind 1

90 [20]
91 [20]
92 [20]
93 [4, 5]
95 [20, 2]
Sent 124 bytes 2 pkt (dropped 1, overlimits 1 requeues 0)
Sent 124 bytes 2 pkt (dropped 0, overlimits 1 requeues 0)
Sent 62 bytes 1 pkt (dropped 1, overlimits 0 requeues 0)
Sent 185 bytes 3 pkt (dropped 1, overlimits 1 requeues 0)
"""


def test_policers(tmp_path: Path) -> None:
    assert inside(tmp_path, POLICED) == ARE_POLICED
