"""Escapes by way of the kernel's own interfaces, each by its name, tried by a container that has every capability: they meet
the sandbox's kernel, which has them without the hole, or refuses them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.bundles import needs_busybox
from tests.e2e.conftest import do, runsc
from tests.e2e.containers import Shim
from tests.security.test_runtime_escapes import EVERYTHING, run

HELPERS = {
    "core_pattern": "echo '|/helper' > /proc/sys/kernel/core_pattern; sh -c 'ulimit -c unlimited; kill -SEGV $$'",
    "modprobe": "echo /helper > /proc/sys/kernel/modprobe; printf '\\001\\002\\003\\004' > /x; chmod 755 /x; /x",
    "poweroff_cmd": "echo /helper > /proc/sys/kernel/poweroff_cmd; echo o > /proc/sysrq-trigger",
    "uevent_helper": "echo /helper > /sys/kernel/uevent_helper; echo change > /sys/class/net/lo/uevent",
    "release_agent": (
        "mkdir /g; mount -t cgroup -o memory cgroup /g || mount -t cgroup2 cgroup2 /g; mkdir /g/a; echo 1 > /g/a/notify_on_release;"
        " echo /helper > /g/release_agent; sh -c 'echo $$ > /g/a/cgroup.procs'"
    ),
    "binfmt_misc": (
        "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; echo ':x:M::MZ::/helper:C' > /proc/sys/fs/binfmt_misc/register;"
        " echo MZ > /y; chmod 755 /y; /y"
    ),
}


@needs_busybox
@pytest.mark.parametrize("name", list(HELPERS))
def test_cve_2022_0492_and_other_helpers_of_the_kernel(shim: Shim, outside: Path, name: str) -> None:
    """The kernel starts a program as root outside of every container. There is no such program of the host's here, and the
    host's own setting is as it was."""
    helper = shim.bundle / "rootfs" / "helper"
    helper.write_text(f"#!/bin/sh\nid > {outside}/started; readlink /proc/1/exe > /started\n")
    helper.chmod(0o755)
    settings = [Path("/proc/sys/kernel") / file for file in ("core_pattern", "modprobe", "poweroff_cmd")]
    before = [path.read_text() for path in settings if path.exists()]
    out = run(shim, HELPERS[name], process__capabilities=EVERYTHING, linux__readonlyPaths=[], linux__maskedPaths=[])
    assert "oops" not in out
    assert [path.read_text() for path in settings if path.exists()] == before
    assert os.listdir(outside) == ["secret"]


def attack(attacks: Path, outside: Path, *words: str) -> str:
    """What a program of attacks prints, with the file /given/secret of the host to read."""
    volumes = ["--volume", f"{attacks}:/attacks:ro", "--volume", f"{outside}:/given:ro"]
    done = do("--cap-add", "ALL", *volumes, f"/attacks/{words[0]}", *words[1:])
    assert done.status == 0 and "oops" not in done.err, done
    return done.out


def test_cve_2016_5195_dirty_cow(attacks: Path, outside: Path) -> None:
    assert attack(attacks, outside, "dirty_cow", "/given/secret") == "written some: 1, the file: secret\n"
    assert (outside / "secret").read_text() == "secret\n"


def test_cve_2022_0847_dirty_pipe(attacks: Path, outside: Path) -> None:
    out = attack(attacks, outside, "dirty_pipe", "/given/secret")
    assert out == "spliced 1, written 6, the file: secret, mapped: secret\n"
    assert (outside / "secret").read_text() == "secret\n"


def test_shocker_handles_of_the_hosts_files(attacks: Path, outside: Path) -> None:
    assert attack(attacks, outside, "host_handles", "/given") == "opened: 0\n"


def test_cve_2017_7308_2020_14386_and_2021_22555_sizes_that_overflow(attacks: Path, outside: Path) -> None:
    assert attack(attacks, outside, "packet_ring") == "taken: 0\n"


def test_cve_2022_0185_parameters_that_never_end(attacks: Path, outside: Path) -> None:
    assert attack(attacks, outside, "mount_parameters") == "refused: 4000, still made: 1\n"


def test_cve_2018_16359_links_that_a_guest_makes_in_a_volume(outside: Path, tmp_path: Path) -> None:
    """A link, and a directory that is replaced by a link while its file is used, lead nowhere but inside."""
    script = (
        f"ln -s {outside} /v/link; cat /v/link/secret; mkdir /v/a; touch /v/a/secret; exec 3</v/a; mv /v/a /v/b;"
        " ln -s /v/link /v/a; cat /v/a/secret; cat /proc/self/fd/3/../link/secret; echo x > /v/a/secret; echo done"
    )
    done = runsc("do", "--volume", f"{tmp_path}:/v", "/bin/sh", "-c", script)
    assert done.out.endswith("done\n") and "secret\n" not in done.out, done
    assert (outside / "secret").read_text() == "secret\n"
