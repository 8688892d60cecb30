"""The wheel `stackbox-tcpip`: the netstack alone, pure Python or compiled, written directly (PEP 427, PEP 566)."""

from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Final

from tools.build_compiled import NETSTACK, build_compiled
from tools.labels import ROOT

NAME: Final = "stackbox_tcpip"
DATE: Final = (2020, 1, 1, 0, 0, 0)
DEPENDENCIES: Final = ("python-pytun", "dpkt")  # taps, captures: imported when they are used
SCRIPTS: Final = "[console_scripts]\ntcpip = tcpip.__main__:main\n"
WHEEL: Final = "Wheel-Version: 1.0\nGenerator: stackbox\nRoot-Is-Purelib: {}\nTag: {}\n"
PURE_TAG: Final = "py3-none-any"


def metadata(project: dict[str, object], readme: str) -> str:
    """METADATA."""
    wanted = project["dependencies"]
    assert isinstance(wanted, list)
    requires = [text for text in wanted if text.startswith(DEPENDENCIES)]
    lines = [
        "Metadata-Version: 2.1",
        "Name: stackbox-tcpip",
        f"Version: {project['version']}",
        "Summary: A TCP/IP stack in Python: sans-I/O, typed, with links, adapters and tools",
        "License: Apache-2.0",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {text}" for text in requires),
        "Description-Content-Type: text/markdown",
        "",
        readme,
    ]
    return "\n".join(lines)


def record_line(name: str, data: bytes) -> str:
    """One line of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def compiled_tag() -> str:
    """For this Python on this platform."""
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    return f"{python}-{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def build_wheel(folder: Path, compiled: bool = False) -> Path:
    """Write it into `folder`. CompileError."""
    source = build_compiled(NETSTACK) if compiled else ROOT
    tag = compiled_tag() if compiled else PURE_TAG
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = f"{NAME}-{project['version']}.dist-info"
    readme = ROOT / "tcpip" / "README.md"
    files: dict[str, bytes] = {}
    for path in sorted((*(source / "tcpip").rglob("*"), *source.glob(f"{NETSTACK.library}.*"))):
        if path.is_file() and path.suffix in (".py", ".md", ".so") or path.name == "py.typed":
            files[str(path.relative_to(source))] = path.read_bytes()
    files[f"{info}/METADATA"] = metadata(project, readme.read_text() if readme.exists() else "").encode()
    files[f"{info}/WHEEL"] = WHEEL.format(str(not compiled).lower(), tag).encode()
    files[f"{info}/entry_points.txt"] = SCRIPTS.encode()
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = "".join(record_line(name, data) for name, data in files.items()) + f"{info}/RECORD,,\n"
    files[f"{info}/RECORD"] = record.encode()
    wheel = folder / f"{NAME}-{project['version']}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return wheel
