"""Parts of linux.resources that only the host's control groups can keep, as values for their files.

They bound what the sandbox's own processes do on the host, for the guest or for themselves: reads and writes of its disks, marks of
its packets, devices. Source: config-linux.md of the OCI specification; Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

from typing import Final

from runsc.spec.reader import INT64, UINT64, Object

UINT32: Final = 0xFFFFFFFF
# What every container may have, whatever its rules say: nodes of any device, and the devices of config-linux.md (as runc).
ALWAYS: Final = (
    "c *:* m", "b *:* m", "c 1:3 rwm", "c 1:8 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:5 rwm", "c 1:9 rwm", "c 136:* rwm", "c 5:2 rwm",
    "c 10:200 rwm",
)  # fmt: skip
THROTTLES: Final = {
    "throttleReadBpsDevice": ("read_bps", "rbps"),
    "throttleWriteBpsDevice": ("write_bps", "wbps"),
    "throttleReadIOPSDevice": ("read_iops", "riops"),
    "throttleWriteIOPSDevice": ("write_iops", "wiops"),
}


class Row:
    """One value. `files` are names of the same thing, of which a kernel has one."""

    __slots__ = ("path", "version", "controller", "files", "value", "needed")

    def __init__(
        self, path: str, version: int, controller: str, files: tuple[str, ...], value: str, needed: bool = True
    ) -> None:
        self.path = path  # in config.json
        self.version = version
        self.controller = controller
        self.files = files
        self.value = value
        self.needed = needed


def decode_host_resources(o: Object) -> list[Row]:
    """All that linux.resources asks of them; what is zero or empty asks for nothing."""
    found = [*of_devices(o), *of_unified(o)]
    for name, rows in (("memory", of_memory), ("cpu", of_cpu), ("blockIO", of_block), ("network", of_network)):
        part = o.child(name)
        if part is not None:
            found += rows(part)
    for page in o.children("hugepageLimits"):
        size, limit = page.text("pageSize"), str(page.number("limit", 0, UINT64 - 1))
        page.require("pageSize")
        _check_word(page, "pageSize", size)
        found.append(Row(page.path, 1, "hugetlb", (f"hugetlb.{size}.limit_in_bytes",), limit))
        found.append(Row(page.path, 2, "hugetlb", (f"hugetlb.{size}.max",), limit))
    rdma = o.child("rdma")
    for device in rdma.names() if rdma is not None else ():
        one = rdma.child(device) if rdma is not None else None
        if one is not None and rdma is not None:
            _check_word(rdma, device, device)
            words = [f"{key}={one.number(name, 0, UINT32)}" for name, key in RDMA.items() if one.has(name)]
            found += [
                Row(one.path, version, "rdma", ("rdma.max",), " ".join((device, *words))) for version in (1, 2) if words
            ]
    return found


RDMA: Final = {"hcaHandles": "hca_handle", "hcaObjects": "hca_object"}


def of_memory(o: Object) -> list[Row]:
    """memory.swappiness, of version 1."""
    swappiness = o.number("swappiness", 0, 100)
    if not o.has("swappiness"):
        return []
    return [Row(o.at("swappiness"), 1, "memory", ("memory.swappiness",), str(swappiness))]


def of_cpu(o: Object) -> list[Row]:
    """What is beside the shares, quota and lists. (A group takes real-time bounds of processors in this order.)"""
    found = []
    for name, file, file2 in (
        ("realtimePeriod", "cpu.rt_period_us", ""),
        ("realtimeRuntime", "cpu.rt_runtime_us", ""),
        ("burst", "cpu.cfs_burst_us", "cpu.max.burst"),
        ("idle", "cpu.idle", "cpu.idle"),
    ):
        value = o.number(name, 0, INT64 - 1)
        if value:
            found.append(Row(o.at(name), 1, "cpu", (file,), str(value)))
            found += [Row(o.at(name), 2, "cpu", (file2,), str(value))] if file2 else []
    return found


def of_block(o: Object) -> list[Row]:
    """blockIO: weights, and bounds of each device."""
    found = []
    for name, word in (("weight", "weight"), ("leafWeight", "leaf_weight")):
        value = o.number(name, 0, 65535)
        if value:
            found.append(Row(o.at(name), 1, "blkio", (f"blkio.bfq.{word}", f"blkio.{word}"), str(value)))
            if name == "weight":
                found.append(Row(o.at(name), 2, "io", ("io.bfq.weight",), f"default {value}"))
                converted = 1 + max(0, value - 10) * 9999 // 990  # as runc does: 10 to 1000 there, 1 to 10000 here
                found.append(Row(o.at(name), 2, "io", ("io.weight",), f"default {converted}"))
    for device in o.children("weightDevice"):
        for name, word in (("weight", "weight"), ("leafWeight", "leaf_weight")):
            value = device.number(name, 0, 65535)
            text = f"{number_of(device)} {value}"
            if value:
                files = (f"blkio.bfq.{word}_device", f"blkio.{word}_device")
                found.append(Row(device.at(name), 1, "blkio", files, text))
                found += [Row(device.at(name), 2, "io", ("io.bfq.weight",), text)] if name == "weight" else []
    for name, (word, key) in THROTTLES.items():
        for device in o.children(name):
            rate = device.number("rate", 0, UINT64 - 1)
            file = f"blkio.throttle.{word}_device"
            found.append(Row(device.path, 1, "blkio", (file,), f"{number_of(device)} {rate}"))
            found.append(Row(device.path, 2, "io", ("io.max",), f"{number_of(device)} {key}={rate or 'max'}"))
    return found


def _check_word(o: Object, name: str, text: str) -> None:
    """It becomes part of a line, or of a file's name."""
    if "/" in text or "\0" in text or len(text.split()) > 1 or text.strip() != text:
        o.problems.add(o.at(name), f"{text!r} cannot be the name of one")


def number_of(device: Object) -> str:
    """MAJOR:MINOR."""
    return f"{device.number('major', 0, UINT32)}:{device.number('minor', 0, UINT32)}"


def of_network(o: Object) -> list[Row]:
    """Marks of the packets of its sockets, of version 1."""
    found = []
    if o.number("classID", 0, UINT32):
        found.append(Row(o.at("classID"), 1, "net_cls", ("net_cls.classid",), str(o.number("classID", 0, UINT32))))
    for one in o.children("priorities"):
        one.require("name")
        _check_word(one, "name", one.text("name"))
        value = f"{one.text('name')} {one.number('priority', 0, UINT32)}"
        found.append(Row(one.path, 1, "net_prio", ("net_prio.ifpriomap",), value))
    return found


def of_unified(o: Object) -> list[Row]:
    """Files of version 2 by their names."""
    unified, found = o.child("unified"), []
    for name in unified.names() if unified is not None else ():
        assert unified is not None
        value = unified.text(name)
        if "/" in name or "\0" in name or not name.partition(".")[0] or not name.partition(".")[2]:
            o.problems.add(unified.at(name), "is no name of a control group's file")
        lines = [line for line in value.split("\n") if line]
        found += [Row(unified.at(name), 2, name.partition(".")[0], (name,), line) for line in lines]
    return found


def of_devices(o: Object) -> list[Row]:
    """Rules, of version 1: whom the host's kernel lets open what. No device of the host is inside, so that they hold for the
    sandbox's own processes only; a host that does not let us set them loses nothing."""
    found = []
    for rule in o.children("devices"):
        kind = rule.text("type") or "a"
        if kind not in ("a", "b", "c"):
            o.problems.add(rule.at("type"), f"unknown type of device {kind!r}")
        numbers = [
            str(n) if n >= 0 else "*" for n in (rule.number(name, -1, UINT32, -1) for name in ("major", "minor"))
        ]
        access, everything = rule.text("access") or "rwm", kind == "a" and numbers == ["*", "*"]
        if access.strip("rwm") and not everything:  # of all devices it is all access, as runc has it
            o.problems.add(rule.at("access"), f"{access!r} is not made of r, w and m")
        file = "devices.allow" if rule.flag("allow") else "devices.deny"
        value = "a" if everything else f"{kind} {':'.join(numbers)} {access}"
        found.append(Row(rule.path, 1, "devices", (file,), value, needed=False))
    if found and (found[-1].value != "a" or found[-1].files == ("devices.deny",)):
        path = o.at("devices")
        found += [Row(path, 1, "devices", ("devices.allow",), value, needed=False) for value in ALWAYS]
    return found
