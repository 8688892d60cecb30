"""`make run`: the main job, or the command in $CMD, through `runsc do`."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.labels import ROOT


def run_main_job() -> int:
    """Its status; 1 when Ctrl-C came while it set up or cleaned up."""
    try:
        from tools.main_job import main_job

        return main_job()
    except KeyboardInterrupt:
        print("exit status 130", flush=True)
        return 1


def main() -> int:
    """Print the command's exit status; ours is always 0 then, because make cannot pass one on."""
    command = os.environ.get("CMD", "")
    if not command:
        return run_main_job()
    line = [sys.executable, "-m", "runsc", "do", "/bin/sh", "-c", command]
    try:
        status = subprocess.run(line, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        status = 130
    print(f"exit status {status}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
