"""Rows that time a whole program: start-up, and what people run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
PIPELINE = "head -c 200M /dev/zero | cat | wc -c"
FORKS = "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done"
SQLITE = """
import sqlite3
base = sqlite3.connect("base")
base.execute("create table t (n integer primary key, text text)")
for block in range(100):
    with base:
        for n in range(100):
            base.execute("insert into t (text) values (?)", (f"row {block} {n}",))
"""
NGINX_CONF = """
user root; worker_processes 1; pid pid; error_log err;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000; server { listen 8099; root html; } }
"""
WAIT = "i=0; until %s || [ $i = 500 ]; do i=$((i+1)); sleep 0.01; done; "
NGINX = (
    "cd server && nginx -e err -p $PWD -c nginx.conf || exit; "
    + WAIT % "curl -sfo index http://127.0.0.1:8099/"
    + "ab -q %s http://127.0.0.1:8099/; status=$?; kill $(cat pid); exit $status"
)
REDIS = (
    "cd server && redis-server --port 6399 --save '' --daemonize yes || exit; "
    + WAIT % "redis-cli -p 6399 ping"
    + "redis-benchmark -p 6399 -t get -c 50 -q %s; status=$?; redis-cli -p 6399 shutdown nosave; exit $status"
)
WRK = (
    "cd server && nginx -e err -p $PWD -c nginx.conf || exit; "
    + WAIT % "curl -sfo index http://127.0.0.1:8099/"
    + "wrk -t 1 -c 200 -d 3s http://127.0.0.1:8099/; status=$?; kill $(cat pid); exit $status"
)
POSTGRES = "/usr/lib/postgresql/15/bin"
NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp PGUSER=postgres PGHOST=/tmp "
INITDB = (
    f"mkdir pg && chown 65534:65534 pg && {NOBODY}{POSTGRES}/initdb -D $PWD/pg -U postgres -A trust -N --locale=C.UTF-8"
)
PGBENCH = (
    "rm -f pg/postmaster.pid; "
    + f"{NOBODY}{POSTGRES}/pg_ctl -D $PWD/pg -w -t 120 -l /tmp/pg.log start -o \"-k /tmp -h ''\" && "
    + f"{NOBODY}pgbench -i -q postgres && {NOBODY}pgbench -c 8 -t 100 postgres; status=$?; "
    + f"{NOBODY}{POSTGRES}/pg_ctl -D $PWD/pg -m fast stop; exit $status"
)
ZLIB = "build/programs/root/usr/src/zlib-*"  # what tests.programs.run build fetches
GIT_OPTIONS = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")  # no packing meanwhile
ALONE = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")  # natively, a server's own network
MAKEFILE = "OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))\nall: $(OBJECTS)\n\t$(CC) -o all $(OBJECTS)\n"


@dataclass(frozen=True)
class Program:
    """`command` is run in a fresh directory that `prepare` has filled; the figure is wall milliseconds, or the number that
    follows `rate` in its output, a second."""

    name: str
    title: str
    command: tuple[str, ...]
    needs: str  # the host programs without which the row is left out
    bound_ms: float | None = None
    server: bool = False  # it listens
    rate: str = ""

    def native(self) -> list[str]:
        """The command outside of a sandbox."""
        return [*(ALONE if self.server else ()), *self.command]


PROGRAMS: tuple[Program, ...] = (
    Program("start", "do /bin/true", ("/bin/true",), "true", 150),
    Program(
        "python",
        "python3 -c 'import json, asyncio, ssl'",
        ("/usr/bin/python3", "-c", "import json, asyncio, ssl"),
        "/usr/bin/python3",
    ),
    Program("gcc", "gcc hello.c", ("gcc", "-o", "hello", "hello.c"), "gcc"),
    Program("git_clone", "git clone of 1,000 files", ("git", "clone", "-q", "--no-local", "source", "copy"), "git"),
    Program("git_status", "git status, 20,000 files", ("git", "-C", "tree", "status", "--porcelain"), "git"),
    Program("tar", "tar of 20,000 files", ("tar", "cf", "tree.tar", "tree"), "tar"),
    Program("du", "du of 20,000 files", ("du", "-s", "tree"), "du"),
    Program("find", "find /usr", ("find", "/usr", "-xdev", "-name", "no such name"), "find"),
    Program("make", "make -j2 of 8 C files", ("make", "-s", "-j2", "-C", "project"), "make"),
    Program("zlib", "make -j2 of zlib", ("sh", "-c", "cd zlib && ./configure >log && make -s -j2"), ZLIB),
    Program("forks", "a shell's loop of 1,000 programs", ("sh", "-c", FORKS), "sh"),
    Program(
        "sqlite", "sqlite: 10,000 inserts in 100 transactions", ("/usr/bin/python3", "-c", SQLITE), "/usr/bin/python3"
    ),
    Program("node", "node -e 0", ("node", "-e", "0"), "node"),
    Program("pipeline", "head -c 200M /dev/zero | cat | wc -c", ("sh", "-c", PIPELINE), "sh"),
    Program(
        "ab", "nginx: 1,000 connections (ab -c 10)", ("sh", "-c", NGINX % "-n 1000 -c 10"), "ab nginx curl", server=True
    ),
    Program(
        "ab_kept",
        "nginx: 5,000 requests (ab -k -c 50)",
        ("sh", "-c", NGINX % "-k -n 5000 -c 50"),
        "ab nginx curl",
        server=True,
    ),
    Program(
        "wrk", "nginx: requests (wrk -c 200)", ("sh", "-c", WRK), "wrk nginx curl", server=True, rate="Requests/sec:"
    ),
    Program("pgbench", "PostgreSQL: transactions (pgbench -c 8)", ("sh", "-c", PGBENCH), "pgbench", rate="tps ="),
    Program(
        "redis",
        "redis: 5,000 GET, 50 clients",
        ("sh", "-c", REDIS % "-n 5000"),
        "redis-server redis-benchmark",
        server=True,
    ),
    Program(
        "redis_16",
        "redis: 80,000 GET, 16 at a time",
        ("sh", "-c", REDIS % "-n 80000 -P 16"),
        "redis-server redis-benchmark",
        server=True,
    ),
)


def prepare(directory: Path) -> None:
    """hello.c, a repository of 1,000 files and one of 20,000, a small C project, and what nginx needs."""
    (directory / "hello.c").write_text(HELLO)
    source, tree, project = directory / "source", directory / "tree", directory / "project"
    (directory / "server/html").mkdir(parents=True)
    (directory / "server/nginx.conf").write_text(NGINX_CONF)
    (directory / "server/html/index.html").write_text("hello\n")
    source.mkdir()
    for number in range(1000):
        (source / f"file{number}.txt").write_text(f"line {number}\n" * 20)
    for number in range(20000):
        folder = tree / f"d{number // 1000}" / f"d{number // 50 % 20}"
        if number % 50 == 0:
            folder.mkdir(parents=True)
        (folder / f"f{number % 50}").write_text(f"{number}\n")
    if shutil.which("git"):
        for repository in (source, tree):
            git = ["git", "-C", str(repository), *GIT_OPTIONS]
            subprocess.run([*git, "init", "-q"], check=True)
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "commit", "-qm", "files"], check=True)
    project.mkdir()
    (project / "Makefile").write_text(MAKEFILE)
    for number in range(7):
        (project / f"part{number}.c").write_text(f"#include <stdio.h>\nint part{number}(void) {{ return {number}; }}\n")
    (project / "main.c").write_text(HELLO)
    for found in _sources(ZLIB)[:1]:
        shutil.copytree(found, directory / "zlib", symlinks=True)
    if shutil.which("pgbench") and os.path.isdir(POSTGRES) and os.geteuid() == 0:
        subprocess.run(["sh", "-c", INITDB], cwd=directory, check=True, capture_output=True)


def _sources(pattern: str) -> list[Path]:
    return [path for path in sorted(REPOSITORY.glob(pattern)) if path.is_dir()]


def clean(directory: Path) -> None:
    """What a run left."""
    shutil.rmtree(directory / "copy", ignore_errors=True)
    made = [directory / name for name in ("hello", "tree.tar", "base")]
    for path in [*made, *(directory / "project").glob("*.o"), directory / "project" / "all"]:
        path.unlink(missing_ok=True)
    if (directory / "zlib").is_dir():
        subprocess.run(["make", "-s", "-C", str(directory / "zlib"), "distclean"], capture_output=True, check=False)


def available(program: Program) -> bool:
    """The host has what it needs."""
    if program.name == "pgbench" and not (os.path.isdir(POSTGRES) and os.geteuid() == 0):
        return False
    return all(shutil.which(need) is not None or bool("*" in need and _sources(need)) for need in program.needs.split())


def figure(command: list[str], directory: Path, rate: str = "") -> float:
    """One run; RuntimeError with its output if it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=dict(os.environ)
    )
    took = (time.perf_counter() - start) * 1e3
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return float(done.stdout.partition(rate)[2].split()[0]) if rate else took


RESIDENT = "sentry_resident"
RESIDENT_MB = 45.0


def sentry_mb(do: list[str]) -> float:
    """Megabytes resident in the sentry of a sandbox that runs one program."""
    with subprocess.Popen([*do, "/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as launcher:
        assert launcher.stdin is not None and launcher.stdout is not None
        launcher.stdin.write(b"up\n")
        launcher.stdin.flush()
        launcher.stdout.readline()
        child = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()[0]
        status = Path(f"/proc/{child}/status").read_text()
        launcher.stdin.close()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000
