"""A tool for a chat assistant: run the Python that it wrote, and hand back what it may see.

State in /tmp stays from one call to the next; nothing reaches the host or the network.
"""

from __future__ import annotations

import subprocess

from stackbox import Limits, Sandbox

LONGEST = 10_000  # characters that go back to the assistant


class PythonTool:
    """Call `run_python` with what the assistant sends; `close` when the conversation ends."""

    def __init__(self) -> None:
        self.box = Sandbox(network="none", limits=Limits(memory=512 << 20, pids=64), user=(1000, 1000))

    def run_python(self, code: str, timeout: float = 30) -> str:
        self.box.write_file("/tmp/cell.py", code)
        try:
            done = self.box.run(
                ["/usr/bin/python3", "/tmp/cell.py"],
                cwd="/tmp",
                timeout=timeout,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except subprocess.TimeoutExpired:
            return f"stopped after {timeout:g} s"
        said: str = done.stdout[:LONGEST]
        return said + ("" if done.returncode == 0 else f"\n(exit status {done.returncode})")

    def close(self) -> None:
        self.box.close()


if __name__ == "__main__":
    tool = PythonTool()
    print(tool.run_python("open('/tmp/n', 'w').write('41'); print('noted')"), end="")
    print(tool.run_python("print(int(open('/tmp/n').read()) + 1)"), end="")
    print(tool.run_python("while True: pass", timeout=1))
    tool.close()
