"""What `--strace` prints of a program, beside what Debian's strace(1) prints of it natively."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.e2e.conftest import ROOT

HERE: Final = Path(__file__).resolve().parent
BOUND_S: Final = 120
# What differs for good reasons: where the program begins, numbers of processes and times, `unfinished` lines, and rseq.
LEFT_OUT: Final = re.compile(
    r"^(execve\(.*/calls\"|set_tid_address|rseq|getrandom|gettid|getpid|tgkill|kill|clone|wait4|<\.\.\. wait4|--- SIGCHLD|shmget|rt_sigreturn|pselect6|utimensat|brk|readlink\(\"/proc/self/exe)"
)


def masked(line: str) -> str:
    """Without its process, addresses and the room before the result."""
    text = re.sub(r"^\d+ +", "", line.rstrip("\n"))
    text = re.sub(r"0x[0-9a-f]{5,}", "ADDRESS", text)
    text = re.sub(r"si_pid=\d+", "si_pid=PID", text)
    text = re.sub(r"O_PATH\|O_DIRECTORY", "O_DIRECTORY|O_PATH", text)
    return re.sub(r"\s+= ", " = ", text)


def lines(path: Path) -> list[str]:
    found = [masked(line) for line in path.read_text().splitlines() if re.match(r"\d+ ", line)]
    return [line for line in found if not LEFT_OUT.match(line)]


def test_lines_are_those_of_strace(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    program = tmp_path / "calls"
    subprocess.run(["gcc", "-static", "-w", "-o", str(program), str(HERE / "strace_calls.c")], check=True)
    native, inside = tmp_path / "native", tmp_path / "inside"
    mine = ["unshare", "-n", "-m", "sh", "-c", 'ip link set lo up; mount -t tmpfs none /mnt; cd /mnt; exec "$@"', "sh"]
    subprocess.run(
        [*mine, "strace", "-f", "-o", str(native), str(program)],
        timeout=BOUND_S,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    words = [
        sys.executable,
        "-m",
        "runsc",
        "--strace",
        "--log",
        str(inside),
        "do",
        "--volume",
        f"{tmp_path}:{tmp_path}",
        "--cwd",
        "/tmp",
    ]
    subprocess.run([*words, str(program)], cwd=ROOT, timeout=BOUND_S, capture_output=True, stdin=subprocess.DEVNULL)
    expected, got = lines(native), lines(inside)
    assert len(expected) > 120
    assert got == expected, "\n".join(difflib.unified_diff(expected, got, "native", "inside", lineterm="", n=0))
