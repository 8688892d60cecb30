"""`runsc update ID`: other bounds for a running container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import NUMBER, SIZE, TEXT, WORD, Flag, Values, parse_number, parse_size
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.container.state_file import State
    from runsc.spec.reader import Problems
    from runsc.spec.types import Spec
    from sandbox.control.wire import Body

# Of runc: they have nothing to act on in the sandbox's own kernel.
NOT_APPLIED: Final = ("kernel-memory", "kernel-memory-tcp")
NOT_ENABLED: Final = {
    "l3-cache-schema": "Intel RDT/CAT: l3 cache schema is not enabled",
    "mem-bw-schema": "Intel RDT/MBA: memory bandwidth schema is not enabled",
}
"""Parts of caches and of memory's bandwidth, which no sandbox gets: in runc's words for a host that has none to give."""
FLAGS: Final = (
    Flag("resources", TEXT, "FILE", "a resources object as in config.json; - for stdin", short="r"),
    Flag("memory", WORD, "SIZE", "the most memory its processes may have; -1: no bound"),
    Flag("memory-reservation", WORD, "SIZE", "what it keeps when the host is short of memory"),
    Flag("pids-limit", WORD, "N", "the most processes and threads; -1: no bound"),
    Flag("cpu-share", WORD, "N", "relative weight"),
    Flag("cpu-quota", WORD, "US", "processor time in each period; -1: no bound"),
    Flag("cpu-period", WORD, "US", "the period"),
    Flag("cpuset-cpus", WORD, "LIST", "processors"),
    Flag("cpuset-mems", WORD, "LIST", "memory nodes"),
    Flag("memory-swap", WORD, "SIZE", "not applied: memory that is swapped out counts as memory"),
    Flag("blkio-weight", WORD, "N", "relative weight of what it reads and writes on the host"),
    Flag("cpu-rt-period", WORD, "US", "the period of the real-time bound"),
    Flag("cpu-rt-runtime", WORD, "US", "real-time processor time in each of them"),
    *(Flag(name, WORD, "N", "not applied, as the log says") for name in NOT_APPLIED),
    *(Flag(name, WORD, "SCHEMA", "refused: a sandbox has no share of its own") for name in NOT_ENABLED),
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once they hold, in the sandbox and in the host's control groups."""
    name = one_id(words, "update")
    from runsc.container import groups, state_file, status
    from runsc.container.container import load_locked
    from runsc.spec.decode import decode_resources
    from runsc.spec.load import read_json
    from runsc.spec.reader import Object, Problems
    from runsc.spec.types import Spec as EmptySpec
    from runsc.spec.validate import check_resources
    from sandbox.control import wire

    spec = EmptySpec()
    problems = Problems()
    if values.given("resources"):
        document = read_json(values.text("resources"))
        if not isinstance(document, dict):
            raise RuntimeFailure(f"{values.text('resources')}: not an object")
        decode_resources(Object("resources", document, problems), spec)
    apply_flags(spec, values)
    swap, spec.memory_swap = spec.memory_swap, 0  # which is looked at together with what it has
    check_resources(spec, "", problems)
    fail(problems)
    container, lock = load_locked(config.root, name)
    try:
        container.check(status.UPDATE)
        memory = memory_then(container.state, spec, swap, problems)
        fail(problems)
        for flag, why in NOT_ENABLED.items():
            if values.text(flag):
                raise RuntimeFailure(why)
        bounds = {"memory": spec.memory_limit, "pids": spec.pids_limit, "cpu_period": spec.cpu.period}
        body: Body = {key: value for key, value in bounds.items() if value or key in spec.lifted}
        if spec.cpu.quota:
            body["cpu_quota"] = max(0, spec.cpu.quota)
        if spec.cpu.shares:
            body["cpu_shares"] = spec.cpu.shares
        if spec.cpu.cpus:
            from runsc.spec.number_list import numbers_of

            body["processors"] = list(numbers_of(spec.cpu.cpus))
        if container.state.sandbox:
            from runsc.container.pod import warn_of_shared

            warn_of_shared(spec, config)
        else:
            groups.update(spec, container.state.cgroups)
        container.call(wire.UPDATE, body)
        if memory != (container.state.memory_limit, container.state.memory_swap):
            container.state.memory_limit, container.state.memory_swap = memory
            state_file.write(container.directory, container.state)
    finally:
        lock.release()
    for name in NOT_APPLIED:
        if values.text(name) not in ("", "0"):
            config.log.write("warning", f"--{name} is not applied: the sandbox's own kernel stands in its place")
    for path in spec.unsupported:
        config.log.write("warning", f"{path} is not applied: the sandbox's own kernel stands in its place")
    return 0


def fail(problems: Problems) -> None:
    """With all of them, if there are any."""
    if problems.found:
        raise RuntimeFailure("; ".join(problems.found), lines=tuple(problems.found))


def memory_then(state: State, spec: Spec, swap: int, problems: Problems) -> tuple[int, int]:
    """The bound of memory, and that with swap, when this is applied to what the container has."""
    from runsc.spec.validate import check_swap

    limit = -1 if "memory" in spec.lifted else spec.memory_limit or state.memory_limit
    both = swap or (-1 if "memory" in spec.lifted else state.memory_swap)
    if spec.memory_limit or spec.lifted or swap:
        check_swap(limit, both, problems)
    return limit, both


def apply_flags(spec: Spec, values: Values) -> None:
    """What the command line says wins."""
    from runsc.spec.decode import bound

    if values.text("memory"):
        spec.memory_limit = bound(spec, "memory", size_of(values, "memory"))
    spec.memory_reservation = size_of(values, "memory-reservation") or spec.memory_reservation
    pids = number_of(values, "pids-limit")
    if pids:
        spec.pids_limit = bound(spec, "pids", pids)
    swap = values.text("memory-swap")
    if swap not in ("", "-1"):
        spec.memory_swap = parse_size(Flag("memory-swap", SIZE, "", ""), swap)
    if swap:
        spec.unsupported.append("--memory-swap")
    cpu = spec.cpu
    cpu.shares = number_of(values, "cpu-share") or cpu.shares
    cpu.quota = number_of(values, "cpu-quota") or cpu.quota
    cpu.period = number_of(values, "cpu-period") or cpu.period
    cpu.cpus = values.text("cpuset-cpus") or cpu.cpus
    cpu.mems = values.text("cpuset-mems") or cpu.mems
    apply_host_flags(spec, values)
    if 0 < spec.memory_limit < 1 << 20:
        raise UsageError("--memory: at least 1M is needed")


def apply_host_flags(spec: Spec, values: Values) -> None:
    """Those which only the host's control groups keep."""
    numbers = {name: number_of(values, name) for name in ("blkio-weight", "cpu-rt-period", "cpu-rt-runtime")}
    if any(numbers.values()):
        from runsc.spec.host_resources import decode_host_resources
        from runsc.spec.reader import Object, Problems

        weight, period, runtime = numbers.values()
        cpu = {"realtimePeriod": period, "realtimeRuntime": runtime}
        document = {"blockIO": {"weight": weight}, "cpu": cpu}
        problems = Problems()
        spec.host_rows += decode_host_resources(Object("linux.resources", document, problems))
        fail(problems)


def size_of(values: Values, name: str) -> int:
    """Bytes; -1 for that; 0 when it is not given."""
    text = values.text(name)
    if text == "-1":
        return -1
    return parse_size(Flag(name, SIZE, "", ""), text) if text else 0


def number_of(values: Values, name: str) -> int:
    """A number, which may be negative: -1 then; 0 when it is not given."""
    text = values.text(name)
    if text.startswith("-"):
        parse_number(Flag(name, NUMBER, "", ""), text[1:])
        return -1
    return parse_number(Flag(name, NUMBER, "", ""), text) if text else 0


VERB: Final = Verb("update", "change the bounds of a container", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run)
