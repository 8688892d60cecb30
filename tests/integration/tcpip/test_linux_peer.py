"""The host's kernel as peer over bad links: as many bytes as two kernels move on the same link, none lost or changed.

The whole matrix with its figures is `python -m tools.linux_peer`.
"""

from __future__ import annotations

import os

import pytest

from tools.linux_peer.cases import CASES, Case, chosen
from tools.linux_peer.lab import Lab

SECONDS = 2.0
MOST = 5_000_000
FAR_SLOWER = 4
"""Text may take so many times as long as between two kernels: a bound for what hangs, not a figure."""
NAMES = (
    "loss 1%, delay 1ms",
    "loss 5%, delay 15ms",
    "jitter 5ms, reordering 10%",
    "everything",
    "MTU 576, loss 1%",
    "MTU 65520",
    "MTU 1500, then 900 after 2s",
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/net/tun"), reason="needs root and /dev/net/tun"
)


def test_cases_have_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) and chosen(["MTU 576"])
    with pytest.raises(ValueError, match="no case 'nothing'; there are: loss 0%, delay 1ms; "):
        chosen(["nothing"])


@pytest.mark.slow
@pytest.mark.parametrize("way", ["out", "in"])
@pytest.mark.parametrize("case", [case for case in CASES if case.name in NAMES], ids=lambda case: str(case.name))
def test_as_many_bytes_as_between_kernels(case: Case, way: str) -> None:
    with Lab(case, "kernel", 7) as lab:
        count, kernel_s = lab.transfer(way, max(SECONDS, case.at_least_s), MOST)
    with Lab(case, "stack", 7) as lab:
        again, stack_s = lab.transfer(way, 0, count)
    assert again == count
    assert stack_s < FAR_SLOWER * kernel_s + 30, (case.name, kernel_s, stack_s)
