"""Pods, as a kubelet asks containerd for them: each in one sandbox."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Callable, Iterator

import pytest

from runsc.shim.protobuf import message
from tests.e2e.conftest import BOUND_S
from tests.e2e.docker.engines import need_engines

pytestmark = pytest.mark.slow
cri_client = pytest.importorskip("tests.e2e.docker.cri", reason="grpcio is not installed")
Pod = cri_client.Pod


@pytest.fixture(scope="module")
def cri() -> Iterator[object]:
    need_engines({"/usr/lib/cni/bridge": "containernetworking-plugins"})
    with cri_client.running() as cri:
        yield cri


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what


def test_two_containers_of_a_pod(cri: object, tmp_path: Path) -> None:
    pod = Pod(cri, "two")
    volume = {"/shared": str(tmp_path)}
    server = "echo word > /shared/file; httpd -h /shared -p 8080; echo up; sleep 1000"
    one = pod.create("one", "sh", "-c", server, mounts=volume)
    two = pod.create("two", "sh", "-c", "sleep 1000", mounts=volume)
    assert pod.address().startswith("10.88.7.")
    eventually(lambda: "stdout F up" in (pod.logs / "one.log").read_text(), "no log")
    assert pod.exec(two, "wget", "-qO-", "http://127.0.0.1:8080/file") == (0, "word\n")
    assert pod.exec(two, "sh", "-c", "hostname; cat /shared/file; exit 3") == (3, "host-two\nword\n")
    status, out = pod.exec(two, "ps", "-o", "pid,args")
    assert status == 0 and "httpd" not in out and "    1 " in out, out
    assert pod.exec(one, "uname", "-r") == (0, "6.6.0\n")
    pod.remove()


def test_a_neighbour_reaches_a_pod(cri: object) -> None:
    server, client = Pod(cri, "server"), Pod(cri, "client")
    one = server.create("one", "sh", "-c", "mkdir /w; echo page > /w/p; httpd -h /w -p 80; sleep 1000")
    eventually(lambda: "httpd" in server.exec(one, "ps")[1], "no server")
    two = client.create("two", "sleep", "1000")
    assert client.exec(two, "wget", "-qO-", f"http://{server.address()}/p") == (0, "page\n")
    server.remove()
    client.remove()


def test_a_shared_process_namespace(cri: object) -> None:
    pod = Pod(cri, "shared", cri_client.POD)
    pod.create("one", "sleep", "1234")
    two = pod.create("two", "sleep", "1000")
    assert "sleep 1234" in pod.exec(two, "ps", "-o", "args")[1]
    pod.remove()


def test_ends_in_a_shared_process_namespace(cri: object) -> None:
    """One container's processes end with its first, as no other's; the pause container is nobody's to kill, and its end is all's."""
    pod = Pod(cri, "shared-ends", cri_client.POD)
    one = pod.create("one", "sh", "-c", "trap 'exit 4' TERM; while :; do sleep 1111 & wait; done")
    two = pod.create("two", "sleep", "1000")
    three = pod.create("three", "sh", "-c", "sleep 1001 & exec sleep 1002")

    def processes() -> dict[str, str]:
        lines = pod.exec(two, "ps", "-o", "pid,args")[1].splitlines()[1:]
        return {line.split(None, 1)[1]: line.split()[0] for line in lines}

    eventually(lambda: {"sleep 1001", "sleep 1111"} <= set(processes()), "not everybody is there")
    assert pod.exec(two, "kill", "-9", processes()["sleep 1002"])[0] == 0
    assert pod.ended(three)[0] == 137
    left = processes()
    assert "sleep 1001" not in left and "sleep 1111" in left
    first = next(pid for args, pid in left.items() if "exit 4" in args)
    assert pod.exec(two, "kill", first)[0] == 0 and pod.ended(one)[0] == 4
    assert pod.exec(two, "kill", "-9", "1")[0] == 0  # as of every init of a PID namespace
    assert pod.exec(two, "sh", "-c", "kill -0 1; echo $?") == (0, "0\n") and pod.status(two) == (1, 0)
    assert pod.exec(two, "kill", "-TERM", "1")[0] == 0  # which it has a handler for
    assert pod.ended(two)[0] == 137
    eventually(lambda: pod.cri.call("PodSandboxStatus", (1, pod.id)).inner(1).number(3) == 1, "it is ready still")
    pod.remove()


def test_ends(cri: object) -> None:
    pod = Pod(cri, "ends")
    one = pod.create("one", "sh", "-c", "exit 7")
    eventually(lambda: pod.status(one) == (2, 7), "it does not end")
    two = pod.create("two", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 1000 & wait; done")
    eventually(lambda: "F up" in (pod.logs / "two.log").read_text(), "no log")
    pod.cri.call("StopContainer", (1, two), (2, int(BOUND_S)))
    assert pod.status(two) == (2, 5)
    pod.cri.call("RemoveContainer", (1, two))
    three = pod.create("three", "sleep", "1000")
    pod.cri.call("StopContainer", (1, three), (2, 0))
    assert pod.status(three) == (2, 137)
    pod.remove()


def test_stats(cri: object) -> None:
    pod = Pod(cri, "stats")
    one = pod.create(
        "one",
        "sh",
        "-c",
        "x=0; while [ $x -lt 20000 ]; do x=$((x+1)); done; sleep 1000",
        resources={"memory": 64 << 20, "cpu_quota": 60000, "cpu_period": 50000},
    )

    def used() -> tuple[int, int]:
        stats = pod.cri.call("ContainerStats", (1, one)).inner(1)
        return stats.inner(2).inner(2).number(1), stats.inner(3).inner(2).number(1)

    eventually(lambda: min(used()) > 0, "nothing is used")
    memory = pod.cri.call("ContainerStats", (1, one)).inner(1).inner(3)
    working, available, usage, rss = (memory.inner(n).number(1) for n in (2, 3, 4, 5))
    assert working == usage == rss and working + available == 64 << 20
    assert pod.exec(one, "sh", "-c", "grep MemTotal /proc/meminfo") == (0, "MemTotal:          65536 kB\n")
    assert pod.exec(one, "cat", "/sys/fs/cgroup/cpu.max") == (0, "60000 50000\n")
    pod.cri.call("UpdateContainerResources", (1, one), (2, message((1, 100000), (2, 20000))))
    assert pod.exec(one, "cat", "/sys/fs/cgroup/cpu.max") == (0, "20000 100000\n")
    pod.remove()


def test_stats_of_a_pod(cri: object) -> None:
    """What the kubelet's group of the pod has, its network, and of each container by itself."""
    parent = f"/stackbox-stats-{os.getpid()}"
    pod = Pod(cri, "pod-stats", linux={"cgroup_parent": parent})
    busy = pod.create("busy", "sh", "-c", "x=0; while [ $x -lt 20000 ]; do x=$((x+1)); done; sleep 1000 & sleep 1000")
    idle = pod.create("idle", "sleep", "1000")

    def cpu_of(container: str) -> int:
        return int(pod.cri.call("ContainerStats", (1, container)).inner(1).inner(2).inner(2).number(1))

    eventually(lambda: len(pod.exec(busy, "ps")[1].splitlines()) == 4, "it still counts")
    stats = pod.cri.call("PodSandboxStats", (1, pod.id)).inner(1).inner(2)
    assert stats.inner(1).inner(2).number(1) > cpu_of(busy) > 10 * cpu_of(idle)  # ns, the sandbox's kernel included
    assert 8 << 20 < stats.inner(2).inner(2).number(1) < 512 << 20
    assert stats.inner(3).inner(2).text(1) == "eth0" and len(list(stats.all(5))) == 2
    pod.remove()
    for group in Path("/sys/fs/cgroup").glob(f"*{parent}"):
        group.rmdir()


def test_exec_and_attach(cri: object) -> None:
    pod = Pod(cri, "streams")
    one = pod.create("one", "sh", "-c", "while read x; do echo got $x; done", stdin=1)

    def stream(method: str, *fields: object) -> object:
        url = pod.cri.call(method, (1, one), *fields).text(1)
        return closing(cri_client.WebSocket(pod.cri.connect(url), url, "channel.k8s.io"))

    words = [b"sh", b"-c", b"read x; echo $x$x; echo e >&2"]
    with stream("Exec", (2, words), (4, 1), (5, 1), (6, 1)) as channel:  # type: ignore[attr-defined]
        channel.send(0, b"ab\n")
        channel.until(b"abab")
    words = [b"sh", b"-c", b"tty; read x; echo $x$x"]
    with stream("Exec", (2, words), (3, 1), (4, 1), (5, 1)) as channel:  # type: ignore[attr-defined]
        channel.until(b"/dev/pts/")
        channel.send(0, b"cd\n")
        channel.until(b"cdcd")
    with stream("Attach", (2, 1), (4, 1), (5, 1)) as channel:  # type: ignore[attr-defined]
        channel.send(0, b"line\n")
        channel.until(b"got line")
    pod.remove()


def test_port_forward(cri: object) -> None:
    """As `kubectl port-forward`: containerd connects to the loopback of the pod's network namespace."""
    pod = Pod(cri, "ports")
    pod.create(
        "one", "sh", "-c", "mkdir /w; echo page > /w/p; httpd -h /w -p 127.0.0.1:80; httpd -h /w -p 8080; sleep 1000"
    )

    def ask(port: int) -> bytes:
        url = pod.cri.call("PortForward", (1, pod.id), (2, port)).text(1)
        found = b""
        with closing(cri_client.WebSocket(pod.cri.connect(url), url, "v4.channel.k8s.io")) as channel:
            channel.send(0, b"GET /p HTTP/1.0\r\n\r\n")
            while got := channel.receive():
                if got[0] == 0:  # 1: errors
                    found += got[1]
        return found

    for port in (8080, 80):
        eventually(lambda port=port: ask(port).endswith(b"\r\n\r\npage\n"), "no page")  # type: ignore[misc]
    assert b"page" not in ask(9)
    pod.remove()
