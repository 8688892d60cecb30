"""A program that wants more memory than it may have."""

from stackbox import Limits, Sandbox

with Sandbox(network="none", limits=Limits(memory=128 << 20)) as box:
    done = box.run(["/usr/bin/python3", "-c", "bytearray(1 << 30)"], capture_output=True, text=True)
    print("MemoryError" if "MemoryError" in done.stderr else f"status {done.returncode}")
