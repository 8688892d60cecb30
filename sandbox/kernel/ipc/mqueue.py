"""MqueueLimits: what /proc/sys/fs/mqueue sets for POSIX message queues, and where the queues are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.mqueue import DFLT_MSG, DFLT_MSGMAX, DFLT_MSGSIZE, DFLT_MSGSIZEMAX, DFLT_QUEUESMAX

if TYPE_CHECKING:
    from sandbox.fs.mqueue.filesystem import MqueueFs


class MqueueLimits:
    """The `max_*` hold for who has no CAP_SYS_RESOURCE; the others are what a queue gets that names no size."""

    def __init__(self) -> None:
        self.fs: MqueueFs | None = None  # made with the first queue or mount
        self.max_queues = DFLT_QUEUESMAX
        self.max_messages = DFLT_MSGMAX
        self.max_size = DFLT_MSGSIZEMAX
        self.messages = DFLT_MSG
        self.size = DFLT_MSGSIZE
