"""`runsc version`."""

from __future__ import annotations

import sys
from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import Values
from runsc.verb import Verb
from runsc.version import OCI_VERSION, VERSION


def run(config: Config, values: Values, words: list[str]) -> int:
    """Two lines, as runc prints them."""
    if words:
        raise UsageError(f"version takes no arguments: {words[0]!r}")
    sys.stdout.write(f"runsc version {VERSION}\nspec: {OCI_VERSION}\n")
    sys.stdout.flush()
    return 0


VERB: Final = Verb("version", "print the version", "", (), EXIT_FAILURE, run)
