"""Programs in C that tests hand to guests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def compile_all(sources: Path, folder: Path) -> Path:
    """Every program of `sources`, into `folder`, which is returned."""
    for source in sources.glob("*.c"):
        subprocess.run(["gcc", "-O1", "-w", "-pthread", "-o", str(folder / source.stem), str(source)], check=True)
    return folder
