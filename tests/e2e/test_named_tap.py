"""`--tap NAME`: a device that is made, or one that was prepared, and what can be wrong with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, Result
from tests.e2e.test_own_address import Lan, ip

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun"), reason="needs root and /dev/net/tun"
)
OWNER = 4321
PING = "ip -br addr; ping -c 1 -W 5 10.0.2.1; ping -c 1 -W 5 fd53:7461:636b::1"


@pytest.fixture
def lan() -> Iterator[Lan]:
    made = Lan("tap")
    try:
        yield made
    finally:
        made.close()


def prepare(lan: Lan, name: str = "tap7", kind: str = "tap", *more: str) -> None:
    ip("-n", lan.near, "tuntap", "add", name, "mode", kind, *more)
    ip("-n", lan.near, "addr", "add", "10.0.2.1/24", "dev", name)
    ip("-n", lan.near, "addr", "add", "fd53:7461:636b::1/64", "dev", name, "nodad")
    ip("-n", lan.near, "link", "set", name, "mtu", "1400", "up")


def do(lan: Lan, name: str, *words: str, uid: int = 0) -> Result:
    argv = lan.argv(*words)
    argv.insert(argv.index("do"), f"--tap={name}")
    if uid:
        argv[4:4] = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        argv = mounted_for_all(argv)
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S)
    return Result(done.returncode, done.stdout, done.stderr)


def refused(result: Result, why: str) -> None:
    assert result.status == 125 and result.out == "" and result.err.count("\n") == 1 and why in result.err, result


def test_a_name_for_the_one_that_is_made(lan: Lan) -> None:
    running = lan.serve([*lan.argv("--tap=mine", "/bin/sh", "-c", "echo ready; exec sleep 1000")], "ready")
    assert "10.0.2.1/24" in ip("-n", lan.near, "addr", "show", "dev", "mine")
    refused(do(lan, "other", "/bin/true"), "10.0.2.0/24 is in use")
    refused(do(lan, "mine", "/bin/true"), "--tap mine: the device is in use by another program")
    running.kill()
    running.wait(BOUND_S)
    again = do(lan, "mine", "/bin/sh", "-c", PING)
    assert again.status == 0, again
    assert "mine" not in ip("-n", lan.near, "link")


def test_a_prepared_one_is_used_as_it_is(lan: Lan) -> None:
    prepare(lan)
    before = ip("-n", lan.near, "-br", "addr", "show", "dev", "tap7")
    for _ in range(2):
        result = do(lan, "tap7", "/bin/sh", "-c", f"{PING}; cat /sys/class/net/eth0/mtu")
        assert result.status == 0 and result.out.count(" 0% packet loss") == 2, result
        assert "10.0.2.15/24" in result.out and "fd53:7461:636b::15/64" in result.out, result
        assert result.out.endswith("\n1400\n"), result
    after = ip("-n", lan.near, "-br", "addr", "show", "dev", "tap7")
    assert [a for a in after.split()[2:] if not a.startswith("fe80")] == before.split()[2:]


def mounted_for_all(argv: list[str]) -> list[str]:
    """With a /dev/net/tun that everybody may open, as udev makes it, in a mount namespace of its own."""
    node = "mknod /run/tun c 10 200 && chmod 666 /run/tun && mount --bind /run/tun /dev/net/tun"
    return [*argv[:4], "sh", "-c", f'mount -t tmpfs none /run && {node} && exec "$@"', "sh", *argv[4:]]


def reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & 1 for parent in path.parents)


@pytest.mark.skipif(not reachable(ROOT / "x"), reason="another user cannot read this checkout")
@pytest.mark.parametrize(("uid", "works"), [(OWNER, True), (OWNER + 1, False)])
def test_it_belongs_to_its_user(lan: Lan, uid: int, works: bool) -> None:
    prepare(lan, "tap7", "tap", "user", str(OWNER))
    result = do(lan, "tap7", "/bin/sh", "-c", PING, uid=uid)
    if works:
        assert result.status == 0 and result.out.count(" 0% packet loss") == 2, result
    else:
        refused(result, "--tap tap7: no permission: the device belongs to somebody else")


def test_what_cannot_be_used(lan: Lan) -> None:
    refused(do(lan, "lo", "/bin/true"), "--tap lo: this is not a tap device but one of the kind another")
    ip("-n", lan.near, "link", "add", "pair", "type", "veth", "peer", "name", "pear")
    refused(do(lan, "pair", "/bin/true"), "--tap pair: this is not a tap device but one of the kind veth")
    prepare(lan, "tun3", "tun")
    refused(do(lan, "tun3", "/bin/true"), "--tap tun3: this is not a tap device but one of the kind tun")
    ip("-n", lan.near, "link", "del", "tun3")
    prepare(lan)
    ip("-n", lan.near, "link", "set", "tap7", "down")
    refused(do(lan, "tap7", "/bin/true"), "--tap tap7: the device is down; ip link set tap7 up")


def test_no_such_device_and_no_right_to_make_one(lan: Lan) -> None:
    argv = lan.argv("--tap=tap7", "/bin/true")
    argv[4:4] = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S)
    refused(
        Result(done.returncode, done.stdout, done.stderr),
        "--tap tap7: no such device, and no permission to make it (CAP_NET_ADMIN)",
    )
