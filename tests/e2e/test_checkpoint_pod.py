"""`runsc checkpoint` and `restore` of a pod: one image of all containers of a sandbox, and each goes on where it was."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from tcpip.native import is_compiled
from tests.e2e.bundles import change, make_bundle, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, Result, command
from tests.e2e.containers import ConsoleSocket, Shim, eventually, read_until

pytestmark = [needs_busybox, pytest.mark.skipif(is_compiled(), reason="a compiled kernel is not checkpointed")]
KIND = "io.kubernetes.cri.container-type"
SANDBOX = "io.kubernetes.cri.sandbox-id"
NAME = "io.kubernetes.cri.container-name"
PAUSE = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")
COUNT = (
    "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo $i >>/tmp/n; echo $i $(wc -l </tmp/n) $$; sleep 0.05; done; exit %d"
)


def counted(pid: int) -> str:
    return "".join(f"{n} {n} {pid}\n" for n in range(1, 31))


class PodMover:
    """A pod of which each container has a bundle of its own."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.shim = Shim(make_bundle(base))
        self.images = base / "images"
        self.plain = json.loads((self.shim.bundle / "config.json").read_text())

    def configure(self, annotations: dict[str, str], words: tuple[str, ...], parts: dict[str, Any]) -> None:
        tmp = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}
        (self.shim.bundle / "config.json").write_text(json.dumps(self.plain))
        mounts = [*self.plain["mounts"], tmp, *parts.pop("mounts", [])]
        change(self.shim.bundle, annotations=annotations, mounts=mounts, process__args=list(words), **parts)

    def sandbox(self, **parts: Any) -> int:
        self.configure({KIND: "sandbox"}, PAUSE, parts)
        return self.shim.start("pod")

    def further(self, name: str, *words: str, **parts: Any) -> int:
        self.configure({KIND: "container", SANDBOX: "pod", NAME: name}, words, parts)
        return self.shim.start(name)

    def checkpoint(self, name: str = "pod", *flags: str) -> Result:
        return self.shim.call("checkpoint", "--image-path", str(self.images), *flags, name)

    def restore(self, name: str, annotations: dict[str, str], *flags: str, **parts: Any) -> Result:
        """Its output goes where a created container's does."""
        shim = self.shim
        self.configure(annotations, ("/none",), parts)
        pid_file, out = shim.bundle / f"{name}.pid", shim.out(name)
        argv = command("--root", str(shim.root), "restore", "--detach", "--pid-file", str(pid_file), *flags)
        argv += ["--image-path", str(self.images), "--bundle", str(shim.bundle), name]
        with open(out, "wb") as file:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=ROOT, timeout=BOUND_S)
        if done.returncode == 0:
            shim.sentries.append(int(pid_file.read_text()))
        return Result(done.returncode, "", out.read_text() if done.returncode else "")

    def restore_further(self, name: str, to: str, *flags: str, sandbox: str = "pod2", **parts: Any) -> Result:
        return self.restore(to, {KIND: "container", SANDBOX: sandbox, NAME: name}, *flags, **parts)


@pytest.fixture
def mover(tmp_path: Path) -> Iterator[PodMover]:
    mover = PodMover(tmp_path)
    yield mover
    mover.shim.close()


def test_every_container_goes_on_where_it_was(mover: PodMover) -> None:
    shim = mover.shim
    groups = {"destination": "/sys/fs/cgroup", "type": "cgroup2", "source": "cgroup2"}
    mover.sandbox(hostname="podname")
    assert shim.reap(mover.further("init", "sh", "-c", "exit 3")) == 3  # it has ended, and is not deleted
    mover.further("one", "sh", "-c", COUNT % 5)
    mover.further("two", "sh", "-c", f"mkdir /sys/fs/cgroup/a; {COUNT % 6}", mounts=[groups])
    for name in ("one", "two"):
        shim.says(name, "\n4 4 1\n")
    assert mover.checkpoint().status == 0
    assert os.listdir(shim.root) == []
    before = {name: shim.out(name).read_text() for name in ("one", "two")}

    assert mover.restore("pod2", {KIND: "sandbox"}, hostname="other").status == 0
    assert shim.status("pod2") == "running"
    waits = shim.call("exec", "pod2", "true")
    assert waits.status == 255 and "containers one, two have not been restored yet" in waits.err, waits
    assert mover.restore_further("two", "b", mounts=[groups]).status == 0
    assert shim.out("b").read_text() == ""
    assert mover.restore_further("one", "a").status == 0
    look = "ls -d /sys/fs/cgroup/a; hostname; ps -o pid,args | grep -c '[s]h -c mkdir'"
    assert shim.call("exec", "b", "sh", "-c", look).out.split() == ["/sys/fs/cgroup/a", "podname", "1"]
    ends = {name: shim.reap(shim.sentries[-at]) for at, name in ((1, "a"), (2, "b"))}
    assert ends == {"a": 5, "b": 6}
    assert before["one"] + shim.out("a").read_text() == counted(1)
    assert before["two"] + shim.out("b").read_text() == counted(1)
    assert len(shim.call("ps", "pod2").out.splitlines()) == 3  # its own two
    third = mover.shim.call("delete", "a")
    assert third.status == 0 and shim.status("b") == "stopped" and shim.status("pod2") == "running"


def test_a_volume_that_two_have_and_a_pipe_in_it(mover: PodMover, tmp_path: Path) -> None:
    """A process of one waits for one of the other, before and after; with numbers that they share."""
    shim = mover.shim
    volume = tmp_path / "volume"
    volume.mkdir()
    mounts = [{"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]}]
    mover.sandbox()
    pod = shim.sentries[0]
    spaces = [{"type": "pid", "path": f"/proc/{pod}/ns/pid"}, {"type": "mount"}, {"type": "uts"}]
    answers = "mkfifo /v/pipe; exec 3<>/v/pipe; echo ready; while read line <&3; do echo got $line $$; done"
    mover.further("one", "sh", "-c", answers, mounts=list(mounts))
    shim.says("one", "ready")
    script = "exec 3>/v/pipe; echo a >&3; echo said $$; until [ -e /v/go ]; do sleep 0.02; done; echo b $$ >&3; exit 7"
    mover.further("two", "sh", "-c", script, mounts=list(mounts), linux__namespaces=spaces)
    shim.says("two", "said")
    shim.says("one", "got a 1")
    number = shim.out("two").read_text().split()[1]
    assert mover.checkpoint("pod", "--leave-running").status == 0
    assert mover.restore("pod2", {KIND: "sandbox"}).status == 0
    assert mover.restore_further("one", "one2", mounts=list(mounts)).status == 0
    spaces[0]["path"] = f"/proc/{shim.sentries[-2]}/ns/pid"
    done = mover.restore_further("two", "two2", mounts=list(mounts), linux__namespaces=spaces)
    assert done.status == 0, done
    two = shim.sentries[-1]
    (volume / "go").touch()
    assert shim.reap(two) == 7
    for name in ("one", "one2"):
        shim.says(name, f"got b {number} 1")
    assert shim.call("kill", "pod2", "KILL").status == 0
    eventually(lambda: shim.status("one2") == "stopped", "its sandbox is gone")


def test_what_does_not_fit_is_refused_and_the_others_wait_on(mover: PodMover) -> None:
    shim = mover.shim
    mover.sandbox()
    mover.further("one", "sh", "-c", COUNT % 5)
    shim.says("one", "\n4 4 1\n")
    mover.configure({KIND: "container", SANDBOX: "pod"}, ("true",), {})
    shim.create("late")
    refused = mover.checkpoint()
    assert refused.err == "runsc: cannot checkpoint: container late of the pod was not started\n"
    assert shim.call("delete", "--force", "late").status == 0
    assert shim.call("pause", "one").status == 0  # it is saved all the same
    refused = mover.checkpoint("one")
    assert refused.status == 1 and "without the others: checkpoint its sandbox pod" in refused.err
    assert not list(mover.images.glob("*"))
    assert mover.checkpoint().status == 0
    lone = mover.restore_further("one", "one", sandbox="pod2")
    assert lone.status == 1 and "sandbox pod2: no such container" in lone.err
    assert mover.restore("pod2", {KIND: "sandbox"}).status == 0
    refused = mover.restore_further("other", "other")
    assert refused.status == 1 and "the image has no container other: it has one" in refused.err, refused
    assert not (shim.root / "other").exists() and shim.status("pod2") == "running"
    assert mover.restore_further("other", "b", "--container", "one").status == 0
    again = mover.restore_further("one", "c")
    assert again.status == 1 and "container one of the image has been restored already" in again.err
    assert shim.reap(shim.sentries[-1]) == 5


def test_another_bundle_of_one_ends_all(mover: PodMover) -> None:
    shim = mover.shim
    mover.sandbox()
    mover.further("one", "sleep", "1000")
    assert mover.checkpoint().status == 0
    assert mover.restore("pod2", {KIND: "sandbox"}).status == 0
    extra = {"destination": "/proc2", "type": "proc", "source": "proc"}
    refused = mover.restore_further("one", "one", mounts=[extra])
    assert refused.status == 1 and "container one: the bundle's root and mounts are not those" in refused.err
    eventually(lambda: shim.status("pod2") == "stopped", "it goes on")


def test_one_that_is_deleted_while_it_waits_may_come_again(mover: PodMover) -> None:
    shim = mover.shim
    mover.sandbox()
    for name in ("one", "two"):
        mover.further(name, "sh", "-c", COUNT % 5)
        shim.says(name, "\n4 4 1\n")
    assert mover.checkpoint().status == 0
    assert mover.restore("pod2", {KIND: "sandbox"}).status == 0
    assert mover.restore_further("one", "a").status == 0
    assert shim.call("delete", "--force", "a").status == 0
    assert mover.restore_further("two", "b").status == 0
    assert shim.out("b").read_text() == ""
    assert mover.restore_further("one", "a2").status == 0
    assert [shim.reap(shim.sentries[at]) for at in (-1, -2)] == [5, 5]


def test_a_terminal_of_one(mover: PodMover) -> None:
    shim = mover.shim
    mover.sandbox()
    script = "stty -echo; n=1; while read a; do echo got$n $a; n=$((n+1)); done"
    mover.configure({KIND: "container", SANDBOX: "pod", NAME: "one"}, ("sh", "-c", script), {"process__terminal": True})
    console = ConsoleSocket(shim.bundle)
    words = ["--bundle", str(shim.bundle), "--console-socket", str(console.path)]
    assert shim.call("create", *words, "one").status == 0
    master = console.master()
    assert shim.call("start", "one").status == 0
    os.write(master, b"x\n")
    read_until(master, b"got1 x")
    assert mover.checkpoint().status == 0
    os.close(master)
    assert mover.restore("pod2", {KIND: "sandbox"}).status == 0
    console.path.unlink()
    console = ConsoleSocket(shim.bundle)
    mover.configure({KIND: "container", SANDBOX: "pod2", NAME: "one"}, ("/none",), {"process__terminal": True})
    where = ["--image-path", str(mover.images), "--bundle", str(shim.bundle)]
    done = shim.call("restore", "--detach", "--console-socket", str(console.path), *where, "one")
    assert done.status == 0, done
    master = console.master()
    os.write(master, b"y\n")
    assert b"got2 y" in read_until(master, b"got2 y")
    os.close(master)


@pytest.mark.slow
def test_moved_at_random_moments(mover: PodMover, tmp_path: Path) -> None:
    """Two containers that hand a number to and fro through pipes of a volume, again and again in another sandbox."""
    shim, chance = mover.shim, random.Random(5)
    volume = tmp_path / "volume"
    volume.mkdir()
    mounts = [{"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]}]
    mover.sandbox()
    ping = "mkfifo /v/a /v/b; echo ready; exec 3<>/v/a 4<>/v/b; n=0; while [ $n -lt 1200 ]; do echo $n >&3; read n <&4; echo $n; done; exit 5"
    pong = "exec 3<>/v/a 4<>/v/b; while read n <&3; do n=$((n+1)); echo $n $(echo $n); echo $n >&4; [ $n = 1200 ] && exit 6; done"
    mover.further("one", "sh", "-c", ping, mounts=list(mounts))
    shim.says("one", "ready")
    mover.further("two", "sh", "-c", pong, mounts=list(mounts))
    sandbox, names, moves = "pod", {"one": "one", "two": "two"}, 0
    said: dict[str, list[str]] = {"one": [], "two": []}
    ended: set[str] = set()
    while not ended and shim.status(names["one"]) == shim.status(names["two"]) == "running":
        pause = chance.uniform(0.01, 0.3)
        time.sleep(pause)  # the random moment
        if mover.checkpoint(sandbox).status:
            continue  # one of them has just ended
        moves += 1
        before = names
        sandbox, names = f"pod{moves}", {name: f"{name}{moves}" for name in names}
        assert mover.restore(sandbox, {KIND: "sandbox"}).status == 0
        for name in chance.sample(["one", "two"], 2):
            done = mover.restore_further(name, names[name], sandbox=sandbox, mounts=list(mounts))
            said[name].append(shim.out(before[name]).read_text())
            if (
                f"the image has no container {name}" in done.err
            ):  # it had ended when the image was made, and is gone with the pod
                ended.add(name)
            else:
                assert done.status == 0, done
    for name, status in {"one": 5, "two": 6}.items():
        if name in ended:
            continue
        eventually(lambda name=name: shim.status(names[name]) == "stopped", "it does not end")  # type: ignore[misc]
        assert json.loads(shim.call("wait", names[name]).out)["exitStatus"] == status
        said[name].append(shim.out(names[name]).read_text())
    assert "".join(said["one"]).split() == ["ready", *(str(n) for n in range(1, 1201))]
    assert "".join(said["two"]) == "".join(f"{n} {n}\n" for n in range(1, 1201))
    assert moves > 3
