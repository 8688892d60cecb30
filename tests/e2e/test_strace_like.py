"""What `--strace` prints of a program, beside what Debian's strace(1) prints of it natively."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import ROOT

SOURCES: Final = Path(__file__).resolve().parent / "strace"
BOUND_S: Final = 120
# What differs for good reasons: how the program begins, random numbers, and when a process that signals itself is seen to.
LEFT_OUT: Final = re.compile(
    r"^(execve\(.*/program\"|set_tid_address|rseq|getrandom|brk|tgkill|--- SIGCHLD|readlink\(\"/proc/self/exe)"
)
# Numbers of processes and of objects, and how far time went.
NUMBERED: Final = re.compile(
    r"^(getpid|gettid|tgkill|kill|clone|wait4|pidfd_open|process_vm|shm|sem|msg|rt_sigreturn|pselect6|utimensat|--- SIG)"
)


def joined(lines: list[str]) -> list[str]:
    """Calls whose line strace(1) has in two pieces are in one, where the second was."""
    whole: list[str] = []
    begun: dict[str, str] = {}
    for line in lines:
        pid, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[pid] = text.removesuffix("<unfinished ...>").rstrip()
        elif found := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
            whole.append(begun.pop(pid) + found[1])
        else:
            whole.append(text)
    return whole


def masked(line: str) -> str:
    """Without addresses, what is left of a time, and the room before the result."""
    text = re.sub(r"0x[0-9a-f]{5,}", "ADDRESS", line)
    text = re.sub(r"si_pid=\d+", "si_pid=N", text)
    text = re.sub(r"O_PATH\|O_DIRECTORY", "O_DIRECTORY|O_PATH", text)
    text = re.sub(r", left \{[^}]*\}| /\* \d{4}-[^*]*\*/|\{mask=[^}]*\}", "", text)
    text = re.sub(r",\s*(?=\[\{WIF)", ", ", text)
    if NUMBERED.match(text):
        text = re.sub(r"\b\d+\b", "N", text)
    return re.sub(r"\s+= ", " = ", text)


def lines(path: Path) -> list[str]:
    found = [
        masked(line) for line in joined([line for line in path.read_text().splitlines() if re.match(r"\d+ ", line)])
    ]
    return sorted(line for line in found if not LEFT_OUT.match(line))  # processes run side by side


@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.c")), ids=lambda path: path.stem)
def test_lines_are_those_of_strace(tmp_path: Path, source: Path) -> None:
    tmp_path.chmod(0o755)
    program = tmp_path / "program"
    subprocess.run(["gcc", "-static", "-w", "-o", str(program), str(source)], check=True)
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
        "--network",
        "none",
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
    assert len(expected) > 60
    assert got == expected, "\n".join(difflib.unified_diff(expected, got, "native", "inside", lineterm="", n=0))
