"""What CRI's own conformance suite looks at (kubernetes-sigs/cri-tools, pkg/validate), of containers in our sandboxes:
who they run as, what they may, what they see, what is logged and how they end."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.conftest import BOUND_S
from tests.e2e.docker.engines import need_engines
from tests.e2e.docker.test_cri import eventually

pytestmark = pytest.mark.slow
grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
cri_client = pytest.importorskip("tests.e2e.docker.cri", reason="grpcio is not installed")
config = pytest.importorskip("tests.e2e.docker.cri_config")
Pod = cri_client.Pod
PASSWD = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"


@pytest.fixture(scope="module")
def cri() -> Iterator[Any]:
    need_engines({"/usr/lib/cni/bridge": "containernetworking-plugins"})
    with cri_client.running({"passwd": PASSWD, "group": "root:x:0:\nmore:x:77:user\n"}) as cri:
        yield cri


@pytest.fixture
def pod(cri: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """With a name of its own."""
    pod = Pod(cri, request.node.name.replace("_", "-")[:40])
    yield pod
    pod.remove()


def refused(pod: Any, name: str, **more: Any) -> str:
    """What CreateContainer or StartContainer says."""
    with pytest.raises(grpc.RpcError) as error:
        pod.create(name, "sleep", "1000", **more)
    return str(error.value.details())


def test_users(pod: Any) -> None:
    one = pod.create("one", "sleep", "1000", security={"user": 1001, "group": 1002, "groups": [1234, 5678]})
    assert pod.exec(one, "id") == (0, "uid=1001 gid=1002 groups=1002,1234,5678\n")
    assert pod.sh(one, "echo $HOME") == (0, "/\n")
    two = pod.create("two", "sleep", "1000", security={"user_name": "user"})
    assert pod.sh(two, "id -un; id -G; echo $HOME; env | grep -c ^HOME=") == (0, "user\n1000 77\n/home/user\n1\n")
    assert "group" in refused(pod, "three", security={"group": 1002})


def test_whose_standard_streams_are(pod: Any) -> None:
    """The first user's, who may open them again; a change of owner or mode is seen by all who have them."""
    script = "echo out > /dev/stdout; echo err >> /dev/stderr; stat -L -c '%a %u %g %F' /dev/stdout"
    one = pod.create("writer", "sh", "-c", script, security={"user": 1000})
    assert pod.ended(one) == (0, "Completed")
    assert sorted(pod.log("writer")) == ["stderr F err", "stdout F 600 1000 0 fifo", "stdout F out"]
    two = pod.create("two", "sleep", "1000", security={"user": 1000})
    assert pod.sh(two, script) == (0, "out\n600 1000 0 fifo\nerr\n")
    assert pod.sh(two, "echo x >&0; echo $?; ls -l /proc/self/fd/0 | cut -c1-10") == (0, "0\nlrwx------\n")  # /dev/null
    three = pod.create("three", "sleep", "1000")
    line = "chown -L 1000:77 /dev/stdout && chmod 640 /dev/stdout; stat -L -c '%a %u %g %F' /proc/self/fd/1"
    assert pod.sh(three, line) == (0, "640 1000 77 fifo\n")


def test_capabilities(pod: Any) -> None:
    mask = "grep ^CapEff /proc/self/status | cut -f2"
    for name, capabilities, wanted in (
        ("usual", {}, 0xA80425FB),
        ("more", {"add": ["NET_ADMIN"]}, 0xA80435FB),
        ("fewer", {"drop": ["CHOWN", "KILL"]}, 0xA80425DA),
        ("none", {"drop": ["ALL"]}, 0),
        ("one", {"drop": ["ALL"], "add": ["SYS_TIME"]}, 1 << 25),
    ):
        made = pod.create(name, "sleep", "1000", security={"capabilities": capabilities})
        assert pod.sh(made, mask) == (0, f"{wanted:016x}\n"), name
        status, out = pod.exec(made, "brctl", "addbr", "foobar")
        assert (status, "not permitted" in out) == ((0, False) if name == "more" else (1, True)), name
        if name == "more":
            script = "ip link add d0 type dummy && ip addr add 10.9.9.1/24 dev d0 && ip link set d0 up && ip -o -4 addr show d0"
            assert "inet 10.9.9.1/24" in pod.sh(made, f"{script}; ip link del d0; brctl delbr foobar")[1]
    status, out = pod.sh(made, "chown 5 /tmp")
    assert status == 1 and "Operation not permitted" in out


def test_paths(pod: Any) -> None:
    one = pod.create("one", "sh", "-c", "touch /x && echo made; sleep 1000", security={"readonly_rootfs": 1})
    eventually(lambda: pod.log("one") == ["stderr F touch: /x: Read-only file system"], "it can write")
    assert pod.sh(one, "echo > /etc/x")[0] == 1
    security = {"masked": ["/etc/passwd", "/tmp"], "readonly": ["/root"]}
    two = pod.create("two", "sleep", "1000", security=security)
    assert pod.sh(two, "cat /etc/passwd; ls -A /tmp; touch /root/x") == (1, "touch: /root/x: Read-only file system\n")
    for at, allowed in ((1, "1"), (0, "0")):
        made = pod.create(f"privileges{at}", "sleep", "1000", security={"no_new_privs": at})
        assert pod.sh(made, "grep ^NoNew /proc/self/status | cut -f2") == (0, f"{allowed}\n")


def test_seccomp(pod: Any, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    rule = {"names": ["sethostname", "chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    local = {"kind": config.LOCALHOST, "file": str(profile)}
    admin = {"capabilities": {"add": ["SYS_ADMIN"]}}
    for name, security, wanted in (
        ("usual", {"seccomp": {"kind": config.RUNTIME_DEFAULT}}, "2 0 1"),
        ("free", {"seccomp": {"kind": config.UNCONFINED}}, "0 0 1"),
        ("free-admin", {"seccomp": {"kind": config.UNCONFINED}, **admin}, "0 0 0"),
        ("local-admin", {"seccomp": local, **admin}, "2 1 1"),
        ("usual-admin", {"seccomp": {"kind": config.RUNTIME_DEFAULT}, **admin}, "2 0 0"),
    ):
        made = pod.create(name, "sleep", "1000", security=security)
        line = "s=$(grep ^Seccomp: /proc/self/status | cut -f2); chmod 777 /tmp; c=$?; hostname x; echo $s $c $?"
        assert pod.sh(made, f"({line}) 2>/dev/null") == (0, f"{wanted}\n"), name
    assert "profile" in refused(pod, "gone", security={"seccomp": {"kind": config.LOCALHOST, "file": "/none"}})


def test_namespaces(cri: Any) -> None:
    """A container enters another's processes (TARGET); IPC and /dev/shm are the pod's."""
    pod = Pod(cri, "target")
    one = pod.create("one", "sh", "-c", "exec sleep 4321")
    two = pod.create("two", "sleep", "1000", security={"namespaces": {"pid": 3, "target": one}})
    assert pod.exec(two, "cat", "/proc/1/cmdline") == (0, "sleep\x004321\0")
    assert "sleep 1000" in pod.exec(one, "ps", "-o", "args")[1]
    assert pod.sh(two, "echo word > /proc/1/root/tmp/made; echo more > /dev/shm/file")[0] == 0
    assert pod.sh(one, "cat /tmp/made /dev/shm/file") == (0, "word\nmore\n")
    pod.cri.call("StopContainer", (1, one), (2, 0))
    assert pod.ended(two)[0] == 137
    pod.remove()
    pod = Pod(cri, "node", hostname="", linux={"security": {"namespaces": {"network": 2, "pid": 2, "ipc": 2}}})
    pod.create("one", "sh", "-c", "exec sleep 4321")
    two = pod.create("two", "sleep", "1000")
    assert "sleep 4321" in pod.exec(two, "ps", "-o", "args")[1]
    name = os.uname().nodename  # a pod on the host's network has no other one
    assert pod.sh(two, "hostname; echo $HOSTNAME; cat /etc/hostname") == (0, f"{name}\n" * 3)
    pod.remove()


SYSCTLS = {
    "kernel.shm_rmid_forced": "1",
    "net.ipv4.ip_local_port_range": "40000\t50000",
    "net.ipv4.tcp_syncookies": "0",
    "net.ipv4.ping_group_range": "0\t1000",
    "net.ipv4.ip_unprivileged_port_start": "80",
    "net.ipv4.ip_local_reserved_ports": "40001,40005-40010",
    "net.ipv4.tcp_keepalive_time": "600",
    "net.ipv4.tcp_fin_timeout": "30",
    "net.ipv4.tcp_keepalive_intvl": "20",
    "net.ipv4.tcp_keepalive_probes": "4",
    "fs.mqueue.msg_max": "100",
    "net.core.somaxconn": "1024",
}


def test_sysctls(cri: Any) -> None:
    """Kubernetes' safe ones and two of the others; one that there is not is refused in one line."""
    pod = Pod(cri, "sysctls", linux={"sysctls": SYSCTLS})
    one = pod.create("one", "sleep", "1000")
    files = [f"/proc/sys/{name.replace('.', '/')}" for name in SYSCTLS]
    assert pod.exec(one, "cat", *files) == (0, "".join(f"{value}\n" for value in SYSCTLS.values()))
    pod.remove()
    with pytest.raises(grpc.RpcError) as error:
        Pod(cri, "no-sysctl", linux={"sysctls": {"net.ipv4.nothing": "1"}})
    assert "linux.sysctl.net.ipv4.nothing: there is no such setting inside" in error.value.details()


def test_volumes_and_devices(pod: Any, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("there")
    (tmp_path / "link").symlink_to("real")
    made = pod.create(
        "one",
        "sleep",
        "1000",
        mounts={"/link": str(tmp_path / "link"), "/a/b/new": str(tmp_path / "missing")},
        devices=[{"inside": "/dev/own", "outside": "/dev/zero", "permissions": "rwm"}],
    )
    assert pod.sh(made, "cat /link/file; echo word > /a/b/new/x; head -c 3 /dev/own | od -An -tx1") == (
        0, "there 00 00 00\n",
    )  # fmt: skip
    assert (tmp_path / "missing" / "x").read_text() == "word\n"
    readonly = [{"inside": "/v", "outside": str(tmp_path / "real"), "readonly": 1}]
    two = pod.make("two", "sleep", "1000", **{"mounts": readonly})
    pod.cri.call("StartContainer", (1, two))
    assert pod.exec(two, "touch", "/v/x") == (1, "touch: /v/x: Read-only file system\n")


def test_logs(pod: Any) -> None:
    script = "echo out; echo err >&2; printf part; head -c 20000 /dev/zero | tr '\\0' x; echo; exec sleep 0"
    one = pod.create("one", "sh", "-c", script)
    assert pod.ended(one) == (0, "Completed")
    lines = pod.log("one")
    assert "stdout F out" in lines and "stderr F err" in lines
    whole = "".join(line.split(" ", 2)[2] for line in lines if "part" in line or "xxx" in line)
    assert whole == "part" + "x" * 20000 and any(line.startswith("stdout P part") for line in lines)
    two = pod.create("two", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
    eventually(lambda: bool(pod.log("two")), "no log")
    (pod.logs / "two.log").rename(pod.logs / "two.old")
    pod.cri.call("ReopenContainerLog", (1, two))
    eventually(lambda: bool(pod.log("two")), "no new log")


def test_exec_sync(pod: Any) -> None:
    one = pod.create("one", "sleep", "1000", cwd="/made/here", env={"FOO": "bar baz"})
    assert pod.sh(one, "pwd; echo $FOO") == (0, "/made/here\nbar baz\n")
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        pod.cri.call("ExecSync", (1, one), (2, [b"sleep", b"4321"]), (3, 1))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - begin < BOUND_S / 2
    eventually(lambda: "4321" not in pod.exec(one, "ps", "-o", "args")[1], "what took too long still runs")
    assert [pod.sh(one, f"exit {n}")[0] for n in (0, 1, 126, 255)] == [0, 1, 126, 255]
    assert pod.sh(one, "kill -9 $$")[0] == 137
    status, out = pod.sh(one, "head -c 3000000 /dev/zero | tr '\\0' y; echo e >&2")
    assert status == 0 and len(out) == 3000002 and out.endswith("e\n")
    with pytest.raises(grpc.RpcError) as error:
        pod.exec(one, "/none")
    assert "/none: no such file" in error.value.details()


def test_standard_input(pod: Any) -> None:
    """With stdin_once it ends with the first who was attached, without it does not."""

    def attach(container: str, text: bytes) -> None:
        url = pod.cri.call("Attach", (1, container), (2, 1), (4, 1), (5, 1)).text(1)
        with closing(cri_client.WebSocket(pod.cri.connect(url), url, "channel.k8s.io")) as channel:
            channel.send(0, text)
            channel.until(text)

    once = pod.create("once", "sh", "-c", "cat; exit 4", stdin=1, stdin_once=1)
    attach(once, b"first\n")
    assert pod.ended(once) == (4, "Error")
    kept = pod.create("kept", "sh", "-c", "cat", stdin=1)
    attach(kept, b"first\n")
    attach(kept, b"second\n")
    assert pod.status(kept)[0] == 1


def test_ends(pod: Any) -> None:
    made = pod.make("made", "sleep", "1000")
    assert pod.status(made) == (0, 0)
    for _ in range(2):  # idempotent
        pod.cri.call("RemoveContainer", (1, made))
    with pytest.raises(grpc.RpcError) as error:
        pod.status(made)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    failed = pod.make("failed", "/none")
    with pytest.raises(grpc.RpcError) as error:
        pod.cri.call("StartContainer", (1, failed))
    assert "/none: no such file" in error.value.details() and pod.ended(failed) == (128, "StartError")
    stubborn = pod.create("stubborn", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 1000 & wait; done")
    eventually(lambda: "stdout F up" in pod.log("stubborn"), "no log")
    for _ in range(2):
        pod.cri.call("StopContainer", (1, stubborn), (2, 1))
    assert pod.ended(stubborn) == (137, "Error")
    again = pod.create("stubborn", "sleep", "1000", metadata={"name": "stubborn", "attempt": 1})
    assert pod.status(again)[0] == 1
    with pytest.raises(grpc.RpcError) as error:
        pod.cri.call("CheckpointContainer", (1, again), (2, "/none"), (3, 10))
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_resources(pod: Any) -> None:
    """Memory of one container beside another that has no bound; why it ended; bounds that change."""
    free = pod.create("free", "sleep", "1000")
    for number in range(4):  # the host's kernel must not kill others in its place
        words = ("dd", "if=/dev/zero", "of=/dev/null", "bs=64M")
        small = pod.create(f"small{number}", *words, resources={"memory": 32 << 20})
        assert pod.ended(small) == (137, "OOMKilled")
        assert pod.sh(free, "true") == (0, "")
    bounded = pod.create("bounded", "sleep", "1000", resources={"memory": 64 << 20, "cpu_shares": 512})
    wanted = config.encode(config.RESOURCES, {"memory": 96 << 20, "cpu_quota": 50000, "cpu_period": 100000})
    pod.cri.call("UpdateContainerResources", (1, bounded), (2, wanted))
    assert pod.sh(bounded, "true") == (0, "") == pod.sh(free, "true")


def test_processors(pod: Any) -> None:
    """A container's own of those of the pod: of programs that ask how many there are, and of who asks for others."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip("there is one processor")
    one = pod.create("one", "sleep", "1000", resources={"cpus": str(mine[0])})
    all_of_it = pod.create("all", "sleep", "1000")
    status = "grep ^Cpus_allowed_list /proc/1/status | cut -f2"
    assert pod.sh(one, f"nproc; {status}; taskset 2 true 2>/dev/null; echo $?; taskset 3 nproc") == (0, "1\n0\n1\n1\n")
    assert pod.exec(all_of_it, "nproc") == (0, f"{len(mine)}\n")
    for cpus, count, listed in ((f"{mine[0]},{mine[1]}", 2, "0-1"), (str(mine[1]), 1, "1")):
        wanted = config.encode(config.RESOURCES, {"cpus": cpus})
        pod.cri.call("UpdateContainerResources", (1, one), (2, wanted))
        assert pod.sh(one, f"nproc; {status}") == (0, f"{count}\n{listed}\n")


def test_dns_and_the_pod_s_group(cri: Any) -> None:
    parent = f"/stackbox-test-{os.getpid()}"
    dns = {"servers": ["10.1.1.1"], "searches": ["a.b", "c.d"], "options": ["ndots:8"]}
    pod = Pod(cri, "dns", dns=dns, linux={"cgroup_parent": parent})
    one = pod.create("one", "sleep", "1000")
    wanted = "search a.b c.d\nnameserver 10.1.1.1\noptions ndots:8\n"
    assert pod.exec(one, "cat", "/etc/resolv.conf") == (0, wanted)
    pod.remove()
    for group in Path("/sys/fs/cgroup").glob(f"*{parent}"):
        group.rmdir()  # the kubelet's, empty
