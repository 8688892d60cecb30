"""create, start, state, kill, delete and their kin, driven as containerd's shim drives them."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import signal
import struct
import subprocess
import termios
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import ROOT, command
from tests.e2e.containers import ConsoleSocket, Shim, eventually, read_until

pytestmark = needs_busybox
LOOP = "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 1 & wait $!; done"


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def test_from_create_to_delete(shim: Shim) -> None:
    pid = shim.create("c", "/bin/sh", "-c", "echo out; read x; exit 7", annotations={"a": "b"})
    result = shim.call("state", "c")
    state = json.loads(result.out)
    assert state["id"] == "c" and state["status"] == "created" and state["pid"] == pid
    assert state["bundle"] == str(shim.bundle) and state["annotations"] == {"a": "b"}
    assert shim.out("c").read_text() == ""
    assert json.loads(shim.call("list", "--format", "json").out) == [state]
    assert shim.call("list", "-q").out == "c\n"
    assert shim.call("start", "c").status == 0
    assert shim.reap(pid) == 7  # stdin was /dev/null
    assert shim.out("c").read_text() == "out\n"
    assert shim.status("c") == "stopped"
    assert json.loads(shim.call("wait", "c").out) == {"id": "c", "exitStatus": 7}
    assert shim.call("delete", "c").status == 0
    assert shim.call("state", "c").status == 1 and shim.last_error() == "container does not exist"
    assert shim.call("list", "--format", "json").out == "null\n"


def test_signals_reach_the_process(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    assert shim.call("kill", "c", "SIGTERM").status == 0
    assert shim.reap(pid) == 5
    shim.says("c", "term")
    assert shim.call("kill", "c", "9").status == 1 and shim.last_error() == "container not running"
    assert shim.call("kill", "--all", "c", "KILL").status == 0


def test_a_signal_to_the_host_process_is_one_to_the_container(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    os.kill(pid, signal.SIGTERM)
    assert shim.reap(pid) == 5


@pytest.mark.parametrize("how", ["kill", "host"])
def test_sigkill(shim: Shim, how: str) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    if how == "kill":
        assert shim.call("kill", "c", "KILL").status == 0
        assert shim.reap(pid) == 137
    else:
        os.kill(pid, signal.SIGKILL)
        assert shim.reap(pid) == -9
    assert shim.status("c") == "stopped"
    assert json.loads(shim.call("wait", "c").out)["exitStatus"] == 137
    assert shim.call("delete", "c").status == 0


def test_a_created_container_can_be_killed_and_deleted(shim: Shim) -> None:
    pid = shim.create("c", "/bin/sh", "-c", "echo never")
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == 137
    assert shim.call("delete", "c").status == 0
    shim.create("c", "/bin/sh", "-c", "echo never")
    assert shim.call("delete", "--force", "c").status == 0
    assert shim.out("c").read_text() == ""


def test_moves_that_are_not_legal(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    assert shim.call("start", "c").status == 1 and shim.last_error() == "cannot start an already running container"
    assert shim.call("resume", "c").status == 1 and shim.last_error() == "container not paused"
    assert shim.call("delete", "c").status == 1
    assert shim.last_error() == "cannot delete container c that is not stopped: running"
    assert shim.call("delete", "--force", "c").status == 0
    assert shim.reap(pid) == -9
    assert shim.call("delete", "--force", "c").status == 0  # there is none
    assert shim.call("delete", "c").status == 1 and shim.last_error() == "container does not exist"


def test_what_a_created_and_a_stopped_one_can_do(shim: Shim) -> None:
    """As runc: its process waits, others may run; it can be paused; and of a stopped one there are no processes."""
    pid = shim.create("c", "/bin/sh", "-c", "cat /tmp/there")
    mounts = shim.call("exec", "c", "sh", "-c", "echo made > /tmp/there; ps -o pid,args | grep -c '[c]at /tmp'; exit 4")
    assert (mounts.status, mounts.out) == (4, "1\n") and shim.status("c") == "created"
    assert shim.call("pause", "c").status == 0 and shim.status("c") == "paused"
    assert shim.call("start", "c").status == 1 and shim.last_error() == "cannot start a container in the paused state"
    assert shim.call("checkpoint", "--image-path", str(shim.bundle / "image"), "c").status == 1
    assert "was not started" in shim.last_error()
    assert shim.call("resume", "c").status == 0 and shim.status("c") == "created"
    assert shim.call("start", "c").status == 0 and shim.reap(pid) == 0 and shim.out("c").read_text() == "made\n"
    assert shim.call("exec", "c", "true").status == 255 and shim.last_error() == "cannot exec in a stopped container"
    assert shim.call("events", "--stats", "c").status == 1
    assert shim.last_error() == "container with id c is not running"
    assert shim.call("resume", "c").status == 1 and shim.last_error() == "container not paused"
    assert shim.call("ps", "c").out.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert shim.call("ps", "--format", "json", "c").out == "null\n"


def test_exec_into_a_control_group(shim: Shim) -> None:
    """One below the container's that is there and takes processes."""
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}
    change(shim.bundle, mounts=[{"destination": "/proc", "type": "proc", "source": "proc"}, mount])
    making = "cd /sys/fs/cgroup; mkdir a a/b full full/c; echo +memory > cgroup.subtree_control; echo +memory > full/cgroup.subtree_control"
    shim.start(
        "c",
        "/bin/sh",
        "-c",
        f"mkdir /sys/fs/cgroup/own; echo 0 > /sys/fs/cgroup/own/cgroup.procs; {making}; echo ready; {LOOP}",
    )
    shim.says("c", "ready")
    for path in ("a/b", "/a/b", "./a//b/"):
        done = shim.call("exec", "--cgroup", path, "c", "cat", "/proc/self/cgroup")
        assert done.out == "0::/a/b\n", done
    for path, why in (
        ("no", "No such file"),
        ("full", "Device or resource busy"),
        ("../c", "not below"),
        ("pids:a", "one path"),
    ):
        done = shim.call("exec", "--cgroup", path, "c", "true")
        assert done.status == 255 and why in shim.last_error(), done
    assert shim.call("exec", "c", "cat", "/proc/self/cgroup").out == "0::/\n"


def asks(pid: int) -> bool:
    """It is connected to a Unix socket, the sandbox's."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if int(fd) > 2 and os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                return True
        except FileNotFoundError:  # closed meanwhile
            pass
    return False


def test_exec_in_a_paused_container(shim: Shim) -> None:
    """With --ignore-paused it begins when the container goes on; who gives up before is forgotten."""
    shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    assert shim.call("pause", "c").status == 0
    words = [*command("--root", str(shim.root)), "exec", "--ignore-paused", "c", "/bin/sh", "-c", "exit 7"]
    waiting, leaving = subprocess.Popen(words), subprocess.Popen(words)
    try:
        for process in (waiting, leaving):
            eventually(lambda pid=process.pid: asks(pid), "it does not ask the sandbox")
        leaving.kill()
        assert shim.call("resume", "c").status == 0
        assert waiting.wait(60) == 7
    finally:
        for process in (waiting, leaving):
            process.kill()
            process.wait()


def test_pause_and_resume(shim: Shim) -> None:
    counter = shim.bundle / "rootfs" / "counter"
    change(shim.bundle, root__readonly=False)
    shim.start("c", "/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > /counter; done")
    eventually(counter.exists, "nothing is counted")
    assert shim.call("pause", "c").status == 0
    assert shim.status("c") == "paused"
    before = counter.read_text()
    assert shim.call("exec", "c", "true").status == 255
    assert shim.last_error() == "cannot exec in a paused container (use --ignore-paused to override)"
    assert shim.call("ps", "c").status == 0  # the sandbox answers all the same
    assert counter.read_text() == before
    assert shim.call("resume", "c").status == 0
    assert shim.status("c") == "running"
    eventually(lambda: counter.read_text() not in ("", before), "it does not go on")


def test_killed_while_paused(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sh", "-c", LOOP)
    assert shim.call("pause", "c").status == 0
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == -9


def test_ps_events_and_update(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", LOOP)
    shim.says("c", "ready")
    pids = json.loads(shim.call("ps", "--format", "json", "c").out)
    assert pids and all(os.path.exists(f"/proc/{pid}") for pid in pids)
    table = shim.call("ps", "c").out.splitlines()
    assert table[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert table[1].split()[1:3] == ["1", "0"] and table[1].split()[7:] == ["/bin/sh", "-c", *LOOP.split()]
    assert shim.call("update", "--memory", "64M", "--pids-limit", "7", "c").status == 0
    event = json.loads(shim.call("events", "--stats", "c").out)
    assert event["type"] == "stats" and event["id"] == "c"
    assert event["data"]["memory"]["usage"]["limit"] == 64 << 20 and event["data"]["pids"]["limit"] == 7
    assert event["data"]["pids"]["current"] >= 1
    spent = event["data"]["cpu"]["usage"]
    assert spent["total"] > 0 and spent["kernel"] + spent["user"] == spent["total"], spent
    assert event["data"]["memory"]["raw"]["pgfault"] > 0
    for words in (["--memory", "-1", "--pids-limit", "-1"], ["--resources", str(shim.bundle / "free.json")]):
        (shim.bundle / "free.json").write_text('{"memory": {"limit": -1}, "pids": {"limit": -1}}')
        assert shim.call("update", *words, "c").status == 0
        data = json.loads(shim.call("events", "--stats", "c").out)["data"]
        assert data["memory"]["usage"]["limit"] > 64 << 20 and data["pids"]["limit"] > 7, data
        assert shim.call("update", "c", "--memory", "64M", "--pids-limit", "7").status == 0


def test_events_tell_who_lacked_memory(shim: Shim) -> None:
    """One line for each program that was ended, while the container lives."""
    shim.start("c", "/bin/sh", "-c", LOOP, linux__resources={"memory": {"limit": 48 << 20}})
    shim.says("c", "ready")
    argv = command("--root", str(shim.root), "events", "--interval", "100ms", "c")
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as events:
        assert events.stdout is not None
        assert json.loads(events.stdout.readline())["type"] == "stats"
        assert shim.call("exec", "c", "sh", "-c", "x=$(tr '\\0' x < /dev/zero | head -c 200000000)").status == 137
        found = next(line for line in events.stdout if '"stats"' not in line)
        assert found == '{"type":"oom","id":"c"}\n' and shim.status("c") == "running"
        assert shim.call("kill", "c", "KILL").status == 0
        assert {json.loads(line)["type"] for line in events.stdout} <= {"stats"}
    assert events.returncode == 0


def test_exec(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", LOOP)
    result = shim.call(
        "exec", "--env", "A=b", "--cwd", "/tmp", "-u", "7:8", "c", "sh", "-c", "echo $A; pwd; id -u; id -g; exit 9"
    )
    assert (result.status, result.out.split()) == (9, ["b", "/tmp", "7", "8"]), result
    assert shim.call("exec", "c", "cat", stdin="given").out == "given"
    assert shim.call("exec", "c", "sh", "-c", "kill -9 $$").status == 137
    assert shim.call("exec", "c", "nothing").status == 255
    assert "executable file not found in $PATH" in shim.last_error()
    assert shim.call("exec", "--cwd", "/nowhere", "c", "true").status == 255
    process = {"args": ["sh", "-c", "echo $B; id -u"], "env": ["B=c", "PATH=/bin"], "cwd": "/", "user": {"uid": 3}}
    (shim.bundle / "process.json").write_text(json.dumps(process))
    assert shim.call("exec", "--process", str(shim.bundle / "process.json"), "c").out.split() == ["c", "3"]


def exec_detached(shim: Shim, *words: str) -> int:
    pid_file = shim.bundle / "exec.pid"
    argv = command("--root", str(shim.root), "exec", "--detach", "--pid-file", str(pid_file), "c", *words)
    with open(shim.bundle / "exec.out", "wb") as out:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, check=False)
    assert done.returncode == 0, (shim.bundle / "exec.out").read_text()
    return int(pid_file.read_text())


def test_a_detached_exec_is_waited_for_and_signalled(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", LOOP)
    pid = exec_detached(shim, "sh", "-c", "echo there; exit 11")
    assert shim.reap(pid) == 11
    assert (shim.bundle / "exec.out").read_text() == "there\n"
    pid = exec_detached(shim, "sh", "-c", LOOP)
    eventually(lambda: "ready" in (shim.bundle / "exec.out").read_text(), "it does not run")
    os.kill(pid, signal.SIGTERM)
    assert shim.reap(pid) == 5
    pid = exec_detached(shim, "sleep", "1234")
    assert "sleep 1234" in shim.call("ps", "c").out
    os.kill(pid, signal.SIGKILL)
    assert shim.reap(pid) == -9
    eventually(lambda: "sleep 1234" not in shim.call("ps", "c").out, "the process outlives who stood for it")
    pid = exec_detached(shim, "sleep", "1234")
    assert shim.call("kill", "c", "KILL").status == 0
    assert shim.reap(pid) == 137


def test_a_terminal_through_the_console_socket(shim: Shim) -> None:
    console = ConsoleSocket(shim.bundle)
    script = "stty size; tty; echo ready; read x < /dev/console; stty size; echo got $x > /dev/console; exit 3"
    change(shim.bundle, process__terminal=True, process__consoleSize={"height": 31, "width": 87})
    change(shim.bundle, process__args=["/bin/sh", "-c", script])
    pid_file = shim.bundle / "pid"
    words = (
        "create",
        "--bundle",
        str(shim.bundle),
        "--pid-file",
        str(pid_file),
        "--console-socket",
        str(console.path),
        "c",
    )
    assert shim.call(*words).status == 0
    pid, master = int(pid_file.read_text()), console.master()
    shim.sentries.append(pid)
    assert shim.call("start", "c").status == 0
    assert b"31 87\r\n/dev/pts/0\r\n" in read_until(master, b"ready")
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 34, 0, 0))
    os.write(master, b"word\n")
    assert b"12 34\r\n" in read_until(master, b"got word")
    assert shim.reap(pid) == 3
    os.close(master)


def test_descriptors_that_are_preserved(shim: Shim) -> None:
    script = "cat <&3; ls /proc/self/fd | wc -l"
    change(shim.bundle, process__args=["/bin/sh", "-c", script])
    read, write = os.pipe()
    os.write(write, b"through\n")
    os.close(write)
    argv = command("--root", str(shim.root), "run", "--bundle", str(shim.bundle), "--preserve-fds", "1", "c")
    done = subprocess.run(
        argv, preexec_fn=lambda: os.dup2(read, 3), pass_fds=[3], capture_output=True, text=True, cwd=ROOT, check=False
    )
    os.close(read)
    assert done.stdout.splitlines()[0] == "through", done


def test_run_detached(shim: Shim) -> None:
    change(shim.bundle, process__args=["/bin/sh", "-c", LOOP])
    pid_file = shim.bundle / "pid"
    words = ("run", "--detach", "--bundle", str(shim.bundle), "--pid-file", str(pid_file), "c")
    argv = command("--root", str(shim.root), *words)
    with open(shim.out("c"), "wb") as out:
        assert (
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, check=False).returncode
            == 0
        )
    shim.says("c", "ready")
    assert shim.status("c") == "running"
    assert shim.call("kill", "c").status == 0
    assert shim.reap(int(pid_file.read_text())) == 5
    assert shim.call("delete", "c").status == 0


def test_verbs_on_an_attached_run(shim: Shim) -> None:
    change(shim.bundle, process__args=["/bin/sh", "-c", LOOP])
    argv = command("--root", str(shim.root), "run", "--bundle", str(shim.bundle), "c")
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert shim.call("exec", "c", "sh", "-c", "exit 2").status == 2
    assert shim.status("c") == "running"
    assert shim.call("kill", "c", "TERM").status == 0
    assert process.wait(60) == 5
    process.stdout.close()
    assert shim.call("list", "-q").out == ""


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--console-socket", "/nowhere/sock"), "--console-socket: process.terminal is false"),
        (("--preserve-fds", "9"), "descriptor"),
        (("--bundle", "/nowhere"), "bundle /nowhere: no such directory"),
        (("--frob",), "unknown flag --frob"),
    ],
)
def test_bad_flags_are_one_line(shim: Shim, flags: tuple[str, ...], line: str) -> None:
    result = shim.call("create", "--bundle", str(shim.bundle), *flags, "c")
    assert result.status == 1 and result.err.count("\n") == 1 and line in result.err, result
    assert line in shim.last_error()
    assert shim.call("list", "-q").out == ""


def test_names_on_the_host(shim: Shim) -> None:
    """Of threads: the program's and, once it has set another (busybox does), that; as /proc/PID/comm of the host tells."""
    shim.start("c", "/bin/sh", "-c", "sleep 1234 & tail -f /dev/null; true")

    def names() -> list[str]:
        return sorted(
            Path(f"/proc/{pid}/comm").read_text() for pid in json.loads(shim.call("ps", "-f", "json", "c").out)
        )

    eventually(lambda: names() == ["sh\n", "sleep\n", "tail\n"], "the host calls them otherwise")


def test_columns_of_ps(shim: Shim) -> None:
    """Options of ps(1) that runc's callers give."""
    shim.start("c", "/bin/sh", "-c", "echo ready; exec sleep 1234")
    shim.says("c", "ready")
    eventually(lambda: "sleep" in shim.call("ps", "c").out.splitlines()[1], "it is still the shell")
    for words in ((), ("-ef",), ("-e", "-f")):
        usual = shim.call("ps", "c", *words).out.split()
        assert usual[:8] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
        assert usual[8:11] == [pwd.getpwuid(0).pw_name, "1", "0"] and usual[-2:] == ["sleep", "1234"]
    assert shim.call("ps", "c", "-o", "comm").out == "COMMAND\nsleep\n"
    (pid,) = json.loads(shim.call("ps", "--format", "json", "c").out)  # which `docker top` asks the host about
    assert Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0") == b"sleep\x001234"
    assert shim.call("ps", "c", "-o", "pid,ppid,nlwp").out.split() == ["PID", "PPID", "NLWP", "1", "0", "1"]
    assert shim.call("ps", "c", "-eo", "args").out == "COMMAND\nsleep 1234\n"
    assert shim.call("ps", "c", "-o", "comm,user").out.split() == ["COMMAND", "USER", "sleep", pwd.getpwuid(0).pw_name]
    for options in (["aux"], ["-ely"], ["-eo", "comm,pid,rss"]):  # what the host's ps has to say of them
        head, row = shim.call("ps", "c", *options).out.splitlines()
        assert "PID" in head and str(pid) in row.split() and "sleep" in row, (head, row)
    for wrong, line in (
        (["-o", "x"], "ps: exit status 1: "),
        (["-o", "rss"], "no column PID"),
        (["--no-such"], "exit status 1"),
    ):
        result = shim.call("ps", "c", *wrong)
        assert result.status == 1 and line in result.err and result.err.count("\n") == 1, result


@pytest.mark.skipif(os.geteuid() != 0, reason="makes control groups")
def test_control_groups_that_cannot_be_made(shim: Shim) -> None:
    """With --rootless they are done without, as by runc."""
    parts = {"linux__cgroupsPath": "/stackbox-test\nnone", "linux__resources": {"pids": {"limit": 9}}}
    change(shim.bundle, process__args=["/bin/true"], **parts)
    for flags, status in (([], 1), (["--rootless=false"], 1), (["--rootless", "true"], 0)):
        result = shim.call(*flags, "run", "--bundle", str(shim.bundle), "c")
        assert result.status == status and result.err.count("control group") == status, result
        assert result.err.count("\n") == status


def test_systemd_is_refused(shim: Shim) -> None:
    assert shim.call("--systemd-cgroup", "create", "--bundle", str(shim.bundle), "c").status == 1
    assert "cgroupfs" in shim.last_error()
