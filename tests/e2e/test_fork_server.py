"""Sandboxes that start from a fork server: what is seen of a command is as without one, and nothing is left."""

from __future__ import annotations

import ctypes
import os
import pty
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Iterator

import pytest

from runsc.fork_server import likeness, protocol
from tests.e2e.bundles import change, needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, Running, begin, command, runsc
from tests.e2e.test_bad_input import (  # noqa: F401
    test_a_working_directory_that_was_removed,
    test_closed_standard_descriptors,
    test_killed_at_a_random_moment,
)
from tests.e2e.test_leftovers import (  # noqa: F401
    test_a_signal_that_is_not_handled_ends_the_command,
    test_guests_have_nothing_of_the_host,
    test_signals_are_forwarded,
    test_signals_that_are_ignored_outside_end_nothing,
    test_the_first_process_is_killed_from_outside,
    test_the_launcher_is_killed,
    test_the_process_that_all_are_forked_from_is_killed,
    test_the_sentry_is_killed,
)
from tests.e2e.test_status import (  # noqa: F401
    test_126_no_execute_permission,
    test_128_and_the_signal,
    test_output_and_input_pass_through,
    test_the_commands_own_status,
    test_timeout_kills_and_says_so,
)

NOT_BY_IT = "not by the fork server at "


class Server:
    """`runsc fork-server`, listening."""

    def __init__(self, place: Path, *flags: str, **options: object) -> None:
        self.place = place
        self.process = begin("fork-server", *flags, str(place), **options)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()

    def end(self, number: int = signal.SIGTERM) -> str:
        """What it said on stderr."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=BOUND_S)
        return err


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "socket")
    assert server.said == f"{server.place}\n"
    yield server
    assert server.end() == ""
    assert not server.place.exists()


@pytest.fixture(autouse=True)
def by_the_server(shared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSC_FORK_SERVER", str(shared.place))


def why_not(tmp_path: Path, *words: str, **changed: object) -> str:
    """What kept the server from it; empty when it did it. The command prints hi either way."""
    log = tmp_path / "log"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        command("--log", str(log), "--debug", *(words or ("do", "echo", "hi"))),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=BOUND_S,
        **changed,  # type: ignore[call-overload]
    )
    assert (done.returncode, done.stdout) == (0, b"hi\n")
    lines = [line for line in log.read_text().splitlines() if NOT_BY_IT in line]
    return lines[-1].rpartition(": ")[2].rstrip('"') if lines else ""


def test_it_is_the_server_that_does_it(tmp_path: Path, start: type[Running], shared: Server) -> None:
    assert why_not(tmp_path) == ""
    running = start("do", "/bin/sh", "-c", "echo ready; sleep 1000")
    assert running.launcher != running.process.pid
    parent = Path(f"/proc/{running.launcher}/stat").read_text().rpartition(")")[2].split()[1]
    assert int(parent) == shared.process.pid


def test_it_has_what_the_command_has(tmp_path: Path) -> None:
    words = ("do", "--out", "results", "--env", "GIVEN", "sh", "-c", "umask; echo $GIVEN; echo there > /out/f")
    out = runsc(*words, cwd=tmp_path, env={"GIVEN": "a b"})
    assert (out.status, out.out) == (0, "0022\na b\n")
    assert (tmp_path / "results" / "f").read_text() == "there\n"


def test_an_umask_of_its_own(tmp_path: Path) -> None:
    assert why_not(tmp_path, "do", "--out", str(tmp_path / "results"), "echo", "hi", umask=0o077) == ""
    assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700


def lower_the_limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))


def be_nice() -> None:
    os.nice(3)


def be_on_one_processor() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def unshare_uts() -> None:
    from sandbox.boot import libc

    libc.unshare(libc.CLONE_NEWUTS)


@pytest.mark.parametrize(
    ("differ", "reason"),
    [
        (lower_the_limit, "its limits is another"),
        (be_nice, "its priority is another"),
        (unshare_uts, "its uts namespace is another"),
        (be_on_one_processor, "Cpus_allowed of its status is another"),
    ],
)
def test_what_differs_is_not_done(differ: object, reason: str, tmp_path: Path) -> None:
    assert why_not(tmp_path, preexec_fn=differ) == reason


@pytest.mark.parametrize(
    "words", [("do", "--fork-server"), ("--network", "none", "do", "--cwd", "/", "--debug", "--fork-server")]
)
def test_named_after_the_verb(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNSC_FORK_SERVER")
    assert why_not(tmp_path, *words, str(tmp_path / "nobody"), "echo", "hi") == "No such file or directory"
    log = tmp_path / "after"  # of the words after the verb too
    done = runsc(*words, str(tmp_path / "nobody"), "--log", str(log), "--debug", "echo", "hi")
    assert done.out == "hi\n" and NOT_BY_IT in log.read_text()
    done = runsc("do", "echo", "--fork-server", str(tmp_path / "nobody"))  # the program's own
    assert done.out == f"--fork-server {tmp_path}/nobody\n"


@needs_busybox
@pytest.mark.parametrize("flag", ["-d", "--detach", "-detach", "--detach=true"])
def test_one_that_is_detached_starts_by_itself(flag: str, bundle: Path, tmp_path: Path, shared: Server) -> None:
    """Who started it, or a subreaper, gets its process; the server's would be nobody's."""
    change(bundle, process__args=["/bin/sleep", "1000"], process__terminal=False)
    log, words = tmp_path / "log", ("--root", str(tmp_path / "state"))
    place = str(tmp_path / "nobody")
    started = ("run", flag, "--bundle", str(bundle), "--fork-server", place, "one")
    try:
        line = command(*words, "--log", str(log), "--debug", *started)
        done = subprocess.run(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=BOUND_S
        )
        assert done.returncode == 0
        assert NOT_BY_IT not in log.read_text()  # nobody was asked
    finally:
        runsc(*words, "delete", "--force", "one")


def test_a_file_is_not_taken_for_a_socket(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        done = runsc("fork-server", str(tmp_path / name))
        assert (done.status, done.err) == (1, f"runsc: {tmp_path / name}: Address already in use\n")
    assert (tmp_path / "link").read_text() == "precious"


def filter_calls(times: int) -> None:
    """Filters of system calls that let all pass (seccomp(2))."""
    program = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000))  # BPF_RET, SECCOMP_RET_ALLOW
    libc = ctypes.CDLL(None)
    for _ in range(times):
        assert libc.prctl(22, 2, struct.pack("=HxxxxxxQ", 1, ctypes.addressof(program)), 0, 0) == 0  # PR_SET_SECCOMP


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user may not without PR_SET_NO_NEW_PRIVS")
def test_fewer_calls_that_are_allowed(tmp_path: Path) -> None:
    server = Server(tmp_path / "socket", preexec_fn=lambda: filter_calls(1))
    words = ("--fork-server", str(server.place), "do", "echo", "hi")
    assert why_not(tmp_path, *words, preexec_fn=lambda: filter_calls(1)) == ""
    reason = why_not(tmp_path, *words, preexec_fn=lambda: filter_calls(2))
    assert reason == "Seccomp_filters of its status is another"
    server.end()


def born_as(pid: int) -> bool:
    """A process of that number (clone3(2): set_tid), which waits for a signal."""
    numbers = ctypes.c_int(pid)
    arguments = struct.pack("=10Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(numbers), 1)
    born: int = ctypes.CDLL(None).syscall(435, arguments, len(arguments))
    if born == 0:
        while True:
            signal.pause()
    return born == pid


@pytest.mark.skipif(os.geteuid() != 0, reason="choosing a process number takes CAP_CHECKPOINT_RESTORE")
def test_who_has_the_number_of_the_one_that_connected(shared: Server) -> None:
    """A process that may less connects and ends; its number comes to one that may more; the connection is still there."""
    connection = protocol.new_socket()
    if (first := os.fork()) == 0:
        connection.connect(str(shared.place))
        os._exit(0)
    os.waitpid(first, 0)
    if not born_as(first):
        pytest.skip("its number is taken")
    try:
        here = os.open(".", os.O_PATH | os.O_CLOEXEC)
        fds = [os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC) for _ in range(3)]
        try:
            protocol.send_request(connection, protocol.Request(likeness.program(), [b"version"], [], [*fds, here]))
        except BrokenPipeError:
            pass  # it does not even wait for the request
        answer = b""
        while piece := connection.recv(100):
            answer += piece
        assert answer[:1] == protocol.REFUSED
    finally:
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        connection.close()
        for fd in (here, *fds):
            os.close(fd)


def test_descriptors_that_are_handed_on_are_not_lost(tmp_path: Path) -> None:
    reason = "more descriptors are to be handed on"
    read, write = os.pipe()
    os.write(write, b"hi\n")
    os.close(write)
    try:
        words = ("do", "--volume", f"/proc/self/fd/{read}:/given", "echo", "hi")
        done = runsc("--log", str(tmp_path / "log"), "--debug", *words)
        assert done.status == 125 and reason in (tmp_path / "log").read_text()
        assert why_not(tmp_path, pass_fds=(read,)) == ""  # nobody asks for it
    finally:
        os.close(read)


def test_a_terminal_is_the_commands_own(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        assert why_not(tmp_path, stderr=theirs) == "descriptor 2 is a terminal"
    finally:
        os.close(ours)
        os.close(theirs)


def test_no_server(tmp_path: Path) -> None:
    place = tmp_path / "nobody"
    words = ("--fork-server", str(place), "do", "echo", "hi")
    assert why_not(tmp_path, *words) == "No such file or directory"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(place))
    assert why_not(tmp_path, *words) == "Connection refused"


@needs_busybox
def test_a_bundle(bundle: Path, tmp_path: Path) -> None:
    change(bundle, process__args=["/bin/sh", "-c", "echo hi"], process__terminal=False)
    root = str(tmp_path / "state")
    assert why_not(tmp_path, "--root", root, "run", "--bundle", str(bundle), "one") == ""
    assert runsc("--root", root, "list", "-q").out == ""


def test_the_process_in_its_place_is_killed(start: type[Running]) -> None:
    running = start("do", "/bin/sh", "-c", "sleep 1000 & echo ready; wait")
    os.kill(running.launcher, signal.SIGKILL)
    running.wait_until_gone()
    _, err = running.process.communicate(timeout=BOUND_S)
    assert (running.process.returncode, err) == (125, "runsc: the process that the fork server made was killed\n")


def test_what_runs_outlives_its_server(tmp_path: Path, start: type[Running], monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "socket")
    monkeypatch.setenv("RUNSC_FORK_SERVER", str(server.place))
    running = start("do", "/bin/sh", "-c", "echo ready; read line; echo $line")
    assert running.launcher != running.process.pid
    server.end(signal.SIGKILL)
    out, _ = running.process.communicate("still here\n", timeout=BOUND_S)
    assert (running.process.returncode, out) == (0, "still here\n")
    assert server.place.exists()
    another = Server(tmp_path / "socket")  # in the place of the one that was killed
    assert another.said
    second = Server(tmp_path / "socket")
    assert (second.said, second.process.wait(BOUND_S)) == ("", 1)
    assert second.end() == f"runsc: {server.place}: a server listens there\n"
    assert another.end() == "" and not server.place.exists()


def test_it_ends_with_its_input(tmp_path: Path) -> None:
    server = Server(tmp_path / "socket", "--until-eof")
    assert server.said
    assert server.process.communicate(timeout=BOUND_S) == ("", "")
    assert server.process.returncode == 0 and not server.place.exists()


def test_children_are_not_kept(tmp_path: Path) -> None:
    server = Server(tmp_path / "socket")
    for _ in range(5):
        assert why_not(tmp_path, "--fork-server", str(server.place), "do", "echo", "hi") == ""
    deadline = time.monotonic() + BOUND_S
    while Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text():
        assert time.monotonic() < deadline
    server.end()


def junk() -> list[bytes]:
    head = struct.Struct("=III")
    return [b"", b"x", b"x" * 70000, head.pack(1, 1, 1 << 31), head.pack(1, 1 << 31, 4) + b"a\0b\0", head.pack(2, 0, 0)]


def test_nobody_holds_it_up(tmp_path: Path, shared: Server) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for sock in silent:
        sock.connect(str(shared.place))
    for data in junk():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(BOUND_S)
            sock.connect(str(shared.place))
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(100)[:1] == b"r"
    assert why_not(tmp_path) == ""
    for sock in silent:
        sock.close()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    done = runsc("fork-server", str(tmp_path / "no" / "socket"))
    assert (done.status, done.err) == (1, f"runsc: {tmp_path}/no/socket: No such file or directory\n")
    done = runsc("fork-server", "/tmp/" + "x" * 120)
    assert done.status == 1 and done.err.count("\n") == 1 and "too long" in done.err
    assert runsc("fork-server").err == "runsc: fork-server needs the path of its socket\n"


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A directory that every user can reach and write to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users; the machine that runs all tests is root")
def test_a_socket_of_somebody_else(tmp_path: Path, anybodys: Path) -> None:
    place = anybodys / "socket"
    listen = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({str(place)!r}); s.listen(); print('listens', flush=True); s.accept()"
    other = subprocess.Popen(["python3", "-c", listen], user=65534, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "listens\n"
        assert why_not(tmp_path, "--fork-server", str(place), "do", "echo", "hi") == "it is somebody else's"
    finally:
        other.kill()
        other.communicate()
