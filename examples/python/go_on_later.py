"""A sandbox is written to a directory, and another one goes on from there."""

import tempfile

from stackbox import Sandbox

WORK = "echo written before > /tmp/notes; sleep 1000 < /dev/null > /dev/null 2>&1 &"

with tempfile.TemporaryDirectory() as image:
    with Sandbox(network="none") as box:
        box.run(["sh", "-c", WORK], check=True)
        box.checkpoint(image)
    with Sandbox(network="none", image=image) as again:
        print(again.read_file("/tmp/notes").decode(), end="")
        found = again.run(["sh", "-c", "grep -l ^sleep /proc/[0-9]*/comm | wc -l"], capture_output=True, text=True)
        print(found.stdout.strip(), "process still waits")
