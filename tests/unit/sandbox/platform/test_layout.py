"""What stub and sentry share: no word has two meanings."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sandbox.platform.lane import layout

# More than a word: how many. BLOCK_ words are in private lanes of threads that have a shared one; DELIVER_ words are for
# actions without orders.
SIZES: Final = {
    "LANE_ARGS": 6,
    "LANE_REGS": 25,
    "LANE_COPY": 2 * layout.MAX_COPIES,
    "LANE_KNOWN": layout.KNOWN_END - layout.LANE_KNOWN,
    "LANE_ORDERS": layout.ORDER_WORDS * layout.MAX_ORDERS,
}
BY_KIND: Final = {"LANE_USAGE": ("LANE_SIGNO", "LANE_CODE", "LANE_ADDR", "LANE_INDEX")}
"""What calls say in words that other kinds of requests have: faults the first three, KIND_DONE the last."""
NO_WORDS: Final = {"LANE_SIZE", "LANE_DATA", "LANE_REQUEST"}


def test_every_word_of_a_lane_has_one_name() -> None:
    names = [
        name
        for name, value in vars(layout).items()
        if name.startswith("LANE_") and name not in (*NO_WORDS, *BY_KIND) and value < layout.LANE_DATA // 8
    ]
    words = Counter(getattr(layout, name) + at for name in names for at in range(SIZES.get(name, 1)))
    assert len(names) > 30
    assert [word for word, count in words.items() if count > 1] == []
    for name, others in BY_KIND.items():
        first = getattr(layout, name)
        assert [getattr(layout, other) for other in others] == list(range(first, first + len(others)))
