"""/proc/PID/clear_refs, numa_maps, ksm_stat and ksm_merging_pages (fs/proc/task_mmu.c, fs/proc/base.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.errors import SyscallError
from sandbox.fs.pseudo.numbers import parse_int32
from sandbox.mm import vdso
from sandbox.mm.policy import MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES
from sandbox.mm.proc_maps import area_name
from sandbox.mm.smaps import in_core

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.policy import MemPolicy

_CLEAR_ALL: Final = 1
_CLEAR_PEAK: Final = 5
_MODES: Final = (b"default", b"prefer", b"bind", b"interleave", b"local", b"prefer (many)")
_PART: Final = 64


def clear_refs(t: Task, task: Task, data: bytes) -> None:
    """1 … 4 forget which pages were used, or written, which is the host's to know: it is told, and EACCES where it does not
    listen. 5: the peak of pages in core begins anew. EINVAL for others."""
    kind = parse_int32(data, 10)
    if not _CLEAR_ALL <= kind <= _CLEAR_PEAK:
        raise SyscallError(errno.EINVAL)
    mm = task.mm
    if mm is None:
        return
    if kind == _CLEAR_PEAK:
        mm.peak_seen = task.space.resident_pages()
        mm.peak_reset = max(mm.peak_seen, task.space.peak_resident_pages())
        return
    try:
        task.space.clear_refs(kind)
    except OSError:
        if task.space.alive():
            raise SyscallError(errno.EACCES) from None


def numa_maps(t: Task, task: Task) -> bytes | Iterator[bytes]:
    """The areas with their policy and what is in core of them, all of it on the one node."""
    return b"" if task.mm is None else _numa_maps(t, task)


def _numa_maps(t: Task, task: Task) -> Iterator[bytes]:
    mm = task.mm
    assert mm is not None
    lines: list[bytes] = []
    for area, pages, own, dirty in in_core(mm, task.space.host_smaps()):
        policy = mm.policies.find(area.start) if mm.policies is not None else None
        line = b"%08x %s" % (area.start, policy_text(policy if policy is not None else task.mempolicy))
        name = area_name(mm, area, t.fs.root)
        if area.backing is not None:
            line += b" file=" + name.replace(b"\t", b"\\011").replace(b" ", b"\\040").replace(b"=", b"\\075")
        elif name in (b"[heap]", b"[stack]"):
            line += b" " + name[1:-1]
        lines.append(line + _counts(pages, own, dirty) + b"\n")
        if len(lines) == _PART:
            yield b"".join(lines)
            lines = []
    base = t.kernel.platform.vdso_address
    lines += [b"%08x default\n" % (base + start) for start, _, _, _ in (vdso.parts() if base else ())]
    yield b"".join(lines)


def _counts(pages: int, own: int, dirty: int) -> bytes:
    """show_numa_map, behind the name."""
    if not pages:
        return b""
    text = b" anon=%d" % own if own else b""
    text += b" dirty=%d" % dirty if dirty else b""
    if pages not in (own, dirty):
        text += b" mapped=%d" % pages
    return text + b" N0=%d kernelpagesize_kB=4" % pages


def policy_text(policy: MemPolicy | None) -> bytes:
    """mpol_to_str."""
    if policy is None:
        return b"default"
    text = _MODES[policy.mode]
    if policy.flags & MPOL_F_STATIC_NODES:
        text += b"=static"
    elif policy.flags & MPOL_F_RELATIVE_NODES:
        text += b"=relative"
    return text + b":0" if policy.nodes else text


def ksm_merging_pages(t: Task, task: Task) -> bytes:
    """None are merged."""
    return b"0\n"


def ksm_stat(t: Task, task: Task) -> bytes:
    """The same."""
    return b"ksm_rmap_items 0\nksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\n"
