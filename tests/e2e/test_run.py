"""OCI bundles through the binary."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, Running, runsc
from tools import netns


def run(bundle: Path, script: str = "", name: str = "", flags: tuple[str, ...] = ()) -> Any:
    if script:
        change(bundle, process__args=["/bin/sh", "-c", script])
    return runsc("--root", str(bundle / "state"), *flags, "run", "--bundle", str(bundle), name or "test-container")


@needs_busybox
def test_what_the_default_bundle_gives(bundle: Path) -> None:
    result = run(bundle, "id -u; hostname; ulimit -n; pwd; touch /x; echo $?; cat /proc/mounts | wc -l; exit 9")
    assert result.status == 9, result
    assert result.out.split() == ["0", "runsc", "1024", "/", "1", "7"], result
    assert "Read-only file system" in result.err
    assert not (bundle / "state" / "test-container").exists()


@needs_busybox
def test_with_an_overlay_writes_do_not_reach_the_root_directory(bundle: Path) -> None:
    change(bundle, root__readonly=False)
    before = sorted(path.name for path in (bundle / "rootfs").iterdir())
    result = run(bundle, "echo x > /new && rm /bin/ls && test ! -e /bin/ls", flags=("--overlay",))
    assert result.status == 0, result
    assert sorted(path.name for path in (bundle / "rootfs").iterdir()) == before
    assert (bundle / "rootfs" / "bin" / "ls").is_symlink()


@needs_busybox
def test_writes_reach_the_root_directory(bundle: Path) -> None:
    """As with any other runtime: what a container leaves can be copied and committed."""
    change(bundle, root__readonly=False)
    names = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"]
    change(bundle, process__capabilities=dict.fromkeys(("bounding", "effective", "permitted"), names))
    script = "echo x > /new && mkdir -m 700 /made && ln -s new /made/link && chown 7:8 /new && rm /bin/ls"
    result = run(bundle, script)
    assert result.status == 0, result
    root = bundle / "rootfs"
    assert (root / "new").read_text() == "x\n" and (root / "new").stat().st_uid == 7
    assert (root / "made" / "link").readlink() == Path("new") and (root / "made").stat().st_mode & 0o777 == 0o700
    assert not (root / "bin" / "ls").is_symlink()


@needs_busybox
def test_user_cwd_env_umask_and_groups(bundle: Path) -> None:
    change(
        bundle,
        process__user={"uid": 7, "gid": 8, "additionalGids": [9], "umask": 0o77},
        process__cwd="/tmp",
        process__env=["A=b c", "PATH=/bin"],
    )
    result = run(bundle, "id -u; id -g; id -G; umask; pwd; echo $A; touch f; ls -l f | cut -c 1-10")
    assert result.out.splitlines() == ["7", "8", "8 9", "0077", "/tmp", "b c", "-rw-------"], result


@needs_busybox
def test_mounts(bundle: Path) -> None:
    (bundle / "shared").mkdir()
    (bundle / "shared" / "in").write_text("in\n")
    document = json.loads((bundle / "config.json").read_text())
    document["mounts"] += [
        {"destination": "/rw", "type": "bind", "source": "shared", "options": ["rbind", "rw"]},
        {"destination": "/ro", "type": "bind", "source": str(bundle / "shared"), "options": ["bind", "ro"]},
        {"destination": "/small", "type": "tmpfs", "source": "x", "options": ["size=16k", "mode=700"]},
    ]
    document["linux"]["maskedPaths"] = ["/hidden", "/masked", "/nowhere"]
    (bundle / "rootfs" / "hidden").write_text("x")
    (bundle / "rootfs" / "masked").mkdir()
    (bundle / "rootfs" / "masked" / "secret").write_text("x")
    document["linux"]["readonlyPaths"] = ["/proc/sys", "/rw/in", "/nowhere"]
    (bundle / "config.json").write_text(json.dumps(document))
    script = (
        "cat /ro/in; echo out > /rw/out; echo x > /ro/no; ls -ld /small | cut -c 1-10; ls -A /masked; cat /hidden;"
        "echo x > /hidden; echo x > /rw/in || echo refused; touch /masked/x || echo refused;"
        "echo 1 > /proc/sys/kernel/msgmax || echo refused"
    )
    result = run(bundle, script)
    assert result.out.splitlines() == ["in", "drwx------", "refused", "refused", "refused"], result
    assert (bundle / "shared" / "out").read_text() == "out\n" and not (bundle / "shared" / "no").exists()


@needs_busybox
def test_a_mount_over_something_of_another_kind(bundle: Path) -> None:
    (bundle / "rootfs" / "etc").mkdir(exist_ok=True)
    (bundle / "rootfs" / "etc" / "passwd").write_text("")
    before = json.loads((bundle / "config.json").read_text())["mounts"]
    for destination, kind, source in (
        ("/etc/passwd", "bind", "rootfs"),
        ("/etc", "bind", "config.json"),
        ("/etc/passwd", "tmpfs", "tmpfs"),
    ):
        options = ["bind"] if kind == "bind" else []
        mount = {"destination": destination, "type": kind, "source": source, "options": options}
        change(bundle, mounts=[*before, mount])
        result = run(bundle, "exit 0")
        assert result.status == 1 and result.err.count("\n") == 1, result
        assert f"mount {destination}: a " in result.err and "cannot be mounted over a " in result.err, result


@needs_busybox
@pytest.mark.parametrize(("signal", "status"), [("KILL", 137), ("TERM", 143)])
def test_status_of_a_signal(bundle: Path, signal: str, status: int) -> None:
    result = run(bundle, f"sh -c 'kill -{signal} $$'; exit $?")
    assert result.status == status, result


def test_a_program_that_is_not_there(bundle: Path) -> None:
    change(bundle, process__args=["/bin/nothing"])
    result = run(bundle)
    assert result.status == 1 and "/bin/nothing" in result.err and result.err.count("\n") == 1, result


def test_every_problem_is_a_line(bundle: Path) -> None:
    change(bundle, process__cwd="x", process__args=[], hostname=3)
    result = run(bundle)
    assert result.status == 1
    paths = [line.split(": ")[2] for line in result.err.splitlines()]
    assert paths == ["hostname", "process.args", "process.cwd"], result


def test_terminal_without_a_terminal(bundle: Path) -> None:
    change(bundle, process__terminal=True)
    result = run(bundle)
    assert result.status == 1 and "stdin is not a terminal" in result.err, result


@needs_busybox
def test_an_id_in_use(bundle: Path, start: type[Running]) -> None:
    change(bundle, process__args=["/bin/sh", "-c", "echo ready; exec sleep 1000"])
    root = str(bundle / "state")
    running = start("--root", root, "run", "--bundle", str(bundle), "same")
    assert running.first_line == "ready\n"
    result = runsc("--root", root, "run", "--bundle", str(bundle), "same")
    assert result.status == 1 and "container with id exists: same" in result.err, result
    os.kill(running.process.pid, 9)
    running.wait_until_gone()
    change(bundle, process__args=["/bin/sh", "-c", "exit 4"])
    assert runsc("--root", root, "list", "-q").out == "same\n"
    assert runsc("--root", root, "run", "--bundle", str(bundle), "same").status == 1
    assert runsc("--root", root, "delete", "same").status == 0
    assert runsc("--root", root, "run", "--bundle", str(bundle), "same").status == 4


# Of this process alone: the same test may run in another checkout at the same time.
SUBNET = f"10.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}"


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with a veth to this one: address 1 of the subnet here, 2 there."""
    name = netns.add()
    link = f"sbv{os.getpid()}"[:15]
    steps = [
        f"link add {link} type veth peer name eth0 netns {name}",
        f"addr add {SUBNET}.1/24 dev {link}",
        f"link set {link} up",
        f"-n {name} addr add {SUBNET}.2/24 dev eth0",
        f"-n {name} link set eth0 up",
        f"-n {name} route add default via {SUBNET}.1",
    ]
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True)
        yield f"/run/netns/{name}"
    finally:
        subprocess.run(["ip", "link", "del", link], check=False, stderr=subprocess.DEVNULL)
        netns.remove(name)


@needs_busybox
@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_a_given_network_namespace_is_taken_over(bundle: Path, namespace: str) -> None:
    document = json.loads((bundle / "config.json").read_text())
    for one in document["linux"]["namespaces"]:
        if one["type"] == "network":
            one["path"] = namespace
    (bundle / "config.json").write_text(json.dumps(document))
    with socket.create_server((f"{SUBNET}.1", 0)) as server:
        server.settimeout(BOUND_S)
        port = server.getsockname()[1]

        def answer() -> None:
            peer, address = server.accept()
            peer.sendall(address[0].encode() + b"\n")
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        result = run(bundle, f"busybox nc -w 10 {SUBNET}.1 {port}; busybox ip route")
        thread.join()
    assert result.out.splitlines()[0] == f"{SUBNET}.2", result
    assert f"default via {SUBNET}.1 dev eth0" in result.out
