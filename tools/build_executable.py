"""runsc as one file: byte code, the guest stub, and the sources for another Python than the builder's.

It is a shell script of two lines in front of a zip archive. The script has Python run the archive's member `front`
(executable_main.py) from its place in the file, and that imports our modules from their places in the member `modules`:
less than half of what a start takes from a directory, and no archive has to be searched. The byte code has no types in it
(strip_types.py); what a start imports is there once more, together (TOGETHER). A Python of another version runs `__main__.py` of the archive, which imports the sources, slower;
`python3 runsc …` does, too. With `compiled` the library of the compiled modules is in it. Third-party packages are not;
what needs one (a tap device, say) finds the system's, or says that there is none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import marshal
import os
import shlex
import stat
import sys
import zipfile
from pathlib import Path
from typing import Final

from tools.build_compiled import EVERYTHING, SUFFIX, build_compiled, module_name
from tools.import_order import ImportOrder
from tools.labels import ROOT
from tools.strip_types import stripped

PACKAGES: Final = ("tcpip", "sandbox", "runsc")
# What a sentry imports when it starts, one after the other, each with what comes with it; and the verbs that start one.
SENTRY: Final = (
    "sandbox.boot.launcher",
    "sandbox.boot.sentry",
    "sandbox.boot.sandbox",
    "sandbox.platform.lane.platform",
    "sandbox.syscalls.late",
    "sandbox.boot.mounts",
    "sandbox.fs.procfs.filesystem",
    "sandbox.fs.sysfs.filesystem",
    "sandbox.fs.cgroupfs.filesystem",
    "sandbox.fs.mqueue.filesystem",
    "sandbox.gateway.networks",
    "sandbox.boot.first_program",
    "sandbox.vfs.exec_open",
    "sandbox.syscalls.linux.sys_mmap",
    "sandbox.syscalls.linux.sys_open",
    "sandbox.syscalls.linux.sys_read_write",
)
TOGETHER: Final = {
    "runsc.cmd.do": SENTRY,
    "runsc.cmd.create": (
        "runsc.container.create",
        "runsc.spec.load",
        "sandbox.fs.hostfs.filesystem",
        *SENTRY,
        "sandbox.boot.container",
    ),
}
DATE: Final = (2020, 1, 1, 0, 0, 0)
MAIN: Final = ROOT / "tools" / "executable_main.py"
DIGITS: Final = 10
# `front` is (code, index); what it needs is in its names.
RUN: Final = (
    "import marshal,posix,sys;from _frozen_importlib_external import MAGIC_NUMBER as m;"
    "a=sys.argv.pop(1);sys.argv[0]=a;fd=posix.open(a,posix.O_RDONLY|posix.O_CLOEXEC);old=m.hex()!='{magic}';"
    "c,i=(None,None) if old else marshal.loads(posix.pread(fd,{length},{offset}));"
    "exec(c,dict(fd=fd,archive=a,index=i)) if c else __import__('runpy').run_path(a,run_name='__main__')"
)
HEAD: Final = '#!/bin/sh\np={python};[ -x $p ]||p=python3;exec $p -I -S -c "{run}" "$0" "$@"\n'
FALLBACK: Final = "from runsc.__main__ import run\nrun()\n"


def interpreter() -> str:
    """The builder's own, which saves a search and what stands in its way (a version manager's script): if nobody but root
    can change it. `python3` of whoever runs it, else."""
    path = os.path.realpath(sys.executable)
    for part in (Path(path), *Path(path).parents):
        status = part.stat()
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "python3"
    return path


class ByteCode:
    """Every module of ours, in `code`: `table` says whether it is a package and where it is, `pieces` where for a verb
    of TOGETHER that is, in one, which is executed before each of its modules (executable_main.py)."""

    def __init__(self) -> None:
        self.table: dict[str, tuple[bool, int, int]] = {}
        self.pieces: dict[str, dict[str, tuple[int, int]]] = {}
        self.code = bytearray()
        trees = {}
        compiled = {}
        for package in PACKAGES:
            for path in sorted((ROOT / package).rglob("*.py")):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                trees[name] = stripped(path.read_text())
                compiled[name] = compile(trees[name], str(path.relative_to(ROOT)), "exec", dont_inherit=True)
                self.table[name] = (path.name == "__init__.py", *self._add(marshal.dumps(compiled[name])))
        order = ImportOrder(trees)
        for verb, roots in TOGETHER.items():
            pieces, known = self.pieces.setdefault(verb, {}), set[str]()
            for root in (verb, *roots):
                needed = order.closure(root, known)
                known.update(needed)
                piece = tuple((name, compiled[name]) for name in needed if name != root)
                # Once more: marshal writes an object once that is in many places, and loading has made one of equal names.
                pieces[root] = self._add(marshal.dumps(marshal.loads(marshal.dumps(piece))))

    def _add(self, data: bytes) -> tuple[int, int]:
        self.code += data
        return len(self.code) - len(data), len(data)


class Archive:
    """A zip archive whose members' places in the file are known. `room` is what comes before it."""

    def __init__(self, room: int) -> None:
        self.file = io.BytesIO()
        self.file.write(b" " * room)
        self.zip = zipfile.ZipFile(self.file, "w", zipfile.ZIP_STORED)

    def add(self, name: str, data: bytes | str) -> tuple[int, int]:
        """Offset and length of a new member's contents."""
        data = data.encode() if isinstance(data, str) else data
        self.zip.writestr(zipfile.ZipInfo(name, DATE), data)
        return self.file.tell() - len(data), len(data)

    def finish(self, head: bytes) -> bytes:
        """The whole file."""
        self.zip.close()
        self.file.seek(0)
        self.file.write(head)
        return self.file.getvalue()


def head(place: tuple[int, int]) -> bytes:
    """The script, of the same length whatever the place of `front` is."""
    offset, length = (f"{number:<{DIGITS}}" for number in place)
    run = RUN.format(magic=importlib.util.MAGIC_NUMBER.hex(), offset=offset, length=length)
    return HEAD.format(python=shlex.quote(interpreter()), run=run).encode()


def build_executable(path: Path, compiled: bool = False) -> Path:
    """Write it, executable. CompileError."""
    from sandbox.platform.lane.build import build

    stub = Path(build())
    archive = Archive(len(head((0, 0))))
    code = ByteCode()
    index: dict[str, object] = {"modules": code.table, "pieces": code.pieces}
    index["code"] = archive.add("modules", bytes(code.code))
    stub_name = str(stub.relative_to(ROOT))
    index["files"] = {stub_name: archive.add(stub_name, stub.read_bytes())}
    if compiled:
        build_compiled(EVERYTHING)
        library = EVERYTHING.library_path.read_bytes()
        digest = hashlib.sha256(library).hexdigest()
        names = tuple(map(module_name, EVERYTHING.modules()))
        place = archive.add(EVERYTHING.library, library)
        index["compiled"] = (EVERYTHING.library, SUFFIX, digest, place, names)
    main = compile(stripped(MAIN.read_text()), MAIN.name, "exec", dont_inherit=True)
    front = archive.add("front", marshal.dumps((main, index)))
    archive.add("__main__.py", FALLBACK)
    for package in PACKAGES:
        for module in sorted((ROOT / package).rglob("*.py")):
            archive.add(str(module.relative_to(ROOT)), module.read_text())
    archive.add("LICENSE", (ROOT / "LICENSE").read_bytes())
    temporary = path.with_suffix(".new")
    temporary.write_bytes(archive.finish(head(front)))
    temporary.chmod(0o755)
    temporary.replace(path)
    return path
