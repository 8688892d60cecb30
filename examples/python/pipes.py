"""Talk to a process inside through its pipes."""

import subprocess

from stackbox import Sandbox

with Sandbox(network="none") as box:
    with box.popen(["cat", "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate("one\ntwo\n")
    print(out, end="")
