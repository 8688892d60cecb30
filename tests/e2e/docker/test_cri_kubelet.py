"""What a kubelet does with a pod, step by step as its sources have it (pkg/kubelet/kuberuntime, pkg/volume of kubernetes): volumes that it
mounts and exchanges on the host, probes from the node, hooks, containers that come and go."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.docker.engines import need_engines
from tests.e2e.docker.test_cri import eventually

pytestmark = pytest.mark.slow
cri_client = pytest.importorskip("tests.e2e.docker.cri", reason="grpcio is not installed")
config = pytest.importorskip("tests.e2e.docker.cri_config")
Pod = cri_client.Pod
TARGET = 3  # NamespaceMode: the namespace of another container


@pytest.fixture(scope="module")
def cri() -> Iterator[Any]:
    need_engines({"/usr/lib/cni/bridge": "containernetworking-plugins"})
    with cri_client.running() as cri:
        yield cri


@pytest.fixture
def pod(cri: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """With a name of its own."""
    pod = Pod(cri, request.node.name.replace("_", "-")[:40])
    yield pod
    pod.remove()


def on_the_node(cri: Any, script: str) -> None:
    """As a kubelet: in containerd's mount namespace."""
    subprocess.run(["nsenter", "-t", str(cri.process.pid), "-m", "sh", "-e", "-c", script], check=True)


def project(volume: Path, version: str, text: str) -> None:
    """A ConfigMap's new content (AtomicWriter): a directory, and ..data that is exchanged by one rename."""
    (volume / version).mkdir()
    (volume / version / "key").write_text(text)
    (volume / "..data_tmp").symlink_to(version)
    os.rename(volume / "..data_tmp", volume / "..data")
    if not (volume / "key").is_symlink():
        (volume / "key").symlink_to("..data/key")


def test_projected_volumes_and_sub_paths(pod: Any, tmp_path: Path) -> None:
    """An exchanged ..data is seen by who opens the file again, and by inotify; a subPath keeps the file that it was."""
    volume, sub = tmp_path / "volume", tmp_path / "sub"
    volume.mkdir()
    project(volume, "..one", "first\n")
    sub.touch()
    on_the_node(pod.cri, f"mount --bind {(volume / 'key').resolve()} {sub}")
    mounts = [
        {"inside": "/conf", "outside": str(volume), "readonly": 1},
        {"inside": "/etc/app/key", "outside": str(sub), "readonly": 1},
    ]
    watch = (
        "cat /conf/key; echo up; while [ $(cat /conf/key) = first ]; do sleep 0.05; done; cat /conf/key /etc/app/key"
    )
    one = pod.make("one", "sh", "-c", watch, **{"mounts": mounts})
    pod.cri.call("StartContainer", (1, one))
    eventually(lambda: "stdout F up" in pod.log("one"), "no log")
    project(volume, "..two", "second\n")
    assert pod.ended(one) == (0, "Completed")
    assert [line.split()[-1] for line in pod.log("one")] == ["first", "up", "second", "first"]
    on_the_node(pod.cri, f"umount {sub}")


def test_an_empty_directory_in_memory(pod: Any, tmp_path: Path) -> None:
    """emptyDir with medium Memory and a sizeLimit is a tmpfs of the host's, and full when it is full, for all the pod's containers."""
    on_the_node(pod.cri, f"mount -t tmpfs -o size=1m none {tmp_path}")
    mounts = {"/cache": str(tmp_path)}
    one = pod.create("one", "sleep", "1000", mounts=mounts)
    two = pod.create("two", "sleep", "1000", mounts=mounts)
    status, out = pod.sh(one, "dd if=/dev/zero of=/cache/big bs=64k count=64")
    assert status != 0 and "No space left on device" in out
    assert pod.sh(two, "stat -c %s /cache/big; rm /cache/big; df -P /cache | tail -1 | awk '{print $2, $3}'") == (
        0,
        "1048576\n1024 0\n",
    )
    assert pod.sh(one, "echo x > /dev/shm/word") == (0, "")
    assert pod.sh(two, "cat /dev/shm/word") == (0, "x\n")  # it is the pod's
    for made in (one, two):
        pod.cri.call("StopContainer", (1, made), (2, 0))
    on_the_node(pod.cri, f"umount -l {tmp_path}")


def test_propagation(pod: Any, tmp_path: Path) -> None:
    """None, HostToContainer and Bidirectional: each mount as it says, also where the root is shared for one of them."""
    on_the_node(
        pod.cri,
        f"mount -t tmpfs none {tmp_path} && mount --make-shared {tmp_path} && mkdir {tmp_path}/p {tmp_path}/late",
    )
    kinds = (("p", config.PRIVATE), ("s", config.HOST_TO_CONTAINER), ("b", config.BIDIRECTIONAL))
    volumes = [{"inside": f"/{name}", "outside": str(tmp_path), "propagation": kind} for name, kind in kinds]
    volumes[0]["outside"] = str(tmp_path / "p")
    made = pod.make("one", "sleep", "1000", **{"mounts": volumes})
    pod.cri.call("StartContainer", (1, made))
    line = "awk '$5 ~ /^.[psb]$/ { split($7, kind, \":\"); print $5, kind[1] }' /proc/self/mountinfo"
    assert pod.sh(made, line) == (0, "/p -\n/s master\n/b shared\n")
    on_the_node(pod.cri, f"mount -t tmpfs none {tmp_path}/late && echo word > {tmp_path}/late/file")
    assert pod.sh(made, "cat /s/late/file /b/late/file") == (0, "word\nword\n")
    pod.cri.call("StopContainer", (1, made), (2, 0))
    on_the_node(pod.cri, f"umount -l {tmp_path}")


def test_init_containers_and_messages(pod: Any, tmp_path: Path) -> None:
    """One after the other, each with a file for its last words, and the kubelet's own /etc/hosts."""
    volume, hosts = tmp_path / "volume", tmp_path / "hosts"
    volume.mkdir()
    hosts.write_text("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n10.9.8.7\tother\n")
    for n, name in enumerate(("first", "second")):
        last = tmp_path / name
        last.touch()
        mounts = {"/v": str(volume), "/dev/termination-log": str(last), "/etc/hosts": str(hosts)}
        made = pod.create(name, "sh", "-c", f"n=$(ls /v | wc -l); echo $n > /v/{name}; grep -c other /etc/hosts > /dev/termination-log; exit {n}", mounts=mounts)  # fmt: skip
        assert pod.ended(made) == (n, "Error" if n else "Completed")
        assert last.read_text() == "1\n"
        pod.cri.call("RemoveContainer", (1, made))
    main = pod.create("main", "sleep", "1000", mounts={"/v": str(volume)})
    assert pod.sh(main, "cat /v/first /v/second") == (0, "0\n1\n")


def test_probes_and_hooks(pod: Any) -> None:
    """HTTP and TCP probes come from the node to the pod's address; a preStop hook runs before the container is told to end."""
    script = "trap 'cat /hooks; exit 3' TERM; mkdir /w; echo well > /w/healthz; httpd -h /w -p 8080; while :; do sleep 1000 & wait; done"
    one = pod.create("probed", "sh", "-c", script)
    assert pod.sh(one, "echo postStart > /hooks") == (0, "")
    url = f"http://{pod.address()}:8080/healthz"
    eventually(lambda: pod.exec(one, "wget", "-qO-", "http://127.0.0.1:8080/healthz")[0] == 0, "no server")
    with closing(pod.cri.connect(url)) as sock:
        sock.sendall(b"GET /healthz HTTP/1.0\r\nUser-Agent: kube-probe/1.28\r\n\r\n")
        answer = sock.makefile("rb").read()
    assert b" 200 OK" in answer and answer.endswith(b"well\n")
    with pytest.raises(ConnectionRefusedError):  # a TCP probe
        pod.cri.connect(f"http://{pod.address()}:8081/")
    assert pod.sh(one, "test -e /ready")[0] == 1  # a probe that fails
    assert pod.sh(one, "echo preStop >> /hooks") == (0, "")
    pod.cri.call("StopContainer", (1, one), (2, 30))
    assert pod.ended(one) == (3, "Error")
    assert [line.split()[-1] for line in pod.log("probed")] == ["postStart", "preStop"]


def test_ephemeral_containers_and_sidecars(pod: Any) -> None:
    """`kubectl debug --target`: one more container in the process namespace of another. A sidecar ends and is there again, beside
    a container that knows nothing of it."""
    main = pod.create("main", "sh", "-c", "echo secret > /file; exec sleep 4321")
    side = pod.create("side", "sh", "-c", "exit 1")
    assert pod.ended(side) == (1, "Error")
    again = pod.create("side", "sleep", "1000", metadata={"name": "side", "attempt": 1}, log="side-1.log")
    spaces = {"namespaces": {"pid": TARGET, "target": main}}
    debug = pod.create("debug", "sleep", "1000", security=spaces)
    assert pod.exec(debug, "ps", "-o", "args")[1].count("sleep 4321") == 1
    assert pod.sh(debug, "cat /proc/1/root/file") == (0, "secret\n")
    assert "4321" not in pod.exec(again, "ps", "-o", "args")[1]
    assert pod.sh(debug, "kill -9 1; exit 0")[0] == 0  # of its own namespace's first process nobody inside gets rid
    assert pod.status(main)[0] == 1
    pod.cri.call("StopContainer", (1, main), (2, 0))
    assert pod.ended(main) == (137, "Error")
    assert pod.ended(debug)[0] == 137  # its process namespace has ended
    assert pod.status(again)[0] == 1
