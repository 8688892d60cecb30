"""What is fuzzed, and the inputs that are kept: one hexadecimal line each in corpus/TARGET.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from .connection import connection
from .frames import Frames
from .parsers import parsers

Target = Callable[[bytes], None]
TARGETS: Final[dict[str, Callable[[], Target]]] = {
    "parsers": lambda: parsers,
    "frames": Frames,
    "connection": lambda: connection,
}
CORPUS: Final = Path(__file__).parent / "corpus"
MAX_KEPT: Final = 48 * 1024
"""Bytes of a kept corpus."""


def read_corpus(name: str) -> list[bytes]:
    """None is an empty list."""
    path = CORPUS / f"{name}.txt"
    return [bytes.fromhex(line) for line in path.read_text().split()] if path.exists() else []


def write_corpus(name: str, folder: Path) -> None:
    """The shortest inputs of `folder`, as many as fit."""
    inputs = sorted({path.read_bytes() for path in folder.iterdir() if path.is_file()}, key=lambda d: (len(d), d))
    kept, size = [], 0
    for data in inputs:
        size += len(data)
        if data and size <= MAX_KEPT:
            kept.append(data.hex())
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{name}.txt").write_text("\n".join(kept) + "\n")
