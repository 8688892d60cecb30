"""A sandbox in a sandbox: the sentry's own calls are answered by another one's kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, Result, runsc

PYTHON = shutil.which("python3", path="/usr/bin") or ""  # one that a sandbox shows
pytestmark = [needs_busybox, pytest.mark.skipif(not PYTHON, reason="the host has no python3 in /usr/bin")]

PROGRAM = """
import mmap, os, signal, subprocess, threading
threads = [threading.Thread(target=lambda: subprocess.run(["/bin/true"], check=True)) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
memory = mmap.mmap(-1, 1 << 24)
memory[1 << 23] = 7
signal.signal(signal.SIGUSR1, lambda *_: print("signal", flush=True))
os.kill(os.getpid(), signal.SIGUSR1)
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, b"%d" % memory[1 << 23])
    os._exit(3)
print(os.read(read, 9), os.waitstatus_to_exitcode(os.wait()[1]), os.uname().release, os.getpid())
"""


def within(outer: str, script: str, *flags: str) -> Result:
    """`script` runs in a sandbox; $runsc is the runtime there."""
    import ptrace

    return runsc(
        *("--platform", outer, "do", "--cap-add", "ALL", "--volume", f"{ROOT}:/opt/src:ro", *flags),
        *("--volume", f"{Path(ptrace.__file__).parent}:/opt/packages/ptrace:ro", "--env", "PYTHONPATH=/opt/packages"),
        *("--env", "PYTHONDONTWRITEBYTECODE=1", "--env", f"runsc={PYTHON} -m runsc"),
        *("sh", "-c", f"cd /opt/src; {script}"),
        bound_s=2 * BOUND_S,
    )


@pytest.mark.parametrize("outer, inner", [("lane", "lane"), ("lane", "ptrace"), ("ptrace", "lane")])
def test_a_program(outer: str, inner: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    tmp_path.chmod(0o755)
    script = f"$runsc --platform {inner} do --volume /mnt:/mnt:ro {PYTHON} /mnt/program.py; echo $?; $runsc do sh -c 'exit 5'; echo $?"
    done = within(outer, script, "--volume", f"{tmp_path}:/mnt:ro")
    assert done.out.splitlines() == ["signal", "b'7' 3 6.6.0 1", "0", "5"], done


def test_the_life_of_a_container_and_its_network() -> None:
    script = """
mkdir -p /tmp/b/rootfs/bin; cp /bin/busybox /tmp/b/rootfs/bin; ln -s busybox /tmp/b/rootfs/bin/sh; cd /tmp/b
export PYTHONPATH=/opt/src:$PYTHONPATH
$runsc spec
sed -i 's/"terminal": true/"terminal": false/; s/^\\( *\\)"sh"/\\1"sh", "-c", "echo up; busybox httpd -f -p 80 -h \\/bin"/' config.json
$runsc create c > out 2>&1 < /dev/null; $runsc state c | grep status; $runsc start c
until grep -q up out; do sleep 0.01; done
$runsc exec c busybox sh -c 'until busybox wget -qO- http://127.0.0.1/busybox | busybox head -c 4 | busybox od -An -c; do :; done'
$runsc kill c KILL; until $runsc state c | grep -q stopped; do :; done; $runsc delete c; ls /run/runsc
"""
    done = within("lane", script)
    assert done.status == 0 and [line.strip() for line in done.out.splitlines()] == [
        '"status": "created",', "177   E   L   F"
    ], done  # fmt: skip


def test_its_memory_is_bounded() -> None:
    fill = "import time; kept = []\nwhile True: kept.append(bytes([1]) * (1 << 20)); time.sleep(0.01)"
    done = within("lane", f"$runsc do --memory 64M {PYTHON} -c '{fill}'; echo $?")
    assert done.out == "137\n" and "Out of memory: Killed process 1" in done.err, done


@pytest.mark.slow
def test_a_third_one_says_why_it_cannot_be() -> None:
    inner = f"cd /opt/src && {PYTHON} -m runsc do true; echo $?"
    script = f"$runsc do --cap-add ALL --volume /opt/src:/opt/src:ro sh -c '{inner}'"
    done = within("lane", script)
    assert done.out == "125\n" and "a sandbox can be in a sandbox, but not in two" in done.err, done
