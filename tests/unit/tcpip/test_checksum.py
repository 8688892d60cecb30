"""The fast sums agree with RFC 1071's loop."""

from hypothesis import given
from hypothesis import strategies as st

from tcpip import checksum


def reference(data: bytes) -> int:
    """RFC 1071 4.1."""
    if len(data) & 1:
        data += b"\0"
    total = 0
    for at in range(0, len(data), 2):
        total += data[at] << 8 | data[at + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(min_size=1, max_size=200).filter(any))
def test_checksum_is_the_reference(data: bytes) -> None:
    assert checksum.checksum(data) == reference(data)
    assert checksum.checksum(memoryview(data)) == reference(data)


@given(st.lists(st.binary(max_size=33), max_size=8))
def test_slices_sum_as_their_concatenation(slices: list[bytes]) -> None:
    assert checksum.sum_slices(slices) % 0xFFFF == checksum.partial_sum(b"".join(slices)) % 0xFFFF


@given(st.binary(min_size=2, max_size=64).filter(any), st.integers(0, 31))
def test_data_with_its_checksum_is_valid_and_a_flipped_bit_is_not(data: bytes, bit: int) -> None:
    if len(data) & 1:
        data += b"\x01"
    whole = bytearray(checksum.checksum(b"\0\0" + data).to_bytes(2, "big") + data)
    assert checksum.valid(whole)
    whole[bit // 8 % len(whole)] ^= 1 << bit % 8
    assert not checksum.valid(whole)


def test_known_header() -> None:
    header = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
    assert checksum.valid(header)
    assert checksum.checksum(header[:10] + b"\0\0" + header[12:]) == 0xB861


def test_fold_keeps_zero_for_zero_only() -> None:
    assert checksum.fold(0) == 0
    assert checksum.fold(0xFFFF) == 0xFFFF
    assert checksum.fold(0x1FFFE) == 0xFFFF
    assert checksum.fold(0x10000) == 1
