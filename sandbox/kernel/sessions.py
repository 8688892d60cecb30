"""Sessions, process groups and orphaned process groups (setpgid(2), setsid(2), credentials(7)).

A terminal reaches its jobs through `Session.tty` and `ProcessGroup.send_signal`; the terminal keeps its
foreground process group itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sandbox.abi.linux.signal import SI_KERNEL, SIGCONT, SIGHUP
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.thread_group import ThreadGroup


class ControllingTerminal(Protocol):
    """What a session asks of its terminal."""

    foreground: ProcessGroup | None

    def hang_up(self) -> None:
        """vhangup(2): whoever has it open has it no longer."""
        ...

    def session_leader_exited(self, session: Session) -> None:
        """The leader is gone: hang up, forget the session (drivers/tty/tty_jobctrl.c: disassociate_ctty)."""
        ...


class Session:
    """Process groups that share a controlling terminal."""

    __slots__ = ("ids", "leader", "groups", "tty")

    def __init__(self, leader: ThreadGroup) -> None:
        self.ids = leader.ids
        self.leader: ThreadGroup | None = leader
        self.groups: dict[Pid, ProcessGroup] = {}
        self.tty: ControllingTerminal | None = None
        for ns, number in self.ids.levels:
            ns.sessions[number] = self


class ProcessGroup:
    """A job. It exists as long as it has members (zombies count)."""

    __slots__ = ("ids", "session", "members")

    def __init__(self, session: Session, leader: ThreadGroup) -> None:
        self.ids = leader.ids
        self.session = session
        self.members: dict[ThreadGroup, None] = {}
        session.groups[self.ids] = self
        for ns, number in self.ids.levels:
            ns.process_groups[number] = self

    def join(self, group: ThreadGroup) -> None:
        """`group` becomes a member."""
        self.members[group] = None
        group.pgrp = self
        group.session = self.session

    def leave(self, group: ThreadGroup) -> None:
        """It is a member no longer; the last one takes the group, and the session's last group the session."""
        self.members.pop(group, None)
        if self.members:
            return
        session = self.session
        session.groups.pop(self.ids, None)
        for ns, number in self.ids.levels:
            if ns.process_groups.get(number) is self:
                del ns.process_groups[number]
        tty = session.tty
        if tty is not None and tty.foreground is self:
            tty.foreground = None
        if not session.groups:
            for ns, number in session.ids.levels:
                if ns.sessions.get(number) is session:
                    del ns.sessions[number]

    def send_signal(self, info: SignalInfo) -> None:
        """To every member."""
        for group in list(self.members):
            group.send_signal(info.copy())

    def is_orphaned(self, ignoring: ThreadGroup | None = None) -> bool:
        """No member has a parent in another group of the same session (kernel/exit.c: will_become_orphaned_pgrp)."""
        for member in self.members:
            parent = member.parent
            if member is ignoring or not member.tasks or parent is None:
                continue
            if parent.pgrp is not self and parent.session is self.session:
                return False
        return True

    def has_stopped_member(self) -> bool:
        """Some member is stopped by job control."""
        return any(member.stopped for member in self.members)

    def hang_up_if_stopped(self) -> None:
        """An orphaned group with stopped members gets SIGHUP and SIGCONT."""
        if self.has_stopped_member():
            self.send_signal(SignalInfo(SIGHUP, SI_KERNEL))
            self.send_signal(SignalInfo(SIGCONT, SI_KERNEL))


def check_orphaned_by_exit(group: ThreadGroup, parent: ThreadGroup | None) -> None:
    """`group` exits (parent None) or loses `parent`: its process group may have become orphaned.

    kernel/exit.c: kill_orphaned_pgrp.
    """
    pgrp = group.pgrp
    ignored: ThreadGroup | None = None
    if parent is None:
        parent, ignored = group.parent, group
    if parent is None or parent.pgrp is pgrp or parent.session is not group.session:
        return
    if pgrp.is_orphaned(ignored):
        pgrp.hang_up_if_stopped()
