"""`runsc debug`: processes, stacks and strace output of a container that runs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.containers import Shim, eventually
from tests.e2e.test_pod import KIND, SANDBOX

pytestmark = needs_busybox
SCRIPT = r"mkfifo /tmp/'a\b'; sleep 1000 & echo ready; read x < /tmp/'a\b'; echo got $x; wait"
WORDS = ("/bin/sh", "-c", SCRIPT)


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def held(pid: int, file: Path) -> int:
    """How many descriptors of a host process are of that file."""
    found = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{entry}") == str(file)
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def stacks(shim: Shim, name: str) -> str:
    result = shim.call("debug", "--stacks", name)
    assert result.status == 0, result
    return result.out


def test_stacks_and_processes(shim: Shim) -> None:
    shim.start("c", *WORDS)
    shim.says("c", "ready")
    opens = re.compile(r'^ +1 +1 waits   sh +open(at)?\(.*"/tmp/a\\\\b", ', re.MULTILINE)
    sleeps = re.compile(r"^ +\d+ +\d+ waits   sleep +(clock_)?nanosleep\(.*\)$", re.MULTILINE)
    eventually(lambda: bool(opens.search(stacks(shim, "c")) and sleeps.search(stacks(shim, "c"))), stacks(shim, "c"))
    out = stacks(shim, "c")
    assert "in _stacks" in out.partition("sandbox's kernel")[2]
    assert shim.call("debug", "--ps", "c").out.splitlines()[0] == shim.call("ps", "c").out.splitlines()[0]
    assert "sleep 1000" in shim.call("debug", "--ps", "c").out
    assert shim.call("pause", "c").status == 0
    assert opens.search(stacks(shim, "c")) and "in _stand_still" in stacks(shim, "c")
    assert "cannot profile a container that is paused" in shim.call("debug", "--profile", "1s", "c").err
    assert shim.call("resume", "c").status == 0


@pytest.mark.interpreted  # compiled functions have no frames
def test_profile(shim: Shim) -> None:
    shim.start("c", "/bin/sh", "-c", "while :; do echo; done > /dev/null")
    result = shim.call("debug", "--profile", "1s", "c")
    assert result.status == 0, result
    samples = [line.rpartition(" ") for line in result.out.splitlines()]
    assert all(int(count) > 0 and stack.startswith("sandbox.reactor:Reactor.run") for stack, _, count in samples)
    assert any(":sys_write" in stack for stack, _, _ in samples), result.out
    counts = [int(count) for _, _, count in samples]
    assert counts == sorted(counts, reverse=True)
    again = shim.call("debug", "--profile", "1s", "c")  # and once more, the first one is over
    assert again.status == 0 and again.out, again


def test_strace_on_and_off(shim: Shim, tmp_path: Path) -> None:
    pid = shim.start("c", *WORDS)
    shim.says("c", "ready")
    trace, other = tmp_path / "trace", tmp_path / "other"
    for file in (other, trace):  # the second takes the first one's place
        result = shim.call("--log-format", "text", "--log", str(file), "debug", "--strace", "on", "c")
        assert result.status == 0, result
    assert held(pid, other) == 0 and held(pid, trace) == 1
    assert shim.call("exec", "c", "sh", "-c", "echo one > /tmp/'a\\b'").status == 0
    shim.says("c", "got one")
    assert "write(" in trace.read_text() and '"got one\\n"' in trace.read_text()
    assert not other.exists() or "write(" not in other.read_text()
    assert shim.call("debug", "--strace", "off", "c").status == 0
    said = trace.read_text()
    assert shim.call("exec", "c", "true").status == 0
    assert trace.read_text() == said
    assert held(pid, trace) == 0


def test_strace_as_entries_of_a_json_log(shim: Shim) -> None:
    shim.start("c", *WORDS)
    shim.says("c", "ready")
    assert shim.call("debug", "--strace", "on", "c").status == 0
    assert shim.call("exec", "c", "true").status == 0
    entries = [json.loads(line) for line in shim.log.read_text().splitlines()]
    assert any(" exit_group(" in entry["msg"] and entry["level"] == "debug" for entry in entries)


def test_what_is_refused(shim: Shim) -> None:
    shim.start("pod", "/bin/sleep", "1000", annotations={KIND: "sandbox"})
    shim.start("c", "/bin/sleep", "1000", annotations={KIND: "container", SANDBOX: "pod"})
    for words, line in (
        (("debug", "c"), "debug: what? --ps, --stacks, --profile TIME, --strace on or --strace off"),
        (("debug", "--profile", "11m", "c"), "--profile: at most 10m"),
        (("debug", "--strace", "maybe", "c"), "unknown strace 'maybe'; known: on, off"),
        (("debug", "--stacks", "none"), "container does not exist"),
        (("debug", "--strace", "on", "c"), "cannot trace a container of a pod: trace the pod's sandbox"),
    ):
        result = shim.call(*words)
        assert (result.status, result.err) == (1, f"runsc: {line}\n")
    assert stacks(shim, "c").count("sleep") == stacks(shim, "pod").count("sleep")
