"""How long what the host says of its files is believed: what flags and annotations ask for, and where it would be wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from runsc.failure import RuntimeFailure, UsageError
from sandbox.boot.options import ACCESS_EXCLUSIVE, ACCESS_SHARED, ACCESS_TIMED, ACCESSES, MOUNT_BIND

if TYPE_CHECKING:
    from runsc.config import Config
    from runsc.spec.types import Spec
    from sandbox.boot.options import MountOptions

FLAG: Final = "file-access"
FLAG_MOUNTS: Final = "file-access-mounts"
ANNOTATION: Final = "dev.stackbox."  # before the name of the flag
ROOT_DEFAULT: Final = ACCESS_TIMED


def of_root(config: Config, spec: Spec) -> str:
    """Of a container's root that is the host's directory itself, or lies below a private layer (`--overlay`): nothing
    of the host's is looked at anew then. UsageError."""
    asked = _asked(config.file_access, spec, FLAG)
    if config.overlay and asked not in ("", ACCESS_EXCLUSIVE):
        raise UsageError(f"--{FLAG} {asked}: what lies below the layer of --overlay is {ACCESS_EXCLUSIVE}")
    return asked or ROOT_DEFAULT


def of_mounts(config: Config, spec: Spec | None) -> str:
    """Of bind mounts and volumes. UsageError."""
    return _asked(config.file_access_mounts, spec, FLAG_MOUNTS) or ACCESS_SHARED


def check_do(config: Config) -> None:
    """`do` has a root below a private layer. UsageError."""
    if config.file_access not in ("", ACCESS_EXCLUSIVE):
        raise UsageError(
            f"--{FLAG} {config.file_access}: the root of `do` lies below a private layer: it is {ACCESS_EXCLUSIVE}"
        )


def _asked(flag: str, spec: Spec | None, name: str) -> str:
    """The annotation, which is of this container, else the flag."""
    if spec is None:
        return flag
    value = spec.annotations.get(ANNOTATION + name)
    if value is None:
        return flag
    if not isinstance(value, str) or value not in ACCESSES:
        raise UsageError(f"annotations.{ANNOTATION}{name}: {value!r} is not one of {', '.join(ACCESSES)}")
    return value


def place_of(mount: MountOptions) -> str:
    """Where a directory given is, with a slash at the end. RuntimeFailure with its name when that is longer than paths may be.
    An overlay of its own is nowhere."""
    if mount.tree >= 0:
        return f"{mount.tree}/"
    try:
        return os.readlink(f"/proc/self/fd/{mount.fd}").rstrip("/") + "/"
    except OSError as error:
        name = os.fsdecode(mount.source)
        raise RuntimeFailure(f"{name}: {os.strerror(error.errno or 0)}") from None


def settle(root: MountOptions | None, mounts: list[MountOptions], access: str) -> None:
    """Give bind mounts their access. Directories of which one lies in the other are changed by way of each other: they
    are shared. `root`: one that is not below a private layer."""
    binds = [mount for mount in mounts if mount.kind == MOUNT_BIND]
    for mount in binds:
        mount.access = access
    given = binds if root is None else [root, *binds]
    if all(mount.access == ACCESS_SHARED for mount in given):
        return
    places = [place_of(mount) for mount in given]
    order = sorted(range(len(given)), key=places.__getitem__)
    above: list[int] = []
    for n in order:
        while above and not places[n].startswith(places[above[-1]]):
            above.pop()
        for other in above:
            given[n].access = given[other].access = ACCESS_SHARED
        above.append(n)
