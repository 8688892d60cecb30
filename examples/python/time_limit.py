"""What takes too long is killed; the sandbox stays."""

import subprocess

from stackbox import Sandbox

with Sandbox(network="none") as box:
    try:
        box.run(["sleep", "1000"], timeout=1)
    except subprocess.TimeoutExpired as error:
        print("killed:", " ".join(error.cmd))
    print(box.run(["echo", "still here"], capture_output=True, text=True).stdout.strip())
