"""The flag parser."""

from __future__ import annotations

import pytest

from runsc.failure import UsageError
from runsc.flags import LIST, NUMBER, SECONDS, SIZE, SWITCH, TEXT, WORD, Flag, Values, parse

FLAGS = (
    Flag("name", TEXT, "NAME", ""),
    Flag("kind", TEXT, "KIND", "", ("a", "b")),
    Flag("item", LIST, "ITEM", "", short="i"),
    Flag("label", WORD, "LABEL", ""),
    Flag("switch", SWITCH, "", ""),
    Flag("count", NUMBER, "N", ""),
    Flag("size", SIZE, "SIZE", ""),
    Flag("time", SECONDS, "TIME", ""),
)


def parsed(*words: str) -> tuple[Values, list[str]]:
    values = Values()
    return values, parse(FLAGS, words, values, "for test")


def test_both_forms_of_a_value() -> None:
    values, rest = parsed("--name=x", "--item", "1", "--item=2", "cmd", "--name", "y")
    assert values.text("name") == "x"
    assert values.list("item") == ("1", "2")
    assert rest == ["cmd", "--name", "y"]


def test_one_dash_is_as_good_as_two() -> None:
    """As Go's flag package has it; a letter as well."""
    values, rest = parsed("-name=x", "-item", "1", "-i", "2", "--i=3", "-switch=false", "-", "-name")
    assert values.text("name") == "x" and values.list("item") == ("1", "2", "3")
    assert values.given("switch") and not values.switch("switch")
    assert rest == ["-", "-name"]
    for word in ("-nam=x", "---name", "-=x", "--=x"):
        with pytest.raises(UsageError, match=f"^unknown flag {word.partition('=')[0]} for test"):
            parsed(word)


def test_a_word_may_be_empty() -> None:
    values, _ = parsed("--label", "")
    assert values.given("label") and values.text("label", "x") == ""


def test_flags_among_words() -> None:
    """As runc takes them behind an id; one that is not known there is a word."""
    values = Values()
    assert parse(FLAGS, ["c", "--switch", "-1", "-i", "2", "--", "--name"], values, "for test", True) == [
        "c",
        "-1",
        "--name",
    ]
    assert values.switch("switch") and values.list("item") == ("2",) and not values.given("name")
    with pytest.raises(UsageError):
        parse(FLAGS, ["--no-such", "c"], values, "for test", True)


def test_flags_end_at_double_dash() -> None:
    values, rest = parsed("--switch", "--", "--name")
    assert values.switch("switch")
    assert rest == ["--name"]


def test_a_switch_can_be_turned_off() -> None:
    assert not parsed("--switch", "--switch=false")[0].switch("switch")


def test_the_last_one_wins() -> None:
    assert parsed("--name=a", "--name=b")[0].text("name") == "b"


def test_what_was_not_given() -> None:
    values, rest = parsed()
    assert not values.given("name") and values.number("count") is None and rest == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("17", 17), ("4k", 4096), ("2M", 2 << 20), ("1GiB", 1 << 30), ("3gb", 3 << 30), ("7B", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parsed(f"--size={text}")[0].number("size") == size


@pytest.mark.parametrize(
    ("text", "ns"), [("2", 2_000_000_000), ("1.5s", 1_500_000_000), ("500ms", 500_000_000), ("2m", 120_000_000_000)]
)
def test_durations(text: str, ns: int) -> None:
    assert parsed(f"--time={text}")[0].number("time") == ns


@pytest.mark.parametrize(
    "word",
    [
        "--size=x",
        "--size=-1",
        "--size=",
        "--size=1X",
        "--count=1.5",
        "--count=",
        "--time=s",
        "--time=1.2.3",
        "--time=-1",
    ]
    + ["--switch=maybe", "--kind=c", "--nope", "-x", "--name", "--count=९"],
)
def test_bad_words_are_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parsed(word)


def test_an_unknown_flag_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown flag --nope for test; known: .*--name .*--switch"):
        parsed("--nope=1")


def test_an_unknown_choice_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown kind 'c'; known: a, b"):
        parsed("--kind", "c")


def test_an_empty_word_is_no_value() -> None:
    """`--name "$UNSET"` is a mistake; nothing may be taken for it, and it is not as if it had not been given."""
    for words in (("--name=",), ("--name", ""), ("--kind", "")):
        with pytest.raises(UsageError):
            parsed(*words)
    with pytest.raises(UsageError, match="--name: the NAME is empty"):
        parsed("--name", "", "cmd")
