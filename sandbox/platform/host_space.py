"""A guest address space that is a host process: its memory and the host's account of it, whatever traps its calls."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Final

from sandbox import host_signal as signal
from sandbox.platform import hostcalls
from sandbox.platform.base import AddressSpace, MemoryFault, MemoryUse
from sandbox.platform.host_proc import TICK_NS
from sandbox.platform.host_use import HostUse
from sandbox.platform.lane.layout import STUB_END, TASK_SIZE

if TYPE_CHECKING:
    from sandbox.platform.host_proc import HostProc

_PAGE: Final = 4096
_SMAPS_READS: Final = 1024  # of a page each at most: more areas than that are not worth the time
_USE_LINES: Final = (b"RssAnon", b"RssShmem", b"RssFile", b"VmSwap", b"VmPTE")
_COPY_LINES: Final = (b"Anonymous", b"Pss_Anon")
_FAULTS: Final = (errno.EFAULT, errno.ESRCH, errno.EPERM, errno.EIO)

_ASKED: Final = 64  # threads of a process that are asked how often they were preempted


class HostSpace(AddressSpace):
    """`pid` and `pidfd`: the host process, whose leader never exits before the process is killed."""

    __slots__ = ("proc", "pid", "pidfd", "proc_number", "areas", "dead", "ending", "_cpu_ns")

    def __init__(self, proc: HostProc, pid: int, pidfd: int) -> None:
        self.proc = proc
        self.pid = pid
        self.pidfd = pidfd
        self.proc_number = proc.number(pid, pidfd)  # what it is called in the host's procfs
        self.areas = 0  # of memory, as last counted
        self.dead = False
        self.ending = False  # its memory is gone already
        self._cpu_ns = 0  # as last told

    def read(self, address: int, size: int) -> bytes:
        if address < STUB_END and address + size > TASK_SIZE and size:
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
        if address < STUB_END and address + len(dst) > TASK_SIZE:
            raise MemoryFault(address)
        try:
            got = hostcalls.vm_read_into(self.pid, address, dst)
        except OSError as error:
            raise self._fault(error, address) from None
        if got != len(dst):
            raise MemoryFault(address + got, got)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        if address < STUB_END and address + len(data) > TASK_SIZE and len(data):
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
        if address < STUB_END and address + size > TASK_SIZE:
            raise MemoryFault(address)
        try:
            return self.read(address, size)
        except MemoryFault:
            return self._through_mem(address, size)

    def _through_mem(self, address: int, size: int) -> bytes:
        """By the host's /proc/PID/mem, which heeds no protection."""
        data = b""
        try:
            fd = self.proc.open(f"{self.proc_number}/mem")
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
        if address < STUB_END and address + len(data) > TASK_SIZE:
            raise MemoryFault(address)
        try:
            self.write(address, data)
            return
        except MemoryFault:
            pass
        done = 0
        try:
            fd = self.proc.open(f"{self.proc_number}/mem", os.O_RDWR)
            try:
                done = os.pwrite(fd, data, address)
            finally:
                os.close(fd)
        except (OSError, OverflowError):
            pass
        if done != len(data):
            raise MemoryFault(address + done, done)

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

    def host_use(self) -> HostUse:
        fields = self._proc("stat").rpartition(b")")[2].split()
        try:
            minor, major, system = int(fields[7]), int(fields[9]), int(fields[12]) * TICK_NS
        except (IndexError, ValueError):
            return HostUse()
        preempted = 0
        for thread in self.proc.threads(self.proc_number)[:_ASKED]:
            text = self._proc(f"task/{thread}/status")
            at = text.find(b"\nnonvoluntary_ctxt_switches:")
            if at >= 0:
                preempted += int(text[at + 28 :].split(None, 1)[0])
        return HostUse(system, minor, major, preempted)

    def host_smaps(self) -> bytes:
        return self._proc("smaps")

    def host_pagemap(self, page: int, count: int) -> bytes:
        words = b""
        if not self.dead:
            try:
                fd = self.proc.open(f"{self.proc_number}/pagemap")
                try:
                    words = os.pread(fd, 8 * count, 8 * page)
                finally:
                    os.close(fd)
            except OSError:
                pass
        return words.ljust(8 * count, b"\0")

    def clear_refs(self, kind: int) -> None:
        fd = self.proc.open(f"{self.proc_number}/clear_refs", os.O_WRONLY)
        try:
            os.write(fd, b"%d" % kind)
        finally:
            os.close(fd)

    def raise_oom_score_adj(self, score: int) -> int:
        fd = self.proc.open(f"{self.proc_number}/oom_score_adj", os.O_RDWR)
        try:
            before = int(os.read(fd, 16))
            os.pwrite(fd, b"%d" % max(score, before), 0)
            return before
        finally:
            os.close(fd)

    def host_maps(self) -> bytes:
        return self._proc("maps")

    def open_maps(self) -> int:
        """The host's /proc/PID/maps. Raises OSError."""
        return self.proc.open(f"{self.proc_number}/maps")

    def _proc(self, name: str) -> bytes:
        """A file of the host's /proc/PID; empty when the process is gone."""
        if self.dead:
            return b""
        try:
            fd = self.proc.open(f"{self.proc_number}/{name}")
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

    def end_process(self) -> None:
        """Kill the host process, if it has not ended by itself."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def host_pid(self) -> int:
        return self.pid

    def thread_cpu_time_ns(self, tid: int) -> int:
        """Of one of its host threads; -1 when it is not known."""
        return -1 if self.dead else self.proc.thread_cpu_ns(self.proc_number, tid)

    def cpu_time_ns(self) -> int:
        if not self.dead:
            try:
                self._cpu_ns = time.clock_gettime_ns(~self.pid << 3 | 2)  # the process's clock: CPUCLOCK_SCHED
            except OSError:
                pass  # it has been reaped
        return self._cpu_ns


def _kib(text: bytes, wanted: tuple[bytes, ...]) -> dict[bytes, int]:
    """Lines such as `RssAnon:  124 kB` of a file of /proc/PID."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if name in wanted:
            found[name] = int(value.split()[0])
    return found
