"""Sandboxes for Python programs, in the shape of `subprocess`.

    with stackbox.Sandbox(network="internal") as box:
        print(box.run(["python3", "-c", code], capture_output=True, text=True, timeout=10).stdout)

This package lies above `runsc` and imports nothing of it: it starts the runtime as a program of its own. A launcher
changes the namespaces of the process that it is, which must not be its caller's, and a caller's threads do not survive
the fork that makes a sandbox. docs/python.md is the guide.
"""

from stackbox.aio import AsyncSandbox
from stackbox.fork_server import ForkServer
from stackbox.options import Limits, Mount, Options
from stackbox.sandbox import Sandbox, SandboxError

__all__ = ["AsyncSandbox", "ForkServer", "Limits", "Mount", "Options", "Sandbox", "SandboxError"]
