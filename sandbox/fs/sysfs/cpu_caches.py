"""/sys/devices/system/cpu/cpuN/cache (drivers/base/cacheinfo.c): as CPUID tells, which is asked when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.pseudo.nodes import FixedFile, PseudoDir
from sandbox.fs.sysfs.lazy import LazySysDir

if TYPE_CHECKING:
    from sandbox.fs.sysfs.filesystem import SysFs
    from sandbox.platform.cpuid import Cache

_OWN_LEVELS = (1, 2)  # those of a processor alone; the ones above are shared by all


class CpuCaches(LazySysDir):
    """A directory for each cache of processor number `cpu`, of `cpus`."""

    __slots__ = ("cpu", "cpus")

    def __init__(self, fs: SysFs, cpu: int, cpus: int) -> None:
        super().__init__(fs)
        self.cpu = cpu
        self.cpus = cpus

    def make(self) -> None:
        """indexN."""
        for number, cache in enumerate(self.sysfs.caches()):
            directory = PseudoDir(self.sysfs, self.sysfs.new_ino(), 0o755)
            for name, text in self._attributes(cache).items():
                directory.add(name, FixedFile(self.sysfs, self.sysfs.new_ino(), text.encode()))
            self.add(f"index{number}", directory)

    def _attributes(self, cache: Cache) -> dict[str, str]:
        from sandbox.fs.sysfs.filesystem import cpu_mask, cpu_range

        own = cache.level in _OWN_LEVELS
        return {
            "coherency_line_size": f"{cache.line}\n",
            "id": f"{self.cpu if own else 0}\n",
            "level": f"{cache.level}\n",
            "number_of_sets": f"{cache.sets}\n",
            "physical_line_partition": f"{cache.partitions}\n",
            "shared_cpu_list": f"{self.cpu}\n" if own else cpu_range(self.cpus),
            "shared_cpu_map": cpu_mask(1 << self.cpu if own else (1 << self.cpus) - 1),
            "size": f"{cache.size() >> 10}K\n",
            "type": f"{cache.kind}\n",
            "ways_of_associativity": f"{cache.ways}\n",
        }
