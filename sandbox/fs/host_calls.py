"""Host calls on descriptors of our own that the os module lacks: fallocate with a mode, renameat2, syncfs."""

from __future__ import annotations

import os


def _call(name: str, *args: object) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """fallocate(2); OSError."""
    if mode == 0:
        os.posix_fallocate(fd, offset, length)
        return
    import ctypes

    _call("fallocate", fd, mode, ctypes.c_long(offset), ctypes.c_long(length))


def renameat2(old_dir: int, old: bytes, new_dir: int, new: bytes, flags: int) -> None:
    """renameat2(2) of two names, each one component; OSError."""
    _call("renameat2", old_dir, old, new_dir, new, flags)


def syncfs(fd: int) -> None:
    """syncfs(2); OSError."""
    _call("syncfs", fd)


def file_system_magic(fd: int) -> int:
    """f_type of fstatfs(2); OSError."""
    import ctypes

    buffer = ctypes.create_string_buffer(256)
    _call("fstatfs", fd, buffer)
    return int.from_bytes(buffer.raw[:8], "little")
