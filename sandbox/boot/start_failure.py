"""Why the first process does not run."""

from __future__ import annotations


class StartFailure(Exception):
    """`str()` is the line for the user; `status` what a shell would give (126, 127), 125 for everything else."""

    def __init__(self, message: str, status: int = 125) -> None:
        super().__init__(message)
        self.status = status
