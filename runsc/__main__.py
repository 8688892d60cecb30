"""`runsc` and `python -m runsc`; under the name `containerd-shim-runsc-v1` containerd's shim."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def open_standard_descriptors() -> None:
    """One that is closed becomes /dev/null: nothing that is opened later may take its place and go to the guest."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def main() -> int:
    """Run the command line; the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036 (the zipped executable meets whatever python3 there is)
        sys.stderr.write(
            f"runsc: Python 3.11 or later is needed, this is {sys.version_info[0]}.{sys.version_info[1]}\n"
        )
        return 125
    open_standard_descriptors()
    gc.disable()  # nothing of a start is garbage; the sentry turns it on again
    if os.path.basename(sys.argv[0]).startswith("containerd-shim-"):
        from runsc.shim.command_line import main as shim

        return shim(sys.argv[1:])
    from runsc.cli import run_command_line

    return run_command_line(sys.argv[1:])


def run() -> NoReturn:
    """`main`, and out: what a process has when it ends needs no taking apart, which takes as long as a small verb."""
    status = main()
    try:
        sys.stdout.flush()
    except OSError:  # nobody reads it
        status = status or 1
    os._exit(status)


if __name__ == "__main__":
    run()
