"""Fixtures shared with the tests of the VFS."""

from __future__ import annotations

from tests.unit.sandbox.vfs.conftest import guest

__all__ = ["guest"]
