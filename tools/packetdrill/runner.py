"""One script from its first event to its last, in virtual time.

Time moves only in `step`. A call that blocks stays pending while events go on, and is tried again after every step; the
next call waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from tcpip.transport.endpoint import Endpoint
from tools.packetdrill import calls, flows, timing
from tools.packetdrill.calls import Context, Operation
from tools.packetdrill.code import CodeBlocks
from tools.packetdrill.commands import Commands
from tools.packetdrill.errors import Difference, ScriptError
from tools.packetdrill.file_space import FileSpace
from tools.packetdrill.files import Socket
from tools.packetdrill.flows import Flows
from tools.packetdrill.host import Host
from tools.packetdrill.native import NativeHost
from tools.packetdrill.native_commands import NativeCommands
from tools.packetdrill.packets import Packets
from tools.packetdrill.settings import Settings
from tools.packetdrill.syntax import ABSOLUTE, ANY, NO_CHECK, Call, Code, Command, Event, Packet, Script, When

MAX_INLINE_US: Final = 4 * 3600 * 1_000_000
"""How long a call that the script does not mark as blocking may block."""


@dataclass(slots=True)
class Pending:
    """A call that blocks: since `began`, until `deadline` (µs, NO_CHECK: for ever)."""

    event: Event
    call: Call
    operation: Operation
    began: int
    deadline: int
    offset: int


class Runner:
    """`say` prints with --verbose; `warn` what --non_fatal lets pass."""

    def __init__(
        self, script: Script, settings: Settings, path: str, say: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self.script = script
        self.settings = settings
        self.path = path
        self.warn = warn
        host: Any = NativeHost(settings) if settings.native else Host(settings)
        self.host = host
        self.flows = Flows(settings)
        files = FileSpace()
        self.packets = Packets(settings, self.host, self.flows, self.step, say)
        self.context = Context(settings, self.host, self.flows, {}, files, self._not_zeros)
        self.commands: Any = (
            NativeCommands(self.host.stack) if settings.native else Commands(settings, self.host, files, self.advance)
        )
        self.code = CodeBlocks(path)
        self.pending: Pending | None = None
        self._previous: Event | None = None
        self._previous_at = NO_CHECK

    def _not_zeros(self) -> None:
        self.packets.zeros = False

    # Time.

    def step(self, until: int) -> None:
        """To the next timer or to `until`; then see whether a blocked call can go on."""
        self.host.step(until)
        self._poll()

    def advance(self, until: int) -> None:
        """To `until`."""
        while True:
            target = until
            pending = self.pending
            if pending is not None and pending.deadline != NO_CHECK:
                target = min(until, max(pending.deadline, self.host.now))
            self.step(target)
            if self.host.now >= until and (self.host.next_deadline() or until + 1) > self.host.now:
                return

    def _poll(self) -> None:
        pending = self.pending
        if pending is None:
            return
        result, failure = calls.attempt(pending.operation.attempt)
        if result is None:
            if pending.deadline == NO_CHECK or self.host.now < pending.deadline:
                return
            result = pending.operation.late
        self.pending = None
        self.host.stack.flush()
        self._finish(pending, result, failure)

    def _finish(self, pending: Pending, result: int, failure: int) -> None:
        call = pending.call
        self._verify(pending.event, call, result, failure, pending.operation.finish)
        when = When(pending.event.when.kind, call.end + pending.offset)
        try:
            timing.verify(self.settings, when, 0, self.host.now, pending.began, "system call return")
        except Difference as difference:
            raise self._placed(pending.event, difference.text) from None

    def _placed(self, event: Event, text: str) -> Difference:
        return Difference(f"{self.path}:{event.line}: {text}")

    # Events.

    def run(self) -> None:
        """The whole script. Difference, ScriptError: with place."""
        try:
            if self.script.init is not None:
                self._command(*self.script.init)
            for path in self.settings.init_scripts:
                self.commands.run_file(path)
            if self.settings.native:
                calls.handlers()  # imports take longer than scripts allow for
                self.host.restart()
            first = self.script.events[0]
            if first.when.kind == ANY or first.when.at != 0:
                raise Difference(f"{self.path}:{first.line}: first event should be at time 0")
            for event in self.script.events:
                self._run_event(event)
            self._wait_for_pending(1_000_000)
            if self.pending is not None:
                raise self._placed(
                    self.pending.event, "runtime error: exiting while a blocking system call is in progress"
                )
        finally:
            if self.script.cleanup is not None:
                self._command(*self.script.cleanup)

    def _run_event(self, event: Event) -> None:
        offset = self._offset(event)
        kind = event.when.kind
        at = event.when.at if kind == ABSOLUTE else event.when.at + offset
        end = event.when.end if event.when.end == NO_CHECK or kind == ABSOLUTE else event.when.end + offset
        when = replace(event.when, at=at, end=end)
        previous = self._previous
        if previous is not None and kind == ABSOLUTE and previous.when.kind == ABSOLUTE and at < self._previous_at:
            raise Difference(
                f"{self.path}:{event.line}: time goes backward in script from {self._previous_at} usec to {at} usec"
            )
        try:
            self._act(event, when, offset)
        except ScriptError as error:
            raise ScriptError(error.text, error.line or event.line) from None
        self._previous = event
        self._previous_at = at

    def _offset(self, event: Event) -> int:
        """What relative times count from: now, or the packet before when both come in."""
        previous = self._previous
        if previous is not None and _comes_in(previous) and _comes_in(event):
            return self._previous_at
        return int(self.host.now)

    def _act(self, event: Event, when: When, offset: int) -> None:
        action = event.action
        if isinstance(action, Packet):
            self._packet(event, action, when, offset)
            return
        if isinstance(action, Call):
            self._call(event, action, when, offset)
            return
        self._wait_for(event, when, "command" if isinstance(action, Command) else "data collection for code")
        if isinstance(action, Command):
            self._command(action, event.line)
        elif isinstance(action, Code):
            try:
                self.code.run(action.text, event.line, self._endpoint())
            except Difference as difference:
                raise self._placed(event, difference.text) from None

    def _wait_for(self, event: Event, when: When, what: str) -> None:
        self.advance(when.at)
        try:
            timing.verify(self.settings, when, 0, self.host.now, self._previous_at, what)
        except Difference as difference:
            raise self._placed(event, difference.text) from None

    def _command(self, command: Command, line: int) -> None:
        try:
            self.commands.run(command.text)
        except ScriptError as error:
            raise ScriptError(f"error executing `{command.text.strip()}` command: {error.text}", line) from None

    def _packet(self, event: Event, packet: Packet, when: When, offset: int) -> None:
        try:
            if packet.inbound:
                self._wait_for(event, when, "inbound packet")
                self.packets.inject(packet)
                self._poll()
            else:
                self.packets.expect(packet, when, offset, self._previous_at)
        except Difference as difference:
            if difference.text.startswith(f"{self.path}:"):
                raise
            fatal = difference.kind != "packet" or "packet" not in self.settings.non_fatal
            text = f"{'error' if fatal else 'warning'} handling packet: {difference.text}"
            if fatal:
                raise self._placed(event, text) from None
            self.warn(f"{self.path}:{event.line}: {text}")

    # Calls.

    def _call(self, event: Event, call: Call, when: When, offset: int) -> None:
        self._wait_for_pending(when.at - self.host.now)
        if self.pending is not None and call.end != NO_CHECK:
            raise self._placed(
                event,
                f"runtime error in {call.name} call: blocking system call while another blocking system call is "
                "already in progress",
            )
        self._wait_for(event, when, "system call start")
        operation = calls.operation(self.context, call)
        result, failure = calls.attempt(operation.attempt)
        self.host.stack.flush()
        if call.end != NO_CHECK:
            deadline = NO_CHECK if operation.timeout == NO_CHECK else self.host.now + operation.timeout
            shift = offset if event.when.kind != ABSOLUTE else 0
            pending = Pending(event, call, operation, when.at, deadline, shift)
            if result is None and operation.blocking:
                self.pending = pending
            else:
                self._finish(pending, *_settled(result, failure, operation))
            return
        if result is None and operation.blocking:
            result, failure = self._block(operation)
        self._verify(event, call, *_settled(result, failure, operation), operation.finish)

    def _block(self, operation: Operation) -> tuple[int | None, int]:
        """A call that blocks without being marked so: nothing else of the script happens meanwhile."""
        now = self.host.now
        end = now + (MAX_INLINE_US if operation.timeout == NO_CHECK else operation.timeout)
        result, failure = None, 0
        while result is None and self.host.now < end:
            if operation.timeout == NO_CHECK and self.host.next_deadline() is None:
                break
            self.step(end)
            result, failure = calls.attempt(operation.attempt)
            self.host.stack.flush()
        if result is None and operation.timeout == NO_CHECK:
            raise ScriptError("the call blocks for ever")
        return (operation.late, 0) if result is None else (result, failure)

    def _wait_for_pending(self, longest: int) -> None:
        until = self.host.now + max(longest, 0)
        while self.pending is not None and self.host.now < until:
            deadline = self.pending.deadline
            self.step(until if deadline == NO_CHECK else min(until, deadline))

    def _verify(self, event: Event, call: Call, result: int, failure: int, finish: Callable[[int], None]) -> None:
        try:
            calls.verify(call, result, failure, finish)
        except Difference as difference:
            text = f"runtime error in {call.name} call: {difference.text}"
            if "syscall" not in self.settings.non_fatal:
                raise self._placed(event, text) from None
            self.warn(f"{self.path}:{event.line}: {text}")

    def _endpoint(self) -> Endpoint | None:
        """Of the flow under test: its descriptor's, or the connection's that nobody has accepted yet."""
        flow = self.flows.current
        if flow is None:
            return None
        descriptor = self.context.descriptors.get(flow.fd)
        if isinstance(descriptor, Socket):
            return descriptor.endpoint
        return flow.last_endpoint if flow.state != flows.NEW else None


def _settled(result: int | None, failure: int, operation: Operation) -> tuple[int, int]:
    """An answer at last: what would block without being allowed to is EAGAIN, or what a time-out answers."""
    if result is not None:
        return result, failure
    return (operation.late, 0) if operation.timeout != NO_CHECK else (-1, 11)


def _comes_in(event: Event) -> bool:
    return isinstance(event.action, Packet) and event.action.inbound
