"""Guests that do harm: the right errno or status, the other processes unharmed, nothing left on the host."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Result, Running, command, do, runsc
from tests.e2e.guest_programs import compile_all

PROGRAMS = Path(__file__).parent / "programs"
NEVER_BACK = {"exit", "exit_group", "rt_sigreturn"}
FATAL = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


@pytest.fixture(scope="session")
def bin_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of programs/, compiled."""
    return compile_all(PROGRAMS, tmp_path_factory.mktemp("abuse"))


def hog(bin_dir: Path, what: str, *flags: str) -> Result:
    return do(*flags, "--volume", f"{bin_dir}:/mnt:ro", "/mnt/hog", what)


def chunks(count: int) -> list[list[int]]:
    """The numbers of all calls that have a handler of their own, in `count` parts."""
    from sandbox.syscalls.linux.table_amd64 import ROWS

    numbers = [row.number for row in ROWS if row.name not in NEVER_BACK]
    return [numbers[part::count] for part in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(12))
def test_garbage_in_every_argument(bin_dir: Path, part: int) -> None:
    numbers = chunks(12)[part]
    done = runsc(
        "--network", "internal", "do", "--pids", "100", "--volume", f"{bin_dir}:/mnt:ro", "/mnt/garbage", *map(str, numbers),
        bound_s=600,
    )  # fmt: skip
    assert "oops" not in done.err, done.err[-3000:]
    assert (done.status, done.out) == (0, f"{len(numbers)} calls, some returned: 1\n"), done


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--no-look"]], ids=["looking", "parking"])
@pytest.mark.parametrize("cpus", ["all", "one"])
def test_threads_that_do_everything_at_once(bin_dir: Path, flags: list[str], cpus: str) -> None:
    before = os.sched_getaffinity(0)
    if cpus == "one":
        os.sched_setaffinity(0, {min(before)})
    try:
        done = runsc(*flags, "do", "--volume", f"{bin_dir}:/mnt:ro", "/mnt/churn", "32", "200", bound_s=300)
    finally:
        os.sched_setaffinity(0, before)
    assert (done.status, done.out) == (0, "ok\n"), done


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--no-look"], ["--no-patch"]], ids=["looking", "parking", "trapping"])
@pytest.mark.parametrize("what", ["lane 5", "jump 29"])
def test_guests_that_play_the_stub_hurt_nobody_else(bin_dir: Path, flags: list[str], what: str) -> None:
    beside = f"/mnt/hostile {what} & /mnt/churn 4 20; wait"
    done = runsc(*flags, "do", "--pids", "200", "--volume", f"{bin_dir}:/mnt:ro", "/bin/sh", "-c", beside, bound_s=300)
    assert "oops" not in done.err, done.err[-3000:]
    assert (done.status, sorted(done.out.splitlines())) == (0, ["0 came late", "ok"]), done


def test_a_memory_bomb_gets_enomem_at_its_limit(bin_dir: Path) -> None:
    done = hog(bin_dir, "memory", "--memory", "200M")
    assert done.status in (0, 137), done
    if done.status == 0:
        assert done.out == "memory: ENOMEM after some: 1\n"


def test_a_fork_bomb_gets_eagain_and_can_clean_up(bin_dir: Path) -> None:
    done = hog(bin_dir, "fork", "--pids", "60")
    assert (done.status, done.out) == (0, "fork: EAGAIN, all reaped: 1\n")


def test_a_thread_bomb_gets_eagain(bin_dir: Path) -> None:
    done = hog(bin_dir, "threads", "--pids", "60")
    assert (done.status, done.out) == (0, "threads: EAGAIN after some: 1\n")


@pytest.mark.slow
def test_a_hundred_thousand_opens(bin_dir: Path) -> None:
    done = hog(bin_dir, "files")
    assert (done.status, done.out) == (0, "files: opened many: 1\n")


def test_a_write_storm_to_a_closed_reader(bin_dir: Path) -> None:
    done = hog(bin_dir, "pipe")
    assert (done.status, done.out) == (0, "pipe: 20000 writes failed\n")


def test_the_neighbours_of_a_hog_live_on(bin_dir: Path) -> None:
    script = "(/mnt/hog memory; /mnt/hog fork) >/dev/null 2>&1; echo still here; exit 4"
    done = do("--memory", "200M", "--pids", "60", "--volume", f"{bin_dir}:/mnt:ro", "/bin/sh", "-c", script)
    assert (done.status, done.out) == (4, "still here\n")


def test_garbage_in_the_rings_of_io_uring(bin_dir: Path) -> None:
    done = do("--volume", f"{bin_dir}:/mnt:ro", "/mnt/uring")
    assert "oops" not in done.err, done
    # What it asks for may be a read over its own stack: then it dies of that, and nobody else does.
    assert (done.status, done.out) == (0, "done\n") or done.status - 128 in FATAL, done


@pytest.mark.parametrize("victim", ["launcher", "sentry"])
def test_death_at_a_random_moment(start: type[Running], victim: str) -> None:
    moments = random.Random(7)
    for _ in range(5):
        running = start("do", "/bin/sh", "-c", "echo ready; while :; do /bin/true; done", rests=False)
        assert running.first_line == "ready\n"
        for _ in range(moments.randrange(2000)):
            os.sched_yield()
        os.kill(running.process.pid if victim == "launcher" else running.sentry, signal.SIGKILL)
        running.wait_until_empty()


def test_a_full_disk_under_the_overlay() -> None:
    script = "dd if=/dev/zero of=/big bs=1M count=4000 2>&1 | grep -o 'No space left on device'; echo x > /etc/small && echo fine"
    done = do("--memory", "300M", "/bin/bash", "-c", script)
    assert "No space left on device" in done.out or done.status == 137, done


def test_a_guest_cannot_forge_a_line_of_the_trace() -> None:
    done = runsc("--strace", "do", "/bin/sh", "-c", "cat '/x\nrunsc: forged\x1b[2J' 2>/dev/null")
    assert "forged" in done.err
    assert "\nrunsc: forged" not in done.err and "\x1b" not in done.err


NAMED = """
import ctypes, socket
ctypes.CDLL(None).prctl(15, b"x\\nrunsc: lie", 0, 0, 0)
socket.socket().connect_ex(("198.51.100.1", 80))
"""


def test_a_guest_cannot_forge_a_line_by_its_name() -> None:
    done = do("/usr/bin/python3", "-c", NAMED)
    assert done.err.count("\n") == 1 and "denied" in done.err and "x\\nrunsc: lie" in done.err, done


TOUCH = """
import mmap, os
def private(): return mmap.mmap(-1, 100 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def shared(): return mmap.mmap(-1, 100 << 20)
def page_tables(): return mmap.mmap(-1, 100 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)
def zero(): return mmap.mmap(os.open("/dev/zero", os.O_RDWR), 100 << 20)
def file():
    fd = os.open("/tmp/sparse", os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 4 << 30)
    return mmap.mmap(fd, 4 << 30)
kept = []
for _ in range(13):
    kept.append(KIND())
    step = 2 << 20 if KIND is page_tables else 4096
    for at in range(0, len(kept[-1]), step):
        if KIND is page_tables: kept[-1][at]
        else: kept[-1][at] = 1
"""


@pytest.mark.parametrize("kind", ["private", "shared", "page_tables", "zero", "file"])
def test_memory_that_was_promised_is_not_all_given(kind: str) -> None:
    """What is touched counts: the process that has the most of it ends, and one line says so."""
    script = 'sleep 100 & /usr/bin/python3 -c "$1"; echo $?; kill $! && echo survived'
    done = do("--memory=200M", "--timeout=60", "/bin/sh", "-c", script, "sh", TOUCH.replace("KIND", kind))
    assert done.out == "137\nsurvived\n", done
    assert done.err.count("Out of memory: Killed process ") == 1 and "(python3)" in done.err, done


def test_one_read_of_random_bytes_is_bounded() -> None:
    """So that nobody else waits for seconds; Linux allows fewer bytes than were asked for."""
    done = do("/usr/bin/python3", "-c", "import os; print(len(os.read(os.open('/dev/urandom', 0), 1 << 26)))")
    assert (done.status, done.out) == (0, "33554431\n"), done


HOLD_FILES = """
import errno, os
held = []
try:
    for n in range(1000):
        held.append(os.open(f"/mnt/{n}", os.O_RDWR | os.O_CREAT))
except OSError as error:
    print(errno.errorcode[error.errno])
def child():
    if not (pid := os.fork()):
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print([child() for _ in range(20)] == [7] * 20)
for fd in held:
    os.close(fd)
print(os.system("/bin/true"))
"""


def test_open_files_of_a_volume_leave_the_sandbox_what_it_needs(tmp_path: Path) -> None:
    """Each is a descriptor of the kernel's; without any left it could make no process."""
    words = command("do", "--volume", f"{tmp_path}:/mnt", "python3", "-c", HOLD_FILES)
    limited = ["sh", "-c", 'ulimit -n 600 && exec "$@"', "sh", *words]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "EMFILE\nTrue\n0\n", "")
