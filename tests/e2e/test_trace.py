"""`runsc trace`: system calls, network verdicts and the life of containers as JSON lines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.containers import Shim, eventually
from tests.e2e.test_network_verb import SPACES
from tests.e2e.test_pod import KIND, SANDBOX

pytestmark = needs_busybox


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


class Trace:
    """The command; its lines go to a file."""

    def __init__(self, shim: Shim, *words: str) -> None:
        self.file = shim.bundle / f"trace-{len(list(shim.bundle.iterdir()))}"
        with open(self.file, "wb") as out:
            argv = command("--root", str(shim.root), "trace", *words, "c")
            self.process = subprocess.Popen(argv, cwd=ROOT, stdout=out, stderr=subprocess.PIPE)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def points(self) -> list[str]:
        return [str(event["point"]) for event in self.events()]

    def says(self, point: str) -> None:
        eventually(lambda: point in self.points(), f"no {point}: {self.file.read_text()[-500:]}")

    def end(self) -> int:
        _, err = self.process.communicate(timeout=BOUND_S)
        assert err == b""
        return self.process.returncode


def test_life_and_verdicts(shim: Shim) -> None:
    shim.create("c", "/bin/sleep", "1000", annotations={KIND: "sandbox"}, linux__namespaces=SPACES)
    trace = Trace(shim)
    # It listens as soon as what is asked for again and again is told.
    assert shim.call("start", "c").status == 0
    eventually(lambda: shim.call("exec", "c", "true").status == 0 and trace.file.stat().st_size > 0, "nothing is told")
    assert shim.call("exec", "c", "sh", "-c", "nc -w 1 192.0.2.1 7; exit 3").status == 3
    assert shim.call("pause", "c").status == 0 and shim.call("resume", "c").status == 0
    shim.start("d", "/bin/true", annotations={KIND: "container", SANDBOX: "c"})
    trace.says("container/exited")
    assert shim.call("kill", "c", "KILL").status == 0
    assert trace.end() == 0
    events = trace.events()
    assert {event["id"] for event in events if event["point"] == "container/exited"} == {"c", "d"}
    last = [event for event in events if event["point"] == "container/exec-exited"][-1]
    assert last["status"] == 3 << 8
    assert ["sh", "-c", "nc -w 1 192.0.2.1 7; exit 3"] in [event.get("args") for event in events]
    denied = next(event for event in events if event["point"] == "network/denied")
    assert (denied["protocol"], denied["host"], denied["port"]) == ("tcp", "192.0.2.1", 7) and "(nc)" in denied["who"]
    order = [
        event["point"].partition("/")[2]
        for event in events
        if event["point"] in ("container/paused", "container/resumed")
    ]
    assert order == ["paused", "resumed"]
    assert all(event["time"].endswith("Z") for event in events)


def test_system_calls(shim: Shim) -> None:
    shim.start("c", "/bin/sleep", "1000")
    trace = Trace(shim, "--call", "chdir", "--call", "getppid")
    eventually(
        lambda: shim.call("exec", "c", "sh", "-c", "cd /tmp").status == 0 and trace.points() != [], "nothing is told"
    )
    assert set(trace.points()) <= {"syscalls/chdir", "syscalls/getppid", "syscalls/"}
    eventually(
        lambda: any(event["text"].startswith('chdir("/tmp") = 0') for event in trace.events()), "the call is not told"
    )
    for words in (
        ("trace", "--point", "syscalls", "c"),
        ("debug", "--strace", "on", "c"),
        ("debug", "--strace", "off", "c"),
    ):
        assert shim.call(*words).err == "runsc: system calls are traced by somebody else already\n"
    trace.process.terminate()
    trace.process.communicate()
    eventually(lambda: shim.call("debug", "--strace", "off", "c").status == 0, "the trace goes on")


def test_what_is_refused(shim: Shim) -> None:
    shim.start("pod", "/bin/sleep", "1000", annotations={KIND: "sandbox"})
    shim.start("c", "/bin/sleep", "1000", annotations={KIND: "container", SANDBOX: "pod"})
    for words, line in (
        ((), "trace needs one container id"),
        (("none",), "container does not exist"),
        (("--point", "x", "c"), "unknown point 'x'; known: container, network, syscalls"),
        (("--point", "network", "--call", "open", "c"), "--call goes with --point syscalls"),
        (("--call", "opn", "pod"), "unknown system call 'opn'; runsc syscalls lists them"),
        (("c",), "cannot trace a container of a pod: trace the pod's sandbox"),
    ):
        result = shim.call("trace", *words)
        assert (result.status, result.err) == (1, f"runsc: {line}\n")
        assert shim.last_error() == line
