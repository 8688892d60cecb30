"""`runsc checkpoint` and `restore`: a program goes on as if nothing had been, or is told of before anything is disturbed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from runsc.cmd.checkpoint import IMAGE_NAME
from tcpip.native import is_compiled
from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, Result, command
from tests.e2e.containers import ConsoleSocket, Shim, eventually, read_until

PROGRAM = ROOT / "tests" / "e2e" / "programs" / "goes_on.c"
COUNT = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i >>/tmp/n; echo $i $(wc -l </tmp/n); sleep 0.03; done; exit 5"
EXPECTED = "".join(f"{n} {n}\n" for n in range(1, 41))

pytestmark = [
    needs_busybox,
    pytest.mark.skipif(is_compiled(), reason="a compiled kernel is not checkpointed"),
]


@pytest.fixture(scope="session")
def goes_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("gcc"):
        pytest.skip("no C compiler")
    binary = tmp_path_factory.mktemp("goes_on") / "goes_on"
    subprocess.run(["gcc", "-O1", "-static", "-pthread", str(PROGRAM), "-o", str(binary)], check=True)
    return binary


class Mover:
    """Checkpoints and restores containers of one bundle."""

    def __init__(self, shim: Shim) -> None:
        self.shim = shim
        self.images = shim.bundle / "images"

    def checkpoint(self, name: str, *flags: str) -> Result:
        return self.shim.call("checkpoint", "--image-path", str(self.images), *flags, name)

    def restore(self, name: str, *flags: str) -> Result:
        where = ["--image-path", str(self.images), "--bundle", str(self.shim.bundle)]
        return self.shim.call(*flags, "restore", *where, name)

    def restore_detached(self, name: str) -> int:
        """The host process that stands for it. Its output goes where a created container's does."""
        pid_file = self.shim.bundle / f"{name}.pid"
        argv = command("--root", str(self.shim.root), "restore", "--detach", "--pid-file", str(pid_file))
        argv += ["--image-path", str(self.images), "--bundle", str(self.shim.bundle), name]
        with open(self.shim.out(name), "wb") as out:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, timeout=BOUND_S)
        assert done.returncode == 0, self.shim.out(name).read_text()
        pid = int(pid_file.read_text())
        self.shim.sentries.append(pid)
        return pid

    def wait_for(self, name: str, text: str) -> None:
        eventually(lambda: text in self.shim.out(name).read_text(), f"no {text!r}")


@pytest.fixture
def mover(bundle: Path) -> Iterator[Mover]:
    tmp = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}
    mounts = json.loads((bundle / "config.json").read_text())["mounts"]
    change(bundle, root__readonly=False, mounts=[*mounts, tmp])
    shim = Shim(bundle)
    yield Mover(shim)
    shim.close()


def test_a_container_goes_on_where_it_was(mover: Mover) -> None:
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", COUNT)
    mover.wait_for("c", "\n5 5\n")
    assert mover.checkpoint("c").status == 0
    assert shim.call("state", "c").status == 1  # it is deleted, as runc does
    before = shim.out("c").read_text()
    result = mover.restore("d")
    assert result.status == 5, result
    assert before + result.out == EXPECTED


def test_security_modules_are_told_of(mover: Mover) -> None:
    """What a host with AppArmor or SELinux asks of CRIU is said not to be applied, and the container goes on."""
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", COUNT)
    mover.wait_for("c", "\n5 5\n")
    assert mover.checkpoint("c").status == 0
    log = shim.bundle / "log"
    flags = ["--lsm-profile", "apparmor:some", "--lsm-mount-context", "system_u"]
    where = ["--image-path", str(mover.images), "--bundle", str(shim.bundle)]
    assert shim.call("--log", str(log), "--log-format", "json", "restore", *flags, *where, "d").status == 5
    told = [json.loads(line)["msg"].split()[0] for line in log.read_text().splitlines() if "not applied" in line]
    assert told == ["--lsm-profile", "--lsm-mount-context"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's container has its own id only")
def test_namespaces_that_were_looked_at(mover: Mover) -> None:
    """A user namespace of its own, and files of namespaces that a process has open."""
    names = ("user", "uts", "net")
    script = "exec " + " ".join(f"{n}</proc/self/ns/{name}" for n, name in enumerate(names, 7))
    script += "; ls -l /proc/self/ns >/dev/null; echo ready; while [ ! -e /tmp/go ]; do sleep 0.05; done"
    script += (
        "; for n in 7 8 9; do readlink /proc/$$/fd/$n; done; for n in user uts net; do readlink /proc/$$/ns/$n; done"
    )
    script += "; cat /proc/self/uid_map; touch /tmp/x; stat -c %u /tmp/x"
    linux = json.loads((mover.shim.bundle / "config.json").read_text())["linux"]
    maps = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    linux |= {"namespaces": [*linux["namespaces"], {"type": "user"}], "uidMappings": maps, "gidMappings": maps}
    change(mover.shim.bundle, linux=linux)
    mover.shim.start("c", "/bin/sh", "-c", script)
    mover.wait_for("c", "ready")
    assert mover.checkpoint("c").status == 0
    mover.restore_detached("d")
    assert mover.shim.call("exec", "d", "/bin/sh", "-c", "touch /tmp/go").status == 0
    eventually(lambda: len(mover.shim.out("d").read_text().splitlines()) == 8, "no more lines")
    *links, map_of_users, owner = mover.shim.out("d").read_text().splitlines()
    assert links[:3] == links[3:] and [link.partition(":")[0] for link in links[:3]] == [*names]
    assert map_of_users.split() == ["0", "100000", "65536"] and owner == "0"


def test_with_leave_running_both_go_on(mover: Mover) -> None:
    shim = mover.shim
    pid = shim.start("c", "/bin/sh", "-c", COUNT)
    mover.wait_for("c", "\n5 5\n")
    assert mover.checkpoint("c", "--leave-running").status == 0
    result = mover.restore("d")
    assert shim.reap(pid) == 5 and shim.out("c").read_text() == EXPECTED
    assert result.status == 5 and EXPECTED.endswith(result.out) and result.out


def test_the_host_knows_the_command_lines(mover: Mover) -> None:
    """Of processes that were restored as of others."""
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", "echo ready; sleep 1234 & sleep 4321; :")
    shim.says("c", "ready")

    def seen(name: str) -> list[list[bytes]]:
        pids = json.loads(shim.call("ps", "--format", "json", name).out)
        return sorted(Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-2:] for pid in pids)

    wanted = [[b"-c", b"echo ready; sleep 1234 & sleep 4321; :"], [b"sleep", b"1234"], [b"sleep", b"4321"]]
    eventually(lambda: seen("c") == wanted, "not all are there")
    assert mover.checkpoint("c").status == 0
    mover.restore_detached("d")
    assert seen("d") == wanted


@pytest.mark.parametrize("platform", ["lane", "ptrace"])
def test_threads_processes_and_what_they_share(mover: Mover, goes_on: Path, platform: str) -> None:
    shim = mover.shim
    shutil.copy(goes_on, shim.bundle / "rootfs" / "bin" / "goes_on")
    native = subprocess.run([str(goes_on)], capture_output=True, text=True, cwd=shim.bundle)
    shim.start("c", "/bin/goes_on")
    mover.wait_for("c", "\n4 ")
    assert mover.checkpoint("c").status == 0
    before = shim.out("c").read_text()
    result = mover.restore("d", *(("--platform", "ptrace") if platform == "ptrace" else ()))
    assert (before + result.out, result.status) == (native.stdout, native.returncode)


def test_control_groups_with_who_is_in_them(mover: Mover) -> None:
    mounts = json.loads((mover.shim.bundle / "config.json").read_text())["mounts"]
    mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup2", "source": "cgroup2"})
    script = (
        "cd /sys/fs/cgroup && mkdir a && echo 0 >a/cgroup.procs && echo +cpu +pids >cgroup.subtree_control && echo 7 >a/pids.max"
        " && echo 10000 50000 >a/cpu.max && { while :; do :; done & until grep -q 'nr_throttled [^0]' a/cpu.stat; do :; done; }"
    )
    mover.shim.start("one", "/bin/sh", "-c", f"{script} && echo ready; sleep 1000", mounts=mounts)
    mover.wait_for("one", "ready")
    assert mover.checkpoint("one").status == 0
    mover.restore_detached("two")
    look = (
        "cd /sys/fs/cgroup; cat a/pids.max a/cpu.max; head -n 1 a/cgroup.procs; cat cgroup.subtree_control; mkdir a/b && rmdir a/b && echo made;"
        ' held=$(grep nr_thr a/cpu.stat); while [ "$(grep nr_thr a/cpu.stat)" = "$held" ]; do :; done; echo held'
    )
    done = mover.shim.call("exec", "two", "/bin/sh", "-c", f"{look}; cat /proc/1/cgroup")
    assert done.out.split() == ["7", "10000", "50000", "1", "cpu", "pids", "made", "held", "0::/a"], done


def test_a_time_namespace_has_its_clock_again(mover: Mover) -> None:
    shim = mover.shim
    if not shutil.which("gcc"):
        pytest.skip("no C compiler")
    binary = shim.bundle / "rootfs" / "bin" / "other_time"
    source = PROGRAM.with_name("other_time.c")
    subprocess.run(["gcc", "-O1", "-static", str(source), "-o", str(binary)], check=True)
    names = ["CAP_SYS_ADMIN", "CAP_SYS_TIME"]
    change(shim.bundle, process__capabilities={"bounding": names, "effective": names, "permitted": names})
    shim.start("c", "/bin/other_time")
    mover.wait_for("c", "\n5 same\n")
    assert mover.checkpoint("c").status == 0
    before = shim.out("c").read_text()
    result = mover.restore("d")
    assert result.status == 5, result
    assert before + result.out == "".join(f"{n} same\n" for n in range(1, 41))


def test_a_restored_container_is_driven_as_any_other(mover: Mover) -> None:
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", "trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    mover.wait_for("c", "ready")
    assert mover.checkpoint("c").status == 0
    pid = mover.restore_detached("d")
    assert shim.status("d") == "running"
    result = shim.call("exec", "d", "/bin/sh", "-c", "test -r /proc/self/stat && readlink /proc/self/cwd; exit 4")
    assert result.status == 4 and result.out == "/\n"
    assert shim.call("pause", "d").status == 0 and shim.call("resume", "d").status == 0
    assert mover.checkpoint("d").status == 0  # and once more
    shim.reap(pid)
    pid = mover.restore_detached("e")
    assert shim.call("kill", "e", "TERM").status == 0
    assert shim.reap(pid) == 9 and shim.out("e").read_text() == "term\n"
    assert shim.call("delete", "e").status == 0 and os.listdir(shim.root) == []


def test_a_sleep_keeps_what_was_left_of_it(mover: Mover) -> None:
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", "echo ready; sleep 1000; echo over")
    mover.wait_for("c", "ready")
    assert mover.checkpoint("c").status == 0
    mover.restore_detached("d")
    shim.call("exec", "d", "/bin/sh", "-c", "kill -CONT $(pidof sleep)")
    assert shim.status("d") == "running" and shim.out("d").read_text() == ""
    assert shim.call("exec", "d", "/bin/sh", "-c", "kill $(pidof sleep)").status == 0
    mover.wait_for("d", "over")


def test_what_cannot_be_saved_is_named_and_goes_on(mover: Mover) -> None:
    shim = mover.shim
    shim.start(
        "c",
        "/bin/sh",
        "-c",
        "sleep 1000 5</proc/stat & until grep -q sleep /proc/2/comm; do :; done; echo ready; wait; sleep 1000",
    )
    mover.wait_for("c", "ready")
    result = mover.checkpoint("c")
    assert result.status == 1 and result.err.count("\n") == 1
    assert result.err == "runsc: cannot checkpoint: process 2 (sleep) has /proc/stat open (fd 5)\n"
    assert os.listdir(mover.images) == []
    assert shim.status("c") == "running"
    assert shim.call("exec", "c", "/bin/sh", "-c", "kill 2").status == 0
    assert mover.checkpoint("c").status == 0


def test_a_paused_one_stays_paused(mover: Mover) -> None:
    """containerd pauses a container before it asks for an image."""
    shim = mover.shim
    pid = shim.start("c", "/bin/sh", "-c", COUNT)
    mover.wait_for("c", "\n5 5\n")
    assert shim.call("pause", "c").status == 0
    before = shim.out("c").read_text()
    assert mover.checkpoint("c", "--leave-running").status == 0
    assert shim.status("c") == "paused" and shim.out("c").read_text() == before
    result = mover.restore("d")
    assert result.status == 5 and before + result.out == EXPECTED
    assert shim.out("c").read_text() == before and shim.call("resume", "c").status == 0
    assert shim.reap(pid) == 5 and shim.out("c").read_text() == EXPECTED


@pytest.mark.parametrize("state", ["created", "stopped"])
def test_only_what_runs(mover: Mover, state: str) -> None:
    shim = mover.shim
    pid = shim.create("c", "/bin/sh", "-c", "sleep 1000")
    if state != "created":
        assert shim.call("start", "c").status == 0
    if state == "stopped":
        assert shim.call("kill", "c", "KILL").status == 0
        shim.reap(pid)
    result = mover.checkpoint("c")
    assert result.status == 1 and result.err.count("\n") == 1 and not mover.images.exists()


def test_an_image_that_is_none(mover: Mover) -> None:
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", "echo ready; sleep 1000")
    mover.wait_for("c", "ready")
    assert mover.checkpoint("c").status == 0
    path = mover.images / IMAGE_NAME
    whole = path.read_bytes()
    version = whole.index(b"\n") + 1
    for what, data in {
        "this is not an image of a checkpoint": b"\x7fELF" * 100,
        "an image of version 9; this runsc reads version 4": whole[:version] + b"\x09\0" + whole[version + 2 :],
        "the image ends too early: it was not written to its end": whole[:-12],
        "which is not part of a kernel's state": whole.replace(
            b"sandbox.kernel.task:Task", b"subprocess:Popen+++++++++"[:24]
        ),
    }.items():
        path.write_bytes(data)
        result = mover.restore("d")
        assert result.status == 1 and result.err.count("\n") == 1, result
        assert "cannot restore: " in result.err and what in result.err, result
        assert os.listdir(shim.root) == []
    path.unlink()
    assert "No such file" in mover.restore("d").err


def test_another_bundle(mover: Mover) -> None:
    shim = mover.shim
    shim.start("c", "/bin/sh", "-c", "echo ready; sleep 1000")
    mover.wait_for("c", "ready")
    assert mover.checkpoint("c").status == 0
    change(shim.bundle, mounts=[])
    assert "mounts are not those that the container was checkpointed with" in mover.restore("d").err


def test_a_file_of_the_bundle_that_is_gone(mover: Mover) -> None:
    shim = mover.shim
    (shim.bundle / "rootfs" / "input").write_text("one\ntwo\n")
    shim.start("c", "/bin/sh", "-c", "exec 5</input; read a <&5; echo $a; sleep 1; read b <&5; echo $b")
    mover.wait_for("c", "one")
    assert mover.checkpoint("c").status == 0
    (shim.bundle / "rootfs" / "input").rename(shim.bundle / "rootfs" / "away")
    assert "a file that a process had open is not there: input" in mover.restore("d").err
    (shim.bundle / "rootfs" / "away").rename(shim.bundle / "rootfs" / "input")
    result = mover.restore("d")
    assert result.status == 0 and result.out == "two\n"


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")
def test_locks_on_files_of_the_host_are_held_again(mover: Mover) -> None:
    root = mover.shim.bundle / "rootfs"
    source = PROGRAM.with_name("holds_lock.c")
    subprocess.run(["gcc", "-O1", "-static", str(source), "-o", str(root / "holds_lock")], check=True)
    file = root / "locked"
    file.touch()

    def free() -> bool:
        with open(file, "rb") as mine:
            try:
                fcntl.flock(mine, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    mover.shim.start("one", "/holds_lock", "/locked")
    mover.wait_for("one", "held")
    assert not free()
    assert mover.checkpoint("one").status == 0
    eventually(free, "the lock outlives the sandbox")
    mover.restore_detached("two")
    eventually(lambda: not free(), "the lock is not held any more")


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")
def test_who_waits_for_a_lock_of_the_host_gets_it_later(mover: Mover) -> None:
    root = mover.shim.bundle / "rootfs"
    source = PROGRAM.with_name("holds_lock.c")
    subprocess.run(["gcc", "-O1", "-static", str(source), "-o", str(root / "holds_lock")], check=True)
    with open(root / "locked", "w+b") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        mover.shim.start("one", "/holds_lock", "/locked")
        mover.wait_for("one", "asks")
        assert mover.checkpoint("one").status == 0
        mover.restore_detached("two")
        fcntl.flock(mine, fcntl.LOCK_UN)

        def taken() -> bool:
            try:
                fcntl.flock(mine, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            fcntl.flock(mine, fcntl.LOCK_UN)
            return False

        eventually(taken, "nobody tries again")


def test_a_terminal_is_given_anew(mover: Mover) -> None:
    shim = mover.shim
    change(shim.bundle, process__terminal=True)
    first = ConsoleSocket(shim.bundle)
    argv = ["create", "--bundle", str(shim.bundle), "--console-socket", str(first.path), "c"]
    change(
        shim.bundle,
        process__args=["/bin/sh", "-c", "stty -echo; n=1; while read a; do echo got$n $a; n=$((n+1)); done"],
    )
    assert shim.call(*argv).status == 0
    fd = first.master()
    assert shim.call("start", "c").status == 0
    os.write(fd, b"one\n")
    read_until(fd, b"got1 one")
    assert mover.checkpoint("c").status == 0
    os.close(fd)
    first.path.unlink()
    assert mover.restore("d").status == 1  # nobody would have the terminal
    second = ConsoleSocket(shim.bundle)
    where = ["--image-path", str(mover.images), "--bundle", str(shim.bundle)]
    assert shim.call("restore", "--detach", "--console-socket", str(second.path), *where, "d").status == 0
    fd = second.master()
    os.write(fd, b"two\n")
    assert b"got2 two" in read_until(fd, b"got2 two")
    assert shim.call("exec", "d", "stty", "-F", "/dev/pts/0", "-a").out.count("-echo ") == 1
    os.write(fd, b"\x03")  # it still is the controlling terminal
    eventually(lambda: shim.status("d") == "stopped", "Ctrl-C does not end it")
    os.close(fd)
