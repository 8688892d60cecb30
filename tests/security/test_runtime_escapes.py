"""Escapes that runtimes of containers were open to, each by its name: roots, mounts and settings made to lead out of the
container. Here everything is resolved inside; the host's path of a thing is never used after `create` has opened it."""

from __future__ import annotations

import ctypes
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from runsc.spec.types import CAPABILITIES
from tests.e2e.bundles import change, needs_busybox
from tests.e2e.containers import Shim

pytestmark = needs_busybox
EVERYTHING = {name: list(CAPABILITIES) for name in ("bounding", "effective", "inheritable", "permitted")}


def run(shim: Shim, script: str, mounts: list[dict[str, Any]] | None = None, **parts: Any) -> str:
    """What a container prints, errors too; it must end by itself."""
    if mounts:
        document = json.loads((shim.bundle / "config.json").read_text())
        change(shim.bundle, mounts=document["mounts"] + mounts)
    pid = shim.start("c", "/bin/sh", "-c", f"{script}; exit 0", **parts)
    assert shim.reap(pid) == 0
    return shim.out("c").read_text()


@pytest.mark.parametrize("link", ["absolute", "climbing"])
def test_cve_2019_19921_mount_point_behind_a_link(shim: Shim, outside: Path, link: str) -> None:
    """The link leads to the same path inside."""
    target = str(outside) if link == "absolute" else "../" * 20 + str(outside).lstrip("/")
    (shim.bundle / "rootfs" / "trap").symlink_to(target)
    mount = {"destination": "/trap/new", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}
    out = run(shim, f"touch /trap/new/file && ls {outside}; cat /trap/secret", [mount])
    assert out.splitlines()[0] == "new" and "secret\n" not in out.replace("/secret", ""), out
    assert sorted(os.listdir(outside)) == ["secret"]


def test_cve_2021_30465_and_2023_27561_bind_over_a_link(shim: Shim, outside: Path) -> None:
    """The target of a mount is replaced by a link."""
    (shim.bundle / "given").write_text("given\n")
    (shim.bundle / "rootfs" / "etc").mkdir()
    (shim.bundle / "rootfs" / "etc" / "hosts").symlink_to(outside / "secret")
    mount = {"destination": "/etc/hosts", "type": "bind", "source": str(shim.bundle / "given"), "options": ["rbind"]}
    assert run(shim, "cat /etc/hosts; echo changed > /etc/hosts", [mount]) == "given\n"
    assert (outside / "secret").read_text() == "secret\n"
    assert (shim.bundle / "given").read_text() == "changed\n"


def test_cve_2024_21626_working_directory_that_is_a_descriptor(shim: Shim) -> None:
    """No descriptor of the host is there to stand in."""
    for number in range(3, 20):
        change(shim.bundle, process__cwd=f"/proc/self/fd/{number}", process__args=["/bin/sh", "-c", "pwd; ls ../../.."])
        result = shim.call("create", "--bundle", str(shim.bundle), "c")
        assert result.status == 1 and f'chdir to cwd ("/proc/self/fd/{number}")' in result.err, result


def test_cve_2019_5736_the_runtimes_own_file(shim: Shim) -> None:
    """/proc/self/exe of the first process and of `exec` is the container's program."""
    out = run(shim, "readlink /proc/self/exe; readlink /proc/1/exe; ls -l /proc/1/fd | grep -c host")
    assert out.splitlines()[:2] == ["/bin/busybox", "/bin/busybox"], out
    assert (shim.bundle / "rootfs" / "bin" / "busybox").exists()


def test_cve_2019_16884_and_2023_28642_proc_behind_a_link(shim: Shim) -> None:
    """There may be no link at /proc; masked paths hold although one is on the way."""
    (shim.bundle / "rootfs" / "real").mkdir()
    (shim.bundle / "rootfs" / "proc").symlink_to("real")
    result = shim.call("create", "--bundle", str(shim.bundle), "c")
    assert result.status == 1 and 'filesystem "proc" must be mounted on ordinary directory' in result.err, result
    (shim.bundle / "rootfs" / "proc").unlink()
    (shim.bundle / "rootfs" / "way").symlink_to("real")
    out = run(
        shim,
        "cat /way/p/version | wc -c; cat /real/p/version | wc -c; echo 1 > /real/p/sys/kernel/msgmax || echo refused",
        [{"destination": "/way/p", "type": "proc", "source": "proc"}],
        linux__maskedPaths=["/way/p/version"],
        linux__readonlyPaths=["/way/p/sys"],
    )
    assert "0\n0\n" in out and out.endswith("refused\n"), out


def test_masks_over_links_out_of_the_root(shim: Shim, outside: Path) -> None:
    (shim.bundle / "rootfs" / "trap").symlink_to(outside)
    run(shim, "true", linux__maskedPaths=["/trap", "/trap/secret"], linux__readonlyPaths=["/trap"])
    assert (outside / "secret").read_text() == "secret\n"
    (outside / "new").write_text("still mine to write\n")


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


def test_cve_2016_9962_a_process_that_enters(shim: Shim) -> None:
    """Whoever is inside already looks at every process that `exec` brings: it never has a descriptor of the host's, nor the
    runtime as its program."""
    look = "while [ ! -e /stop ]; do for p in /proc/[0-9]*; do ls -l $p/exe $p/cwd $p/root $p/fd/*; done; done"
    shim.start("c", "/bin/sh", "-c", f"{look} >/seen 2>/dev/null")
    for _ in range(5):
        assert shim.call("exec", "c", "/bin/true").status == 0
    (shim.bundle / "rootfs" / "stop").touch()
    shim.reap(shim.sentries[0])
    lines = (shim.bundle / "rootfs" / "seen").read_text().splitlines()
    seen = {line.partition(" -> ")[2] for line in lines if " -> " in line}
    known = {"/", "/bin/busybox", "/dev/null", "/seen"}
    strange = {line for line in seen if line not in known and not line.startswith(("pipe:[", "/proc/", "host:["))}
    assert "/bin/busybox" in seen and not strange, strange


def test_cve_2016_3697_a_user_that_is_named_like_a_number(shim: Shim) -> None:
    """A line of the image's passwd that calls root 1000 makes nobody root."""
    (shim.bundle / "rootfs" / "etc").mkdir()
    (shim.bundle / "rootfs" / "etc" / "passwd").write_text("1000:x:0:0::/root:/bin/sh\n")
    user = {"uid": 1000, "gid": 1000}
    shim.start("c", "/bin/sh", "-c", "id -u; sleep 1000", process__user=user)
    shim.says("c", "1000\n")
    assert shim.call("exec", "--user", "1000", "c", "/bin/id", "-u").out == "1000\n"


def test_cve_2016_8867_and_2022_24769_capabilities_of_an_ordinary_user(shim: Shim) -> None:
    """None is effective, inheritable or ambient unless the configuration says so in that very set."""
    names = ["CAP_CHOWN", "CAP_NET_RAW"]
    bits = f"{1 << 0 | 1 << 13:016x}"
    script = "grep Cap /proc/self/status | cut -f2"
    given = {"bounding": names, "permitted": names, "effective": names}
    out = run(shim, script, process__user={"uid": 7, "gid": 7}, process__capabilities=given)
    zero = "0" * 16
    assert out.split() == [zero, zero, zero, bits, zero]


def test_cve_2022_29162_exec_and_inheritable_capabilities(shim: Shim) -> None:
    """What root is given beside its own is not inheritable; capabilities(7)."""
    shim.start("c", "/bin/sh", "-c", "echo ready; sleep 1000", process__capabilities={})
    words = ["/bin/sh", "-c", "grep CapInh /proc/self/status | cut -f2"]
    assert shim.call("exec", "--cap", "CAP_SYS_TIME", "c", *words).out.split() == ["0" * 16]


@pytest.mark.parametrize("length", [1 << 12, 1 << 16, 1 << 20])
def test_cve_2021_43784_a_long_path_of_a_namespace(shim: Shim, length: int) -> None:
    """What is too long for a message between the runtime's processes is one line, and no other setting is changed by it."""
    spaces = [{"type": "pid"}, {"type": "mount"}, {"type": "network", "path": "/" + "x" * length}]
    change(shim.bundle, linux__namespaces=spaces, hostname="")
    result = shim.call("create", "--bundle", str(shim.bundle), "c")
    assert result.status == 1 and len(result.err.splitlines()) == 1, result


def test_cve_2023_25809_control_groups_of_the_host(shim: Shim) -> None:
    """What is mounted at /sys/fs/cgroup is the sandbox's own: groups made there are not there on the host."""
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}
    out = run(shim, "mkdir /sys/fs/cgroup/made-inside && echo made", [mount], process__capabilities=EVERYTHING)
    assert out == "made\n"
    assert not [path for path in Path("/sys/fs/cgroup").rglob("made-inside")]


@pytest.mark.parametrize("name", ["null", "console"])
def test_cve_2025_31133_and_2025_52565_devices_that_are_links(shim: Shim, outside: Path, name: str) -> None:
    """A root whose /dev/null or /dev/console leads elsewhere: masked paths are masked, and nothing is mounted out there."""
    device = shim.bundle / "rootfs" / "dev" / name
    device.parent.mkdir(exist_ok=True)
    device.symlink_to(outside / "secret")
    document = json.loads((shim.bundle / "config.json").read_text())
    mounts = [mount for mount in document["mounts"] if not mount["destination"].startswith("/dev")]
    out = run(
        shim,
        f"cat /proc/version | wc -c; cat /dev/{name}; echo x > /dev/{name}",
        mounts=mounts,
        linux__maskedPaths=["/proc/version"],
    )
    assert out.startswith("0\n") and "secret\n" not in out, out
    assert (outside / "secret").read_text() == "secret\n"


def test_cve_2025_52881_settings_are_not_written_by_path(shim: Shim, outside: Path) -> None:
    """/proc of the root is a tree of links: sysctls and labels are set in the sandbox's kernel, not in what a path leads to."""
    for path in ("sys/net/ipv4/ip_forward", "self/attr/exec", "thread-self/attr/exec", "sys/kernel/domainname"):
        link = shim.bundle / "rootfs" / "proc" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(outside / "secret")
    document = json.loads((shim.bundle / "config.json").read_text())
    mounts = [mount for mount in document["mounts"] if mount["destination"] != "/proc"]
    settings = {"net.ipv4.ip_forward": "1", "kernel.domainname": "example"}
    run(shim, "true", mounts=mounts, linux__sysctl=settings)
    assert (outside / "secret").read_text() == "secret\n"


def test_cve_2024_45310_mount_points_while_the_volume_changes(shim: Shim, outside: Path) -> None:
    """Somebody exchanges a directory and a link for as long as containers are created: nothing is made where the link leads."""
    volume = shim.bundle / "volume"
    (volume / "real").mkdir(parents=True)
    (volume / "trap").symlink_to(outside)
    stop = threading.Event()
    turns = 0

    def exchange() -> None:
        nonlocal turns
        while not stop.is_set():
            exchange_names(volume / "real", volume / "trap")
            turns += 1

    bind = {"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind"]}
    mounts = json.loads((shim.bundle / "config.json").read_text())["mounts"]
    for name in ("real", "trap"):
        tmpfs = {"destination": f"/v/{name}/new/file", "type": "tmpfs", "source": "tmpfs"}
        mounts += [tmpfs] if name == "trap" else [bind, tmpfs]
    worker = threading.Thread(target=exchange)
    worker.start()
    try:
        for number in range(8):
            change(shim.bundle, mounts=mounts, process__args=["/bin/true"])
            shim.call("run", "--bundle", str(shim.bundle), f"c{number}")
    finally:
        stop.set()
        worker.join()
    assert turns > 100
    assert os.listdir(outside) == ["secret"]


def exchange_names(first: Path, second: Path) -> None:
    """renameat2(2) with RENAME_EXCHANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(-100, os.fsencode(first), -100, os.fsencode(second), 2) == 0


@pytest.mark.parametrize(
    "name", ["net.ipv4.../../kernel/hostname", "../../tmp/x", "net/../kernel/core_pattern", "kernel.core_pattern"]
)
def test_settings_whose_names_climb(shim: Shim, outside: Path, name: str) -> None:
    """A name is one of the sandbox's own settings, or an error."""
    change(shim.bundle, linux__sysctl={name: f"|{outside}/secret"})
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    if name == "kernel.core_pattern":  # there is one inside, which nothing looks at
        shim.create("c", "/bin/cat", "/proc/sys/kernel/core_pattern")
        assert shim.call("start", "c").status == 0
        shim.says("c", f"|{outside}/secret\n")
    else:
        assert shim.call("create", "--bundle", str(shim.bundle), "c").status == 1
    assert Path("/proc/sys/kernel/core_pattern").read_text() == before
    assert sorted(os.listdir(outside)) == ["secret"] and (outside / "secret").read_text() == "secret\n"


@pytest.mark.parametrize(
    "path", ["/proc/self/fd/3", "/proc/self/fd/7/../../..", "/proc/1/fd/4", "/proc/1/cwd/../..", "/proc/1/root"]
)
def test_exec_in_a_directory_by_proc(shim: Shim, outside: Path, path: str) -> None:
    """CVE-2024-21626, of `exec`, which looks the directory up with root's rights inside: nothing of the host is there."""
    shim.start("c", "/bin/sh", "-c", "echo ready; exec sleep 1000")
    shim.says("c", "ready")
    words = ("exec", "--cwd", path, "--user", "1000", "c", "/bin/sh", "-c", f"cat ./{'../' * 20}{outside}/secret")
    result = shim.call(*words)
    assert result.status != 0 and "secret\n" not in result.out.replace("/secret", ""), result
