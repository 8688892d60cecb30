"""Read and check a bundle's config.json."""

from __future__ import annotations

import os
from typing import Final

from runsc.failure import RuntimeFailure
from runsc.spec.decode import decode
from runsc.spec.reader import Problems
from runsc.spec.types import Spec
from runsc.spec.validate import validate
from sandbox import plain_json

SIZE_LIMIT: Final = 16 << 20


def read_json(path: str) -> object:
    """A file of bounded size, or stdin for `-`. RuntimeFailure."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            text = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise RuntimeFailure(f"{path}: {os.strerror(error.errno or 0)}") from None
    if len(text) > SIZE_LIMIT:
        raise RuntimeFailure(f"{path}: larger than {SIZE_LIMIT >> 20} MiB")
    try:
        return plain_json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return _in_another_encoding(path, text)


def _in_another_encoding(path: str, text: bytes) -> object:
    """UTF-16, UTF-32 or with a mark in front; or not JSON, and then this says where."""
    import json

    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RuntimeFailure(f"{path}: not JSON: {error}") from None
    return document


def load_bundle(bundle: str) -> Spec:
    """The checked spec; a RuntimeFailure lists every problem, each with its path in the file."""
    if not os.path.isdir(bundle):
        raise RuntimeFailure(f"bundle {bundle}: no such directory")
    path = os.path.join(bundle, "config.json")
    if os.path.exists(path) and not os.path.isfile(path):
        raise RuntimeFailure(f"{path}: not a file")  # a pipe would be waited for
    document = read_json(path)
    problems = Problems()
    spec = decode(document, problems)
    validate(spec, bundle, problems)
    if problems.found:
        lines = tuple(f"{path}: {problem}" for problem in problems.found)
        raise RuntimeFailure("; ".join(lines), lines=lines)
    return spec
