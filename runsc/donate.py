"""Opening what the user names on the host, with the user's rights, to be donated to the sentry."""

from __future__ import annotations

import os

from runsc.failure import RuntimeFailure


def refuse_kernel_files(path: str, what: str) -> None:
    """Of proc, sysfs and their like a guest would reach every process of the host, the sandbox's kernel too."""
    from sandbox.fs.hostfs.filesystem import hidden_devices, host_kinds

    hidden = hidden_devices(host_kinds())
    try:
        if hidden is not None and os.stat(path).st_dev in hidden:
            raise RuntimeFailure(f"{what}: {path}: a file system of the host's kernel cannot be given to a sandbox")
    except OSError:
        pass  # whoever opens it says why


def open_path(path: str, what: str) -> int:
    """A directory or file that can be read; of anything else a descriptor that only names it (O_PATH)."""
    refuse_kernel_files(path, what)
    try:
        if os.path.isdir(path):
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if os.path.isfile(path):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise RuntimeFailure(f"{what}: {path}: {os.strerror(error.errno or 0)}") from None


def open_directory(path: str, what: str, create: bool = False) -> int:
    """What must be a directory; made first if `create`."""
    if path != "/":
        refuse_kernel_files(path, what)
    try:
        if create:
            os.makedirs(path, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RuntimeFailure(f"{what}: {path}: {os.strerror(error.errno or 0)}") from None


def open_output(path: str, what: str, append: bool = False) -> int:
    """A file to write."""
    try:
        mode = os.O_APPEND if append else os.O_TRUNC
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | mode, 0o644)
    except OSError as error:
        raise RuntimeFailure(f"{what}: {path}: {os.strerror(error.errno or 0)}") from None
