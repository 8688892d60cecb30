"""What a user or a guest may do wrong: the right line, errno or status, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import random
import resource
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import BOUND_S, ROOT, Running, command, do, runsc

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes an ordinary user")


def as_nobody(*words: str) -> subprocess.CompletedProcess[str]:
    """As an ordinary user, with an interpreter that everybody may run."""
    return subprocess.run(
        ["/usr/bin/python3", "-B", "-m", "runsc", *words],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        user=65534,
        group=65534,
        extra_groups=(),
        timeout=BOUND_S,
    )


def test_an_address_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = do(f"--publish={port}:80", "/bin/true")
    assert result.status == 125 and "address in use" in result.err and str(port) in result.err, result
    assert result.err.count("\n") == 1


def test_a_directory_for_results_that_is_too_deep(tmp_path: Path) -> None:
    """From where a name is short the path may still be longer than paths can be: the name that was given is told."""
    code = (
        "import os, subprocess, sys\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "for n in range(45):\n    os.mkdir('d' * 100); os.chdir('d' * 100)\n"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    words = [*command(), "do", "--cwd", "/", "--out", "results", "true"]
    done = subprocess.run(
        ["python3", "-c", code, *words], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=BOUND_S
    )  # fmt: skip
    subprocess.run(["rm", "-rf", str(tmp_path / ("d" * 100))], check=True)  # shutil's paths are too long
    assert (done.returncode, done.stderr) == (125, "runsc: --out: results: File name too long\n")


def test_a_volume_over_something_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for source, target, line in (
        (tmp_path, "/etc/passwd", "a directory cannot be mounted over a file"),
        (tmp_path / "file", "/etc", "a file cannot be mounted over a directory"),
    ):
        result = do("--volume", f"{source}:{target}", "/bin/true")
        assert (result.status, result.err) == (125, f"runsc: mount {target}: {line}\n"), result
    result = do("--volume", f"{tmp_path / 'file'}:/etc/passwd", "--volume", f"{tmp_path}:/etc/new", "/bin/true")
    assert result.status == 0, result


@needs_root
def test_an_ordinary_user() -> None:
    done = as_nobody("do", "/bin/sh", "-c", "id -u; echo x > /etc/new && cat /etc/new; ls -A /root | wc -l; exit 4")
    assert (done.returncode, done.stdout) == (4, "0\nx\n0\n"), done
    assert not Path("/etc/new").exists()


@needs_root
@pytest.mark.parametrize("limit", ["RLIMIT_NPROC", "RLIMIT_FSIZE"])
def test_a_limit_that_is_too_low_is_named(limit: str) -> None:
    """Whichever process it is that cannot be made: one line, and nothing runs any more."""
    number = getattr(resource, limit)
    uid = 45_600 + os.getpid() % 1000  # nobody else's processes count
    for value in (1, 2, 3):
        done = subprocess.run(
            ["/usr/bin/python3", "-B", "-m", "runsc", "do", "/bin/true"],
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda value=value: (resource.setrlimit(number, (value, value)), os.setgid(uid), os.setuid(uid)),
            timeout=BOUND_S,
        )
        assert done.returncode == 125 and done.stderr.count("\n") == 1 and "raise ulimit" in done.stderr, done
        assert subprocess.run(["pgrep", "-u", str(uid)], check=False).returncode == 1


@needs_root
def test_no_permission_for_a_tap() -> None:
    done = as_nobody("do", "--network=tap", "/bin/true")
    assert done.returncode == 125 and done.stderr.count("\n") == 1 and "tap" in done.stderr, done


def test_a_network_namespace_is_needed_for_sandbox() -> None:
    result = do("--network=sandbox", "/bin/true")
    assert result.status == 125 and "network namespace" in result.err and result.err.count("\n") == 1, result


def test_fork_bomb() -> None:
    bomb = "bomb() { bomb | bomb & }; bomb; sleep 1; echo alive"
    result = do("--pids=40", "--timeout=30", "/bin/bash", "-c", bomb)
    assert result.status in (0, 1, 137, 254), result
    assert do("/bin/echo", "hi").out == "hi\n"


def test_memory_bomb_kills_nobody_else() -> None:
    eat = "b = []\nwhile True: b.append(bytearray(1 << 20))"
    script = f"sleep 100 & /usr/bin/python3 -c {shlex.quote(eat)} 2>/dev/null; kill -0 $! && echo survived"
    result = do("--memory=200M", "--timeout=40", "/bin/sh", "-c", script)
    assert (result.status, result.out) == (0, "survived\n"), result


def test_a_full_disk() -> None:
    script = "head -c 64M /dev/zero > /var/big; echo $?; rm /var/big; echo x > /var/small && cat /var/small"
    result = do("--memory=32M", "/bin/sh", "-c", script)
    assert "No space left on device" in result.err and result.out == "1\nx\n", result


def test_a_writer_whose_reader_is_gone() -> None:
    line = shlex.join(command("do", "/bin/sh", "-c", "yes; echo $? >&2; exit 9"))
    done = subprocess.run(
        ["/bin/bash", "-c", f"{line} | head -1; exit ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (9, b"y\n", b"141\n"), done


def test_a_guest_cannot_forge_trace_or_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    name = "a\nlevel=error msg=forged\x1b[2J"
    result = runsc("--strace", "--debug", f"--log={log}", "do", "/bin/cat", f"/{name}")
    assert result.status == 1
    assert not any(line.startswith(b"level=error") for line in log.read_bytes().splitlines())
    assert b"\x1b" not in log.read_bytes() and b"forged" in log.read_bytes()


def test_a_capture_on_a_full_disk() -> None:
    result = runsc("--pcap-log=/dev/full", "do", "/usr/bin/curl", "-s", "http://gateway.stackbox.internal/")
    assert result.status == 0 and "a service inside" in result.out, result
    assert result.err == "runsc: the capture ends here: No space left on device\n"


def test_closed_standard_descriptors() -> None:
    """Nothing of the host's takes their place."""
    line = shlex.join(command("do", "/bin/sh", "-c", "cat; ls -l /proc/self/fd/ | grep -c null; echo x >&2"))
    done = subprocess.run(["/bin/sh", "-c", f"{line} <&- 2>&-"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "2\n"), done
    line = shlex.join(command("do", "/bin/sh", "-c", "echo x; exit 5"))
    assert subprocess.run(["/bin/sh", "-c", f"{line} <&- >&- 2>&-"], cwd=ROOT).returncode == 5
    line = shlex.join(command("version"))
    done = subprocess.run(["/bin/sh", "-c", f"{line} >&-"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done


def test_a_working_directory_that_was_removed(tmp_path: Path) -> None:
    line = shlex.join(command("do", "/bin/pwd"))
    script = f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone && {line}"
    environment = {"PYTHONPATH": str(ROOT), **os.environ}
    done = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "/\n"), done


def test_a_log_in_json_is_json_whatever_a_guest_says(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = 'cat \'/x\n{"level":"error"}\n\' "$(printf \'\\377\\342\\200\\250\')"; exit 3'
    result = runsc("--strace", "--debug", f"--log={log}", "--log-format=json", "do", "/bin/sh", "-c", script)
    lines = [json.loads(line) for line in log.read_text(encoding="ascii").split("\n")[:-1]]
    assert result.status == 3 and {line["level"] for line in lines} == {"debug", "info"}, lines
    assert any("execve" in line["msg"] for line in lines)


BUSY = "while :; do (ls / >/dev/null; echo x | cat >/dev/null) & wait; echo line; done"


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_a_random_moment(start: type[Running], seed: int) -> None:
    chance = random.Random(seed)
    running = start("do", "/bin/sh", "-c", BUSY, rests=False)
    assert running.process.stdout is not None
    for _ in range(chance.randrange(12)):
        assert running.process.stdout.readline() == "line\n"
    victim = running.sentry if seed % 2 else running.process.pid
    os.kill(victim, signal.SIGKILL)
    running.wait_until_empty()
    running.process.communicate(timeout=BOUND_S)
    assert running.process.returncode == (125 if seed % 2 else -9)


_THREADS_TWICE = """
import subprocess, sys, threading
def batch(n):
    go = threading.Event()
    threads = [threading.Thread(target=go.wait) for _ in range(n)]
    for t in threads: t.start()
    go.set()
    for t in threads: t.join()
batch(24)
if len(sys.argv) > 1:
    sys.exit(subprocess.run([sys.executable, "-c", sys.argv[1]]).returncode)
print("done")
"""


@needs_root
def test_ended_threads_leave_room_for_others() -> None:
    """A process that had threads, and one that needs as many after it, under a limit that does not hold both."""
    uid = 46_700 + os.getpid() % 1000
    limit = resource.RLIMIT_NPROC
    done = subprocess.run(
        ["/usr/bin/python3", "-B", "-m", "runsc", "do", "/usr/bin/python3", "-c", _THREADS_TWICE, _THREADS_TWICE],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: (resource.setrlimit(limit, (40, 40)), os.setgid(uid), os.setuid(uid)),
        timeout=BOUND_S,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
