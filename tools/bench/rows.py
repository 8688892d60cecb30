"""The rows of the table and their bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`bound`: us (or the row's unit) for U = 3.7; `scaled`: it follows U; `ratio`: bound as a multiple of native."""

    name: str
    title: str
    unit: str = "us"
    bound: float | None = None
    scaled: bool = True
    ratio: float | None = None
    more_is_better: bool = False
    measures: str = ""  # what of micro.c, if not the row's name
    flags: tuple[str, ...] = ()  # of runsc, for this row
    peer: float | None = None  # gVisor systrap as recorded in docs/performance.md, same kind of machine


MICRO: tuple[Row, ...] = (
    Row("getppid", "getppid", bound=5, peer=3.3),
    Row("getppid_trapped", "getppid, no patches", bound=5, measures="getppid", flags=("--no-patch",)),
    Row("getppid_parked", "getppid, looking off", bound=9, measures="getppid", flags=("--no-look",)),
    Row("pread4k", "pread 4 KiB", bound=8, peer=1.9),
    Row("pwrite4k", "pwrite 4 KiB", bound=8, peer=2.0),
    Row("pread64k", "pread 64 KiB", peer=3.5),
    Row("fstat", "fstat", bound=8, peer=2.3),
    Row("epoll_wait", "epoll_wait, nothing ready", bound=8, peer=3.0),
    Row("stat", "stat", bound=12, peer=2.8),
    Row("open_close", "open + close", bound=24, peer=4.6),
    Row("dev_zero", "read 1 byte of /dev/zero", peer=3.1),
    Row("pipe_self", "pipe write + read", peer=4.7),
    Row("pipe_pingpong", "pipe ping-pong, two processes", ratio=1.0, peer=175),
    Row("mmap_munmap", "mmap + munmap 64 KiB", bound=25, peer=153),
    Row("page_fault", "page fault", ratio=1.3, peer=2.3),
    Row("pthread", "pthread create + join", bound=200, scaled=False, peer=352),
    Row("fork_wait", "fork + wait", bound=600, scaled=False, peer=1998),
    Row("fork_exec_wait", "fork + exec + wait", bound=3000, scaled=False, peer=7248),
    Row("signal", "signal to self, handled", peer=13.5),
    Row("tcp_self", "TCP loopback, 1 byte, one thread", peer=21),
    Row("tcp_pingpong", "TCP loopback ping-pong", peer=216),
    Row("tcp_stream", "TCP loopback stream", unit="Gbit/s", more_is_better=True, peer=9.1),
    Row("compute", "compute-bound program", ratio=1.02),
)
