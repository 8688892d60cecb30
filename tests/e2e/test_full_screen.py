"""vim and less on a terminal: keys that interrupt and stop, the foreground again, another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.terminal_user import TerminalUser


def shell(sit_down: type[TerminalUser]) -> TerminalUser:
    """A shell with job control and a prompt that nothing else prints."""
    user = sit_down("--env=PS1=PROMPT%", "--env=TERM=xterm", "/bin/bash", "--norc", "--noediting", "-i")
    user.expect("PROMPT%")
    user.type("cd /tmp\r")
    user.expect("PROMPT%")
    return user


def test_vim(sit_down: type[TerminalUser]) -> None:
    user = shell(sit_down)
    user.resize(24, 80)
    user.type("vim -u NONE -i NONE -N file\r")
    user.expect("[New]")
    user.type("ione two")
    user.expect("two")
    user.press_until("\x03", "\x1b[1;7H")  # Ctrl-C leaves insert mode: the cursor goes back by one
    user.press_until(":w\r", "written")
    user.press_until("\x1a", "Stopped")
    user.expect("PROMPT%")
    user.type("tr a-z A-Z <file\r")
    user.expect("ONE TWO")
    user.expect("PROMPT%")
    user.type("fg >/dev/null\r")
    user.expect("one two")
    user.resize(31, 101)
    user.press_until(":echo 'size' &lines &columns\r", "size 31 101")
    user.type(":%s/two/2/|wq\r")
    user.expect("PROMPT%")
    user.type("tr a-z A-Z <file; exit 5\r")
    user.expect("ONE 2\r\n")
    assert user.end() == 5


def test_less(sit_down: type[TerminalUser]) -> None:
    user = shell(sit_down)
    user.resize(24, 80)
    user.type("seq 100000 120000 >n; less n\r")
    user.expect("100022\r\n")
    user.type("/11005[0-9]\r")
    user.expect("110050")
    user.type("F")
    user.expect("Waiting for data")
    user.press_until("\x03", "119999")
    user.press_until("g", "100000")
    user.press_until("\x1a", "Stopped")
    user.expect("PROMPT%")
    user.type("echo 12000''1 >>n; fg >/dev/null\r")
    user.expect("100022")
    user.resize(12, 60)
    user.press_until("G", "120001")
    user.press_until("q", "PROMPT%")
    user.type("stty size; exit 6\r")
    user.expect("12 60\r\n")
    assert user.end() == 6


def test_less_in_a_pipe(sit_down: type[TerminalUser]) -> None:
    """Its keys come from /dev/tty then; a writer that goes on for ever ends with it."""
    user = shell(sit_down)
    user.type("yes line | less; echo ${PIPESTATUS[0]}\r")
    user.expect("line")
    user.press_until("q", "141\r\n")
    user.expect("PROMPT%")
    user.type("exit\r")
    assert user.end() == 0
