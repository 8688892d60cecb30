"""Several containers in one sandbox: what they share, what each has of its own, and who ends with whom."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import change, make_bundle, needs_busybox
from tests.e2e.containers import ConsoleSocket, Shim, eventually, read_until

pytestmark = needs_busybox
KIND = "io.kubernetes.cri.container-type"
SANDBOX = "io.kubernetes.cri.sandbox-id"
PAUSE = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    shim = Shim(make_bundle(tmp_path))
    shim.start("pod", *PAUSE, annotations={KIND: "sandbox"}, hostname="podname")
    yield shim
    shim.close()


def further(shim: Shim, name: str, *words: str, **parts: Any) -> int:
    """One more container, started: the process that stands for it."""
    return shim.start(name, *words, **{"annotations": {KIND: "container", SANDBOX: "pod"}, **parts})


def test_own_processes_and_mounts_but_one_name(shim: Shim) -> None:
    one = further(shim, "one", "sh", "-c", "echo only > /tmp/one; echo ready; sleep 1000; true")
    shim.says("one", "ready")
    two = further(
        shim, "two", "sh", "-c", "echo pid $$; hostname; ls /tmp; ps -o args | grep -c 'sleep 10[0]0'; exit 7"
    )
    assert shim.reap(two) == 7
    assert shim.out("two").read_text().split() == ["pid", "1", "podname", "0"]
    assert shim.status("one") == "running" and shim.status("two") == "stopped"
    assert json.loads(shim.call("wait", "two").out)["exitStatus"] == 7
    done = shim.call("exec", "one", "sh", "-c", "cat /tmp/one; ps -o pid,args; exit 3")
    assert done.status == 3 and "only" in done.out and "    1 sh -c echo only" in done.out, done
    assert [line.split()[1] for line in shim.call("ps", "one").out.splitlines()] == ["PID", "1", "2"]
    assert len(json.loads(shim.call("ps", "--format", "json", "one").out)) == 2
    used = json.loads(shim.call("events", "--stats", "one").out)["data"]
    assert used["pids"]["current"] == 2 and used["memory"]["usage"]["usage"] > 0
    assert shim.call("kill", "one", "KILL").status == 0
    assert shim.reap(one) == 137
    assert shim.status("pod") == "running"


def test_a_shared_process_namespace(shim: Shim) -> None:
    space = {"type": "pid", "path": f"/proc/{shim.sentries[0]}/ns/pid"}
    change(shim.bundle, linux__namespaces=[space, {"type": "mount"}, {"type": "uts"}])
    one = further(shim, "one", "sh", "-c", "sleep 2000 & echo $$; kill -0 1 && echo seen; exit 4")
    assert shim.reap(one) == 4
    number, word = shim.out("one").read_text().split()
    assert int(number) > 1 and word == "seen"
    done = shim.call("exec", "pod", "ps", "-o", "args")
    assert "sleep 1000" in done.out and "sleep 2000" not in done.out, done
    change(
        shim.bundle,
        linux__namespaces=[{**space, "path": f"/proc/{os.getpid()}/ns/pid"}, {"type": "uts"}, {"type": "mount"}],
    )
    result = shim.call("create", "--bundle", str(shim.bundle), "other")
    assert result.status == 1 and "is not the pid namespace of sandbox pod" in result.err


def test_the_process_namespace_of_another_container(shim: Shim) -> None:
    """Kubernetes' NamespaceMode TARGET, which `kubectl debug --target` asks for."""
    own = [{"type": "pid"}, {"type": "mount"}, {"type": "uts"}]
    tmpfs = {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"}
    proc = {"destination": "/proc", "type": "proc", "source": "proc"}
    change(shim.bundle, linux__namespaces=own, mounts=[proc, tmpfs])
    further(shim, "other", "sleep", "3000")
    target = further(shim, "target", "sh", "-c", "echo $$; sleep 2000; exit 6")
    space = {"type": "pid", "path": f"/proc/{target}/ns/pid"}
    change(shim.bundle, linux__namespaces=[space, *own[1:]])
    one = further(shim, "one", "sh", "-c", "ps -o args; echo word > /proc/1/root/mnt/word; echo end; exec sleep 1000")
    shim.says("one", "end")
    out = shim.out("one").read_text()
    assert "sleep 2000" in out and "sleep 3000" not in out
    assert shim.call("exec", "target", "cat", "/mnt/word").out == "word\n"
    assert "sleep 1000" in shim.call("exec", "target", "ps", "-o", "args").out
    assert [line.split()[-1] for line in shim.call("ps", "one").out.splitlines()[1:]] == ["1000"]
    assert shim.call("kill", "target", "KILL").status == 0
    assert shim.reap(target) == 137
    assert shim.reap(one) == 137, "process 1 of its namespace has ended"
    result = shim.call("create", "--bundle", str(shim.bundle), "late")
    assert result.status == 1 and "late" not in shim.call("list", "-q").out.split(), result


def test_a_pids_limit_among_shared_numbers(shim: Shim) -> None:
    space = {"type": "pid", "path": f"/proc/{shim.sentries[0]}/ns/pid"}
    change(shim.bundle, linux__namespaces=[space, {"type": "mount"}, {"type": "uts"}])
    script = "for n in 1 2 3; do sleep 2000 & done; echo ready; read line"
    limited = further(shim, "one", "sh", "-c", script, linux__resources={"pids": {"limit": 3}})
    assert shim.reap(limited) == 2  # sh: can't fork
    change(shim.bundle, linux__resources={"pids": {"limit": 4}})
    further(shim, "two", "sh", "-c", script + "; sleep 2000")
    shim.says("two", "ready")
    used = json.loads(shim.call("events", "--stats", "two").out)["data"]["pids"]
    assert used == {"current": 4, "limit": 4}
    assert shim.call("exec", "pod", "sh", "-c", "true; (true); exit 5").status == 5
    assert shim.call("update", "--pids-limit", "3", "two").status == 0
    assert json.loads(shim.call("events", "--stats", "pod").out)["data"]["pids"]["limit"] > 4


def test_memory_of_one_container(shim: Shim) -> None:
    """It has what it may have by itself, however much the pod has; its status file says why it ended."""
    change(shim.bundle, linux__resources={"memory": {"limit": 32 << 20}})
    one = further(shim, "one", "sh", "-c", "(dd if=/dev/zero of=/dev/null bs=64M); exit 3")
    assert shim.reap(one) == 3
    assert (shim.root / "one" / "exit-status").read_bytes() == b"768\noom\n"
    assert json.loads(shim.call("wait", "one").out)["exitStatus"] == 3
    two = further(shim, "two", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M")
    assert shim.reap(two) == 137
    three = further(shim, "three", "sh", "-c", "sleep 1000")
    assert json.loads(shim.call("events", "--stats", "three").out)["data"]["memory"]["usage"]["limit"] == 32 << 20
    assert shim.call("update", "--memory", "16M", "--cpu-quota", "5000", "three").status == 0
    assert json.loads(shim.call("events", "--stats", "three").out)["data"]["memory"]["usage"]["limit"] == 16 << 20
    assert shim.status("pod") == "running" and shim.call("kill", "three", "KILL").status == 0
    assert shim.reap(three) == 137
    assert (shim.root / "three" / "exit-status").read_bytes() == b"9\n"


def test_processor_time_of_one_container(shim: Shim) -> None:
    """It computes no more than it may, which its own control group says, too; until it may."""

    def cpu() -> tuple[int, dict[str, int]]:
        used = json.loads(shim.call("events", "--stats", "one").out)["data"]["cpu"]
        return used["usage"]["total"], used.get("throttling", {})

    groups = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
    mounts = [*json.loads((shim.bundle / "config.json").read_text())["mounts"], groups]
    bound = {"cpu": {"quota": 10000, "period": 50000, "shares": 512}}
    loop = "cat /sys/fs/cgroup/cpu.max; while :; do :; done & while :; do :; done"
    one = further(shim, "one", "sh", "-c", loop, mounts=mounts, linux__resources=bound)
    shim.says("one", "10000 50000")
    eventually(lambda: cpu()[1]["throttledPeriods"] >= 5, "it is not held")
    total, held = cpu()
    assert 0 < total <= 10_000_000 * (held["periods"] + 2) and held["throttledPeriods"] <= held["periods"]
    assert held["throttledTime"] > 0
    assert shim.call("update", "--cpu-quota", "5000", "one").status == 0
    assert shim.call("exec", "one", "cat", "/sys/fs/cgroup/cpu.max").out == "5000 50000\n"
    (shim.bundle / "free.json").write_text(json.dumps({"cpu": {"quota": -1}}))
    assert shim.call("update", "--resources", str(shim.bundle / "free.json"), "one").status == 0
    total, held = cpu()
    eventually(lambda: cpu()[0] > total + 100_000_000, "it is held still")
    assert cpu()[1] == held, "there are no periods any more"
    change(shim.bundle, linux__resources={"cpu": {"quota": 999}})
    refused = shim.call("create", "--bundle", str(shim.bundle), "two")
    assert refused.status == 1 and "linux.resources.cpu.quota: 999 is less than 1000" in refused.err
    assert shim.call("kill", "one", "KILL").status == 0 and shim.reap(one) == 137


def test_shares_of_two_containers(shim: Shim) -> None:
    """A container with a quarter of the other's shares gets a quarter of the processors, however many processes it has."""

    def used(name: str) -> int:
        return int(json.loads(shim.call("events", "--stats", name).out)["data"]["cpu"]["usage"]["total"])

    loop = "while :; do :; done"
    one = further(shim, "one", "sh", "-c", f"{loop} & {loop}", linux__resources={"cpu": {"shares": 2048}})
    two = further(
        shim, "two", "sh", "-c", f"{loop} & {loop} & {loop} & {loop}", linux__resources={"cpu": {"shares": 1024}}
    )
    assert shim.call("update", "--cpu-share", "512", "two").status == 0
    eventually(lambda: used("two") > 100_000_000, "it does not run")
    before = used("one"), used("two")
    eventually(lambda: used("one") > before[0] + 1_000_000_000, "it does not run")
    share = (used("one") - before[0]) / (used("two") - before[1])
    assert 2.8 < share < 5.5, share
    for name, pid in (("one", one), ("two", two)):
        assert shim.call("kill", name, "KILL").status == 0 and shim.reap(pid) == 137


def test_one_volume_for_two(shim: Shim, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mounts = json.loads((shim.bundle / "config.json").read_text())["mounts"]
    mounts.append({"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]})
    server = "mkfifo /v/pipe; echo ready; read line < /v/pipe; echo got $line > /v/answer"
    one = further(shim, "one", "sh", "-c", server, mounts=mounts)
    shim.says("one", "ready")
    two = further(shim, "two", "sh", "-c", "echo word > /v/pipe", mounts=mounts)
    assert (shim.reap(two), shim.reap(one)) == (0, 0)
    assert (volume / "answer").read_text() == "got word\n"


def test_the_sandbox_takes_its_containers_along(shim: Shim) -> None:
    one = further(shim, "one", "sleep", "1000")
    assert shim.call("kill", "pod", "KILL").status == 0
    assert shim.reap(one) == 137
    assert shim.status("one") == "stopped"
    assert shim.call("delete", "one").status == 0
    result = shim.call("create", "--bundle", str(shim.bundle), "late")
    assert result.status == 1 and "sandbox pod: not running" in result.err
    assert not (shim.root / "late").exists()


def test_killing_what_stands_for_it_kills_it(shim: Shim) -> None:
    one = further(shim, "one", "sleep", "1000")
    os.kill(one, signal.SIGKILL)
    assert shim.reap(one) == -9
    eventually(lambda: shim.call("delete", "one").status == 0, "it cannot be deleted")
    further(shim, "one", "sleep", "1000")
    assert shim.call("delete", "one").status == 1
    assert shim.call("delete", "--force", "one").status == 0
    assert len(shim.call("ps", "pod").out.splitlines()) == 3
    assert shim.status("pod") == "running"


def test_a_removed_container_holds_nothing_of_the_host(shim: Shim) -> None:
    def held() -> int:
        return len(os.listdir(f"/proc/{shim.sentries[0]}/fd"))

    before = held()
    for round in range(3):
        name = f"c{round}"
        assert shim.reap(further(shim, name, "cat", "/bin/busybox")) == 0
        assert shim.call("delete", name).status == 0
        if round == 0:
            before = held()
    assert held() == before


def test_a_terminal(shim: Shim) -> None:
    change(
        shim.bundle,
        process__terminal=True,
        process__args=["sh", "-c", "tty; stat -c %t:%T /dev/console; read x; echo $x$x > /dev/console; exit 6"],
    )
    change(shim.bundle, annotations={KIND: "container", SANDBOX: "pod"})
    console = ConsoleSocket(shim.bundle)
    result = shim.call(
        "create", "--bundle", str(shim.bundle), "--console-socket", str(console.path), "--pid-file",
        str(shim.bundle / "tty.pid"), "tty",
    )  # fmt: skip
    assert result.status == 0, result
    master = console.master()
    assert shim.call("start", "tty").status == 0
    assert b"/dev/pts/0" in read_until(master, b"88:0")
    os.write(master, b"ab\n")
    read_until(master, b"abab")
    assert shim.reap(int((shim.bundle / "tty.pid").read_text())) == 6
    os.close(master)


def test_one_is_paused_and_the_others_go_on(shim: Shim) -> None:
    """Its processes stand still until it goes on, or is killed."""
    volume = shim.bundle / "volume"
    volume.mkdir()
    mounts = json.loads((shim.bundle / "config.json").read_text())["mounts"]
    mounts.append({"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind"]})
    started = {}
    for name in ("one", "two"):
        count = f"while :; do echo >> /v/{name}; done"
        started[name] = further(shim, name, "sh", "-c", f"({count}) & {count}", mounts=mounts)

    def size(name: str) -> int:
        return (volume / name).stat().st_size if (volume / name).exists() else 0

    def goes_on(name: str) -> None:
        before = size(name)
        eventually(lambda: size(name) > before + 10, f"{name} stands still")

    goes_on("one")
    assert shim.call("pause", "one").status == 0 and shim.status("one") == "paused"
    stood = size("one")
    goes_on("two")
    assert size("one") == stood and shim.call("pause", "one").status == 1
    assert shim.call("resume", "one").status == 0 and shim.status("one") == "running"
    goes_on("one")
    assert shim.call("pause", "one").status == 0 and shim.call("kill", "one", "KILL").status == 0
    assert shim.reap(started["one"]) == -9 and shim.status("two") == "running"


def test_the_first_is_paused_and_the_others_go_on(shim: Shim) -> None:
    """As any other's, only its own processes stand still, also when the others join it later. All of them can be paused."""
    volume = shim.bundle / "volume"
    volume.mkdir()
    mounts = json.loads((shim.bundle / "config.json").read_text())["mounts"]
    mounts.append({"destination": "/v", "type": "bind", "source": str(volume), "options": ["rbind"]})
    count = "while :; do echo >> /v/"
    for name in ("first", "alone"):
        kind = {KIND: "sandbox"}
        shim.start(name, "sh", "-c", f"{count}{name}; done", annotations=kind, mounts=mounts)

    def join(name: str, whose: str) -> int:
        return shim.start(
            name, "sh", "-c", f"{count}{name}; done", annotations={KIND: "container", SANDBOX: whose}, mounts=mounts
        )

    def size(name: str) -> int:
        return (volume / name).stat().st_size if (volume / name).exists() else 0

    def goes_on(name: str) -> None:
        before = size(name)
        eventually(lambda: size(name) > before + 10, f"{name} stands still")

    goes_on("alone")
    assert shim.call("pause", "alone").status == 0
    stood = size("alone")
    join("late", "alone")
    goes_on("late")
    assert size("alone") <= stood + 1 and shim.status("alone") == "paused"
    assert shim.call("resume", "alone").status == 0
    goes_on("alone")

    one = join("one", "first")
    goes_on("one")
    assert shim.call("pause", "first").status == 0 and shim.status("first") == "paused"
    stood = size("first")
    goes_on("one")
    assert shim.call("exec", "one", "sh", "-c", "exit 3").status == 3
    assert shim.call("exec", "first", "true").status == 255
    assert shim.call("pause", "one").status == 0
    stood_one = size("one")
    assert shim.status("one") == shim.status("first") == "paused"
    join("two", "first")
    goes_on("two")
    assert (size("first"), size("one")) == (stood, stood_one)
    for name in ("first", "one"):
        assert shim.call("resume", name).status == 0 and shim.status(name) == "running"
        goes_on(name)
    assert shim.call("pause", "one").status == 0 and shim.call("pause", "first").status == 0
    assert shim.call("delete", "--force", "one").status == 0
    shim.reap(one)
    goes_on("two")
    assert shim.call("kill", "first", "KILL").status == 0
    eventually(lambda: shim.status("two") == "stopped", "it does not end with its sandbox")
    for name in ("two", "first"):
        assert shim.call("delete", "--force", name).status == 0


def test_what_cannot_be(shim: Shim) -> None:
    further(shim, "one", "sleep", "1000")
    for parts, says in (
        ({"annotations": {KIND: "container", SANDBOX: "nobody"}}, "sandbox nobody: no such container"),
        ({"annotations": {KIND: "container", SANDBOX: "one"}}, "sandbox one: not a sandbox"),
        ({"annotations": {KIND: "container", SANDBOX: "pod"}, "process__args": ["/none"]}, "/none: no such file"),
    ):
        change(shim.bundle, **parts)
        result = shim.call("create", "--bundle", str(shim.bundle), "late")
        assert result.status == 1 and says in result.err, result
    assert shim.call("pause", "pod").status == 0 and shim.call("resume", "pod").status == 0
    assert shim.status("one") == "running"


def test_each_has_its_own_control_group(shim: Shim) -> None:
    """Whichever version the configuration names, with what bounds the container."""
    for kind in ("cgroup", "cgroup2"):
        mounts = json.loads((shim.bundle / "config.json").read_text())["mounts"]
        mounts.append({"destination": "/sys/fs/cgroup", "type": kind, "source": "cgroup", "options": ["ro"]})
        read = "cat /proc/self/cgroup /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cgroup.procs"
        limits = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}}
        pid = further(shim, kind, "sh", "-c", read, mounts=mounts, linux__resources=limits)
        assert shim.reap(pid) == 0
        assert shim.out(kind).read_text().split()[:4] == ["0::/", f"{64 << 20}", "20", "1"]


def test_mounts_are_seen_in_volumes_of_others(shim: Shim, tmp_path: Path) -> None:
    """Kubernetes' mountPropagation: what a container with Bidirectional (rshared) mounts below a volume is seen by those with
    HostToContainer (rslave), which came before it or come later, and not by others; what these mount is their own."""
    (tmp_path / "volume" / "at").mkdir(parents=True)
    base = json.loads((shim.bundle / "config.json").read_text())["mounts"]
    own = "mkdir /v/own; mount -t tmpfs none /v/own; touch /v/own/it;"
    wait = "while ! [ -e /v/at/x ]; do sleep 0.1; done; echo seen;"

    def volume(kind: str) -> dict[str, Any]:
        bind = {"destination": "/v", "type": "bind", "source": str(tmp_path / "volume"), "options": ["rbind", kind]}
        return {"mounts": [*base, bind]}

    caps = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]
    rights = {"process__capabilities": {name: caps for name in ("bounding", "effective", "permitted")}}
    further(shim, "early", "sh", "-c", f"{own} {wait} sleep 1000; true", **volume("rslave"), **rights)
    further(shim, "none", "sh", "-c", "sleep 1000; true", **volume("rprivate"))
    script = "mount -t tmpfs none /v/at; touch /v/at/x; echo done; sleep 1000; true"
    further(shim, "both", "sh", "-c", script, **volume("rshared"), **rights)
    shim.says("early", "seen")
    further(shim, "late", "sh", "-c", f"{wait} sleep 1000; true", **volume("rslave"))
    shim.says("late", "seen")
    for name, listing in (("none", ""), ("both", "x\n")):
        assert shim.call("exec", name, "ls", "/v/at").out == listing
    assert shim.call("exec", "both", "ls", "/v/own").out == ""
    assert shim.call("exec", "both", "umount", "/v/at").status == 0
    assert shim.call("exec", "late", "ls", "/v/at").out == shim.call("exec", "early", "ls", "/v/at").out == ""
