"""A real pseudo-terminal outside, the sandbox's own inside: keys, job control, size, and the user's modes afterwards."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import termios
from pathlib import Path

from tests.e2e.conftest import ROOT, command
from tests.e2e.terminal_user import TerminalUser


def test_it_is_a_terminal(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/bin/sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && read x && echo got $x </dev/tty")
    user.expect("/dev/pts/0\r\n")
    user.type("hello\r")
    user.expect("hello\r\ngot hello\r\n")
    assert user.end() == 0


def test_size_and_resize(sit_down: type[TerminalUser]) -> None:
    user = sit_down(
        "/bin/bash", "--norc", "-c", "trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.1; done"
    )
    user.expect("ready")
    user.resize(31, 101)
    user.expect("31 101\r\n")
    assert user.end() == 3


def test_ctrl_c_ends_the_foreground_job(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/bin/sh", "-c", "echo rea''dy; exec sleep 1000")
    user.expect("ready")
    user.type("\x03")
    assert user.end() == 130


def test_job_control(sit_down: type[TerminalUser]) -> None:
    user = sit_down("--env=PS1=PROMPT%", "/bin/bash", "--norc", "--noediting", "-i")
    user.expect("PROMPT%")
    # The job says when it is continued: by then it has the terminal.
    user.type('sh -c \'trap "echo aga""in" CONT; echo be""gun; while :; do sleep 0.1; done\'\r')
    user.expect("begun")
    user.type("\x1a")
    user.expect("Stopped")
    user.expect("PROMPT%")
    user.type("jobs\r")
    user.expect("Stopped")
    user.expect("PROMPT%")
    user.type("fg >/dev/null\r")
    user.expect("again")
    user.type("\x03")
    user.expect("PROMPT%")
    user.type("exit 7\r")
    assert user.end() == 7


def test_end_of_file(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/bin/cat")
    user.type("line\r")
    user.expect("line\r\nline\r\n")
    user.type("\x04")
    assert user.end() == 0


def test_output_is_whole_at_the_end(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/usr/bin/seq", "1", "20000")
    assert user.end() == 0
    assert user.seen.split()[-1] == b"20000" and len(user.seen.split()) == 20000


def test_the_users_terminal_is_restored(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/bin/sh", "-c", "trap '' TERM; echo rea''dy; read x", in_shell=True)
    before_raw = termios.tcgetattr(user.fd)
    user.expect("ready")
    assert not termios.tcgetattr(user.fd)[3] & termios.ICANON
    launcher = only_child(user.pid)
    os.kill(launcher, signal.SIGTERM)
    os.kill(only_child(launcher), signal.SIGKILL)
    user.expect("killed by signal 9")
    user.expect("status 125")
    assert termios.tcgetattr(user.fd)[3] & termios.ICANON
    assert before_raw[3] & termios.ICANON
    user.type("\n")
    assert user.end() == 0


def only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_the_terminal_goes_away(sit_down: type[TerminalUser]) -> None:
    user = sit_down("/bin/sh", "-c", "echo rea''dy; exec sleep 1000")
    user.expect("ready")
    os.close(user.fd)
    user.fd = os.open("/dev/null", os.O_RDONLY)
    _, status = os.waitpid(user.pid, 0)
    user.status = os.waitstatus_to_exitcode(status)
    assert user.status in (129, -1)


def test_in_the_background_it_takes_no_keys(sit_down: type[TerminalUser]) -> None:
    """A shell with job control runs `runsc do … &` on its own terminal: what is typed is the shell's."""
    user = sit_down("/bin/true")
    assert user.end() == 0
    line = " ".join(command("do", "/bin/sh", "-c", "'cat; echo do''ne'"))
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvp("bash", ["bash", "--norc", "--noediting", "-c", f"set -m; {line} & wait; read x; echo got:$x"])
    user.pid, user.fd, user.seen, user.status = pid, fd, b"", None
    user.type("typed\r")
    user.expect("done")
    user.expect("got:typed")
    assert user.end() == 0


def sit_at_pipeline(sit_down: type[TerminalUser], line: str, *words: str) -> TerminalUser:
    """Somebody whose shell runs `line`, in which RUNSC_DO stands for the sandbox with `words`."""
    user = sit_down("/bin/true")
    assert user.end() == 0
    user.pid, user.fd = pty.fork()
    if user.pid == 0:
        os.chdir(ROOT)
        line = line.replace("RUNSC_DO", shlex.join(command("do", *words)))
        os.execvp("bash", ["bash", "--norc", "-c", f"{line}; echo status ${{PIPESTATUS[*]}}; read held"])
    user.seen, user.status = b"", None
    return user


def test_in_a_pipeline_the_terminal_is_left_as_it_is(sit_down: type[TerminalUser]) -> None:
    """Until a program inside reads from it, others print on it and have its keys."""
    user = sit_at_pipeline(sit_down, "RUNSC_DO | sed -u s/^/line/", "/bin/sh", "-c", "echo 1; echo 2; exec sleep 1000")
    user.expect("line1\r\nline2\r\n")
    mode = termios.tcgetattr(user.fd)
    assert mode[1] & termios.OPOST and mode[3] & termios.ICANON and mode[3] & termios.ECHO
    user.type("\x03")
    user.expect("^C")
    user.expect("status 130 130")
    user.type("\n")
    assert user.end() == 0


def test_in_a_pipeline_a_program_that_reads_gets_the_keys(sit_down: type[TerminalUser]) -> None:
    user = sit_at_pipeline(
        sit_down, "RUNSC_DO | sed -u s/^/line/", "/bin/bash", "-c", "read -n1 x; echo $x; read y; echo $y; kill -9 $$"
    )
    user.type("a")
    user.expect("linea\r\n")
    user.type("bc\r")
    user.expect("linebc\r\n")
    user.expect("status 137 0")
    assert termios.tcgetattr(user.fd)[3] & termios.ICANON
    user.type("\n")
    assert user.end() == 0


def test_keys_for_a_program_whose_input_is_a_pipe(sit_down: type[TerminalUser]) -> None:
    """What pagers do."""
    user = sit_at_pipeline(
        sit_down, "echo data | RUNSC_DO", "/bin/bash", "-c", "read a; read -n1 b </dev/tty; echo $a:$b"
    )
    user.type("k")
    user.expect("data:k")
    user.expect("status 0 0")
    user.type("\n")
    assert user.end() == 0
