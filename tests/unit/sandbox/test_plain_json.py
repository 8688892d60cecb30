"""The same as `json`, without it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import plain_json
from tests.e2e.conftest import ROOT

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_it_writes_and_reads_what_json_does(value: object) -> None:
    text = plain_json.dumps(value)
    assert text == json.dumps(value)
    assert plain_json.loads(f" \n{text}\t") == json.loads(text)
    assert plain_json.dumps(value, (",", ":")) == json.dumps(value, separators=(",", ":"))


@given(st.text() | st.text('[]{}":,0123456789.-eE\\untrfals \n'))
def test_what_is_no_json_for_json_is_none_here(text: str) -> None:
    try:
        value: object = json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(ValueError):
            plain_json.loads(text)
    else:
        assert plain_json.loads(text) == value


def test_bytes_that_are_not_text_go_through() -> None:
    assert plain_json.loads(plain_json.dumps("a\udc80b")) == "a\udc80b"


def test_depth_is_bounded() -> None:
    with pytest.raises(RecursionError):
        plain_json.loads("[" * 100_000)


@pytest.mark.parametrize("value", [object(), {1: object()}, b"bytes"])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        plain_json.dumps(value)


def test_a_circle_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(ValueError):
        plain_json.dumps(circle)


def test_a_small_verb_imports_little() -> None:
    """What each of these takes is a tenth of what a verb that only asks a sandbox takes."""
    code = (
        "import sys, runsc.cmd.start, runsc.cmd.wait, runsc.cmd.state, runsc.cmd.kill, runsc.cmd.delete\n"
        "import runsc.cli, runsc.container.start, runsc.container.destroy, runsc.container.container\n"
        "dear = {'json', 're', 'enum', 'subprocess', 'argparse', 'dataclasses', 'logging', 'pathlib', 'socket', 'array'}\n"
        "print(*sorted(dear & set(sys.modules)))"
    )
    bare = "import typing, sys; print(*sorted({'re', 'enum'} & set(sys.modules)))"
    words = [sys.executable, "-I", "-S", "-c"]
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    found = subprocess.run([*words, path + code], capture_output=True, text=True, check=True).stdout.split()
    typing_takes = subprocess.run([*words, bare], capture_output=True, text=True, check=True).stdout.split()
    assert set(found) <= set(typing_takes), found
