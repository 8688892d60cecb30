"""Freed memory is used again, not given back to the kernel and asked for anew."""

import subprocess
import sys

FAULTS = """
import resource, sys
from tcpip.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
source = bytes(120 << 10)
view = memoryview(source)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    blocks = [bytes(view) for _ in range(4)]
    del blocks
before = faults()
for _ in range(200):
    blocks = [bytes(view) for _ in range(4)]
    del blocks
print(faults() - before)
"""


def test_blocks_are_made_of_the_same_pages() -> None:
    counts = {}
    for how in ("default", "keep"):
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        counts[how] = int(done.stdout)
    assert counts["keep"] < 200 < counts["default"]
