"""`containerd-shim-runsc-v1`."""

from __future__ import annotations

import sys

from runsc.shim.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
