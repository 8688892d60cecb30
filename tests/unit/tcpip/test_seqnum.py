"""Sequence arithmetic agrees with plain integers near every wrap."""

from hypothesis import given
from hypothesis import strategies as st

from tcpip import seqnum

numbers = st.integers(0, 2**32 - 1)
distances = st.integers(-(2**31) + 1, 2**31 - 1)


@given(numbers, distances)
def test_order_follows_the_distance(a: int, d: int) -> None:
    b = seqnum.add(a, d)
    assert seqnum.diff(b, a) == d
    assert seqnum.lt(a, b) == (d > 0)
    assert seqnum.le(a, b) == (d >= 0)
    assert seqnum.gt(a, b) == (d < 0)
    assert seqnum.ge(a, b) == (d <= 0)
    assert seqnum.maximum(a, b) == (b if d > 0 else a)
    assert seqnum.minimum(a, b) == (b if d < 0 else a)


@given(numbers, st.integers(0, 2**31), st.integers(0, 2**32 - 1))
def test_window_is_half_open(first: int, length: int, offset: int) -> None:
    a = seqnum.add(first, offset)
    assert seqnum.in_window(a, first, length) == (offset < length)
    assert seqnum.in_range(a, first, seqnum.add(first, length)) == (offset < length)
    assert seqnum.size(first, a) == offset
