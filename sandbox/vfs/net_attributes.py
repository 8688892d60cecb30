"""NetAttributes: what sysfs shows of the network interfaces, which the socket layer knows (Documentation/ABI/testing/sysfs-class-net)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.kernel.task import Task


class NetAttributes:
    """Interfaces go by their number, which stays while they are renamed. ENODEV: it is gone."""

    @abstractmethod
    def interfaces(self, net: NetNamespace) -> dict[str, int]:
        """Names and numbers of those that there are now."""

    @abstractmethod
    def attributes(self, net: NetNamespace, number: int) -> dict[str, int]:
        """The names of its attributes, and their modes."""

    @abstractmethod
    def statistics(self) -> tuple[str, ...]:
        """What is counted of each."""

    @abstractmethod
    def show(self, net: NetNamespace, number: int, name: str) -> str:
        """An attribute's value; EINVAL where it has none now."""

    @abstractmethod
    def count(self, net: NetNamespace, number: int, name: str) -> int:
        """One of its statistics."""

    @abstractmethod
    def store(self, t: Task, net: NetNamespace, number: int, name: str, value: bytes) -> None:
        """Change an attribute. EPERM, EINVAL, EOPNOTSUPP and what the change itself can fail with."""

    @abstractmethod
    def relatives(self, net: NetNamespace, number: int) -> dict[str, str]:
        """Links in its directory to other interfaces' (`master`, `upper_…`, `lower_…`), and their names."""
