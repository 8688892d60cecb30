"""include/uapi/linux/sock_diag.h, inet_diag.h."""

from __future__ import annotations

from typing import Final

TCPDIAG_GETSOCK: Final = 18
SOCK_DIAG_BY_FAMILY: Final = 20
SOCK_DESTROY: Final = 21
