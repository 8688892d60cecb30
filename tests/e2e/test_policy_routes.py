"""iproute2 shows and changes rules and tables inside as it does natively in a network namespace of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.bundles import change
from tests.e2e.conftest import runsc

RULES = """
ip rule add from 10.0.0.0/8 table 100
ip rule add fwmark 0x10/0xf0 iif lo lookup 200 pref 50
ip rule add to 1.2.3.4 prohibit
ip rule add not oif d0 lookup main suppress_prefixlength 0
ip rule add pref 77 from 192.0.2.0/24 fwmark 7 lookup 1000
ip rule add pref 77 from 192.0.2.0/24 fwmark 7 lookup 1000
ip -6 rule add from fd00::/8 blackhole pref 7
ip -d rule; ip -6 rule
ip rule del pref 999; ip rule del from 10.0.0.0/8; ip rule del fwmark 0x10/0xf0 table 200
ip rule
"""
ROUTES = """
ip route add 1.0.0.0/8 dev lo table 100
ip route add 1.0.0.0/8 dev lo table 100
ip route add 1.0.0.0/8 dev lo table 100 metric 5
ip route add 2.0.0.0/8 via 10.99.0.1 2>&1 | wc -l
ip route add 2.0.0.0/8
ip route add blackhole 9.9.9.9 table 100
ip route add unreachable 9.9.9.8 table 100 metric 5
ip route add throw 9.9.9.7 table 100
ip route add prohibit 9.9.9.6
ip route add local 0/0 dev lo table 1000
ip -6 route add blackhole 2001:db8::/32 table 100
ip route show table 100; ip -6 route show table 100; ip route show table 1000; ip route; ip route show table 77 2>&1 | tail -1
ip route get 9.9.9.6; ip route get 5.5.5.5
ip route replace blackhole 1.0.0.0/8 table 100; ip route change prohibit 3.0.0.0/8 table 100
ip route del 5.5.5.5 table 100; ip route del 9.9.9.9 table 100
ip route show table 100
ip rule add to 7.7.7.7 unreachable; ip route get 7.7.7.7
ip rule add to 8.8.8.8 table 1000; ip route get 8.8.8.8 | head -1 | cut -d' ' -f1,2
"""


@pytest.mark.parametrize("script", [RULES, ROUTES], ids=["rules", "routes"])
def test_as_iproute2_does_natively(script: str, tmp_path: Path) -> None:
    words = ["/bin/sh", "-c", f"exec 2>&1; ip link set lo up; {script}"]
    native = subprocess.run(["unshare", "-n", *words], capture_output=True, text=True, check=False).stdout
    assert runsc("spec", "--bundle", str(tmp_path), *words).status == 0
    sets = {kind: ["CAP_NET_ADMIN"] for kind in ("bounding", "effective", "permitted")}
    change(tmp_path, root={"path": "/", "readonly": True}, process__capabilities=sets)
    assert runsc("--network=none", "run", "--bundle", str(tmp_path), "routes").out == native
