"""/proc/sys/kernel/{msg*,sem,shm*} and fs/mqueue are read and written."""

from __future__ import annotations

import errno

import pytest

from sandbox.errors import SyscallError
from sandbox.fs.procfs.filesystem import ProcFs
from sandbox.fs.procfs.ipc_sysctl import files, mqueue_files
from sandbox.fs.procfs.number_file import NumbersFile
from sandbox.kernel.ipc.shm import ShmBacking, leave_segments

from ..kernel.box import Box


@pytest.fixture
def limits(box: Box) -> dict[str, NumbersFile]:
    fs = ProcFs(box.kernel, 1, box.kernel.pids)
    return dict([*files(fs), *mqueue_files(fs)])


def test_they_say_what_linux_has_at_boot(box: Box, limits: dict[str, NumbersFile]) -> None:
    text = {name: file.content(box.init).decode().strip() for name, file in limits.items()}
    assert text == {
        "kernel/msgmax": "8192",
        "kernel/msgmnb": "16384",
        "kernel/msgmni": "32000",
        "kernel/sem": "32000\t1024000000\t500\t32000",
        "kernel/shm_rmid_forced": "0",
        "kernel/shmall": "18446744073692774399",
        "kernel/shmmax": "18446744073692774399",
        "kernel/shmmni": "4096",
        "fs/mqueue/msg_default": "10",
        "fs/mqueue/msg_max": "10",
        "fs/mqueue/msgsize_default": "8192",
        "fs/mqueue/msgsize_max": "8192",
        "fs/mqueue/queues_max": "256",
    }


def test_each_can_be_set(box: Box, limits: dict[str, NumbersFile]) -> None:
    for name, file in limits.items():
        if name not in ("kernel/sem", "kernel/shm_rmid_forced"):
            file.store(box.init, b"200\n")
            assert file.content(box.init) == b"200\n", name
    ipc = box.kernel.ipc
    assert {ipc.msg.max_message, ipc.msg.max_queues, ipc.shm.max_bytes, ipc.mqueue.max_size} == {200}


def test_fewer_numbers_leave_the_others_alone(box: Box, limits: dict[str, NumbersFile]) -> None:
    limits["kernel/sem"].store(box.init, b"7 8\n")
    assert limits["kernel/sem"].content(box.init) == b"7\t8\t500\t32000\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kernel/msgmni", b"32769"),
        ("kernel/msgmni", b"-1"),
        ("kernel/msgmax", b"16777217"),
        ("kernel/sem", b"1 2 3 40000"),
        ("kernel/sem", b"1 2 x"),
        ("kernel/shmmax", b"18446744073709551616"),
        ("kernel/shmmax", b"9" * 4000),
        ("kernel/shmmni", b""),
        ("fs/mqueue/msg_max", b"0"),
        ("fs/mqueue/msg_max", b"65537"),
        ("fs/mqueue/msgsize_max", b"127"),
    ],
)
def test_what_is_no_limit_is_refused(box: Box, limits: dict[str, NumbersFile], name: str, text: bytes) -> None:
    before = limits[name].content(box.init)
    with pytest.raises(SyscallError) as error:
        limits[name].store(box.init, text)
    assert error.value.errno == errno.EINVAL
    assert limits[name].content(box.init) == before


def test_segments_that_nobody_maps_go_when_that_is_wished(box: Box, limits: dict[str, NumbersFile]) -> None:
    """kernel.shm_rmid_forced (Documentation/admin-guide/sysctl/kernel.rst): at the last detach, at the end of the maker,
    and those that are left over as soon as it is set."""
    table, switch, task = box.kernel.ipc.shm, limits["kernel/shm_rmid_forced"], box.init

    def make() -> ShmBacking:
        table.create(task, 0, 4096, 0o600)
        return ShmBacking(table.ids.ordered()[-1])

    made = make()
    made.acquire()
    made.drop()
    switch.store(task, b"1\n")
    assert len(table.ids.ordered()) == 1  # its maker lives
    made.acquire()
    made.drop()
    assert table.ids.ordered() == []
    mapped, idle = make(), make()
    mapped.acquire()
    leave_segments(task)
    assert table.ids.ordered() == [mapped.segment] and idle.segment.creator is None
    mapped.drop()
    assert table.ids.ordered() == []
    switch.store(task, b"0\n")
    make()
    leave_segments(task)
    assert len(table.ids.ordered()) == 1
    switch.store(task, b"1\n")
    assert table.ids.ordered() == [] and table.pages == 0 and table.actor.created == {}
