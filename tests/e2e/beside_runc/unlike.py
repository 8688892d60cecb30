"""What ours does not do as runc, on purpose: lines that are rewritten before they are compared (pattern, what stands instead,
why). docs/containers.md says the same to users. Cases that end otherwise have their reason with them (`Case.unlike`)."""

from __future__ import annotations

from typing import Final

ABSENT: Final = r"/proc/(acpi|keys|timer_list|scsi|bus|fs|irq)\b"  # of the host's machine; the sandbox's has none

RULES: Final[list[tuple[str, str, str]]] = [
    (r"( tmpfs \S+ r[wo].*),inode64", r"\1", "an option of the host's own kernel"),
    (r"^.*: out: (path " + ABSENT + "|mount " + ABSENT + ").*", "", "a property of the machine, and the sandbox is one of its own"),
    (r"(/proc/self/cgroup: )\d+:.*", r"\1a group", "control groups inside are the sandbox's own, of the second version"),
    (r"^(\[\d+\] run c: out: fd [012]): .*", r"\1", "runc copies through pipes what ours hands on as it is"),
]  # fmt: skip
