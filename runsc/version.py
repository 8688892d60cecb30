"""What this is, in one place."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
OCI_VERSION: Final = "1.1.0"  # the runtime specification that `run` and `spec` follow
