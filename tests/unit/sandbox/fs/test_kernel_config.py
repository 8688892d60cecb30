"""/proc/config.gz: options that are said to be here, and those that are not."""

from __future__ import annotations

import re

from sandbox.fs.procfs import kernel_config
from sandbox.fs.procfs.system_files import KINDS
from sandbox.syscalls.linux import table_amd64
from sandbox.syscalls.row import REFUSED

CALLS = {
    "AIO": "io_setup",
    "IO_URING": "io_uring_setup",
    "KCMP": "kcmp",
    "MEMBARRIER": "membarrier",
    "SECRETMEM": "memfd_secret",
    "SECURITY_LANDLOCK": "landlock_create_ruleset",
    "POSIX_MQUEUE": "mq_open",
    "CROSS_MEMORY_ATTACH": "process_vm_readv",
    "FHANDLE": "name_to_handle_at",
    "USERFAULTFD": "userfaultfd",
    "KEYS": "add_key",
    "FANOTIFY": "fanotify_mark",
    "MODIFY_LDT_SYSCALL": "modify_ldt",
    "RSEQ": "rseq",
    "USELIB": "uselib",
}
FILE_SYSTEMS = {
    "PROC_FS": b"proc",
    "TMPFS": b"tmpfs",
    "OVERLAY_FS": b"overlay",
    "SYSFS": b"sysfs",
    "FUSE_FS": b"fuse",
    "9P_FS": b"9p",
}


def test_no_option_is_there_twice_or_says_both() -> None:
    names = re.findall(r"^(?:# )?CONFIG_(\w+)(?:=| is not set)", kernel_config.text(), re.M)
    assert len(names) == len(set(names)) > 100


def test_calls_are_where_their_option_says_so() -> None:
    lines = kernel_config.text().splitlines()
    refused = {row.name for row in table_amd64.ROWS if row.support == REFUSED}
    for option, call in CALLS.items():
        assert (f"CONFIG_{option}=y" in lines) == (call not in refused), option
        assert (f"# CONFIG_{option} is not set" in lines) == (call in refused), option
    for option, kind in FILE_SYSTEMS.items():
        assert (f"CONFIG_{option}=y" in lines) == (kind in KINDS), option
