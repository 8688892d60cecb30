"""What goes wrong when a container is made: one line, the last one of the log too, status 1, and nothing left."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command, runsc
from tests.e2e.containers import Shim, talk

pytestmark = needs_busybox


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def fails(shim: Shim, *flags: str) -> str:
    """The line."""
    result = shim.call("create", "--bundle", str(shim.bundle), *flags, "c")
    assert result.status == 1 and result.err.count("\n") == 1 and not result.out, result
    assert result.err == f"runsc: {shim.last_error()}\n"
    assert not shim.root.exists() or os.listdir(shim.root) == []
    return shim.last_error()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"process__args": ["nothing"]}, 'exec: "nothing": executable file not found in $PATH'),
        ({"process__args": ["sh"], "process__env": ["A=b"]}, 'exec: "sh": executable file not found in $PATH'),
        ({"process__args": ["passwd"], "process__env": ["PATH=/etc:/"]}, 'exec: "passwd": executable file not found'),
        (
            {"process__args": ["sh"], "process__env": ["PATH=:/bin"], "process__cwd": "/bin"},
            'exec: "sh": cannot run executable found relative to current directory',
        ),
        ({"process__args": ["/bin/nothing"]}, "/bin/nothing: no such file or directory"),
        ({"process__args": ["/tmp"]}, 'exec: "/tmp": permission denied'),
        (
            {"process__cwd": "/bin/busybox/x"},
            'chdir to cwd ("/bin/busybox/x") set in config.json failed: not a directory',
        ),
        ({"process__terminal": True}, "--console-socket is needed"),
        ({"linux__sysctl": {"kernel.nothing": "1"}}, "linux.sysctl.kernel.nothing: there is no such setting"),
        ({"linux__sysctl": {"kernel.msgmax": "x"}}, "linux.sysctl.kernel.msgmax: cannot be set to 'x'"),
        (
            {"linux__sysctl": {"net.ipv4.tcp_available_congestion_control": "1"}},
            "linux.sysctl.net.ipv4.tcp_available_congestion_control: cannot be changed to '1'",
        ),
        ({"mounts": [{"destination": "/bin/busybox/x", "type": "tmpfs"}]}, "mount /bin/busybox/x: Not a directory"),
    ],
)
def test_config(shim: Shim, parts: dict[str, Any], words: str) -> None:
    change(shim.bundle, **parts)
    assert words in fails(shim)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="root without a capability")
def test_a_score_that_the_host_does_not_give(shim: Shim) -> None:
    """Less than one's own needs CAP_SYS_RESOURCE (proc_pid_oom_score_adj(5)), which nobody can have here."""
    change(shim.bundle, process__oomScoreAdj=-900)
    words = ["create", "--bundle", str(shim.bundle), "c"]
    without = ["setpriv", "--bounding-set", "-sys_resource", *command(), "--root", str(shim.root), *words]
    done = subprocess.run(
        without, capture_output=True, text=True, timeout=BOUND_S, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stderr == "runsc: process.oomScoreAdj: -900 for the sandbox's process: permission denied\n", done
    assert done.returncode == 1 and (not shim.root.exists() or os.listdir(shim.root) == [])


@pytest.mark.parametrize("text", ["", "{", '{"ociVersion": "1.0.2', "[]", "null", "[" * 100_000, "\0\1", "nul"])
def test_what_is_no_config(shim: Shim, text: str) -> None:
    (shim.bundle / "config.json").write_text(text)
    assert "config.json: " in fails(shim)


def test_a_config_that_is_no_file(shim: Shim) -> None:
    (shim.bundle / "config.json").unlink()
    assert "config.json: No such file or directory" in fails(shim)
    os.mkfifo(shim.bundle / "config.json")
    assert "config.json: not a file" in fails(shim)


def test_a_root_for_another_machine(shim: Shim) -> None:
    program = shim.bundle / "rootfs" / "bin" / "alien"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(100))
    program.chmod(0o755)
    change(shim.bundle, process__args=["alien"])
    assert "alien: Exec format error" in fails(shim)


def test_files_that_cannot_be_written(shim: Shim) -> None:
    assert "--pid-file /nowhere/pid: No such file or directory" in fails(shim, "--pid-file", "/nowhere/pid")


def test_a_log_that_is_full(shim: Shim) -> None:
    """The container comes to be all the same, and so does the line of a failure."""
    words = ["--root", str(shim.root), "--log", "/dev/full", "--log-format", "json"]
    change(shim.bundle, process__apparmorProfile="some")  # there is a line to write
    done = runsc(*words, "run", "--bundle", str(shim.bundle), "c")
    assert (done.status, done.err) == (0, "runsc: --log /dev/full: No space left on device\n")
    done = runsc(*words, "run", "--bundle", str(shim.bundle), "--pid-file", "/nowhere/p", "c")
    assert done.status == 1 and "runsc: --pid-file /nowhere/p: No such file" in done.err.splitlines()[-1], done


def test_console_sockets(shim: Shim, tmp_path: Path) -> None:
    change(shim.bundle, process__terminal=True)
    assert "--console-socket /nowhere/sock: No such file or directory" in fails(
        shim, "--console-socket", "/nowhere/sock"
    )
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(path))  # nobody listens
        assert "Connection refused" in fails(shim, "--console-socket", str(path))
    path.unlink()
    path.write_text("")
    assert "Connection refused" in fails(shim, "--console-socket", str(path))


def test_sysctls_that_hold(shim: Shim) -> None:
    settings = {
        "kernel.msgmax": "4096",
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "7 9",
    }
    script = "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start; timeout 1 nc -l -p 7; echo $?; ping -c 1 127.0.0.1 2>&1"
    pid = shim.start("c", "/bin/sh", "-c", script, linux__sysctl=settings, process__user={"uid": 5, "gid": 5})
    shim.reap(pid)
    assert shim.out("c").read_text().split()[:2] == ["4096", "0"]
    # Port 7 is anybody's, and pings are for others: the raw socket is refused after the other one.
    said = shim.out("c").read_text().split("ping:")
    assert "ermission" not in said[0] and len(said) == 2


def test_the_log_says_what_is_not_applied(shim: Shim) -> None:
    change(shim.bundle, process__apparmorProfile="docker-default", linux__mountLabel="label")
    pid = shim.start("c", "/bin/true")
    shim.reap(pid)
    lines = [json.loads(line) for line in shim.log.read_text().splitlines()]
    warned = [line["msg"].split()[0] for line in lines if line["level"] == "warning"]
    assert warned == ["process.apparmorProfile", "linux.mountLabel"]
    listed = json.loads(shim.call("features").out)["annotations"]["io.stackbox.runsc.not-applied"].split(",")
    assert set(warned) <= set(listed)


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_the_callers_own_terminal(shim: Shim, verb: str) -> None:
    script = "tty; echo ready; read x; echo got $x; exit 6"
    argv = command("--root", str(shim.root))
    if verb == "run":
        change(shim.bundle, process__terminal=True, process__args=["/bin/sh", "-c", script])
        argv += ["run", "--bundle", str(shim.bundle), "c"]
    else:
        shim.start("c", "/bin/sh", "-c", "sleep 1000")
        argv += ["exec", "--tty", "c", "/bin/sh", "-c", script]
    out, status = talk(argv, b"ready", b"word\n")
    assert b"/dev/pts/0\r\nready" in out and b"got word" in out and status == 6, out


FULL = """
at=$1; shift; mount --make-rprivate / && mount -t tmpfs -o size=64k none $at || exit 9
full() { dd if=/dev/zero of=$at/fill bs=1k count=100 2>/dev/null; }
full; "$@" create --pid-file $at/pid c >/dev/null; echo $? $(ls $at | tr '\n' ' '); rm $at/fill
"$@" --root $at/state create c </dev/null >/dev/null 2>&1; echo $?; full
for words in "start c" "pause c" "resume c" "kill c KILL" "wait c"; do "$@" --root $at/state $words >/dev/null; echo $words $?; done
"$@" --root $at/state delete c; echo $? $(ls $at/state)
"$@" --root $at/state create d; echo $? $(ls $at/state)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts in a namespace of its own")
def test_a_full_disk(shim: Shim, tmp_path: Path) -> None:
    """Under the state and under a pid file: what runs is told to run, and all of it is removed."""
    at = tmp_path / "disk"
    at.mkdir()
    change(shim.bundle, process__args=["/bin/sh", "-c", "exec sleep 1000"])
    words = [*command(), "--root", str(shim.root)]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL, "sh", str(at), *words],
        cwd=shim.bundle, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=BOUND_S,
    )  # fmt: skip
    lines = ["1 fill", "0", "start c 0", "pause c 0", "resume c 0", "kill c KILL 0", "wait c 0", "0", "1"]
    assert done.stdout.splitlines() == lines, done
    assert done.stderr.count("No space left on device") == 2, done
