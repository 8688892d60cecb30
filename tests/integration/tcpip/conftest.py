"""A network namespace with a stack of ours on one side and the host's kernel on the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools import netns

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


class Namespace:
    """A network namespace; `run` executes in it."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[str]] = []
        self.name = netns.add()

    def argv(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, check: bool = True, timeout: float = 60, data: str | None = None) -> str:
        """Output of a command inside; it must succeed unless `check` is off."""
        done = subprocess.run(
            self.argv(*command), capture_output=True, text=True, timeout=timeout, input=data, cwd=ROOT, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A process inside, killed at the end of the test."""
        child = subprocess.Popen(
            self.argv(*command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.children.append(child)
        return child

    def tcpip(self, *arguments: str, ready: bool = True) -> subprocess.Popen[str]:
        """`python -m tcpip ...` inside; with `ready` its first line of output has come."""
        child = self.start(sys.executable, "-m", "tcpip", *arguments)
        if ready:
            assert child.stdout is not None
            line = child.stdout.readline()
            assert "pid" in line, line + child.stdout.read()
        return child

    def stop(self, child: subprocess.Popen[str]) -> str:
        """End a child; its output."""
        child.terminate()
        return child.communicate(timeout=20)[0]

    def close(self) -> None:
        netns.remove(self.name)
        for child in self.children:
            child.communicate()


@pytest.fixture
def ns() -> Iterator[Namespace]:
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("needs root and /dev/net/tun")
    namespace = Namespace()
    try:
        yield namespace
    finally:
        namespace.close()


LINK = ("--tap", "tap0", "-a", "10.9.0.2/24", "-a", "fd00:9::2/64")
HOST = ("--host-address", "10.9.0.1/24", "--host-address", "fd00:9::1/64")
