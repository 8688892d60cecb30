"""A guest address space on the lane platform: one host process."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import time
from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from sandbox.platform.base import AddressSpace, MemoryFault, MemoryUse
from sandbox.platform.lane import hostcalls, layout
from sandbox.platform.lane.patching import Patches
from sandbox.platform.lane.zygote import shared_pages

if TYPE_CHECKING:
    from sandbox.platform.lane.platform import LanePlatform
    from sandbox.platform.lane.thread import LaneThread

_PAGE: Final = 4096
_STUB_END: Final = layout.STUB_END
_TASK_SIZE: Final = layout.TASK_SIZE
_SMAPS_READS: Final = 1024  # of a page each at most: more areas than that are not worth the time
_USE_LINES: Final = (b"RssAnon", b"RssShmem", b"RssFile", b"VmSwap", b"VmPTE")
_COPY_LINES: Final = (b"Anonymous", b"Pss_Anon")
_FAULTS: Final = (errno.EFAULT, errno.ESRCH, errno.EPERM, errno.EIO)


class LaneSpace(AddressSpace):
    """`pid` is the host process (its leader never exits before the process is killed); `threads` by slot.

    Operations that have the stub execute something run one at a time per space, in the order in which
    they were asked for (`begin`, `finished`): a fork while a descriptor is lent would keep it.
    """

    __slots__ = (
        "platform",
        "pid",
        "pidfd",
        "proc_number",
        "threads",
        "chunks",
        "pooled",
        "exiting",
        "patches",
        "lent",
        "areas",
        "dead",
        "ending",
        "busy",
        "_waiting",
    )

    def __init__(self, platform: LanePlatform, pid: int, pidfd: int) -> None:
        self.platform = platform
        self.pid = pid
        self.pidfd = pidfd
        self.proc_number = platform.proc.number(pid, pidfd)  # what it is called in the host's procfs
        self.threads: dict[int, LaneThread] = {}
        self.lent: object = None  # the keepable file (Order) that was lent last, if nothing was since
        self.chunks: dict[int, mmap.mmap] = {}  # lanes, by chunk number
        self.pooled: list[LaneThread] = []  # host threads whose guest thread has ended
        self.exiting: deque[int] = deque(maxlen=64)  # host threads that were let end last: they may still be seen
        self.patches = Patches()
        self.areas = 0  # of memory, as last counted
        self.dead = False
        self.ending = False  # its memory is gone already
        self.busy = False
        self._waiting: deque[Callable[[], None]] = deque()

    # --- lanes ---

    def new_chunk(self, number: int) -> int:
        """Lanes for slots number * CHUNK_SLOTS …: a descriptor to be mapped in the guest, to be closed by the caller;
        -1 when the host gives us none."""
        fd = -1
        try:
            fd = shared_pages("lanes", layout.CHUNK_SIZE)
            self.chunks[number] = mmap.mmap(fd, layout.CHUNK_SIZE)
        except OSError:
            if fd >= 0:
                os.close(fd)
            return -1
        return fd

    def lane(self, slot: int) -> memoryview:
        """The lane of a slot whose chunk is mapped."""
        at = slot % layout.CHUNK_SLOTS * layout.LANE_SIZE
        return memoryview(self.chunks[slot // layout.CHUNK_SLOTS])[at : at + layout.LANE_SIZE]

    def free_slot(self) -> int | None:
        """The lowest slot without a host thread, None when there are MAX_SLOTS threads."""
        slot = 0
        while slot in self.threads:
            slot += 1
        return slot if slot < layout.MAX_SLOTS else None

    def forget(self, thread: LaneThread) -> None:
        """A host thread has ended: its slot is free."""
        platform = self.platform
        del self.threads[thread.slot]
        platform.by_tid.pop(thread.tid, None)
        platform.active[:] = [entry for entry in platform.active if entry[1] is not thread]

    # --- one operation at a time ---

    def begin(self, operation: Callable[[], None]) -> None:
        """Run `operation` when no other is under way; it must lead to `finished`."""
        if self.busy:
            self._waiting.append(operation)
        else:
            self.busy = True
            operation()

    def finished(self) -> None:
        """The operation under way is over."""
        if self._waiting and not self.dead:
            self._waiting.popleft()()
        else:
            self.busy = False

    # --- memory ---

    def read(self, address: int, size: int) -> bytes:
        if address < _STUB_END and address + size > _TASK_SIZE and size:
            raise MemoryFault(address)
        return self.read_own(address, size)

    def read_own(self, address: int, size: int) -> bytes:
        """As read, from the stub's part too."""
        if size <= hostcalls.BOUNCE:
            try:
                data = hostcalls.vm_read(self.pid, address, size) if size else b""
            except OSError as error:
                raise self._fault(error, address) from None
            if len(data) != size:
                raise MemoryFault(address + len(data), len(data))
            return data
        buffer = bytearray(size)
        self.read_into(address, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, address: int, dst: memoryview) -> None:
        if not dst:
            return
        if address < _STUB_END and address + len(dst) > _TASK_SIZE:
            raise MemoryFault(address)
        try:
            got = hostcalls.vm_read_into(self.pid, address, dst)
        except OSError as error:
            raise self._fault(error, address) from None
        if got != len(dst):
            raise MemoryFault(address + got, got)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        if address < _STUB_END and address + len(data) > _TASK_SIZE and len(data):
            raise MemoryFault(address)
        self.write_own(address, data)

    def write_own(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """As write, to the stub's part too."""
        size, done = len(data), 0
        if not size:
            return
        try:
            if size > 4096 and isinstance(data, memoryview) and not data.readonly:
                done = hostcalls.vm_write_from(self.pid, address, data)
            elif size <= hostcalls.BOUNCE:
                done = hostcalls.vm_write(self.pid, address, data)
            else:
                view = memoryview(data)
                while done < size:
                    part = view[done : done + hostcalls.BOUNCE]
                    put = hostcalls.vm_write(self.pid, address + done, part)
                    done += put
                    if put != len(part):
                        break
        except OSError as error:
            raise self._fault(error, address + done, done) from None
        if done != size:
            raise MemoryFault(address + done, done)

    def peek(self, address: int, size: int) -> bytes:
        if address < _STUB_END and address + size > _TASK_SIZE:
            raise MemoryFault(address)
        try:
            data = bytearray(self.read(address, size))
        except MemoryFault:
            data = bytearray(self._through_mem(address, size))
        for site in self.patches.within(address, address + size):
            site.hide(address, data)
        return bytes(data)

    def _through_mem(self, address: int, size: int) -> bytes:
        """By the host's /proc/PID/mem, which heeds no protection."""
        data = b""
        try:
            fd = self.platform.proc.open(f"{self.proc_number}/mem")
            try:
                data = os.pread(fd, size, address)
            finally:
                os.close(fd)
        except (OSError, OverflowError):
            pass
        if len(data) != size:
            raise MemoryFault(address + len(data), len(data))
        return data

    def poke(self, address: int, data: bytes) -> None:
        if address < _STUB_END and address + len(data) > _TASK_SIZE:
            raise MemoryFault(address)
        patcher = self.platform.patcher
        if patcher is not None:
            patcher.reveal(self, address, address + len(data))
        try:
            self.write(address, data)
            return
        except MemoryFault:
            pass
        done = 0
        try:
            fd = self.platform.proc.open(f"{self.proc_number}/mem", os.O_RDWR)
            try:
                done = os.pwrite(fd, data, address)
            finally:
                os.close(fd)
        except (OSError, OverflowError):
            pass
        if done != len(data):
            raise MemoryFault(address + done, done)

    def show_code(self, shown: bool) -> None:
        self.patches.forbidden = shown
        patcher = self.platform.patcher
        if shown and patcher is not None:
            patcher.reveal_quiet(self)

    def read_cstr(self, address: int, limit: int) -> bytes:
        # Never ask for more than to the end of a page: the next one may not be there.
        left = _PAGE - address % _PAGE
        have = min(limit, 256 if left > 256 else left)
        part = self.read(address, have)
        end = part.find(b"\0")
        if end >= 0:
            return part[:end]
        parts = [part]
        while have < limit:
            at = address + have
            size = min(limit - have, _PAGE - at % _PAGE)
            part = self.read(at, size)
            end = part.find(b"\0")
            if end >= 0:
                parts.append(part[:end])
                return b"".join(parts)
            parts.append(part)
            have += size
        raise ValueError("no end of string")

    def _fault(self, error: OSError, address: int, done: int = 0) -> Exception:
        if error.errno in _FAULTS:
            if error.errno == errno.ESRCH:
                self.ending = True
            return MemoryFault(address, done)
        return error

    def alive(self) -> bool:
        return not (self.dead or self.ending)

    def resident_pages(self) -> int:
        try:
            return int(self._proc("statm").split()[1])
        except (IndexError, ValueError):
            return 0

    def memory_use(self) -> MemoryUse:
        kib = _kib(self._proc("status"), _USE_LINES)
        private = kib.get(b"RssAnon", 0) + kib.get(b"VmSwap", 0) + kib.get(b"VmPTE", 0)
        return MemoryUse(private >> 2, kib.get(b"RssShmem", 0) >> 2, kib.get(b"RssFile", 0) >> 2)

    def shared_copies(self) -> int:
        kib = _kib(self._proc("smaps_rollup"), _COPY_LINES)
        return max(0, kib.get(b"Anonymous", 0) - kib.get(b"Pss_Anon", 0)) >> 2

    def count_areas(self) -> None:
        count = 0
        try:
            fd = self.open_maps()
            try:
                while part := os.read(fd, 1 << 16):
                    count += part.count(b"\n")
            finally:
                os.close(fd)
        except OSError:
            return
        self.areas = count

    def known_areas(self) -> int:
        return self.areas

    def peak_resident_pages(self) -> int:
        text = self._proc("status")
        at = text.find(b"\nVmHWM:")
        try:
            return int(text[at + 7 :].split(None, 1)[0]) >> 2 if at >= 0 else 0
        except (IndexError, ValueError):
            return 0

    def host_smaps(self) -> bytes:
        return self._proc("smaps")

    def host_maps(self) -> bytes:
        return self._proc("maps")

    def open_maps(self) -> int:
        """The host's /proc/PID/maps. Raises OSError."""
        return self.platform.proc.open(f"{self.proc_number}/maps")

    def _proc(self, name: str) -> bytes:
        """A file of the host's /proc/PID; empty when the process is gone."""
        if self.dead:
            return b""
        try:
            fd = self.platform.proc.open(f"{self.proc_number}/{name}")
            try:
                if name not in ("smaps", "maps"):
                    return os.read(fd, 4096)
                parts: list[bytes] = []
                while (name == "maps" or len(parts) < _SMAPS_READS) and (part := os.read(fd, 1 << 16)):
                    parts.append(part)
                return b"".join(parts)
            finally:
                os.close(fd)
        except OSError:
            return b""

    def host_pid(self) -> int:
        return self.pid

    def cpu_time_ns(self) -> int:
        try:
            return time.clock_gettime_ns(~self.pid << 3 | 2)  # the process's clock: CPUCLOCK_SCHED
        except OSError:
            return 0

    # --- end ---

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        self._waiting.clear()
        self.platform.forget_threads(self)
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """The host process is reaped: give back what belongs to it."""
        self.platform.forget_threads(self)
        for thread in list(self.threads.values()):
            thread.detach()
        self.threads.clear()
        self.pooled.clear()
        self.patches.close()
        for chunk in self.chunks.values():
            chunk.close()
        self.chunks.clear()
        os.close(self.pidfd)


def _kib(text: bytes, wanted: tuple[bytes, ...]) -> dict[bytes, int]:
    """Lines such as `RssAnon:  124 kB` of a file of /proc/PID."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if name in wanted:
            found[name] = int(value.split()[0])
    return found
