"""Pods, as a kubelet asks containerd for them: each in one sandbox."""

from __future__ import annotations

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
    assert pod.exec(one, "sh", "-c", "grep MemTotal /proc/meminfo") == (0, "MemTotal:          65536 kB\n")
    assert pod.exec(one, "cat", "/sys/fs/cgroup/cpu.max") == (0, "60000 50000\n")
    pod.cri.call("UpdateContainerResources", (1, one), (2, message((1, 100000), (2, 20000))))
    assert pod.exec(one, "cat", "/sys/fs/cgroup/cpu.max") == (0, "20000 100000\n")
    pod.remove()


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
