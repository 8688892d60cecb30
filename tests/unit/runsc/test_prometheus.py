"""The text that Prometheus reads: samples by metric, seconds, labels that guests chose."""

from __future__ import annotations

from runsc.container.prometheus import METRICS, Samples, add_container, add_sandbox

USED: dict[str, object] = {
    "cpu_ns": 1_500_000_000,
    "cpu_periods": 12,
    "cpu_throttled_periods": 3,
    "cpu_throttled_ns": 240_000_000,
    "memory": 4096,
    "memory_limit": 1 << 30,
    "pids": 2,
    "pids_limit": 100,
    "platform": {"calls": 7, "parked": 5, "ordered": 3, "lanes": 2, "sparse_ns": 10, "dense_ns": 2_000_000_001},
    "interfaces": [{"name": 'a"\\\n', "rx_packets": 1, "rx_bytes": 60, "tx_packets": 2, "tx_bytes": 120}],
    "network": {"connections": 4, "flows": 0, "denials": 6},
}


def text_of(*names: str) -> list[str]:
    samples = Samples()
    for name in names:
        add_container(samples, name, USED)
    add_sandbox(samples, names[0], USED, 1 << 20)
    return samples.text().splitlines()


def test_samples_are_together_below_their_metric() -> None:
    lines = text_of("c", "d")
    at = lines.index("# TYPE runsc_container_cpu_seconds_total counter")
    assert lines[at - 1].startswith("# HELP runsc_container_cpu_seconds_total ")
    assert lines[at + 1 : at + 3] == [f'runsc_container_cpu_seconds_total{{id="{name}"}} 1.500000000' for name in "cd"]
    assert lines[at + 3].startswith("# HELP ")
    heads = [line for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))


def test_every_value_has_its_place() -> None:
    lines = text_of("c")
    for line in (
        'runsc_container_memory_resident_bytes{id="c"} 4096',
        'runsc_container_tasks_limit{id="c"} 100',
        'runsc_container_cpu_periods_total{id="c"} 12',
        'runsc_container_cpu_throttled_periods_total{id="c"} 3',
        'runsc_container_cpu_throttled_seconds_total{id="c"} 0.240000000',
        'runsc_sandbox_calls_total{id="c"} 7',
        'runsc_sandbox_ordered_total{id="c"} 3',
        'runsc_sandbox_regime_seconds_total{id="c",regime="dense"} 2.000000001',
        'runsc_sandbox_regime_seconds_total{id="c",regime="sparse"} 0.000000010',
        'runsc_sandbox_sentry_resident_bytes{id="c"} 1048576',
        'runsc_network_transmit_bytes_total{id="c",interface="a\\"\\\\\\\\n"} 120',
        'runsc_network_denied_total{id="c"} 6',
    ):
        assert line in lines, lines
    assert not any("crowded" in line or "dropped" in line for line in lines)  # what was not told is left out


def test_nothing_runs() -> None:
    assert Samples().text() == ""


def test_counters_are_named_as_counters() -> None:
    assert all((kind == "counter") == name.endswith("_total") for name, kind, _ in METRICS)
