"""linux.devices: nodes of devices that the sandbox's kernel has, in the container's /dev."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.containers import Shim
from tests.e2e.test_pod import KIND, SANDBOX

pytestmark = needs_busybox
DEVICES: list[dict[str, Any]] = [
    {"path": "/dev/far/nothing", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8},
    {"path": "/dev/full", "type": "c", "major": 1, "minor": 5, "fileMode": 0o20600},
]
SCRIPT = "stat -c '%F %t:%T %a %u:%g' /dev/far/nothing /dev/full; head -c 2 /dev/full | od -An -tx1; echo > /dev/full"
EXPECTED = ["character special file 1:3 640 7:8", "character special file 1:5 600 0:0", " 00 00"]


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def test_they_are_made_in_each_container(shim: Shim) -> None:
    for name, notes in (("pod", {KIND: "sandbox"}), ("second", {KIND: "container", SANDBOX: "pod"})):
        script = SCRIPT + "; sleep 1000" if name == "pod" else SCRIPT
        shim.start(name, "/bin/sh", "-c", script, annotations=notes, linux__devices=DEVICES)
        shim.says(name, EXPECTED[-1])
        assert shim.out(name).read_text().splitlines() == EXPECTED


def test_tun_makes_interfaces(shim: Shim) -> None:
    device = {"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200}
    script = "stat -c %t:%T /dev/net/tun; tunctl -t x0; ifconfig x0 10.1.1.1 netmask 255.255.255.0 up && ifconfig x0 | grep -c 10.1.1.1"
    given = ["CAP_NET_ADMIN"]
    capabilities = {"bounding": given, "effective": given, "permitted": given}
    shim.start("c", "/bin/sh", "-c", script, linux__devices=[device], process__capabilities=capabilities)
    shim.says("c", "x0\n1\n")
    assert shim.out("c").read_text().startswith("a:c8\n")


@pytest.mark.parametrize(
    ("path", "says"),
    [("/dev/shm", "there is a directory or a mount of that name"), ("/dev/null/x", "needs a tmpfs at /dev (mounts)")],
)
def test_where_none_can_be_made(shim: Shim, path: str, says: str) -> None:
    shim.create("c", "/bin/true")
    assert shim.call("delete", "--force", "c").status == 0
    change(shim.bundle, linux__devices=[{**DEVICES[0], "path": path}])
    result = shim.call("create", "--bundle", str(shim.bundle), "c")
    assert (result.status, result.err) == (1, f"runsc: device {path}: {says}\n")
    assert shim.last_error() == f"device {path}: {says}"
    assert shim.call("state", "c").status == 1
