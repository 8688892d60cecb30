"""A program that takes more memory than it may have: it is killed, as in a control group of Linux's."""

from stackbox import Limits, Sandbox

with Sandbox(network="none", limits=Limits(memory=128 << 20)) as box:
    done = box.run(["/usr/bin/python3", "-c", "bytearray(1 << 30)"])
    print(f"status {done.returncode}")
