"""`--pid-file`."""

from __future__ import annotations

import os

from runsc.failure import RuntimeFailure


def write_pid(path: str, pid: int) -> None:
    """Whole or not at all."""
    new = f"{path}.{os.getpid()}"
    try:
        with open(new, "w", encoding="ascii") as file:
            file.write(str(pid))
        os.rename(new, path)
    except OSError as error:
        try:
            os.unlink(new)
        except OSError:
            pass  # it was not made
        raise RuntimeFailure(f"--pid-file {path}: {os.strerror(error.errno or 0)}") from None
