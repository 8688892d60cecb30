"""`runsc` and `python -m runsc`."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line; the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036 (the zipped executable meets whatever python3 there is)
        sys.stderr.write(
            f"runsc: Python 3.11 or later is needed, this is {sys.version_info[0]}.{sys.version_info[1]}\n"
        )
        return 125
    gc.disable()  # nothing of a start is garbage; the sentry turns it on again
    from runsc.cli import run_command_line

    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
