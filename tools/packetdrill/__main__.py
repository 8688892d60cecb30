"""`python -m tools.packetdrill [OPTION…] SCRIPT…`."""

from __future__ import annotations

import sys

from tools.packetdrill.cli import main

sys.exit(main(sys.argv[1:]))
