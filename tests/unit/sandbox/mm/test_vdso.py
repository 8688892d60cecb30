"""Where the vDSO reads clocks."""

from __future__ import annotations

from sandbox.mm import vdso


def test_the_function_is_found_and_what_asks_instead_fits() -> None:
    found = vdso.asking_clock()
    assert found is not None
    offset, old, new = found
    assert offset > 0
    assert len(old) == len(new)


def test_what_is_no_vdso_has_no_functions() -> None:
    assert vdso.symbol(b"", b"x") == 0
    assert vdso.symbol(bytes(4096), b"x") == 0
    assert vdso.symbol(b"\xff" * 200, b"x") == 0
