"""docs/socket-options.md says what the endpoints answer, and leaves nothing out."""

from pathlib import Path

from tools.option_probe import LEVELS, answers
from tools.option_table import IN_THE_SANDBOX, TABLES, page


def test_the_page_is_up_to_date() -> None:
    path = Path(__file__).parents[3] / "docs" / "socket-options.md"
    assert path.read_text(encoding="utf-8") == page(), "python -m tools.option_table >docs/socket-options.md"


def test_nothing_is_there_that_the_table_does_not_have() -> None:
    for level in LEVELS:
        for number in range(130):
            if number not in TABLES[level]:
                assert answers(level, number) == ((), ()), (level, number)


def test_what_is_not_there_has_a_reason() -> None:
    for level, rows in TABLES.items():
        for number, (name, note) in rows.items():
            getting, setting = answers(level, number)
            assert getting or setting or note, name
            assert note != IN_THE_SANDBOX or not getting, name
            assert note != "not there" or not (getting or setting), name
