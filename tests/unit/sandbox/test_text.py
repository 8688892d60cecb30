"""Text of the host's tables."""

from __future__ import annotations

import pytest

from sandbox.text import without_octal


@pytest.mark.parametrize(
    ("field", "path"),
    [("/a", "/a"), (r"/a\040b", "/a b"), (r"\134040", r"\040"), (r"/\011\012\043x", "/\t\n#x"), ("", "")],
)
def test_escapes_of_mountinfo(field: str, path: str) -> None:
    """proc_pid_mountinfo(5): space, tab, newline, backslash and number sign are written in octal."""
    assert without_octal(field) == path
