"""`runsc update ID`: other bounds for a running container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import NUMBER, SIZE, TEXT, WORD, Flag, Values, parse_size
from runsc.verb import Verb

if TYPE_CHECKING:
    from runsc.spec.types import Spec
    from sandbox.control.wire import Body

# Of runc: they have nothing to act on in the sandbox's own kernel.
NOT_APPLIED: Final = (
    *("blkio-weight", "cpu-rt-period", "cpu-rt-runtime", "kernel-memory", "kernel-memory-tcp"),
    *("l3-cache-schema", "mem-bw-schema"),
)
FLAGS: Final = (
    Flag("resources", TEXT, "FILE", "a resources object as in config.json; - for stdin", short="r"),
    Flag("memory", SIZE, "SIZE", "the most memory its processes may have"),
    Flag("memory-reservation", SIZE, "SIZE", "what it keeps when the host is short of memory"),
    Flag("pids-limit", NUMBER, "N", "the most processes and threads"),
    Flag("cpu-share", NUMBER, "N", "relative weight"),
    Flag("cpu-quota", NUMBER, "US", "processor time in each period"),
    Flag("cpu-period", NUMBER, "US", "the period"),
    Flag("cpuset-cpus", TEXT, "LIST", "processors"),
    Flag("cpuset-mems", TEXT, "LIST", "memory nodes"),
    Flag("memory-swap", WORD, "SIZE", "not applied: memory that is swapped out counts as memory"),
    *(Flag(name, WORD, "N", "not applied, as the log says") for name in NOT_APPLIED),
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once they hold, in the sandbox and in the host's control groups."""
    name = one_id(words, "update")
    from runsc.container import groups, status
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
    check_resources(spec, "", problems)
    if problems.found:
        raise RuntimeFailure("; ".join(problems.found), lines=tuple(problems.found))
    container, lock = load_locked(config.root, name)
    try:
        container.check(status.UPDATE)
        bounds = {"memory": spec.memory_limit, "pids": spec.pids_limit, "cpu_period": spec.cpu.period}
        body: Body = {key: value for key, value in bounds.items() if value}
        if spec.cpu.quota:
            body["cpu_quota"] = max(0, spec.cpu.quota)
        if container.state.sandbox:
            from runsc.container.pod import warn_of_shared

            warn_of_shared(spec, config)
        else:
            groups.update(spec, container.state.cgroups)
        container.call(wire.UPDATE, body)
    finally:
        lock.release()
    for name in NOT_APPLIED:
        if values.text(name) not in ("", "0"):
            config.log.write("warning", f"--{name} is not applied: the sandbox's own kernel stands in its place")
    for path in spec.unsupported:
        config.log.write("warning", f"{path} is not applied: the sandbox's own kernel stands in its place")
    return 0


def apply_flags(spec: Spec, values: Values) -> None:
    """What the command line says wins."""
    spec.memory_limit = values.number("memory") or spec.memory_limit
    spec.memory_reservation = values.number("memory-reservation") or spec.memory_reservation
    spec.pids_limit = values.number("pids-limit") or spec.pids_limit
    swap = values.text("memory-swap")
    if swap not in ("", "-1"):
        spec.memory_swap = parse_size(Flag("memory-swap", SIZE, "", ""), swap)
    if swap:
        spec.unsupported.append("--memory-swap")
    cpu = spec.cpu
    cpu.shares = values.number("cpu-share") or cpu.shares
    cpu.quota = values.number("cpu-quota") or cpu.quota
    cpu.period = values.number("cpu-period") or cpu.period
    cpu.cpus = values.text("cpuset-cpus") or cpu.cpus
    cpu.mems = values.text("cpuset-mems") or cpu.mems
    if 0 < spec.memory_limit < 1 << 20:
        raise UsageError("--memory: at least 1M is needed")


VERB: Final = Verb("update", "change the bounds of a container", "[FLAGS] ID", FLAGS, EXIT_FAILURE, run)
