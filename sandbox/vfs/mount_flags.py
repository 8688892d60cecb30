"""Flags of a mount: MS_* of mount(2) as the ST_* bits that are kept (statvfs(3))."""

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
    MS_RDONLY,
    MS_STRICTATIME,
    MS_SYNCHRONOUS,
    ST_NOATIME,
    ST_NODEV,
    ST_NODIRATIME,
    ST_NOEXEC,
    ST_NOSUID,
    ST_NOSYMFOLLOW,
    ST_RDONLY,
    ST_RELATIME,
)

# What all mounts of a file system show alike (fs/proc_namespace.c: show_sb_opts). In memory they have no effect.
_OF_SUPER: Final = (
    (MS_SYNCHRONOUS, ",sync"),
    (MS_DIRSYNC, ",dirsync"),
    (MS_MANDLOCK, ",mand"),
    (MS_LAZYTIME, ",lazytime"),
)
_BITS: Final = (
    (MS_RDONLY, ST_RDONLY),
    (MS_NOSUID, ST_NOSUID),
    (MS_NODEV, ST_NODEV),
    (MS_NOEXEC, ST_NOEXEC),
    (MS_NOATIME, ST_NOATIME),
    (MS_NODIRATIME, ST_NODIRATIME),
    (MS_NOSYMFOLLOW, ST_NOSYMFOLLOW),
)


def flags_of(ms: int) -> int:
    """ST_* bits of a mount's MS_* flags: relatime unless another rule is asked for."""
    out = 0 if ms & (MS_NOATIME | MS_STRICTATIME) else ST_RELATIME
    for bit, flag in _BITS:
        if ms & bit:
            out |= flag
    if ms & MS_STRICTATIME:
        out &= ~ST_NOATIME
    return out


def shown_of(ms: int) -> str:
    """Options of the super block in /proc/mounts, each with a leading comma."""
    return "".join(text for bit, text in _OF_SUPER if ms & bit)
