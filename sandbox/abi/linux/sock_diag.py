"""include/uapi/linux/sock_diag.h."""

from __future__ import annotations

from typing import Final

SOCK_DIAG_BY_FAMILY: Final = 20
SOCK_DESTROY: Final = 21
