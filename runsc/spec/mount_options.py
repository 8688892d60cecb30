"""mounts[].options (config.md of the OCI specification, "Linux mount options"; runc's libcontainer for their meaning)."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.statfs import (
    MS_DIRSYNC,
    MS_LAZYTIME,
    MS_MANDLOCK,
    MS_NOATIME,
    MS_NODEV,
    MS_NODIRATIME,
    MS_NOEXEC,
    MS_NOSUID,
    MS_NOSYMFOLLOW,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_RELATIME,
    MS_SHARED,
    MS_SILENT,
    MS_SLAVE,
    MS_STRICTATIME,
    MS_SYNCHRONOUS,
    MS_UNBINDABLE,
)

# (what sets the flag, what takes it away). Nothing is written later, locked or noisy inside: as on Linux, `sync` and
# its kin change nothing in a file system in memory or in a bind mount.
_PAIRS: Final = (
    ("ro", "rw", MS_RDONLY),
    ("nosuid", "suid", MS_NOSUID),
    ("nodev", "dev", MS_NODEV),
    ("noexec", "exec", MS_NOEXEC),
    ("noatime", "atime", MS_NOATIME),
    ("nodiratime", "diratime", MS_NODIRATIME),
    ("relatime", "norelatime", MS_RELATIME),
    ("strictatime", "nostrictatime", MS_STRICTATIME),
    ("nosymfollow", "symfollow", MS_NOSYMFOLLOW),
    ("sync", "async", MS_SYNCHRONOUS),
    ("mand", "nomand", MS_MANDLOCK),
    ("lazytime", "nolazytime", MS_LAZYTIME),
    ("silent", "loud", MS_SILENT),
)
# For the mounts below as well; a bind mount of the host is one mount inside.
_RECURSIVE: Final = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME
_ALL_RECURSIVE: Final = _RECURSIVE | MS_STRICTATIME | MS_NOSYMFOLLOW
FLAGS: Final[dict[str, tuple[int, int]]] = {  # option: (flags set, flags taken away)
    **{on: (bit, 0) for on, _, bit in _PAIRS},
    **{off: (0, bit) for _, off, bit in _PAIRS},
    **{f"r{on}": (bit, 0) for on, _, bit in _PAIRS if bit & _ALL_RECURSIVE},
    **{f"r{off}": (0, bit) for _, off, bit in _PAIRS if bit & _ALL_RECURSIVE},
    "dirsync": (MS_DIRSYNC, 0),
    **dict.fromkeys(("bind", "rbind", "defaults", "newinstance", "iversion", "noiversion", "acl", "noacl"), (0, 0)),
}
PROPAGATION: Final[dict[str, int]] = {
    f"{prefix}{name}": kind | more
    for name, kind in (
        ("private", MS_PRIVATE),
        ("slave", MS_SLAVE),
        ("shared", MS_SHARED),
        ("unbindable", MS_UNBINDABLE),
    )
    for prefix, more in (("", 0), ("r", MS_REC))
}
COPY_UP: Final = "tmpcopyup"
VOLUME_WORDS: Final = ("copy", "nocopy")  # podman's, to itself: it has filled the volume, or not
MOUNT_OPTIONS: Final = frozenset((*FLAGS, *PROPAGATION, COPY_UP))
DATA: Final = {
    "tmpfs": ("size=", "mode=", "nr_inodes=", "nr_blocks=", "uid=", "gid="),
    "proc": ("hidepid=", "gid=", "subset="),
    "devpts": ("ptmxmode=", "mode=", "gid=", "uid=", "max="),
    "overlay": (
        *(
            "lowerdir=",
            "upperdir=",
            "workdir=",
            "redirect_dir=",
            "index=",
            "nfs_export=",
            "metacopy=",
            "xino=",
            "uuid=",
        ),
        *("userxattr", "volatile", "default_permissions"),
    ),
}

# Words that a tmpfs takes: what it is in any case, or shows.
TMPFS_WORDS: Final = ("huge=never", "mpol=default", "inode64", "inode32", "noswap")
HIDE_PID: Final = ("0", "1", "2", "4", "off", "noaccess", "invisible", "ptraceable")


def data_of(kind: str) -> tuple[str, ...]:
    """Options with a value that a kind of mount takes, as they begin."""
    kind = "tmpfs" if kind == "devtmpfs" else kind
    return (*DATA.get(kind, ()), *(TMPFS_WORDS if kind == "tmpfs" else ()))


def flags_of(options: list[str]) -> int:
    """MS_* bits, one option after the other."""
    flags = 0
    for option in options:
        set_, clear = FLAGS.get(option, (0, 0))
        flags = flags & ~clear | set_
    return flags


def propagation_of(options: list[str]) -> int:
    """The last one that is asked for, 0: none."""
    return next((PROPAGATION[option] for option in reversed(options) if option in PROPAGATION), 0)


def takes_value(option: str) -> bool:
    """Of an option with a value, it is one of: bytes with a unit or a share of memory, octal for modes, words of proc(5), else decimal."""
    name, _, value = option.partition("=")
    if option in TMPFS_WORDS:
        return True
    if f"{name}=" in DATA["overlay"]:
        return True  # the host's kernel says
    if name == "hidepid":
        return value in HIDE_PID
    if name == "subset":
        return value == "pid"
    digits = value.upper().rstrip("KMGT") if name in ("size", "nr_inodes", "nr_blocks") else value
    if name == "size":
        digits = digits.removesuffix("%")
    if name in ("size", "nr_blocks", "nr_inodes") and digits.startswith("0X"):
        return 2 < len(digits) < 15 and not set(digits[2:]) - set("0123456789ABCDEF")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15 or len(value) > len(digits) + 1:
        return False
    return not name.endswith("mode") or not set(digits) & {"8", "9"}
