"""Nothing of the host is told: every file and link of /proc and /sys, and what uname, sysinfo, statfs and mounts answer, as root
with all capabilities in two kinds of sandbox, holds none of the strings and numbers by which this host is known."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import runsc

GUEST: Final = r"""
import ctypes, json, os, struct, sys
found = {}
def look(path):
    try:
        if os.path.islink(path):
            found[path] = os.fsencode(os.readlink(path)); return
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try: found[path] = os.read(fd, 1 << 18)
        finally: os.close(fd)
    except OSError: pass
files = 0
for top in ("/proc", "/sys"):
    for where, names, others in os.walk(top):
        names[:] = [name for name in names if not (where == "/proc" and name.isdigit() and name != "1")]
        for name in names + others: look(os.path.join(where, name))
found["uname"] = " ".join(os.uname()).encode()
libc = ctypes.CDLL(None)
info = ctypes.create_string_buffer(128)
libc.sysinfo(info); found["sysinfo"] = b" ".join(str(n).encode() for n in struct.unpack_from("<10Q", info))
for path in ("/", "/proc", "/sys", "/dev", "/tmp", "/dev/shm"):
    there = os.statvfs(path); found["statfs " + path] = " ".join(map(str, there)).encode()
    found["stat " + path] = str(os.stat(path).st_dev).encode()
name = ctypes.create_string_buffer(256); libc.getdomainname(name, 256); found["domainname"] = name.value
json.dump({path: data.decode("latin-1") for path, data in found.items()}, sys.stdout)
"""


def first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def of_the_host() -> dict[str, str]:
    """What tells this host from others, by what it is."""
    found = {
        "its name": socket.gethostname(),
        "its kernel": os.uname().release,
        "its build": os.uname().version,
        "its boot": first_line("/proc/sys/kernel/random/boot_id"),
        "its machine": first_line("/etc/machine-id"),
        "its command line": first_line("/proc/cmdline"),
        "its checkout": str(Path(__file__).resolve().parents[2]),
        "its memory": first_line("/proc/meminfo").splitlines()[0].split()[1],
        "the compiler": first_line("/proc/version").partition("(")[2][:24],
        "the sandbox's process": f"/proc/{os.getpid()}/",
    }
    for link in sorted(os.listdir("/sys/class/net")):
        station = first_line(f"/sys/class/net/{link}/address")
        if station.strip("0:"):
            found[f"the station of {link}"] = station
    for disk in sorted(os.listdir("/sys/block")):
        if not disk.startswith(("loop", "ram", "nbd", "zram")):
            found[f"the disk {disk}"] = f"/dev/{disk}"
            found[f"the serial of {disk}"] = first_line(f"/sys/block/{disk}/serial")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        kind, source = line.partition(" - ")[2].split()[:2]
        if source.startswith("/dev/"):
            found[f"the source of a mount of {kind}"] = source
    for group in Path("/proc/self/cgroup").read_text().splitlines():
        path = group.rsplit(":", 1)[1]
        if len(path) > 4:
            found[f"the control group {group.split(':')[1]}"] = path
    return {what: text for what, text in found.items() if len(text) > 3 and text != "localhost"}


@pytest.mark.parametrize("flags", [(), ("--cap-add", "ALL", "--network", "internal")], ids=["plain", "capable"])
def test_no_file_tells_of_the_host(flags: tuple[str, ...]) -> None:
    before = [word for word in flags if word not in ("--cap-add", "ALL")]
    done = runsc(
        *before,
        "do",
        *flags[: len(flags) - len(before)],
        "--memory",
        "512M",
        "--cwd",
        "/",
        "python3",
        "-c",
        GUEST,
        bound_s=300,
    )
    assert done.status == 0, done
    found: dict[str, str] = json.loads(done.out)
    assert len(found) > 800 and "Linux" in found["uname"]
    leaks = [
        f"{path}: {what} ({text!r})"
        for what, text in of_the_host().items()
        for path, data in found.items()
        if re.search(rf"(?<![\w.]){re.escape(text)}(?![\w.])", data)
    ]
    assert leaks == []
