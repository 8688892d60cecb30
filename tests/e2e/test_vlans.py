"""VLANs that a guest makes on its own links: what is refused, what follows the interface below, traffic. What is expected is what
net/8021q does; kernels without that module cannot be asked."""

from __future__ import annotations

import re

from tests.e2e.conftest import do

FIRST = """
shown() { ip ${2:+-n $2} -d -o link show dev "$1" | grep -oE '<[A-Z,_-]*> mtu [0-9]+|state [A-Z]*|vlan protocol .* id [0-9]* <[A-Z_,]*>' | tr '\\n' ' '; echo; }
settled() { until ip ${2:+-n $2} -br link show dev "$1" | grep -q " UP "; do sleep 0.02; done; }
said() { "$@" 2>&1; echo "= $?"; }
ip netns add far
ip link add v type veth peer name w netns far
"""
PAIR = (
    FIRST
    + """
ip link add link v name v.5 type vlan id 5
ip link add link v name v.q type vlan protocol 802.1ad id 5
ip -n far link add link w name w.5 type vlan id 5
ip -n far link add link w name w.q type vlan protocol 802.1ad id 5
ip link set v up; ip -n far link set w up
for n in 5 q; do ip link set v.$n up; ip -n far link set w.$n up; settled v.$n; settled w.$n far; done
ip addr add 10.5.0.1/24 dev v.5; ip addr add 10.6.0.1/24 dev v.q
ip -n far addr add 10.5.0.2/24 dev w.5; ip -n far addr add 10.6.0.2/24 dev w.q
"""
)


def inside(script: str) -> list[str]:
    done = do("--cap-add", "ALL", "--network", "internal", "bash", "-c", script)
    assert done.status == 0, done
    return done.out.splitlines()


def test_frames_with_each_tag_and_within_each_other() -> None:
    out = inside(
        PAIR
        + """
ping -c 2 -i 0.02 -W 2 10.5.0.2 | grep -o '[0-9] received'; ping -c 2 -i 0.02 -W 2 10.6.0.2 | grep -o '[0-9] received'
ip netns exec far sh -c 'head -c 3000000 /dev/zero | timeout 10 nc -N -l -p 77 -s 10.5.0.2 >/dev/null' &
until ip netns exec far ss -Hltn | grep -q :77; do sleep 0.02; done
timeout 10 nc -d 10.5.0.2 77 | wc -c; wait
ip link add link v.5 name v.5.9 type vlan id 9; ip -n far link add link w.5 name w.5.9 type vlan id 9
ip link set v.5.9 up; ip -n far link set w.5.9 up; settled v.5.9; settled w.5.9 far
ip addr add 10.9.0.1/24 dev v.5.9; ip -n far addr add 10.9.0.2/24 dev w.5.9
timeout 10 tcpdump -c 1 -n -e -i v -Q out 'vlan 5 and vlan 9 and icmp' 2>/dev/null | grep -o 'vlan 5, .*vlan 9' | sed 's/, p 0.*vlan/, vlan/' &
until ss -H0 | grep -q .; do sleep 0.02; done
ping -c 2 -i 0.02 -W 2 10.9.0.2 | grep -o '[0-9] received'; wait
ip netns add third; ip link set v.q netns third; shown v.q third
ip link del v; ip -br link | cut -d' ' -f1; ip -n third -br link | cut -d' ' -f1; ip -n far -br link | cut -d' ' -f1
"""
    )
    assert out[:4] == ["2 received", "2 received", "3000000", "vlan 5, vlan 9"] or sorted(out[3:5]) == [
        "2 received",
        "vlan 5, vlan 9",
    ], out
    assert out[5] == "<BROADCAST,MULTICAST> mtu 1500 state DOWN vlan protocol 802.1ad id 5 <REORDER_HDR> "
    assert [name for name in out[6:] if name not in ("lo", "eth0")] == []


def test_it_follows_the_one_below() -> None:
    out = inside(
        PAIR
        + """
said ip link set v.5 mtu 1600; ip link set v.5 mtu 1300; ip link set v mtu 1200; shown v.5; ip link set v mtu 1500
ip link set v down; shown v.5; said ip link set v.5 up
ip link set v up; settled v.5; shown v.5
ip -n far link set w down; until shown v.5 | grep -q LOWERLAYERDOWN; do sleep 0.02; done; shown v.5
ip link set v down; ip link add link v name v.l type vlan id 77 loose_binding on; said ip link set v.l up; shown v.l
ip link add name br0 type bridge; ip link add link br0 name br.3 type vlan id 3; ip link set br0 up; ip link set br.3 up; shown br.3
"""
    )
    tag = "vlan protocol 802.1Q id"
    assert out == [
        "RTNETLINK answers: Numerical result out of range",
        "= 2",
        f"<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1200 state UP {tag} 5 <REORDER_HDR> ",
        f"<BROADCAST,MULTICAST,M-DOWN> mtu 1200 state DOWN {tag} 5 <REORDER_HDR> ",
        "RTNETLINK answers: Network is down",
        "= 2",
        f"<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1200 state UP {tag} 5 <REORDER_HDR> ",
        f"<NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1200 state LOWERLAYERDOWN {tag} 5 <REORDER_HDR> ",
        "= 0",
        f"<NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 state LOWERLAYERDOWN {tag} 77 <REORDER_HDR,LOOSE_BINDING> ",
        f"<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP {tag} 3 <REORDER_HDR> ",
    ]


def test_what_is_refused() -> None:
    tries = {
        "ip link add link v name x type vlan id 5": "Error: VLAN device already exists.",
        "ip link add link v name x type vlan id 4095": "Error: Invalid VLAN id.",
        "ip link add link lo name x type vlan id 1": "Error: VLANs not supported on device.",
        "ip link add link v name x type vlan": "Error: VLAN properties not specified.",
        "ip link add name x type vlan id 7": "Error: link not specified.",
        "ip link add link v name x mtu 2000 type vlan id 8": "RTNETLINK answers: Invalid argument",
        "ip link add link v name x type vlan id 8 gvrp on": "RTNETLINK answers: Operation not supported",
        "ip link add link v name x type vlan id 8 egress-qos-map 1:2": "RTNETLINK answers: Operation not supported",
        "ip link add link v name v type vlan id 8": "RTNETLINK answers: File exists",
    }
    out = inside(FIRST + "ip link add link v name v.5 type vlan id 5\n" + "\n".join(f"said {line}" for line in tries))
    assert out == [line for answer in tries.values() for line in (answer, "= 2")]
    deep = (
        "ip link add d0 type dummy; for n in $(seq 9); do said ip link add link d$((n-1)) name d$n type vlan id 1; done"
    )
    out = inside(FIRST + deep)
    assert re.fullmatch(r"(= 0\n){8}Error: .*\n= 2", "\n".join(out)), out
