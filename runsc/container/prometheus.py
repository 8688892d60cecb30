"""What sandboxes have counted, in Prometheus's text exposition format, version 0.0.4."""

from __future__ import annotations

from typing import Final

from runsc.log import printable
from sandbox.control.wire import Body

PREFIX: Final = "runsc_"
REGIMES: Final = ("sparse", "dense", "crowded")
# name, type, help; every sample is of one of them
METRICS: Final = (
    ("container_up", "gauge", "Whether the container's sandbox answers."),
    ("container_cpu_seconds_total", "counter", "Processor time of the container's processes."),
    (
        "container_cpu_periods_total",
        "counter",
        "Periods of its bound of processor time, where the sandbox's kernel keeps it.",
    ),
    ("container_cpu_throttled_periods_total", "counter", "Those in which it was held."),
    ("container_cpu_throttled_seconds_total", "counter", "For how long."),
    ("container_memory_resident_bytes", "gauge", "Memory that its processes have."),
    ("container_memory_limit_bytes", "gauge", "The most that they may have."),
    ("container_tasks", "gauge", "Threads of its processes."),
    ("container_tasks_limit", "gauge", "The most that there may be."),
    ("sandbox_calls_total", "counter", "What guest threads have asked: calls, faults, ends of what was ordered."),
    ("sandbox_parked_total", "counter", "Times that a thread has parked and the sentry was notified."),
    ("sandbox_ordered_total", "counter", "Calls that host threads made because the kernel ordered them."),
    ("sandbox_threads", "gauge", "Host threads for guests."),
    ("sandbox_regime_seconds_total", "counter", "Time in which calls were looked for, or not."),
    ("sandbox_sentry_resident_bytes", "gauge", "Memory of the sandbox's kernel itself."),
    ("network_receive_packets_total", "counter", "Packets that the sandbox's interface has received."),
    ("network_receive_bytes_total", "counter", "Their bytes."),
    ("network_receive_dropped_total", "counter", "Packets that it has dropped."),
    ("network_transmit_packets_total", "counter", "Packets that it has sent."),
    ("network_transmit_bytes_total", "counter", "Their bytes."),
    ("network_transmit_dropped_total", "counter", "Packets that it could not send."),
    ("network_connections_total", "counter", "TCP connections that were carried to or from the outside."),
    ("network_flows_total", "counter", "UDP and ping flows that were."),
    ("network_denied_total", "counter", "What no rule allowed."),
)
_CONTAINER: Final = (
    ("cpu_periods", "cpu_periods_total"),
    ("cpu_throttled_periods", "cpu_throttled_periods_total"),
    ("memory", "memory_resident_bytes"),
    ("memory_limit", "memory_limit_bytes"),
    ("pids", "tasks"),
    ("pids_limit", "tasks_limit"),
)
_PLATFORM: Final = (
    ("calls", "calls_total"),
    ("parked", "parked_total"),
    ("ordered", "ordered_total"),
    ("lanes", "threads"),
)
_OUTSIDE: Final = (("connections", "connections_total"), ("flows", "flows_total"), ("denials", "denied_total"))


class Samples:
    """Collects samples; `text` groups them by metric, as the format wants it. A number that is missing is left out."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name, _, _ in METRICS}

    def add(self, metric: str, value: object, **labels: str) -> None:
        """One sample."""
        if isinstance(value, int):
            self._add(metric, str(int(value)), labels)

    def add_ns(self, metric: str, value: object, **labels: str) -> None:
        """One of time, in seconds."""
        if isinstance(value, int):
            self._add(metric, f"{value // 1_000_000_000}.{value % 1_000_000_000:09}", labels)

    def _add(self, metric: str, value: str, labels: dict[str, str]) -> None:
        words = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
        self._lines[metric].append(f"{PREFIX}{metric}{{{words}}} {value}\n")

    def text(self) -> str:
        """All of them."""
        parts = []
        for name, kind, text in METRICS:
            if self._lines[name]:
                parts += [f"# HELP {PREFIX}{name} {text}\n", f"# TYPE {PREFIX}{name} {kind}\n", *self._lines[name]]
        return "".join(parts)


def escaped(text: str) -> str:
    """A label's value: guests name interfaces."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def add_container(samples: Samples, name: str, used: Body) -> None:
    """What STATS says of the container itself."""
    samples.add_ns("container_cpu_seconds_total", used.get("cpu_ns"), id=name)
    samples.add_ns("container_cpu_throttled_seconds_total", used.get("cpu_throttled_ns"), id=name)
    for key, metric in _CONTAINER:
        samples.add(f"container_{metric}", used.get(key), id=name)


def add_sandbox(samples: Samples, name: str, used: Body, sentry_bytes: int) -> None:
    """What STATS says of all containers of the sandbox together; `sentry_bytes` 0: not known."""
    platform, network, nics = used.get("platform"), used.get("network"), used.get("interfaces")
    if isinstance(platform, dict):
        for key, metric in _PLATFORM:
            samples.add(f"sandbox_{metric}", platform.get(key), id=name)
        for regime in REGIMES:
            samples.add_ns("sandbox_regime_seconds_total", platform.get(f"{regime}_ns"), id=name, regime=regime)
    if sentry_bytes:
        samples.add("sandbox_sentry_resident_bytes", sentry_bytes, id=name)
    for nic in nics if isinstance(nics, list) else []:
        label = str(nic.get("name"))
        for short, word in (("rx", "receive"), ("tx", "transmit")):
            for what in ("packets", "bytes", "dropped"):
                samples.add(f"network_{word}_{what}_total", nic.get(f"{short}_{what}"), id=name, interface=label)
    if isinstance(network, dict):
        for key, metric in _OUTSIDE:
            samples.add(f"network_{metric}", network.get(key), id=name)
