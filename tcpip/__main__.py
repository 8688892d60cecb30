"""`python -m tcpip`: a stack on a tap or an interface from the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one verb; its exit status."""
    try:
        from tcpip.cli.main import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
