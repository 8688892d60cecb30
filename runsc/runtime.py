"""From a description to an exit status: what `do` and `run` have in common."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from runsc.config import Config
from runsc.donate import open_output
from runsc.failure import EXIT_OURS, RuntimeFailure, UsageError
from runsc.log import printable
from sandbox.boot.host_checks import HostLacks
from sandbox.boot.options import NetworkOptions, SandboxOptions

if TYPE_CHECKING:
    from sandbox.boot.launcher import Outcome

# Failures to start the first process, as the sentry reports them (sandbox/boot/first_program.py).


def network_options(config: Config, default: str) -> NetworkOptions:
    """The network that the global flags ask for."""
    network = NetworkOptions(config.network or default)
    for rule in config.allow:
        check_allow(rule)
    if config.allow and network.kind == "none":
        raise UsageError("--allow: --network is none; --network user has an outside")
    network.allow = config.allow
    if config.tap is not None:
        network.tap = check_tap(config.tap, network.kind)
    if network.kind in ("tap", "sandbox"):
        find_third_party_packages()
    if config.pcap_log:
        if network.kind == "none":
            raise RuntimeFailure("--pcap-log needs a network: --network is none")
        network.pcap_fd = open_output(config.pcap_log, "--pcap-log")
        network.pcap_name = config.pcap_log
    return network


def find_third_party_packages() -> None:
    """The one-file executable starts without site-packages (`python3 -S`), because looking there takes time. What
    needs a package of others gets them back."""
    if sys.flags.no_site:
        import site

        site.main()


def check_tap(name: str, network: str) -> str:
    """The name of a network device (net/core/dev.c:dev_valid_name), on the network that has one."""
    if network != "tap":
        raise UsageError(f"--tap {name}: --network is {network}, not tap")
    if len(os.fsencode(name)) > 15:
        raise UsageError(f"--tap {name}: too long for a device's name, which has at most 15 characters")
    if name in ("", ".", "..") or any(c in "/:%" or not "!" <= c <= "~" for c in name):
        raise UsageError(f"--tap {name!r} is not a device's name")
    return name


def check_allow(rule: str) -> None:
    """One `--allow` rule; raises a UsageError that shows the form."""
    from runsc.allow import check_rule

    check_rule(rule)


def apply_config(options: SandboxOptions, config: Config) -> None:
    """The global flags that go into every sandbox."""
    options.begun_ns = process_start_ns()
    options.platform = config.platform
    options.look = config.look
    options.copies = config.copies
    options.patch = config.patch
    options.debug = config.debug
    options.json_log = config.log.json
    options.log_fd = config.log.fd
    if config.strace:
        options.strace_fd = config.log.fd if config.log.fd >= 0 else 2


def process_start_ns() -> int:
    """When this process began, on CLOCK_MONOTONIC: clock ticks in /proc, so exact to 10 ms."""
    import time

    now = time.monotonic_ns()
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return now
    age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    return now - max(0, age)


def tell(line: str) -> None:
    """A line or more for the user, on stderr."""
    text = "".join(f"runsc: {printable(part)}\n" for part in line.splitlines())
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def run_sandbox(options: SandboxOptions, config: Config, failure_status: int = EXIT_OURS) -> int:
    """Launch, wait, and turn the outcome into an exit status."""
    from sandbox.boot.launcher import launch

    config.log.write("debug", f"starting {b' '.join(options.program.argv).decode('utf-8', 'backslashreplace')}")
    try:
        outcome = launch(options, tell)
    except HostLacks as missing:
        raise RuntimeFailure(str(missing), failure_status) from None
    return status_of(outcome, config, options.limits.timeout_ns, failure_status)


def status_of(outcome: Outcome, config: Config, timeout_ns: int, failure_status: int) -> int:
    """The exit status; RuntimeFailure when it was the sandbox that failed."""
    from sandbox.boot.exit_status import exit_status

    if outcome.failure:
        status = outcome.status if outcome.status and failure_status == EXIT_OURS else failure_status
        raise RuntimeFailure(outcome.failure, status)
    if outcome.timed_out:
        tell(f"timed out after {timeout_ns / 1e9:g} s; everything inside was killed")
    status = exit_status(outcome.status)
    config.log.write("info", f"exit status {status}")
    return status
