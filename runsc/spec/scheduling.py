"""process.scheduler, process.ioPriority and process.execCPUAffinity of config.json."""

from __future__ import annotations

from typing import Final

from runsc.spec.reader import INT64, UINT64, Object
from sandbox.abi.linux.sched import SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_OTHER, SCHED_RR
from sandbox.boot.scheduling import Scheduling

# SCHED_ISO was never in Linux; deadlines are not in the sandbox's kernel.
POLICIES: Final = {
    "SCHED_OTHER": SCHED_OTHER,
    "SCHED_FIFO": SCHED_FIFO,
    "SCHED_RR": SCHED_RR,
    "SCHED_BATCH": SCHED_BATCH,
    "SCHED_IDLE": SCHED_IDLE,
}
REAL_TIME: Final = (SCHED_FIFO, SCHED_RR)
RESET: Final = "SCHED_FLAG_RESET_ON_FORK"
IO_CLASSES: Final = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
IO_SHIFT: Final = 13
PROCESSOR_MOST: Final = 8191


def decode_scheduling(process: Object) -> Scheduling:
    """What of the three there is."""
    wanted = Scheduling()
    scheduler = process.child("scheduler")
    if scheduler is not None:
        _decode_scheduler(scheduler, wanted)
    io = process.child("ioPriority")
    if io is not None:
        name = io.text("class")
        if io.require("class") and name not in IO_CLASSES:
            io.problems.add(io.at("class"), f"unknown class {name!r}; known: {', '.join(IO_CLASSES)}")
        wanted.io_priority = IO_CLASSES.get(name, 0) << IO_SHIFT | io.number("priority", 0, 7)
    affinity = process.child("execCPUAffinity")
    if affinity is not None:
        for name in ("initial", "final"):  # of which the last counts once the process runs
            text = affinity.text(name)
            if text:
                wanted.processors = _processors(affinity, name, text)
    return wanted


def _decode_scheduler(o: Object, wanted: Scheduling) -> None:
    policy = o.text("policy")
    if o.require("policy") and policy not in POLICIES:
        o.problems.add(o.at("policy"), f"unknown or unsupported policy {policy!r}; known: {', '.join(POLICIES)}")
    wanted.policy = POLICIES.get(policy, SCHED_OTHER)
    wanted.nice = o.number("nice", -20, 19)
    real_time = wanted.policy in REAL_TIME
    wanted.priority = o.number("priority", -(1 << 31), (1 << 31) - 1)
    if real_time != (1 <= wanted.priority <= 99) or (wanted.priority and not real_time):
        o.problems.add(o.at("priority"), "is from 1 to 99 with SCHED_FIFO and SCHED_RR, and 0 with the others")
    for flag in o.texts("flags"):
        if flag != RESET:
            o.problems.add(o.at("flags"), f"unknown or unsupported flag {flag!r}; known: {RESET}")
        wanted.reset_on_fork = True
    for name in ("runtime", "deadline", "period"):
        if o.number(name, 0, UINT64):
            o.problems.add(o.at(name), "is for SCHED_DEADLINE only, which is not supported")


def _processors(o: Object, name: str, text: str) -> tuple[int, ...]:
    """`0-3,7`."""
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        last = high if dash else low
        if not (low.isdigit() and last.isdigit() and int(low) <= int(last) <= PROCESSOR_MOST):
            o.problems.add(o.at(name), f"{text!r} is no list of processors (0-3,7)")
            return ()
        found.extend(range(int(low), int(last) + 1))
    return tuple(found)


def decode_time_offsets(linux: Object) -> tuple[int, int] | None:
    """What a time namespace of its own adds to the monotonic clock and to that since boot, ns (time_namespaces(7))."""
    offsets = linux.child("timeOffsets")
    if offsets is None or not offsets.names():
        return None
    found = {"monotonic": 0, "boottime": 0}
    for name in offsets.names():
        clock = offsets.child(name)
        if name not in found:
            offsets.problems.add(offsets.at(name), f"unknown clock; known: {', '.join(found)}")
        elif clock is not None:
            seconds, more = clock.number("secs", -INT64, INT64), clock.number("nanosecs", 0, 999_999_999)
            found[name] = seconds * 1_000_000_000 + more
    return found["monotonic"], found["boottime"]
