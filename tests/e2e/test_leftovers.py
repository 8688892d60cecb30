"""Nothing is left on the host, however a sandbox ends."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from tests.e2e.conftest import BOUND_S, Running, processes_of

SCRIPT = "sleep 1000 & (sleep 1000 & sleep 1000) & sh -c 'sleep 1000; :' & echo ready; wait"


def begin(start: type[Running]) -> Running:
    running = start("do", "/bin/sh", "-c", SCRIPT)
    assert running.first_line == "ready\n"
    assert len(running.members) > 2
    return running


def test_the_launcher_is_killed(start: type[Running]) -> None:
    running = begin(start)
    os.kill(running.process.pid, signal.SIGKILL)
    running.wait_until_gone()
    assert processes_of(running.namespace) == []


def test_the_sentry_is_killed(start: type[Running]) -> None:
    running = begin(start)
    os.kill(running.sentry, signal.SIGKILL)
    running.wait_until_gone()
    _, err = running.process.communicate(timeout=BOUND_S)
    assert running.process.returncode == 125
    assert err == "runsc: the sandbox's kernel was killed by signal 9\n"


def test_the_first_process_is_killed_from_outside(start: type[Running]) -> None:
    running = begin(start)
    for pid in sorted(set(running.members) - {running.sentry})[1:]:  # not the empty one that all are forked from
        with contextlib.suppress(ProcessLookupError):  # the end of the first one ends the others
            os.kill(pid, signal.SIGKILL)
    running.wait_until_gone()
    running.process.communicate(timeout=BOUND_S)
    assert running.process.returncode == 137


def test_the_process_that_all_are_forked_from_is_killed(start: type[Running]) -> None:
    running = begin(start)
    os.kill(min(set(running.members) - {running.sentry}), signal.SIGKILL)
    running.wait_until_gone()
    _, err = running.process.communicate(timeout=BOUND_S)
    assert running.process.returncode == 125
    assert err.count("\n") == 1 and "the first guest process has ended" in err


def test_signals_are_forwarded(start: type[Running]) -> None:
    running = start("do", "/bin/sh", "-c", "trap 'echo got; exit 5' TERM; sleep 1000 & echo ready; wait")
    assert running.first_line == "ready\n"
    os.kill(running.process.pid, signal.SIGTERM)
    out, _ = running.process.communicate(timeout=BOUND_S)
    assert (running.process.returncode, out) == (5, "got\n")


def test_a_signal_that_is_not_handled_ends_the_command(start: type[Running]) -> None:
    running = start("do", "/bin/sh", "-c", "echo ready; exec sleep 1000")
    os.kill(running.process.pid, signal.SIGINT)
    running.process.communicate(timeout=BOUND_S)
    assert running.process.returncode == 130
    running.wait_until_gone()


def test_signals_that_are_ignored_outside_end_nothing(start: type[Running]) -> None:
    """nohup(1), and what a shell starts in the background."""
    script = "echo ready; read line; echo $line"
    ignored = (signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        running = start("do", "/bin/sh", "-c", script, rests=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in ignored:
        os.kill(running.process.pid, number)
    out, _ = running.process.communicate("still here\n", timeout=BOUND_S)
    assert (running.process.returncode, out) == (0, "still here\n")


def test_guests_have_nothing_of_the_host(start: type[Running]) -> None:
    running = begin(start)
    own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "net", "ipc", "uts", "pid")}
    for pid in running.members:
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        if pid == running.sentry:
            continue
        assert os.listdir(f"/proc/{pid}/fd") == []
        assert "CapEff:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status
        for kind, link in own.items():
            assert os.readlink(f"/proc/{pid}/ns/{kind}") != link
