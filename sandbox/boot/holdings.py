"""What a sandbox holds of the host beyond its own processes: interfaces on loan, a control group."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from sandbox.boot.host_checks import HostLacks
from sandbox.boot.options import SandboxOptions

if TYPE_CHECKING:
    from sandbox.boot.cgroup import Cgroup
    from sandbox.boot.keeper import Keeper


class Holdings:
    """Made by the launcher before its namespaces; most sandboxes hold nothing and have no keeper."""

    def __init__(self, options: SandboxOptions) -> None:
        self._notes = options.notes
        self._keeper: Keeper | None = None
        self._cgroup: Cgroup | None = None
        duties: list[Callable[[], None]] = []
        claim = -1
        if options.network.kind == "sandbox" and options.network.namespace_fd < 0:
            claim, duties = _loan()
        if options.limits.memory or options.limits.pids:
            self._cgroup = _cgroup(options)
            duties.append(self._cgroup.give_back)
        if duties:
            from sandbox.boot.keeper import Keeper

            self._keeper = Keeper(duties, claim)
        if self._cgroup is not None:
            self._notes += self._cgroup.make()

    def enter(self) -> None:
        """The sentry, before it does anything else: from now on the keeper waits for its end."""
        if self._keeper is not None:
            from sandbox.boot.keeper import register

            register(self._keeper.fd)
        if self._cgroup is not None:
            self._notes += self._cgroup.join()

    def finish(self) -> str:
        """The launcher, when the sentry has ended: everything is given back. What could not be, as one line."""
        return self._keeper.finish() if self._keeper is not None else ""


def _loan() -> tuple[int, list[Callable[[], None]]]:
    """What this namespace's interfaces have, once nobody has them: the claim to them and how they are given back. Nothing
    when they cannot be had: the sentry says why. HostLacks when somebody keeps them."""
    from sandbox.boot.claim import claim
    from sandbox.gateway.host_interfaces import Loan, in_host_namespace

    if in_host_namespace():
        return -1, []
    fd = -1
    try:
        fd = claim()
        return fd, [Loan().give_back]
    except TimeoutError as error:
        raise HostLacks(str(error)) from None
    except (OSError, ImportError):
        if fd >= 0:
            os.close(fd)
        return -1, []


def _cgroup(options: SandboxOptions) -> Cgroup:
    from sandbox.boot import cgroup
    from sandbox.boot.host_checks import read_text

    wanted = cgroup.bounds(options.limits)
    places = cgroup.find(wanted, read_text("/proc/self/cgroup"), read_text("/proc/self/mountinfo", 1 << 20))
    return cgroup.Cgroup(wanted, f"runsc-{os.getpid()}-{os.urandom(4).hex()}", places)
