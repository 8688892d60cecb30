"""Maker: what making a queue depends on besides its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_RESOURCE
from sandbox.abi.linux.mqueue import MQ_BYTES_MAX
from sandbox.kernel.rlimits import RLIMIT_MSGQUEUE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class Maker:
    """Who makes a queue: the file's owner, the user that is charged, CAP_SYS_RESOURCE, RLIMIT_MSGQUEUE."""

    __slots__ = ("uid", "gid", "user", "privileged", "limit")

    def __init__(self, uid: int, gid: int, t: Task | None = None) -> None:
        """Without a task (open(2) in the directory) root is taken to be privileged, and the limit is the usual one."""
        self.uid = uid
        self.gid = gid
        self.user = uid if t is None else t.creds.uid
        self.privileged = uid == 0 if t is None else t.creds.has(CAP_SYS_RESOURCE)
        self.limit = MQ_BYTES_MAX if t is None else t.group.rlimits.get(RLIMIT_MSGQUEUE)
