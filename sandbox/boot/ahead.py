"""What the rest of a container's start needs is imported while its launcher runs the hooks: an engine's takes as long as a
start does, since it configures the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox import plain_json
from sandbox.boot import late_modules

if TYPE_CHECKING:
    from sandbox.boot.options import ContainerOptions, SandboxOptions

ALWAYS: Final = (
    "sandbox.boot.etc_files",
    "sandbox.gateway.networks",
    "sandbox.sockets.proc_net",
    "sandbox.fs.procfs.task_status",
    "sandbox.fs.procfs.task_files",
    "sandbox.boot.container",
    "sandbox.boot.first_program",
    "sandbox.boot.home",
    "sandbox.vfs.exec_open",
)
ATTACHED: Final = (  # `sandbox` and `tap`
    "sandbox.gateway.attached",
    "sandbox.gateway.capture",
    "sandbox.gateway.interface_follower",
    "sandbox.gateway.embedded_resolver",
    "sandbox.gateway.resolver_upstream",
)
FILTERED: Final = ("sandbox.seccomp.attach",)
SET: Final = ("sandbox.boot.sysctl", "sandbox.fs.procfs.sysctl")


def prepare(options: SandboxOptions, container: ContainerOptions) -> None:
    """Import it, and hold what may be needed later. StartFailure."""
    plain_json.prepare()
    names: tuple[str, ...] = ALWAYS
    names += ATTACHED if options.network.kind in ("sandbox", "tap") else ()
    names += FILTERED if container.seccomp else ()
    names += SET if container.sysctl else ()
    for name in names:
        __import__(name)
    late_modules.hold()
