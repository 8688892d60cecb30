"""Host calls on descriptors of our own that the os module lacks: fallocate with a mode, renameat2, syncfs,
fanotify(7), name_to_handle_at."""

from __future__ import annotations

import os


def _call(name: str, *args: object) -> int:
    import ctypes

    result: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


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


def fanotify_init(flags: int) -> int:
    """fanotify_init(2): the group's descriptor; OSError."""
    return _call("fanotify_init", flags, os.O_RDONLY | os.O_CLOEXEC)


def fanotify_mark(group: int, flags: int, mask: int, fd: int) -> None:
    """fanotify_mark(2) of what `fd` is open for; OSError."""
    import ctypes

    _call("fanotify_mark", group, flags, ctypes.c_uint64(mask), fd, None)


def file_handle(fd: int) -> tuple[int, bytes]:
    """name_to_handle_at(2) of what `fd` is open for: type and handle; OSError."""
    import ctypes

    buffer = ctypes.create_string_buffer((128).to_bytes(4, "little") + bytes(4 + 128), 8 + 128)
    mount = ctypes.c_int()
    _call("name_to_handle_at", fd, b"", buffer, ctypes.byref(mount), 0x1000)
    size = int.from_bytes(buffer.raw[:4], "little")
    return int.from_bytes(buffer.raw[4:8], "little"), buffer.raw[8 : 8 + size]


def file_system_magic(fd: int) -> int:
    """f_type of fstatfs(2); OSError."""
    import ctypes

    buffer = ctypes.create_string_buffer(256)
    _call("fstatfs", fd, buffer)
    return int.from_bytes(buffer.raw[:8], "little")
