"""`runsc version`."""

from __future__ import annotations

import sys
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import Values
from runsc.verb import Verb
from runsc.version import OCI_VERSION, VERSION
from tcpip.native import is_compiled


def run(config: Config, values: Values, words: list[str]) -> int:
    """Two lines as runc prints them, and how the kernel and the stack run."""
    if words:
        raise UsageError(f"version takes no arguments: {words[0]!r}")
    build = "compiled" if is_compiled() else "interpreted"
    python = ".".join(map(str, sys.version_info[:3]))
    sys.stdout.write(f"runsc version {VERSION}\nspec: {OCI_VERSION}\nbuild: {build}, Python {python}\n")
    sys.stdout.flush()
    return 0


VERB: Final = Verb("version", "print the version", "", (), EXIT_FAILURE, run)
