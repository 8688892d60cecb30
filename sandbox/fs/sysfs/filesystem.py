"""SysFs: the sandbox's machine as a tree of attributes (sysfs(5)): processors, network interfaces, what programs ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.statfs import SYSFS_MAGIC
from sandbox.fs.procfs.system_files import used_pages
from sandbox.fs.pseudo.nodes import FixedFile, MadeFile, PseudoDir, PseudoLink
from sandbox.fs.sysfs.cpu_caches import CpuCaches
from sandbox.fs.sysfs.memory_blocks import MemoryBlocks
from sandbox.fs.sysfs.net_devices import ClassNet, NetDevices
from sandbox.fs.sysfs.virtual_devices import CLASSES, DeviceClass, DevicesByNumber, VirtualClass
from sandbox.vfs.filesystem import Filesystem

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task
    from sandbox.platform.cpuid import Cache

NUMA_COUNTERS: Final = ("numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node")
"""Of drivers/base/node.c; where pages came from is the host's to know."""


class SysFs(Filesystem):
    """Interfaces come from `vfs.sys_class_net`, which the socket layer sets."""

    name = "sysfs"
    magic = SYSFS_MAGIC
    attribute_size = 4096  # whatever an attribute holds (fs/sysfs/file.c: sysfs_add_file_mode_ns)

    def __init__(self, kernel: Kernel, dev: int, net: NetNamespace) -> None:
        super().__init__(kernel.clock, dev, "sysfs")
        self.kernel = kernel
        self.net = net
        self._last = 0
        self._caches: list[Cache] | None = None
        root = PseudoDir(self, self.new_ino(), 0o555)  # as kernfs makes it
        self.root = root
        for path in (
            "block", "bus", "class", "dev/block", "firmware", "fs/cgroup",
            "hypervisor", "kernel/mm", "module", "power", "class/block", "class/power_supply",
            "class/thermal",
        ):  # fmt: skip
            self._directory(root, path)
        self._processors(root, kernel.cpus)
        pages = "kernel/mm/transparent_hugepage/"
        self._file(root, pages + "enabled", "always [madvise] never\n")
        self._file(root, pages + "defrag", "always defer defer+madvise [madvise] never\n")
        self._file(root, pages + "hpage_pmd_size", "2097152\n")
        self._directory(root, "kernel/mm/hugepages")
        self._memory_node(root, kernel.cpus)
        self._directory(root, "devices/system").add("memory", MemoryBlocks(self, kernel.memory_bytes))
        classes, virtual = self._directory(root, "class"), self._directory(root, "devices/virtual")
        interfaces = NetDevices(self)
        virtual.add("net", interfaces)
        classes.add("net", ClassNet(self, interfaces))
        for kind in CLASSES:
            virtual.add(kind, VirtualClass(self, kind))
            classes.add(kind, DeviceClass(self, kind))
        self._directory(root, "dev").add("char", DevicesByNumber(self))

    def new_ino(self) -> int:
        """For a node that stays."""
        self._last += 1
        return self._last

    def caches(self) -> list[Cache]:
        """Those of each processor."""
        if self._caches is None:
            from sandbox.platform.cpuid import caches

            self._caches = caches()
        return self._caches

    def _directory(self, root: PseudoDir, path: str) -> PseudoDir:
        here = root
        for name in path.split("/"):
            found = here.children.get(name.encode())
            if found is None:
                found = PseudoDir(self, self.new_ino(), 0o755)
                here.add(name, found)
            assert isinstance(found, PseudoDir)
            here = found
        return here

    def _file(self, root: PseudoDir, path: str, text: str) -> None:
        way, _, last = path.rpartition("/")
        self._directory(root, way).add(last, FixedFile(self, self.new_ino(), text.encode()))

    def _memory_node(self, root: PseudoDir, cpus: int) -> None:
        """The one that everything is in (drivers/base/node.c)."""
        base = "devices/system/node/"
        for name in ("online", "possible", "has_cpu", "has_memory", "has_normal_memory"):
            self._file(root, base + name, "0\n")
        self._file(root, base + "node0/cpulist", cpu_range(cpus))
        self._file(root, base + "node0/cpumap", cpu_mask((1 << cpus) - 1))
        self._file(root, base + "node0/distance", "10\n")
        self._file(root, base + "node0/numastat", "".join([f"{name} 0\n" for name in NUMA_COUNTERS]))
        for cpu in range(cpus):
            link = PseudoLink(self, self.new_ino(), f"../../cpu/cpu{cpu}".encode())
            self._directory(root, base + "node0").add(f"cpu{cpu}", link)
        self._directory(root, base + "node0").add("meminfo", MadeFile(self, self.new_ino(), node_meminfo))

    def _processors(self, root: PseudoDir, cpus: int) -> None:
        base = "devices/system/cpu/"
        for name in ("online", "possible", "present"):
            self._file(root, base + name, cpu_range(cpus))
        self._file(root, base + "offline", "\n")
        self._file(root, base + "isolated", "\n")
        self._file(root, base + "kernel_max", "8191\n")
        self._file(root, base + "smt/active", "0\n")
        self._file(root, base + "smt/control", "notsupported\n")
        everyone = cpu_mask((1 << cpus) - 1)
        for cpu in range(cpus):
            topology = f"{base}cpu{cpu}/topology/"
            if cpu:
                self._file(root, f"{base}cpu{cpu}/online", "1\n")
            self._file(root, topology + "physical_package_id", "0\n")
            self._file(root, topology + "die_id", "0\n")
            self._file(root, topology + "core_id", f"{cpu}\n")
            self._file(root, topology + "thread_siblings", cpu_mask(1 << cpu))
            self._file(root, topology + "thread_siblings_list", f"{cpu}\n")
            self._file(root, topology + "core_cpus", cpu_mask(1 << cpu))
            self._file(root, topology + "core_cpus_list", f"{cpu}\n")
            self._file(root, topology + "core_siblings", everyone)
            self._file(root, topology + "core_siblings_list", cpu_range(cpus))
            self._file(root, topology + "die_cpus", everyone)
            self._file(root, topology + "die_cpus_list", cpu_range(cpus))
            self._file(root, topology + "package_cpus", everyone)
            self._file(root, topology + "package_cpus_list", cpu_range(cpus))
            self._file(root, topology + "cluster_id", "65535\n")
            self._file(root, topology + "cluster_cpus", cpu_mask(1 << cpu))
            self._file(root, topology + "cluster_cpus_list", f"{cpu}\n")
            self._directory(root, f"{base}cpu{cpu}").add("cache", CpuCaches(self, cpu, cpus))
            node = PseudoLink(self, self.new_ino(), b"../../node/node0")
            self._directory(root, f"{base}cpu{cpu}").add("node0", node)


def cpu_range(cpus: int) -> str:
    """`0-1`, or `0` alone."""
    return f"0-{cpus - 1}\n" if cpus > 1 else "0\n"


def cpu_mask(mask: int) -> str:
    """In hexadecimal, a comma before every 32 bits (lib/vsprintf.c: bitmap_string)."""
    digits = f"{mask:x}"
    first = (len(digits) - 1) % 8 + 1
    return ",".join([digits[:first], *(digits[at : at + 8] for at in range(first, len(digits), 8))]) + "\n"


def node_meminfo(t: Task) -> bytes:
    """Sizes in KiB."""
    total = t.kernel.memory_bytes >> 10
    used = min(used_pages(t) * 4, total)
    rows = (("MemTotal", total), ("MemFree", total - used), ("MemUsed", used))
    return "".join(f"Node 0 {name + ':':15} {value:8} kB\n" for name, value in rows).encode()
