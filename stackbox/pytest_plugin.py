"""A pytest plugin: `@pytest.mark.sandbox` runs a test in a sandbox of its own, on a simulated network.

Load it with `pytest_plugins = ["stackbox.pytest_plugin"]` or `-p stackbox.pytest_plugin`. The mark's arguments are the
fields of `stackbox.Options`; the network is `internal` unless given. The interpreter, its packages and the directory
that pytest was started for are shown inside, read-only; what the test writes elsewhere is gone with the sandbox. All start
from one fork server.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from stackbox.fork_server import ForkServer
from stackbox.options import Mount
from stackbox.sandbox import Sandbox

INSIDE: Final = "STACKBOX_INSIDE"
TIMEOUT_S: Final = 60.0
SERVER: Final = pytest.StashKey[ForkServer]()


def pytest_configure(config: pytest.Config) -> None:
    """The mark is known."""
    config.addinivalue_line("markers", "sandbox(**fields): run the test in a sandbox; fields of stackbox.Options")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The server ends."""
    server = config.stash.get(SERVER, None)
    if server is not None:
        server.close()


def fork_server(config: pytest.Config) -> Path:
    """Where it is; it starts with the first test that wants a sandbox."""
    if SERVER not in config.stash:
        config.stash[SERVER] = ForkServer()
    return config.stash[SERVER].place


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Instead of the call: the same test, by a pytest inside."""
    mark = pyfuncitem.get_closest_marker("sandbox")
    if mark is None or os.environ.get(INSIDE):
        return None
    fields: dict[str, Any] = {"network": "internal", **mark.kwargs}
    if "runtime" not in fields:
        fields.setdefault("fork_server", fork_server(pyfuncitem.config))
    timeout = fields.pop("timeout", TIMEOUT_S)
    root = pyfuncitem.config.rootpath
    shown = shown_directories(root)
    fields["mounts"] = [*(Mount(path, str(path), True) for path in shown), *fields.get("mounts", ())]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    env = {INSIDE: "1", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **fields.get("env", {})}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "stackbox.pytest_plugin"]
    with Sandbox(**fields) as box:
        done = box.run(
            [*words, f"--rootdir={root}", pyfuncitem.nodeid],
            env=env,
            cwd=str(root),
            timeout=timeout,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        pytest.fail(f"in its sandbox (status {done.returncode}):\n{done.stdout}", pytrace=False)
    return True


def shown_directories(root: Path) -> list[Path]:
    """The tests', the interpreter's and its packages', each once and none inside another."""
    paths = {root, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1]}
    paths |= {Path(entry) for entry in sys.path if os.path.isdir(entry)}
    return sorted(path for path in paths if not any(other in path.parents for other in paths))
