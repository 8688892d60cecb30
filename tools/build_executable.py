"""runsc as one file: a zip archive with an interpreter line, modules compiled ahead, the guest stub inside.

A start is mostly importing, so all byte code lies in one member, `modules`, that a small importer in
`__main__` reads at once: a third of what importing module by module from a directory takes. Another
Python version than the builder's cannot use that byte code; then the sources in the archive are imported,
slower. Third-party packages are not in it; what needs one (a tap device, say) finds the system's, or says
that there is none.
"""

from __future__ import annotations

import importlib.util
import marshal
import zipfile
from pathlib import Path
from typing import Final

from tools.labels import ROOT

HEAD: Final = b"#!/usr/bin/env -S python3 -I -S\n"
PACKAGES: Final = ("tcpip", "sandbox", "runsc")
DATE: Final = (2020, 1, 1, 0, 0, 0)
MAIN: Final = '''
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
from marshal import loads

archive = __loader__.archive


class Modules:
    """Imports the packages in `modules`: a dictionary from name to (is a package, byte code)."""

    def __init__(self, table):
        self.table = table

    def find_spec(self, name, path=None, target=None):
        entry = self.table.get(name)
        if entry is None:
            return None
        spec = ModuleSpec(name, self, is_package=entry[0])
        spec.origin = archive + "/" + name.replace(".", "/") + ("/__init__.py" if entry[0] else ".py")
        spec.has_location = True
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(loads(self.table[module.__name__][1]), module.__dict__)

    def get_data(self, path):
        return data(path)


data = __loader__.get_data
if data(archive + "/magic") == MAGIC_NUMBER:
    sys.meta_path.insert(0, Modules(loads(data(archive + "/modules"))))
from runsc.__main__ import main

sys.exit(main())
'''


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


def build_executable(path: Path) -> Path:
    """Write it, executable."""
    from sandbox.platform.lane.build import build

    stub = Path(build())
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(HEAD)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

            def add(name: str, data: bytes | str) -> None:
                archive.writestr(zipfile.ZipInfo(name, DATE), data)

            add("__main__.py", MAIN)
            add("magic", importlib.util.MAGIC_NUMBER)
            add("modules", marshal.dumps(module_table()))
            for package in PACKAGES:
                for module in sorted((ROOT / package).rglob("*.py")):
                    add(str(module.relative_to(ROOT)), module.read_text())
            add(str(stub.relative_to(ROOT)), stub.read_bytes())
            add("LICENSE", (ROOT / "LICENSE").read_bytes())
    temporary.chmod(0o755)
    temporary.replace(path)
    return path
