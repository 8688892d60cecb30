"""runsc as one file: a zip archive with an interpreter line, modules compiled ahead, the guest stub inside.

Stored uncompressed, because unpacking costs more at each start than reading. Both source and byte code are in it:
another Python version than the builder's ignores the byte code and starts slower. Third-party packages are not in it;
what needs one (a tap device, say) finds the system's and says so if there is none.
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
MAIN: Final = "from runsc.__main__ import main\nimport sys\nsys.exit(main())\n"
DATE: Final = (2020, 1, 1, 0, 0, 0)
UNCHECKED: Final = 0b01  # PEP 552: a hash-based file that is not checked against its source


def compiled(source: str, name: str) -> bytes:
    """The .pyc of a module (optimised as -O would not: assertions stay)."""
    code = compile(source, name, "exec", dont_inherit=True)
    flags = UNCHECKED.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source.encode()) + marshal.dumps(code)


def build_executable(path: Path) -> Path:
    """Write it, executable."""
    from sandbox.platform.lane.build import build

    stub = Path(build())
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(HEAD)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for package in PACKAGES:
                for module in sorted((ROOT / package).rglob("*.py")):
                    name = str(module.relative_to(ROOT))
                    source = module.read_text()
                    archive.writestr(zipfile.ZipInfo(name, DATE), source)
                    archive.writestr(zipfile.ZipInfo(name + "c", DATE), compiled(source, name))
            archive.writestr(zipfile.ZipInfo(str(stub.relative_to(ROOT)), DATE), stub.read_bytes())
            archive.writestr(zipfile.ZipInfo("LICENSE", DATE), (ROOT / "LICENSE").read_bytes())
            archive.writestr(zipfile.ZipInfo("__main__.py", DATE), MAIN)
            archive.writestr(zipfile.ZipInfo("__main__.pyc", DATE), compiled(MAIN, "__main__.py"))
    temporary.chmod(0o755)
    temporary.replace(path)
    return path
