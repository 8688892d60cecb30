"""Which classes and functions an image may name: those that the kernel's state is made of, and no others."""

from __future__ import annotations

import sys
import types
from typing import Final

from sandbox.checkpoint.image import BadImage

# Modules of the kernel's own state. Nothing in them opens files of the host by name, starts processes or runs text.
PACKAGES: Final = (
    "sandbox.kernel",
    "sandbox.mm",
    "sandbox.vfs",
    "sandbox.fs.tmpfs",
    "sandbox.fs.overlay",
    "sandbox.fs.cgroupfs",
    "sandbox.fs.devfs",
    "sandbox.fs.devpts",
    "sandbox.fs.mqueue",
    "sandbox.fs.nsfs",
    "sandbox.fs.tty",
    "sandbox.seccomp",
    "sandbox.sockets.unix",
    "tcpip.bpf",
    "tcpip.header",
    "tcpip.transport",
    "sandbox.syscalls",
)
MODULES: Final = (
    "sandbox.abi.linux.termios",
    "sandbox.sockets.base",
    "sandbox.sockets.inet.socket",
    "sandbox.sockets.options",
    "sandbox.sockets.user_message",
    "tcpip.addr",
    "tcpip.buffer",
    "tcpip.errors",
    "tcpip.timers",
    "tcpip.toil",
    "tcpip.waiter",
)
# They belong to this sandbox's life on this host, or to calls under way, of which there are none.
FOREIGN: Final = frozenset(
    (
        "sandbox.kernel.kernel:Kernel",
        "sandbox.kernel.trap_handler:KernelTrapHandler",
        "sandbox.kernel.memory_watch:MemoryWatch",
        "sandbox.kernel.log:KernelLog",
        "sandbox.kernel.net_namespace:NetNamespace",
        "sandbox.kernel.load_average:LoadAverage",
        "sandbox.vfs.devices:DeviceRegistry",
        "sandbox.kernel.tracee:Tracee",
    )
)
# Attributes that are made anew.
LEFT_OUT: Final = {
    "sandbox.kernel.task:Task": frozenset(("thread", "space", "handlers", "lent")),
    "sandbox.seccomp.user_dispatch:UserDispatch": frozenset(("below",)),
    "sandbox.kernel.pid_namespace:PidNamespace": frozenset(("views",)),
    "sandbox.kernel.cgroup.cgroup:Hierarchy": frozenset(("on_bound",)),
    "sandbox.kernel.cgroup.cgroup:Cgroup": frozenset(("view",)),
    "sandbox.kernel.view:View": frozenset(("on_exit", "given")),
    "sandbox.vfs.mount:Vfs": frozenset(("proc_net", "stack", "sys_class_net", "given", "devices", "on_ending")),
    "tcpip.timers:Timer": frozenset(("_queued_at",)),
}


def attributes_of(kind: type) -> tuple[str, ...]:
    """The slots of a class and of those that it is derived from."""
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        names.extend((slots,) if isinstance(slots, str) else slots)
    return tuple(name for name in names if name not in ("__weakref__", "__dict__"))


def in_state(module: str) -> bool:
    """The module is one of those."""
    return module in MODULES or any(module == name or module.startswith(name + ".") for name in PACKAGES)


class StateClasses:
    """What an image may name."""

    def __init__(self) -> None:
        self._known: dict[type, bool] = {}
        self._left: dict[type, frozenset[str]] = {}
        self._fixed: dict[int, str] = {}
        for module_name, module in list(sys.modules.items()):
            if module is None or not in_state(module_name):
                continue
            for name, value in vars(module).items():
                if self.allows(type(value)) and type(value).__module__ != "builtins":
                    self._fixed.setdefault(id(value), f"{module_name}:{name}")

    def allows(self, kind: type) -> bool:
        """Instances of it may be in an image."""
        known = self._known.get(kind)
        if known is None:
            full = f"{kind.__module__}:{kind.__qualname__}"
            known = self._known[kind] = in_state(kind.__module__) and full not in FOREIGN
            left: frozenset[str] = frozenset()
            for base in kind.__mro__:
                left |= LEFT_OUT.get(f"{base.__module__}:{base.__qualname__}", frozenset())
            self._left[kind] = left
        return known

    def kept(self, kind: type, name: str) -> bool:
        """The attribute is part of the state."""
        return self.allows(kind) and name not in self._left[kind]

    def name_of(self, value: object) -> str | None:
        """Of a constant of a module, a class or a function there."""
        if isinstance(value, types.FunctionType | type):
            if in_state(value.__module__ or "") and "<" not in value.__qualname__:
                return f"{value.__module__}:{value.__qualname__}"
            return None
        return self._fixed.get(id(value))

    def named(self, name: str) -> object:
        """The opposite. BadImage."""
        module_name, _, path = name.partition(":")
        if not in_state(module_name):
            raise BadImage(f"the image names {name}, which is not part of a kernel's state")
        try:
            __import__(module_name)
        except ImportError:
            raise BadImage(f"the image names {name}, which this runsc does not have") from None
        value: object = sys.modules[module_name]
        for part in path.split("."):
            value = getattr(value, part) if not part.startswith("__") else None
        plain = isinstance(value, types.FunctionType | type)
        if not (plain and in_state(getattr(value, "__module__", ""))) and not self.allows(type(value)):
            raise BadImage(f"the image names {name}, which is not part of a kernel's state")
        return value

    def find(self, name: str) -> type:
        """A class by its name. BadImage."""
        value = self.named(name)
        if not isinstance(value, type) or not self.allows(value) or issubclass(value, BaseException):
            raise BadImage(f"the image has an object of {name}, which is not part of a kernel's state")
        return value

    def method(self, owner: object, name: str) -> object:
        """A method of an object in the image. BadImage."""
        function = getattr(type(owner), name, None)
        if not isinstance(function, types.FunctionType) or not in_state(function.__module__) or name.startswith("__"):
            raise BadImage(f"the image names a method {name} of {type(owner).__name__}, which has none")
        return types.MethodType(function, owner)
