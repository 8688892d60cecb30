"""Roots and mounts made to lead out of the sandbox: everything is resolved inside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.containers import Shim

pytestmark = needs_busybox


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    change(bundle, root__readonly=False)
    yield shim
    shim.close()


def run(shim: Shim, script: str, mounts: list[dict[str, Any]] | None = None, **parts: Any) -> str:
    """What a container prints, errors too; it must end by itself."""
    if mounts:
        document = json.loads((shim.bundle / "config.json").read_text())
        change(shim.bundle, mounts=document["mounts"] + mounts)
    pid = shim.start("c", "/bin/sh", "-c", f"{script}; exit 0", **parts)
    assert shim.reap(pid) == 0
    return shim.out("c").read_text()


def outside(shim: Shim) -> Path:
    """A directory of the host beside the root."""
    place = shim.bundle / "outside"
    place.mkdir()
    (place / "secret").write_text("secret\n")
    return place


@pytest.mark.parametrize("link", ["absolute", "climbing"])
def test_a_mount_point_behind_a_link(shim: Shim, link: str) -> None:
    """CVE-2019-19921 and its kin: the link leads to the same path inside."""
    place = outside(shim)
    target = str(place) if link == "absolute" else "../" * 20 + str(place).lstrip("/")
    (shim.bundle / "rootfs" / "trap").symlink_to(target)
    mount = {"destination": "/trap/new", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}
    out = run(shim, f"touch /trap/new/file && ls {place}; cat /trap/secret", [mount])
    assert out.splitlines()[0] == "new" and "secret\n" not in out.replace("/secret", ""), out
    assert sorted(os.listdir(place)) == ["secret"]


def test_a_bind_over_a_link_to_a_file_of_the_host(shim: Shim) -> None:
    """CVE-2021-30465, CVE-2023-27561: the target of a mount is replaced by a link."""
    place = outside(shim)
    (shim.bundle / "given").write_text("given\n")
    (shim.bundle / "rootfs" / "etc").mkdir()
    (shim.bundle / "rootfs" / "etc" / "hosts").symlink_to(place / "secret")
    mount = {"destination": "/etc/hosts", "type": "bind", "source": str(shim.bundle / "given"), "options": ["rbind"]}
    assert run(shim, "cat /etc/hosts; echo changed > /etc/hosts", [mount]) == "given\n"
    assert (place / "secret").read_text() == "secret\n"
    assert (shim.bundle / "given").read_text() == "changed\n"


def test_a_working_directory_that_is_a_descriptor(shim: Shim) -> None:
    """CVE-2024-21626: no descriptor of the host is there to stand in."""
    for number in range(3, 20):
        change(shim.bundle, process__cwd=f"/proc/self/fd/{number}", process__args=["/bin/sh", "-c", "pwd; ls ../../.."])
        result = shim.call("create", "--bundle", str(shim.bundle), "c")
        assert result.status == 1 and "working directory" in result.err, result


def test_the_runtimes_own_file_is_not_reached(shim: Shim) -> None:
    """CVE-2019-5736: /proc/self/exe of the first process and of `exec` is the container's program."""
    out = run(shim, "readlink /proc/self/exe; readlink /proc/1/exe; ls -l /proc/1/fd | grep -c host")
    assert out.splitlines()[:2] == ["/bin/busybox", "/bin/busybox"], out
    assert (shim.bundle / "rootfs" / "bin" / "busybox").exists()


def test_proc_behind_a_link(shim: Shim) -> None:
    """CVE-2019-16884: masked paths hold although /proc is a link."""
    (shim.bundle / "rootfs" / "real").mkdir()
    (shim.bundle / "rootfs" / "proc").symlink_to("real")
    out = run(
        shim,
        "cat /proc/version | wc -c; cat /real/version | wc -c; echo 1 > /real/sys/kernel/msgmax || echo refused",
        linux__maskedPaths=["/proc/version"],
        linux__readonlyPaths=["/proc/sys"],
    )
    assert "0\n0\n" in out and out.endswith("refused\n"), out


def test_masks_over_links_out_of_the_root(shim: Shim) -> None:
    place = outside(shim)
    (shim.bundle / "rootfs" / "trap").symlink_to(place)
    run(shim, "true", linux__maskedPaths=["/trap", "/trap/secret"], linux__readonlyPaths=["/trap"])
    assert (place / "secret").read_text() == "secret\n"
    (place / "new").write_text("still mine to write\n")


def test_devices_and_fifos_of_the_root(shim: Shim) -> None:
    """A device node leads to the sandbox's own devices or nowhere; a FIFO nobody reads stops nobody."""
    if os.geteuid() != 0:
        pytest.skip("makes device nodes")
    root = shim.bundle / "rootfs"
    os.mknod(root / "disk", 0o666 | 0o060000, os.makedev(254, 0))
    os.mknod(root / "mem", 0o666 | 0o020000, os.makedev(1, 1))
    os.mkfifo(root / "fifo")
    out = run(shim, "cat /disk || echo refused; cat /mem || echo refused; (echo x > /fifo &); cat /fifo")
    assert out.count("refused") == 2 and out.endswith("x\n"), out
