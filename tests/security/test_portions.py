"""What a guest has piled up goes in portions, with other guests' turns in between."""

from __future__ import annotations

from sandbox.abi.linux.stat import S_IFREG
from sandbox.fs.tmpfs.directory import TmpfsDir
from sandbox.fs.tmpfs.filesystem import ENDED_AT_ONCE, Tmpfs
from sandbox.kernel.closing import AT_ONCE_NS, Closing
from sandbox.reactor import Reactor
from sandbox.vfs.devices import DeviceRegistry
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.mount import Vfs
from sandbox.vfs.space import SpaceAccount
from tcpip.clock import ManualClock


def test_files_of_a_file_system_that_is_mounted_nowhere_any_more() -> None:
    """200,000 of them took 290 ms in one umount(2)."""
    clock = ManualClock(1)
    vfs = Vfs(clock, DeviceRegistry(), SpaceAccount(1 << 30))
    account = SpaceAccount(1 << 30)
    fs = Tmpfs(clock, 1, account=account)
    before = account.inodes
    top = fs.root
    assert isinstance(top, TmpfsDir)
    for number in range(2 * ENDED_AT_ONCE):
        top.create(b"%d" % number, S_IFREG | 0o600, 0, 0)
    asked: list[int] = []
    vfs.on_ending = lambda: asked.append(account.inodes)
    vfs.used(fs)
    vfs.unused(fs)
    assert len(asked) == 1 and asked[0] > ENDED_AT_ONCE
    turns = 1
    while vfs.end_some():
        turns += 1
    assert turns >= 3 and account.inodes < before and not vfs.ending


class _Slow(FileDescription):
    """Its end takes a millisecond."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(0)
        self.clock = clock

    def release(self) -> None:
        self.clock.advance(1_000_000)


def test_descriptors_of_a_process_that_has_ended() -> None:
    """A few go at once, the rest in turn with everything else, and all of them before the sandbox ends."""
    reactor = Reactor(clock := ManualClock(1))
    closing = Closing(reactor)
    files: list[FileDescription] = [_Slow(clock) for _ in range(1000)]
    before = clock.now_ns()
    for file in files:
        file.acquire()
    closing.drop(files)
    assert 0 < clock.now_ns() - before < 5 * AT_ONCE_NS and reactor.soon
    took = []
    while reactor.soon and len(took) < 3:
        before = clock.now_ns()
        reactor.soon.popleft()()
        took.append(clock.now_ns() - before)
    assert 0 < max(took) < 5 * AT_ONCE_NS
    closing.finish()
    assert not any(file.refs for file in files)
    while reactor.soon:
        reactor.soon.popleft()()
    reactor.close()
