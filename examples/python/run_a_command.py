"""Run one command and look at what it printed."""

from stackbox import Sandbox

with Sandbox(network="none") as box:
    done = box.run(["uname", "-n"], capture_output=True, text=True, check=True)
    print(done.stdout.strip())
