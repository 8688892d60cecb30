"""`runsc events ID`: what a container uses, and each end of a program for want of memory, as JSON lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SECONDS, SWITCH, Flag, Values
from runsc.verb import Verb

if TYPE_CHECKING:
    from sandbox.control.wire import Body

FLAGS: Final = (
    Flag("stats", SWITCH, "", "once, then end"),
    Flag("interval", SECONDS, "TIME", "between two lines (5s)"),
)
INTERVAL_NS: Final = 5_000_000_000
NO_LIMIT: Final = (1 << 63) - 4096  # as cgroup-v1/memory.rst shows that there is none
CPUSET: Final = (
    "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab",
    "memory_pressure", "sched_load_balance", "sched_relax_domain_level",
)  # fmt: skip
INTERFACE: Final = {
    "RxBytes": "rx_bytes", "RxPackets": "rx_packets", "RxErrors": "rx_errors", "RxDropped": "rx_dropped",
    "TxBytes": "tx_bytes", "TxPackets": "tx_packets", "TxErrors": "tx_errors", "TxDropped": "tx_dropped",
}  # fmt: skip
LOOK_NS: Final = 500_000_000  # at most between two looks for programs that were ended for want of memory


def run(config: Config, values: Values, words: list[str]) -> int:
    """Until the container has ended."""
    name = one_id(words, "events")
    interval = INTERVAL_NS if values.number("interval") is None else values.number("interval") or 0
    if interval == 0:
        raise UsageError("--interval: more than 0 is needed")
    from runsc.container import status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, name)
    container.check(status.EVENTS)
    killed = 0  # since there was too little memory
    due_ns = time.monotonic_ns()
    while True:
        try:
            used = container.call(wire.STATS)
        except RuntimeFailure:
            if container.lives():
                raise
            if not killed and container.lacked_memory():
                tell(name, "oom")
            return 0
        before, killed = killed, int(str(used.get("oom_kills", 0)))
        for _ in range(before, killed):
            tell(name, "oom")
        if time.monotonic_ns() >= due_ns:
            tell(name, "stats", data_of(used, container.state.cgroups))
            due_ns += interval
        if values.switch("stats"):
            return 0
        time.sleep(max(0, min(due_ns - time.monotonic_ns(), LOOK_NS)) / 1e9)


def tell(name: str, kind: str, data: dict[str, object] | None = None) -> None:
    """One line."""
    import json

    event: dict[str, object] = {"type": kind, "id": name}
    if data is not None:
        event["data"] = data
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def data_of(used: Body, directories: list[str]) -> dict[str, object]:
    """As runc shapes it (types.Stats): what this sandbox's kernel counts. Nothing is swapped out, what the kernel keeps is not
    charged to anybody, and of processor time the host kernel's for the guest is the kernel's."""
    total, held = number_of(used, "cpu_ns"), used.get("memory_failures", 0)
    kernel = min(number_of(used, "cpu_system_ns"), total)
    cpu: dict[str, object] = {"usage": {"total": total, "kernel": kernel, "user": total - kernel}, "throttling": {}}
    if "cpu_periods" in used:
        names = {
            "periods": "cpu_periods",
            "throttledPeriods": "cpu_throttled_periods",
            "throttledTime": "cpu_throttled_ns",
        }
        cpu["throttling"] = {name: used.get(key) for name, key in names.items()}
    now, limit = used.get("memory"), used.get("memory_limit")
    memory = {"limit": limit, "usage": now, "max": used.get("memory_peak", now), "failcnt": held}
    found: dict[str, object] = {
        "cpu": cpu,
        "memory": {
            "cache": 0,
            "usage": memory,
            "swap": dict(memory),
            "kernel": {"limit": NO_LIMIT, "usage": 0, "max": 0, "failcnt": 0},
            "kernelTCP": {"limit": NO_LIMIT, "failcnt": 0},
            "raw": {
                "cache": 0,
                "rss": now,
                "swap": 0,
                "pgfault": used.get("page_faults", 0),
                "pgmajfault": used.get("major_page_faults", 0),
                "hierarchical_memory_limit": limit,
            },
        },
        "pids": {"current": used.get("pids"), "limit": used.get("pids_limit")},
        "network_interfaces": [interface_of(one) for one in interfaces_of(used)],
    }
    cpuset = cpuset_of(directories)
    return {**found, "cpuset": cpuset} if cpuset else found


def number_of(used: Body, name: str) -> int:
    """0 where there is none."""
    found = used.get(name)
    return found if isinstance(found, int) else 0


def interfaces_of(used: Body) -> list[Body]:
    """Those of the sandbox, whose all containers share them."""
    found = used.get("interfaces")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def interface_of(one: Body) -> dict[str, object]:
    """types.NetworkInterface."""
    return {"Name": one.get("name"), **{name: one.get(key, 0) for name, key in INTERFACE.items()}}


def cpuset_of(directories: list[str]) -> dict[str, object]:
    """types.CpuSet, of the host's control group; empty where the container has none."""
    from runsc.spec.number_list import numbers_of

    for directory in directories:
        try:
            with open(f"{directory}/cpuset.cpus", encoding="ascii") as cpus, open(f"{directory}/cpuset.mems") as mems:
                found: dict[str, object] = {"cpus": numbers_of(cpus.read()), "mems": numbers_of(mems.read())}
        except OSError:
            continue
        for name in CPUSET:
            try:
                with open(f"{directory}/cpuset.{name}", encoding="ascii") as file:
                    found[name] = int(file.read())
            except OSError:
                pass  # of version 1 only
        return found
    return {}


VERB: Final = Verb("events", "print what a container uses", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run)
