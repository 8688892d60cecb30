"""BLAKE2s without `hashlib`, which loads OpenSSL: milliseconds of a start for one function."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import blake2s
else:
    try:
        from _blake2 import blake2s
    except ImportError:  # another implementation of Python
        from hashlib import blake2s

__all__ = ["blake2s"]
