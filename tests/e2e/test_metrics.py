"""`runsc metrics` of containers that run, are paused, share a sandbox, do not answer or have ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator

import pytest

from runsc.container.prometheus import METRICS
from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import BOUND_S, ROOT, command
from tests.e2e.containers import Shim
from tests.e2e.test_pod import KIND, SANDBOX

pytestmark = needs_busybox
BUSY = ("/bin/sh", "-c", "n=0; while [ $n -lt 300 ]; do n=$((n + 1)); : < /dev/null; done; echo ready; exec sleep 1000")
SAMPLE = re.compile(r'runsc_(\w+)\{((?:\w+="[^"]*",?)+)\} (\d+(?:\.\d{9})?)')


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def metrics(shim: Shim, *words: str) -> dict[tuple[str, str], float]:
    """Values by metric and labels; every line is a comment or a sample."""
    result = shim.call("metrics", *words)
    assert result.status == 0, result
    found = {}
    for line in result.out.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match[1], match[2]] = float(match[3])
    return found


def test_a_container(shim: Shim) -> None:
    shim.start("c", *BUSY)
    shim.says("c", "ready")
    found = metrics(shim, "c")
    assert found["container_up", 'id="c"'] == 1
    assert found["container_tasks", 'id="c"'] == 1
    assert found["container_memory_resident_bytes", 'id="c"'] > 0
    assert found["sandbox_calls_total", 'id="c"'] > 300
    assert found["sandbox_sentry_resident_bytes", 'id="c"'] > 1 << 20
    assert (
        sum(found["sandbox_regime_seconds_total", f'id="c",regime="{r}"'] for r in ("sparse", "dense", "crowded")) > 0
    )
    assert ("network_receive_bytes_total", 'id="c",interface="lo"') in found
    of_pods = {name for name, _, _ in METRICS if "_periods_" in name or "_throttled_" in name}
    assert {name for name, _ in found} == {name for name, _, _ in METRICS} - of_pods and len(of_pods) == 3
    assert metrics(shim).keys() == found.keys()
    assert shim.call("pause", "c").status == 0
    assert metrics(shim, "c")["sandbox_calls_total", 'id="c"'] >= found["sandbox_calls_total", 'id="c"']
    assert shim.call("resume", "c").status == 0


def test_what_a_pod_shares_is_told_once(shim: Shim) -> None:
    shim.start("pod", "/bin/sleep", "1000", annotations={KIND: "sandbox"})
    shim.start("c", "/bin/sleep", "1000", annotations={KIND: "container", SANDBOX: "pod"})
    found = metrics(shim)
    assert {labels for name, labels in found if name == "container_tasks"} == {'id="pod"', 'id="c"'}
    assert {labels for name, labels in found if name == "sandbox_calls_total"} == {'id="pod"'}


def test_none_and_those_that_do_not_run(shim: Shim) -> None:
    assert metrics(shim) == {}
    result = shim.call("metrics", "c")
    assert result.status == 1 and result.err == "runsc: container does not exist\n"
    assert shim.call("metrics", "c", "d").status == 1
    pid = shim.start("c", "/bin/true")
    assert shim.reap(pid) == 0
    assert metrics(shim) == {}
    result = shim.call("metrics", "c")
    assert result.status == 1 and result.err == "runsc: container not running\n"


def test_one_that_does_not_answer_is_down_and_hides_nobody(shim: Shim) -> None:
    pid = shim.start("c", "/bin/sleep", "1000")
    shim.start("d", "/bin/sleep", "1000")
    os.kill(pid, signal.SIGSTOP)
    try:
        found = metrics(shim)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {labels: value for (name, labels), value in found.items() if name == "container_up"} == {
        'id="c"': 0,
        'id="d"': 1,
    }
    assert "does not answer" in shim.log.read_text()


def test_over_http(shim: Shim) -> None:
    """For as long as somebody wants it, and gone at SIGTERM."""
    shim.start("c", "sleep", "1000")
    words = command("--root", str(shim.root), "metrics", "--listen", "0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert 'runsc_container_up{id="c"} 1' in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.replace("/metrics", "/"), timeout=BOUND_S)
        port = url.rpartition(":")[2].partition("/")[0]
        taken = shim.call("metrics", "--listen", port)
        assert taken.status == 1 and "Address already in use" in taken.err, taken
        process.terminate()
        assert process.wait(BOUND_S) == 0 and process.stderr.read() == ""


@pytest.mark.parametrize("text", ["", "x", "70000", "host:1", "::1:x", "1.2.3.4.5:1"])
def test_places_that_are_none(shim: Shim, text: str) -> None:
    done = shim.call("metrics", "--listen", text)
    assert done.status == 1 and len(done.err.splitlines()) == 1 and "--listen" in done.err, done
