"""Kinds of control groups: domains, roots of thread subtrees, threaded ones (Documentation/admin-guide/cgroup-v2.rst, Threads;
kernel/cgroup/cgroup.c). A process and all that it has are in a domain; its threads may be spread over the thread subtree."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.kernel.cgroup.cgroup import DOMAIN

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup


def has_tasks(cgroup: Cgroup) -> bool:
    """Threads are in it, not only below."""
    return any(True for _ in cgroup.own_tasks())


def can_be_thread_root(cgroup: Cgroup) -> bool:
    """Nothing below it competes with its own threads for what only a domain can pass on."""
    if cgroup.parent is None:
        return True
    return not cgroup.enabled & DOMAIN and not any(c.live for c in cgroup.children.values() if not c.threaded())


def is_thread_root(cgroup: Cgroup) -> bool:
    """Threaded groups are below it, or would be its threads' only competition."""
    if cgroup.threaded():
        return False
    return any(child.threaded() for child in cgroup.children.values()) or bool(
        cgroup.enabled - DOMAIN and has_tasks(cgroup)
    )


def is_valid_domain(cgroup: Cgroup) -> bool:
    """It is a domain, and not in a thread subtree."""
    if cgroup.threaded():
        return False
    above = [one for one in cgroup.ancestors() if one is not cgroup]
    return not any(one.threaded() or (one.parent is not None and is_thread_root(one)) for one in above)


def name_of(cgroup: Cgroup) -> str:
    """As cgroup.type has it."""
    if cgroup.threaded():
        return "threaded"
    if not is_valid_domain(cgroup):
        return "domain invalid"
    return "domain threaded" if is_thread_root(cgroup) else "domain"


def make_threaded(cgroup: Cgroup) -> None:
    """It joins the domain of its parent: EOPNOTSUPP where it or that one cannot (cgroup_enable_threaded)."""
    if cgroup.threaded():
        return
    domain = cgroup.above().domain
    if cgroup.live or cgroup.enabled & DOMAIN or not is_valid_domain(domain) or not can_be_thread_root(domain):
        raise SyscallError(errno.EOPNOTSUPP)
    for one in cgroup.walk():
        if one is cgroup or one.threaded():
            one.domain = domain
    cgroup.lost(set(DOMAIN))


def check_target(cgroup: Cgroup) -> None:
    """EOPNOTSUPP, EBUSY where threads may not come, since they would compete with the children's (cgroup_migrate_vet_dst)."""
    if cgroup.deleted:
        raise SyscallError(errno.ENODEV)
    if not is_valid_domain(cgroup.domain):
        raise SyscallError(errno.EOPNOTSUPP)
    if cgroup.enabled and not can_be_thread_root(cgroup) and not cgroup.threaded():
        raise SyscallError(errno.EBUSY)


def check_enable(cgroup: Cgroup, controllers: set[bytes]) -> None:
    """EOPNOTSUPP, EBUSY where it cannot pass these on (cgroup_vet_subtree_control_enable)."""
    if not controllers:
        return
    if not is_valid_domain(cgroup.domain):
        raise SyscallError(errno.EOPNOTSUPP)
    if cgroup.parent is None:
        return
    if controllers & DOMAIN:
        if cgroup.threaded() or is_thread_root(cgroup):
            raise SyscallError(errno.EOPNOTSUPP)
    elif cgroup.threaded() or can_be_thread_root(cgroup):
        return
    if has_tasks(cgroup):
        raise SyscallError(errno.EBUSY)
