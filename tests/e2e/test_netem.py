"""`tc qdisc ... netem` inside: what tc(8) shows of it, and what it does to packets. Not every host's kernel has it to compare."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.bundles import change
from tests.e2e.conftest import runsc

SCRIPT = """
ip link set lo up
ip netns add far
ip link add d0 type veth peer name e0 netns far
ip -n far addr add 10.1.0.2/24 dev e0; ip -n far link set e0 up; ip -n far link set lo up
ip addr add 10.1.0.1/24 dev d0; ip link set d0 up
until ip -br link show dev d0 | grep -q " UP "; do sleep 0.02; done
pings() { ping -q -n -i 0.01 -W 5 -c $1 10.1.0.2 | grep -o '[0-9]* received.*loss\\|[0-9]* received.*duplicates'; }
netem() { tc qdisc replace dev d0 root handle 1: netem "$@"; tc qdisc show dev d0; }
pings 5
netem delay 40ms
ping -n -c 1 10.1.0.2 | grep -o 'time=.*' | tr '=.' '  ' | { read word ms rest; [ $ms -ge 40 ] && echo late; }
netem delay 10ms 2ms 25% loss 1.5% duplicate 1% corrupt 0.5% reorder 25% 50%
netem delay 10ms rate 1mbit limit 50
netem loss 100%
ping -q -c 3 -i 0.01 -W 0.2 10.1.0.2 | grep -o '[0-9]* received'
[ $(tc -s qdisc show dev d0 | grep -o 'dropped [0-9]*' | cut -d' ' -f2) -ge 3 ] && echo dropped
netem duplicate 100%
echoes() { ip netns exec far awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp; }
before=$(echoes); pings 5 | cut -d, -f1; until [ $(($(echoes) - before)) -ge 10 ]; do sleep 0.02; done
echo $(($(echoes) - before)) echoes
netem corrupt 100%
tc qdisc add dev d0 root netem loss gemodel 1%
tc qdisc add dev d0 parent 1:1 handle 5: pfifo limit 7
tc qdisc add dev d0 root nosuch
tc qdisc show dev d0
tc class show dev d0
tc qdisc add dev d0 root handle 2: prio
tc qdisc change dev d0 root handle 1: netem loss gemodel 1%
tc qdisc del dev d0 root
tc qdisc show dev d0
pings 5
tc qdisc add dev lo root netem delay 5ms
ping -q -n -c 2 -i 0.01 127.0.0.1 | grep -o '2 received'
"""
EXPECTED = """\
5 received, 0% packet loss
qdisc netem 1: root refcnt 2 limit 1000 delay 40ms
late
qdisc netem 1: root refcnt 2 limit 1000 delay 10ms  2ms 25% loss 1.5% duplicate 1% reorder 25% 50% corrupt 0.5% gap 1
qdisc netem 1: root refcnt 2 limit 50 delay 10ms rate 1Mbit
qdisc netem 1: root refcnt 2 limit 1000 loss 100%
0 received
dropped
qdisc netem 1: root refcnt 2 limit 1000 duplicate 100%
5 received
10 echoes
qdisc netem 1: root refcnt 2 limit 1000 corrupt 100%
Error: Exclusivity flag on, cannot modify.
Error: Specified qdisc kind is unknown.
qdisc netem 1: root refcnt 2 limit 1000 corrupt 100%
qdisc pfifo 5: parent 1:1 limit 7p
class netem 1:1 parent 1: leaf 5:
Error: NLM_F_REPLACE needed to override.
RTNETLINK answers: Operation not supported
qdisc noqueue 0: root refcnt 2
5 received, 0% packet loss
2 received
"""


def test_what_it_does(tmp_path: Path) -> None:
    words = ["/bin/bash", "-c", f"exec 2>&1; mount -t tmpfs none /run; {SCRIPT}"]
    assert runsc("spec", "--bundle", str(tmp_path), *words).status == 0
    sets = {kind: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}
    change(tmp_path, root={"path": "/", "readonly": True}, process__capabilities=sets)
    assert runsc("--network=none", "run", "--bundle", str(tmp_path), "netem").out.replace(" \n", "\n") == EXPECTED
