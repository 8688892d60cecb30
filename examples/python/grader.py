"""Grade a submission: each case in a sandbox of its own, with bounds on time and memory."""

from __future__ import annotations

import subprocess

from stackbox import Limits, Sandbox

SUBMISSION = "n = int(input())\nprint(n * n if n < 100 else n)\n"
CASES = [("3", "9"), ("12", "144"), ("100", "10000")]


def grade(source: str, given: str, wanted: str) -> str:
    with Sandbox(network="none", limits=Limits(memory=256 << 20, pids=32)) as box:
        box.write_file("/tmp/submission.py", source)
        words = ["/usr/bin/python3", "/tmp/submission.py"]
        try:
            done = box.run(words, input=given, text=True, capture_output=True, timeout=30, user=(1000, 1000))
        except subprocess.TimeoutExpired:
            return "too slow"
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    return "right" if done.stdout.strip() == wanted else "wrong"


if __name__ == "__main__":
    for given, wanted in CASES:
        print(given, grade(SUBMISSION, given, wanted))
