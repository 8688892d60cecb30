"""The order in which classes that have numbers of their own are told: Linux's table of them (net/sched/sch_api.c: qdisc_class_hash)."""

from __future__ import annotations

from typing import Final

_FIRST_SIZE: Final = 4


class ClassOrder:
    """Numbers in buckets, the newest of each first; there are twice as many when three quarters are taken."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: list[list[int]] = [[] for _ in range(_FIRST_SIZE)]
        self._count = 0

    def add(self, classid: int) -> None:
        self._bucket(classid).insert(0, classid)
        self._count += 1
        if self._count * 4 <= len(self._buckets) * 3:
            return
        before = self._buckets
        self._buckets = [[] for _ in range(len(before) * 2)]
        for bucket in before:
            for one in bucket:
                self._bucket(one).insert(0, one)

    def remove(self, classid: int) -> None:
        self._bucket(classid).remove(classid)
        self._count -= 1

    def numbers(self) -> list[int]:
        return [one & 0xFFFF for bucket in self._buckets for one in bucket]

    def _bucket(self, classid: int) -> list[int]:
        folded = classid ^ classid >> 8
        return self._buckets[(folded ^ folded >> 4) & len(self._buckets) - 1]
