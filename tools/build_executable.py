"""runsc as one file: a zip archive with an interpreter line, modules compiled ahead, the guest stub inside.

A start is mostly importing, so all byte code lies in one member, `modules`, that a small importer in
`__main__` (executable_main.py) reads at once: a third of what importing module by module from a directory
takes. Another Python version than the builder's cannot use that byte code; then the sources in the archive
are imported, slower. With `compiled` the library of the compiled modules is in it, too. Third-party packages are not in it; what needs one (a tap device, say) finds the system's, or says
that there is none.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import zipfile
from pathlib import Path
from typing import Final

from tools.build_compiled import EVERYTHING, SUFFIX, build_compiled, module_name
from tools.labels import ROOT

HEAD: Final = b"#!/usr/bin/env -S python3 -I -S\n"
PACKAGES: Final = ("tcpip", "sandbox", "runsc")
DATE: Final = (2020, 1, 1, 0, 0, 0)
MAIN: Final = ROOT / "tools" / "executable_main.py"


def module_table() -> dict[str, tuple[bool, bytes]]:
    """Every module of ours: whether it is a package, and its byte code."""
    table = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            is_package = path.name == "__init__.py"
            code = compile(path.read_text(), str(path.relative_to(ROOT)), "exec", dont_inherit=True)
            table[name.removesuffix(".__init__")] = (is_package, marshal.dumps(code))
    return table


def build_executable(path: Path, compiled: bool = False) -> Path:
    """Write it, executable. CompileError."""
    from sandbox.platform.lane.build import build

    stub = Path(build())
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(HEAD)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

            def add(name: str, data: bytes | str) -> None:
                archive.writestr(zipfile.ZipInfo(name, DATE), data)

            add("__main__.py", MAIN.read_text())
            add("magic", importlib.util.MAGIC_NUMBER)
            add("modules", marshal.dumps(module_table()))
            if compiled:
                build_compiled(EVERYTHING)
                library = EVERYTHING.library_path.read_bytes()
                digest = hashlib.sha256(library).hexdigest()
                names = tuple(map(module_name, EVERYTHING.modules()))
                add("compiled", marshal.dumps((EVERYTHING.library, SUFFIX, digest, len(library), names)))
                add(EVERYTHING.library, library)
            for package in PACKAGES:
                for module in sorted((ROOT / package).rglob("*.py")):
                    add(str(module.relative_to(ROOT)), module.read_text())
            add(str(stub.relative_to(ROOT)), stub.read_bytes())
            add("LICENSE", (ROOT / "LICENSE").read_bytes())
    temporary.chmod(0o755)
    temporary.replace(path)
    return path
