"""Tracee: what there is to know of a thread that another one traces (ptrace(2)): who, how, and at which stop it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.ptrace import PTRACE_SYSCALL_INFO_NONE

if TYPE_CHECKING:
    from sandbox.kernel.control import Handler
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task
    from sandbox.ptrace.watch import DebugRegisters

    Then = Callable[[int, SignalInfo | None], None]

# How it goes on (`Tracee.mode`).
GOES_ON: Final = 0
STOPS_AT_CALLS: Final = 1
SKIPS_CALLS: Final = 2  # PTRACE_SYSEMU


class Tracee:
    """`exit_code` is what wait(2) reports of the stop (signal and event), 0 once it has; what a tracer passes with the
    request that ends the stop takes its place. `then(code, info)` goes on after the stop."""

    __slots__ = (
        "tracer",
        "seized",
        "options",
        "below",
        "creds",
        "mode",
        "step",
        "debug",
        "forced_tf",
        "hid_tf",
        "stopped",
        "listening",
        "exit_code",
        "message",
        "info",
        "kind",
        "orig_rax",
        "in_call",
        "trap_signo",
        "trap",
        "notify",
        "then",
        "ending",
        "killed",
        "zombie",
        "exit_status",
    )

    def __init__(self, tracer: Task, seized: bool, options: int, below: list[Handler], creds: Credentials) -> None:
        self.tracer = tracer
        self.seized = seized
        self.options = options
        self.below = below  # the handlers of its calls, had it no tracer
        self.creds = creds  # the rights of its tracer, as of when it began
        self.mode = GOES_ON
        self.step = False
        self.debug: DebugRegisters | None = None
        self.forced_tf = False  # the trap flag in its registers is ours
        self.hid_tf = False  # and was taken away for a stop or a call
        self.stopped = False
        self.listening = False
        self.exit_code = 0
        self.message = 0
        self.info: SignalInfo | None = None
        self.kind = PTRACE_SYSCALL_INFO_NONE
        self.orig_rax = -1  # of the stop: the call's number, or -1
        self.in_call = False  # between the entry and the exit of a call
        self.trap_signo = 0  # of a group stop that it is to report
        self.trap = False  # JOBCTL_TRAP_STOP
        self.notify = False  # JOBCTL_TRAP_NOTIFY
        self.then: Then | None = None
        self.ending = False  # it comes to PTRACE_EVENT_EXIT, or has been there
        self.killed = False  # and its process ends, or executes a program: nothing but its tracer ends that stop
        self.zombie = False  # a thread, not the leader, that has ended and was not waited for
        self.exit_status = 0

    def steps(self) -> bool:
        """It goes on one instruction at a time."""
        return self.step or (self.debug is not None and self.debug.enabled != [])

    def wants(self, event: int) -> bool:
        """The option for this event is set."""
        return self.options >> event & 1 != 0
