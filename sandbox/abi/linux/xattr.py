"""Extended attributes: flags and bounds (include/uapi/linux/{xattr,limits}.h)."""

from __future__ import annotations

from typing import Final

XATTR_CREATE: Final = 1
XATTR_REPLACE: Final = 2
XATTR_NAME_MAX: Final = 255
XATTR_SIZE_MAX: Final = 65536
XATTR_LIST_MAX: Final = 65536

CAPABILITIES: Final = b"security.capability"
