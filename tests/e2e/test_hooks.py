"""Hooks of config.json: all six kinds, the state on standard input, failures, time-outs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.containers import Shim

pytestmark = needs_busybox
ON_HOST = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


@pytest.fixture
def shim(bundle: Path) -> Iterator[Shim]:
    shim = Shim(bundle)
    yield shim
    shim.close()


def noting(bundle: Path, kind: str) -> dict[str, Any]:
    """Appends its kind and its environment to a file, and keeps the state it was given."""
    script = f"echo {kind} $WHAT >> {bundle}/notes; cat > {bundle}/{kind}.json"
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["WHAT=env", "PATH=/usr/bin:/bin"], "timeout": 30}


def test_all_kinds_in_their_order(shim: Shim) -> None:
    hooks: dict[str, Any] = {kind: [noting(shim.bundle, kind)] for kind in ON_HOST}
    inside = {"path": "/bin/sh", "args": ["sh", "-c", "cat > /tmp/state; echo $A > /tmp/env"], "env": ["A=b"]}
    hooks["startContainer"] = [inside]
    notes = shim.bundle / "notes"
    pid = shim.create("c", "/bin/sh", "-c", "cat /tmp/state /tmp/env", hooks=hooks)
    assert notes.read_text().split() == "prestart env createRuntime env createContainer env".split()
    assert shim.call("start", "c").status == 0
    assert shim.reap(pid) == 0
    assert shim.call("delete", "c").status == 0
    assert notes.read_text().split()[6:] == "poststart env poststop env".split()
    states = {kind: json.loads((shim.bundle / f"{kind}.json").read_text()) for kind in ON_HOST}
    assert all(state["id"] == "c" and state["bundle"] == str(shim.bundle) for state in states.values())
    assert [states[kind]["status"] for kind in ON_HOST] == ["creating", "creating", "creating", "running", "stopped"]
    assert [states[kind].get("pid") for kind in ON_HOST] == [
        pid,
        pid,
        pid,
        pid,
        None,
    ]  # where there is no process any more
    state, env = shim.out("c").read_text().rsplit("}", 1)
    assert json.loads(state + "}")["status"] == "created" and env.strip() == "b"


@pytest.mark.skipif(os.geteuid() != 0, reason="looks into namespaces of others")
def test_create_container_hooks_run_in_the_sandboxs_namespaces(shim: Shim) -> None:
    script = f"readlink /proc/self/ns/mnt /proc/self/ns/net > {shim.bundle}/ns"
    hooks = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}]}
    pid = shim.create("c", "/bin/true", hooks=hooks)
    found = (shim.bundle / "ns").read_text().split()
    assert found == [os.readlink(f"/proc/{pid}/ns/{name}") for name in ("mnt", "net")]
    assert os.readlink("/proc/self/ns/mnt") not in found


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ({"path": "/bin/sh", "args": ["sh", "-c", "echo what; exit 3"]}, "exit status 3: what"),
        ({"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $$"]}, "signal 9"),
        ({"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}, "timed out after 1 s"),
        ({"path": "/nowhere/hook"}, "No such file or directory"),
    ],
)
def test_one_that_fails_undoes_the_creation(shim: Shim, kind: str, hook: dict[str, Any], why: str) -> None:
    from tests.e2e.bundles import change

    change(shim.bundle, hooks={kind: [hook], "poststop": [noting(shim.bundle, "poststop")]})
    result = shim.call("create", "--bundle", str(shim.bundle), "c")
    assert result.status == 1 and result.err.count("\n") == 1, result
    assert shim.last_error().startswith(f"error running {kind} hook #0: {hook['path']}: ") and why in shim.last_error()
    assert os.listdir(shim.root) == []
    assert (shim.bundle / "notes").read_text() == "poststop env\n"  # runtime.md, Lifecycle
    assert json.loads((shim.bundle / "poststop.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["sh", "-c", "exit 4"], "exit status 4"),
        (["sleep", "1000"], "timed out"),
    ],
)
def test_one_inside_that_fails_ends_the_container(shim: Shim, args: list[str], why: str) -> None:
    hook = {"path": f"/bin/{args[0]}", "args": args, "timeout": 1}
    pid = shim.create("c", "/bin/sh", "-c", "echo never", hooks={"startContainer": [hook]})
    assert shim.call("start", "c").status == 1 and why in shim.last_error()
    assert shim.reap(pid) == 137
    assert shim.out("c").read_text() == ""


def test_one_afterwards_that_fails_is_a_warning(shim: Shim) -> None:
    bad = {"path": "/bin/false"}
    pid = shim.start("c", "/bin/true", hooks={"poststart": [bad], "poststop": [bad, noting(shim.bundle, "poststop")]})
    assert shim.reap(pid) == 0
    assert shim.call("delete", "c").status == 0
    entries = [json.loads(line) for line in shim.log.read_text().splitlines()]
    warnings = [entry["msg"] for entry in entries if entry["level"] == "warning"]
    assert [line.split(": ")[0] for line in warnings] == [
        f"error running {kind} hook #0" for kind in ("poststart", "poststop")
    ]
    assert (shim.bundle / "notes").read_text() == "poststop env\n"
