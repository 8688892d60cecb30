"""A real dockerd whose containers run in sandboxes. The quick start of docs/docker.md is run word for word."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.conftest import BOUND_S
from tests.e2e.containers import talk
from tests.e2e.docker.engines import Docker, blocks_of, need_engines

pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page, in order."""
    return blocks_of("docker.md", language)


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """With the page's daemon.json and the image that it makes."""
    need_engines()
    directory = Path(tempfile.mkdtemp(prefix="sbd"))  # paths of sockets are short
    docker = Docker(directory, {**json.loads(blocks("json")[0]), "experimental": True})  # for `checkpoint`
    try:
        shell(docker, blocks("sh")[0])
        yield docker
    finally:
        docker.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_is_kept(docker: Docker) -> Iterator[None]:
    """When a test's containers are gone the runtime keeps nothing."""
    yield
    found = docker.run("ps", "-aq").stdout.split()
    if found:
        docker.run("rm", "-f", *found)
    deadline = time.monotonic() + BOUND_S
    while docker.leftovers():
        assert time.monotonic() < deadline, docker.leftovers()


def shell(docker: Docker, script: str) -> str:
    """A block of the page, as a user would paste it."""
    environment = {**os.environ, "DOCKER_HOST": docker.host}
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=docker.directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def inside(docker: Docker, flags: list[str], script: str, status: int = 0) -> str:
    """A container's output."""
    words = ["run", "--rm", "--runtime", "runsc", "--network", "none", *flags, "busybox", "sh", "-c", script]
    done = docker.run(*words, check=False)
    assert done.returncode == status, done
    return done.stdout


def start(docker: Docker, script: str, *flags: str) -> None:
    """A detached container called `box`."""
    words = [
        "run",
        "-d",
        "--name",
        "box",
        "--runtime",
        "runsc",
        "--network",
        "none",
        *flags,
        "busybox",
        "sh",
        "-c",
        script,
    ]
    docker.run(*words)


def test_the_quick_start(docker: Docker) -> None:
    out = shell(docker, blocks("sh")[1]).splitlines()
    assert out[0] == "6.6.0"
    assert any("sleep 1000" in line for line in out)
    assert out[-2:] == ["first", "first"]


def test_status(docker: Docker) -> None:
    inside(docker, [], "exit 7", 7)
    inside(docker, [], "sh -c 'kill -9 $$'; exit $?", 137)
    for program, status in (("nothing", 127), ("/nowhere/x", 127), ("/etc", 126)):
        words = ["run", "--rm", "--runtime", "runsc", "--network", "none", "busybox", program]
        assert docker.run(*words, check=False).returncode == status, program


def test_environment_user_directory_and_names(docker: Docker) -> None:
    flags = ["-e", "A=b c", "-u", "1000:1001", "-w", "/tmp", "--hostname", "box", "--add-host", "other:192.0.2.7"]
    flags += ["--dns", "192.0.2.53", "--ulimit", "nofile=77:88", "--cap-drop", "ALL"]
    script = "echo $A; id -u; id -g; pwd; hostname; ulimit -n; grep other /etc/hosts; cat /etc/resolv.conf; grep CapBnd /proc/self/status"
    expected = ["b c", "1000", "1001", "/tmp", "box", "77", "192.0.2.7\tother", "nameserver 192.0.2.53"]
    assert inside(docker, flags, script).splitlines() == [*expected, "CapBnd:\t0000000000000000"]


def test_volumes_tmpfs_and_a_read_only_root(docker: Docker, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("in\n")
    flags = ["--read-only", "--tmpfs", "/x:size=1m", "-v", f"{tmp_path}:/rw", "-v", f"{tmp_path}:/ro:ro"]
    script = "cat /ro/in; echo out > /rw/out; touch /x/y && echo made; touch /ro/z || echo ro; touch /z || echo ro"
    assert inside(docker, flags, script).split() == ["in", "made", "ro", "ro"]
    assert (tmp_path / "out").read_text() == "out\n"


def test_limits(docker: Docker) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done 2>/dev/null; cat /proc/meminfo | head -1"
    out = inside(
        docker, ["--memory", "64m", "--pids-limit", "4"], "grep MemTotal /proc/meminfo; ( " + script + " ); true"
    )
    assert "MemTotal:          65536 kB" in out
    assert out.count("MemTotal") == 1  # no room for a further process


VERSION_1 = Path("/sys/fs/cgroup/memory/memory.oom_control").exists()


@pytest.mark.skipif(not VERSION_1, reason="the host's memory controller is not of version 1")
@pytest.mark.parametrize(
    "script, status, lines",
    [
        ("exec tail /dev/zero", 137, []),
        ("tail /dev/zero; echo $?", 0, ["137"]),
        ("dd if=/dev/zero of=/dev/null bs=400M; echo $?", 0, ["137"]),  # promised, and not kept
        ("dd if=/dev/zero of=/big bs=1M count=150; tail /dev/zero; echo $?", 0, ["137"]),  # with files in memory
        ("i=0; while [ $((i+=1)) -lt 9 ]; do dd if=/dev/zero of=/dev/null bs=70M; echo $?; done", 0, ["137"] * 8),
        ("exit 5", 5, []),
    ],
)
def test_out_of_memory(docker: Docker, script: str, status: int, lines: list[str]) -> None:
    """Docker is told by the host's control group, and whoever is not to end does not."""
    words = ["run", "--name", "box", "--runtime", "runsc", "--network", "none", "-m", "64m", "busybox", "sh", "-c"]
    done = docker.run(*words, script, check=False)
    assert (done.returncode, done.stdout.split()) == (status, lines), done
    state = json.loads(docker.run("inspect", "box").stdout)[0]["State"]
    assert (state["OOMKilled"], state["ExitCode"]) == ("tail" in script or "dd" in script, status)


@pytest.mark.skipif(not VERSION_1, reason="the host's memory controller is not of version 1")
def test_out_of_memory_where_the_engine_gives_a_score(docker: Docker, tmp_path: Path) -> None:
    """And where the host has much of files' pages to give back before it counts."""
    (tmp_path / "big").write_bytes(bytes(100 << 20))
    words = ["run", "--name", "box", "--runtime", "runsc", "--network", "none", "-m", "64m", "--oom-score-adj", "900"]
    words += ["-v", f"{tmp_path}:/v", "busybox", "sh", "-c", "cp /v/big /v/copy; tail /dev/zero; echo $?"]
    assert docker.run(*words).stdout.split() == ["137"]
    assert json.loads(docker.run("inspect", "box").stdout)[0]["State"]["OOMKilled"]


def test_init_and_masked_paths(docker: Docker) -> None:
    script = "cat /proc/1/comm; ls -A /sys/firmware; echo x > /proc/sys/kernel/hostname || echo refused; grep Seccomp: /proc/self/status"
    assert inside(docker, ["--init"], script).split() == ["docker-init", "refused", "Seccomp:", "2"]


def test_the_life_of_a_container(docker: Docker) -> None:
    start(docker, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 1 & wait $!; done")
    state = json.loads(docker.run("inspect", "box").stdout)[0]["State"]
    assert state["Status"] == "running" and Path(f"/proc/{state['Pid']}").exists()
    assert docker.run("exec", "-e", "B=x", "box", "sh", "-c", "echo $B; exit 4", check=False).stdout == "x\n"
    assert docker.run("exec", "box", "sh", "-c", "exit 4", check=False).returncode == 4
    assert docker.run("exec", "box", "nothing", check=False).returncode in (126, 127)
    assert docker.run("exec", "-i", "box", "cat", stdin="through\n").stdout == "through\n"
    assert len(docker.run("top", "box").stdout.splitlines()) >= 2
    docker.run("pause", "box")
    assert json.loads(docker.run("inspect", "box").stdout)[0]["State"]["Status"] == "paused"
    docker.run("unpause", "box")
    docker.run("update", "--memory", "128m", "--memory-swap", "256m", "box")
    assert "131072 kB" in docker.run("exec", "box", "head", "-1", "/proc/meminfo").stdout
    docker.run("stop", "box")
    assert docker.run("wait", "box").stdout == "3\n"
    assert docker.run("logs", "box").stdout == "ready\nbye\n"
    docker.run("start", "box")
    docker.run("kill", "-s", "KILL", "box")
    assert docker.run("wait", "box").stdout == "137\n"


def test_files_go_in_and_out(docker: Docker, tmp_path: Path) -> None:
    start(docker, "echo made > /made; echo ready; exec sleep 1000")
    (tmp_path / "given").write_text("given\n")
    docker.run("cp", str(tmp_path / "given"), "box:/given")
    assert docker.run("exec", "box", "cat", "/given").stdout == "given\n"
    docker.run("cp", "box:/made", str(tmp_path / "made"))
    assert (tmp_path / "made").read_text() == "made\n"
    assert "A /made" in docker.run("diff", "box").stdout
    docker.run("restart", "-t", "0", "box")
    assert docker.run("exec", "box", "cat", "/made").stdout == "made\n"
    docker.run("commit", "box", "kept")
    words = ["run", "--rm", "--runtime", "runsc", "--network", "none", "kept", "cat", "/given"]
    assert docker.run(*words).stdout == "given\n"


def test_logs_are_followed(docker: Docker) -> None:
    start(docker, "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done")
    follower = subprocess.Popen(["docker", "-H", docker.host, "logs", "-f", "box"], stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    lines = [follower.stdout.readline() for _ in range(5)]
    docker.run("kill", "box")
    assert follower.wait(BOUND_S) == 0
    follower.stdout.close()
    assert lines == [f"line {n}\n" for n in range(5)]


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_a_terminal(docker: Docker, verb: str) -> None:
    script = "tty; echo ready; read x; echo got $x; exit 6"
    argv = ["docker", "-H", docker.host]
    if verb == "run":
        argv += ["run", "--rm", "-it", "--runtime", "runsc", "--network", "none", "busybox", "sh", "-c", script]
    else:
        start(docker, "exec sleep 1000")
        argv += ["exec", "-it", "box", "sh", "-c", script]
    out, status = talk(argv, b"ready", b"word\n")
    assert b"/dev/pts/" in out and b"got word" in out and status == 6, out


def test_a_bridge_network(docker: Docker) -> None:
    docker.run("network", "create", "lan")
    try:
        words = ["run", "-d", "--name", "box", "--runtime", "runsc", "--network", "lan", "busybox"]
        docker.run(*words, "sh", "-c", "while :; do echo hello | nc -l -p 7777; done")
        networks = json.loads(docker.run("inspect", "box").stdout)[0]["NetworkSettings"]["Networks"]
        address = networks["lan"]["IPAddress"]
        script = f"ip addr show eth0 | grep -q 'inet ' && until nc {address} 7777 < /dev/null; do sleep 0.1; done"
        done = docker.run("run", "--rm", "--runtime", "runsc", "--network", "lan", "busybox", "sh", "-c", script)
        assert done.stdout == "hello\n"
    finally:
        docker.run("rm", "-f", "box")
        docker.run("network", "rm", "lan")


def test_a_network_of_its_own_beside_the_processes_of_another(docker: Docker) -> None:
    """Is refused in one line, and leaves nothing: a sandbox has one network of the host's."""
    docker.run("network", "create", "lan")
    try:
        start(docker, "exec sleep 1000", "--ipc", "shareable")
        for joined in (["--pid"], ["--ipc"], ["--pid", "--ipc"]):
            flags = [word for kind in joined for word in (kind, "container:box")]
            words = ["run", "--runtime", "runsc", "--network", "lan", "--rm", *flags, "busybox", "true"]
            done = docker.run(*words, check=False)
            assert done.returncode == 125, done
            assert "linux.namespaces" in done.stderr, done
            (line,) = [line for line in done.stderr.splitlines() if "linux.namespaces" in line]
            assert "has that one's network or none: join the network namespace, too" in line
        assert docker.run("exec", "box", "ps", "-o", "comm").stdout.split() == ["COMMAND", "sleep", "ps"]
        assert docker.run("ps", "-aq").stdout.count("\n") == 1
    finally:
        docker.run("rm", "-f", "box")
        docker.run("network", "rm", "lan")


def answer_to(query: bytes) -> bytes:
    """192.0.2.7, whatever is asked."""
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"


@contextlib.contextmanager
def a_name_server(address: str) -> Iterator[None]:
    """At port 53 of an address of the host's, until the block ends."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, 53))
    stream = socket.create_server((address, 53))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            for ready in select.select([datagrams, stream], [], [], 0.1)[0]:
                if ready is datagrams:
                    query, peer = datagrams.recvfrom(4096)
                    datagrams.sendto(answer_to(query), peer)
                else:
                    with stream.accept()[0] as connection:
                        answer = answer_to(connection.recv(4096)[2:])
                        connection.sendall(len(answer).to_bytes(2, "big") + answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        datagrams.close()
        stream.close()


def ask_by_tcp(name: str) -> str:
    """A line of shell that prints the answer's bytes."""
    query = rf"\000\041\001\000\000\001\000\000\000\000\000\000\00{len(name)}{name}\000\000\001\000\001"
    size = rf"\000\0{16 + len(name) + 2:o}"
    return f"(printf '{size}{query}'; sleep 1) | nc 127.0.0.11 53 | od -An -tu1 -v"


def test_connected_and_disconnected_while_it_runs(docker: Docker) -> None:
    """A container without a network gets one, then a second one, and loses the first; it knows the others' names."""
    for name in ("lan", "other"):
        docker.run("network", "create", name)
    try:
        run = ["run", "-d", "--runtime", "runsc", "--network"]
        for name in ("lan", "other"):
            docker.run(*run, name, "--name", f"on-{name}", "busybox", "sleep", "1000")
        docker.run(*run, "none", "--name", "box", "busybox", "sleep", "1000")
        docker.run("network", "disconnect", "none", "box")
        docker.run("network", "connect", "lan", "box")
        docker.run("exec", "box", "sh", "-c", "until ping -c 1 on-lan; do :; done")
        docker.run("network", "connect", "other", "box")
        docker.run("exec", "box", "sh", "-c", "until ping -c 1 on-other; do :; done; ping -c 1 on-lan")
        docker.run("exec", "on-other", "ping", "-c", "1", "box")
        docker.run("network", "disconnect", "lan", "box")
        docker.run("exec", "box", "sh", "-c", "while ip link show dev eth0; do :; done; ping -c 1 on-other")
        other = json.loads(docker.run("inspect", "box").stdout)[0]["NetworkSettings"]["Networks"]["other"]
        routes = docker.run("exec", "box", "ip", "route").stdout
        assert f"default via {other['Gateway']} dev eth1" in routes, routes
    finally:
        docker.run("rm", "-f", "box", "on-lan", "on-other")
        for name in ("lan", "other"):
            docker.run("network", "rm", name)


def test_names_on_a_network_of_the_users_own(docker: Docker) -> None:
    """Docker's resolver at 127.0.0.11, by UDP and TCP, for names here and outside: as with the distribution's runtime."""
    docker.run("network", "create", "lan")
    try:
        docker.run("run", "-d", "--name", "box", "--runtime", "runsc", "--network", "lan", "busybox", "sleep", "1000")
        lan = json.loads(docker.run("inspect", "box").stdout)[0]["NetworkSettings"]["Networks"]["lan"]
        script = (
            "cat /etc/resolv.conf; nslookup -type=a box; nslookup -type=a example.com; ping -c 1 box > /dev/null &&"
            f" echo reached; nc 127.0.0.11 80 || echo refused; {ask_by_tcp('box')}; {ask_by_tcp('out')}"
        )
        words = ["--dns", lan["Gateway"], "--network", "lan", "busybox", "sh", "-c", script]
        with a_name_server(lan["Gateway"]):
            ours = docker.run("run", "--rm", "--runtime", "runsc", *words).stdout
            theirs = docker.run("run", "--rm", *words).stdout
        assert f"Address: {lan['IPAddress']}" in ours and "Address: 192.0.2.7" in ours, ours
        assert "reached\nrefused\n" in ours
        assert ours == theirs
    finally:
        docker.run("rm", "-f", "box")
        docker.run("network", "rm", "lan")


def test_devices(docker: Docker) -> None:
    script = "stat -c %t:%T /dev/other; head -c 1 /dev/other | od -An -tx1"
    assert inside(docker, ["--device", "/dev/zero:/dev/other"], script).split() == ["1:5", "00"]


def test_privileged_gives_capabilities_and_no_device(docker: Docker) -> None:
    script = "grep CapEff /proc/self/status; find /dev -type b; find /dev -type c | sort; mount -t tmpfs none /bin && echo yes"
    out = inside(docker, ["--privileged"], script)
    old = (1 << 38) - 1  # up to CAP_AUDIT_READ: the engine may not know of later ones
    assert int(out.split()[1], 16) & old == old and out.endswith("yes\n")
    names = ["full", "kmsg", "null", "pts/ptmx", "random", "tty", "urandom", "zero"]
    if Path("/dev/net/tun").exists():  # the engine lists what the host has, of which the sandbox's kernel has this
        names.insert(2, "net/tun")
    assert out.split()[2:-1] == [f"/dev/{name}" for name in names]


def test_checkpoint(docker: Docker) -> None:
    """With Docker's seccomp profile, which is in the image."""
    start(docker, "i=0; while :; do i=$((i+1)); echo $i; [ -e /end ] && exit 4; sleep 0.1; done")
    seen: list[str] = []
    while len(seen) < 3:
        seen = docker.run("logs", "box").stdout.split()
    docker.run("checkpoint", "create", "--leave-running", "box", "first")
    docker.run("checkpoint", "create", "box", "second")
    assert docker.run("checkpoint", "ls", "box").stdout.split() == ["CHECKPOINT", "NAME", "first", "second"]
    deadline = time.monotonic() + BOUND_S  # dockerd answers before it has heard of the end
    while docker.run("inspect", "-f", "{{.State.Status}}", "box").stdout != "exited\n":
        assert time.monotonic() < deadline
    # dockerd puts the image where containerd had it, which forgets it in its own time, and does not care to find it there.
    while (done := docker.run("start", "--checkpoint", "second", "box", check=False)).returncode:
        assert "already exists" in done.stderr and time.monotonic() < deadline, done
    docker.run("exec", "box", "touch", "/end")
    assert docker.run("wait", "box").stdout == "4\n"
    numbers = list(map(int, docker.run("logs", "box").stdout.split()))
    assert numbers == list(range(1, numbers[-1] + 1)) and numbers[-1] > 3, numbers


def test_namespaces_of_another_container(docker: Docker) -> None:
    """They meet at one loopback, in one process tree and in shared memory, under names of their own; and end one by one."""
    start(
        docker,
        "echo kept > /dev/shm/kept; exec httpd -f -p 99 -h /etc",
        "--ipc",
        "shareable",
        "--hostname",
        "first",
    )
    run = ["run", "--rm", "--runtime", "runsc", "--network", "container:box"]
    script = "while ! wget -qO- http://127.0.0.1:99/hostname 2>/dev/null; do :; done; hostname; ps | grep -c '[h]ttpd -f'; cat /dev/shm/kept || true"
    done = docker.run(*run, "busybox", "sh", "-c", script)
    assert done.stdout.split() == ["first", "first", "0"], (
        done
    )  # the host's name is that of the network's, as Docker has it
    script = "ps -o args | grep -c '[h]ttpd -f'; cat /dev/shm/kept; kill -0 1 && echo seen"
    done = docker.run(*run, "--pid", "container:box", "--ipc", "container:box", "busybox", "sh", "-c", script)
    assert done.stdout.split() == ["1", "kept", "seen"], done
    run[-1] = "none"
    done = docker.run(
        *run,
        "--pid",
        "container:box",
        "--hostname",
        "own",
        "busybox",
        "sh",
        "-c",
        "hostname; kill -9 1; wget -qO- http://127.0.0.1:99/hostname 2>/dev/null || echo none",
    )
    assert done.stdout.split() == ["own", "none"], done
    assert docker.run("exec", "box", "hostname").stdout == "first\n"


@pytest.mark.skipif(not VERSION_1, reason="the host's memory controller is not of version 1")
def test_out_of_memory_in_the_sandbox_of_another(docker: Docker) -> None:
    start(docker, "exec sleep 1000")
    words = ["run", "--name", "other", "--runtime", "runsc", "--network", "container:box", "-m", "64m", "busybox"]
    assert docker.run(*words, "tail", "/dev/zero", check=False).returncode == 137
    assert json.loads(docker.run("inspect", "other").stdout)[0]["State"]["OOMKilled"]
    assert docker.run("exec", "box", "echo", "alive").stdout == "alive\n"


def test_what_is_refused_says_so(docker: Docker) -> None:
    where = Path(tempfile.mkdtemp(prefix="sbn")) / "node"
    os.mknod(where, 0o666 | stat.S_IFCHR, os.makedev(10, 229))
    words = [
        "run",
        "--rm",
        "--runtime",
        "runsc",
        "--network",
        "none",
        "--device",
        f"{where}:/dev/fuse",
        "busybox",
        "true",
    ]
    done = docker.run(*words, check=False)
    shutil.rmtree(where.parent)
    assert done.returncode == 125 and "/dev/fuse (c 10:229) is not supported" in done.stderr, done


def test_the_sandbox_is_killed(docker: Docker) -> None:
    start(docker, "exec sleep 1000")
    pid = json.loads(docker.run("inspect", "box").stdout)[0]["State"]["Pid"]
    os.kill(pid, 9)
    assert docker.run("wait", "box").stdout == "137\n"


def test_many_at_once(docker: Docker) -> None:
    base = ["docker", "-H", docker.host, "run", "--rm", "--runtime", "runsc", "--network", "none", "busybox"]
    running = [subprocess.Popen([*base, "sh", "-c", f"exit {n}"], stderr=subprocess.PIPE) for n in range(1, 6)]
    results = []
    for process in running:
        _, err = process.communicate(timeout=2 * BOUND_S)
        results.append((process.returncode, err))
    assert [status for status, _ in results] == [1, 2, 3, 4, 5], results
