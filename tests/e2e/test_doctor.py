"""`runsc doctor` on the host of the tests, where sandboxes run: it says so, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.e2e.conftest import BOUND_S, ROOT, command, runsc
from tests.e2e.test_bad_input import as_nobody, needs_root


def test_what_it_says_here_and_its_status() -> None:
    result = runsc("doctor", "--json")
    report = json.loads(result.out)
    assert result.status == report["status"] in (0, 1), result
    findings = {row["name"]: row for row in report["findings"]}
    states = {row["state"] for row in findings.values()}
    assert states <= {"ok", "less"} and (result.status == 1) == ("less" in states), result
    assert all(bool(row["needs"]) == (row["state"] != "ok") for row in findings.values()), result
    assert os.uname().release in findings["kernel"]["found"]
    assert findings["guest process"]["state"] == "ok"
    table = runsc("doctor")
    assert table.status == result.status and table.err == ""
    assert all(f"{row['state']:<8} {name}" in table.out for name, row in findings.items()), table
    assert table.out.splitlines()[-1] == report["summary"]


def test_a_limit_that_is_too_low() -> None:
    shell = 'ulimit -n 64 && exec "$@"'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", *command("doctor", "--json")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=BOUND_S,
    )
    assert done.returncode == 2, done
    limits = next(row for row in json.loads(done.stdout)["findings"] if row["name"] == "limits")
    assert limits["state"] == "missing" and "ulimit -Hn" in limits["needs"]


@needs_root
def test_an_ordinary_user_has_less() -> None:
    done = as_nobody("doctor", "--json")
    assert done.returncode == 1, done
    findings = {row["name"]: row for row in json.loads(done.stdout)["findings"]}
    assert "user namespace" in findings["namespaces"]["found"] and findings["guest process"]["state"] == "ok"
    assert findings["interfaces"]["needs"] == "CAP_NET_ADMIN and CAP_NET_RAW"


def test_namespaces_that_cannot_be_made() -> None:
    """No more namespaces for this user: a trial fails as a start does, with the same line."""
    words = ["unshare", "--user", "--map-root-user", "/bin/sh", "-c"]
    shell = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'
    results = [
        subprocess.run(
            [*words, shell, "sh", *command(*verb)], capture_output=True, text=True, cwd=ROOT, timeout=BOUND_S
        )
        for verb in (("doctor", "--json"), ("do", "true"))
    ]
    assert results[0].returncode == 2, results[0]
    findings = {row["name"]: row for row in json.loads(results[0].stdout)["findings"]}
    assert findings["namespaces"]["state"] == "missing" and findings["guest process"]["state"] == "unknown"
    assert results[1].stderr == f"runsc: {findings['namespaces']['needs']}\n"


def test_bad_words() -> None:
    result = runsc("doctor", "x")
    assert (result.status, result.err) == (2, "runsc: doctor takes no arguments: 'x'\n")


def test_nothing_is_left() -> None:
    process = subprocess.Popen(command("doctor"), stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True)
    assert process.wait(BOUND_S) in (0, 1)
    sessions = [entry for entry in os.listdir("/proc") if entry.isdigit() and session_of(entry) == process.pid]
    assert sessions == [] and list(Path("/sys/fs/cgroup").rglob(f"runsc-{process.pid}-*")) == []


def session_of(entry: str) -> int:
    try:
        return os.getsid(int(entry))
    except ProcessLookupError:
        return 0
