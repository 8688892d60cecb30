"""The guest stub belongs to the sources that it was compiled from."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from sandbox.platform.base import PlatformError
from sandbox.platform.lane import build, layout, zygote

ROOT = Path(build.__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another one, with a stub; its sources are looked at in place of ours."""
    root = tmp_path / "it's here"
    shutil.copytree(ROOT / "sandbox", root / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    lane = root / "sandbox/platform/lane"
    here = build.HERE
    for name in ("HERE", "SOURCE", "BINARY", "LAYOUT"):
        monkeypatch.setattr(build, name, getattr(build, name).replace(here, str(lane)))
    monkeypatch.setattr(build, "INCLUDED", [path.replace(here, str(lane)) for path in build.INCLUDED])
    return lane


@pytest.mark.interpreted  # there is no stub beside the compiled modules
def test_one_of_other_sources_is_told_of_with_what_helps(checkout: Path) -> None:
    build.build()
    assert build.up_to_date() and build.stub_bytes()
    with (checkout / "stub/thunk.c").open("a") as source:
        source.write("/* changed */\n")
    assert not build.up_to_date()
    with pytest.raises(PlatformError, match="not built, or from other sources: run `cd .* && .*`$") as caught:
        zygote._stub_image()
    said = str(caught.value).partition("`")[2].removesuffix("`")
    subprocess.run(["/bin/sh", "-c", said], check=True, stdout=subprocess.DEVNULL)
    assert build.up_to_date() and build.stub_bytes()


def test_every_source_counts() -> None:
    sources = {build.SOURCE, *build.INCLUDED}
    assert sources == {str(path) for path in Path(build.SOURCE).parent.glob("*.c")}


@pytest.mark.interpreted  # there is no stub beside the compiled modules
@pytest.mark.parametrize("lower", layout.LOWERS)
def test_there_is_room_behind_the_stub(lower: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """XRSTOR may look at as many bytes from its image on as a full one has. Each image lies where its layout wants it."""
    build.build()
    monkeypatch.setattr(layout, "LOWER", lower)
    data = build.stub_bytes()
    (headers,) = struct.unpack_from("<Q", data, 32)
    offset, address, _, size = struct.unpack_from("<4Q", data, headers + 8)
    assert address == 0x7FFF_0000_0000 - lower
    assert not any(data[offset + size - layout.XSTATE_MOST : offset + size])


def test_what_is_lower_is_whole_and_ends_below_what_is_higher() -> None:
    """Filters compare halves of addresses, so that both layouts have the same lower ones."""
    high, low = (layout.constants(lower) for lower in layout.LOWERS)
    moved = [name for name in high if high[name] != low[name]]
    assert {"TASK_SIZE", "STUB_BASE", "STACKS_BASE", "STUB_END", "GATE_FREE", "ENTER_CMP"} <= set(moved)
    assert {high[name] - low[name] for name in moved} == {layout.LOWERS[1]} and layout.LOWERS[1] % (1 << 32) == 0
    assert low["STUB_END"] < high["TASK_SIZE"] - (16 << 30)  # a stack begins at random there
    assert high["STUB_END"] == layout.HIGHEST
