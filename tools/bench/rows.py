"""The rows of the table and their bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`bound`: us (or the row's unit), for U = unit.REFERENCE_US where it is `scaled`, since the row is one of traps;
    `ratio`: bound as a multiple of native; `compiled`: the bound of the compiled modules."""

    name: str
    title: str
    unit: str = "us"
    bound: float | None = None
    compiled: float | None = None
    scaled: bool = False
    ratio: float | None = None
    more_is_better: bool = False
    peer: float | None = None  # gVisor systrap of 2026-08 as recorded, on a machine with U = 5.9


MICRO: tuple[Row, ...] = (
    Row("getppid", "getppid", bound=1.4, compiled=0.7, peer=4.3),
    Row("getpgrp", "getpgrp (no answer in the guest)", bound=1.4, compiled=0.7),
    Row("pread4k", "pread 4 KiB", bound=3, compiled=1.4, peer=1.5),
    Row("pwrite4k", "pwrite 4 KiB", bound=3.5, compiled=2, peer=3.5),
    Row("pread64k", "pread 64 KiB", bound=7, compiled=5, peer=2.2),
    Row("fstat", "fstat", bound=2.5, compiled=1.1, peer=1.2),
    Row("stat", "stat", bound=5, compiled=2, peer=1.3),
    Row("open_close", "open + close", bound=9, compiled=3.4, peer=3.4),
    Row("dev_zero", "read 1 byte of /dev/zero", bound=2.5, compiled=1.2, peer=3.1),
    Row("pipe_self", "pipe write + read", bound=5, compiled=2.2, peer=4),
    Row("epoll_wait", "epoll_wait, nothing ready", bound=2.5, compiled=1.2, peer=4.1),
    Row("futex_wake", "futex wake, nobody waits"),
    Row("futex_pingpong", "futex ping-pong, two threads"),
    Row("cond_pingpong", "mutex + condition ping-pong, two threads"),
    Row("pipe_pingpong", "pipe ping-pong, two processes", bound=30, compiled=20, peer=32),
    Row("tcp_self", "TCP loopback, 1 byte, one thread", bound=40, compiled=10, peer=10),
    Row("tcp_pingpong", "TCP loopback ping-pong", bound=80, compiled=50, peer=81),
    Row("tcp_stream", "TCP loopback stream", unit="Gbit/s", bound=12, compiled=25, more_is_better=True, peer=51),
    Row("mmap_munmap", "mmap + munmap 64 KiB", bound=25, compiled=18, scaled=True, peer=32),
    Row("page_fault", "page fault", ratio=1.1),
    Row("pthread", "pthread create + join", bound=110, compiled=90, scaled=True, peer=112),
    Row("fork_wait", "fork + wait", bound=500, compiled=400, scaled=True, peer=2012),
    Row("fork_exec_wait", "fork + exec + wait", bound=2000, compiled=1500, scaled=True, peer=3669),
    Row("signal", "signal to self, handled", bound=10, compiled=6, scaled=True, peer=12),
    Row("compute", "compute-bound program", ratio=1.02),
)
