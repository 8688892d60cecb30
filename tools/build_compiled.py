"""`make build TARGETS=compiled`: the hot modules of tcpip and sandbox compiled with mypyc, from the same sources.

`build/compiled/` becomes a tree of the packages in which each module that `modules` names has an extension module
beside its source: it runs compiled where that tree comes first on `sys.path`, and nothing is written into the source
tree. All of them are one group, one shared library in which calls between modules are calls of C; the extension modules
only fetch themselves from there.

What has not changed is not compiled again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tools.labels import ROOT

# What stays interpreted: what runs once or waits for people, and what must.
INTERPRETED: Final = (
    "tcpip/adapters/",
    "tcpip/cli/",
    "tcpip/native.py",  # must be
    "tcpip/keyed_hash.py",  # must be: mypyc takes TYPE_CHECKING for true
    "sandbox/boot/",
    "sandbox/checkpoint/",
    "sandbox/host_signal.py",  # must be: mypyc takes TYPE_CHECKING for true
    "sandbox/gateway/networks.py",
    "sandbox/gateway/capture.py",
    "sandbox/platform/lane/build.py",  # must be: it asks its loader for the stub
    "runsc/",
)
SUFFIX: Final[str] = sysconfig.get_config_var("EXT_SUFFIX")
CFLAGS: Final = ("-fPIC", "-fvisibility=hidden", "-fwrapv", "-DNDEBUG")
STAMP: Final = ".stamp"
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__")


class CompileError(Exception):
    """`str()` is what the compiler says."""


class Group:
    """Packages that are compiled together. `folder` is where the tree goes."""

    def __init__(self, name: str, packages: tuple[str, ...], folder: Path) -> None:
        self.name = name
        self.packages = packages
        self.folder = folder
        self.work = folder.with_name(f"{folder.name}.work")
        self.library = f"{name}__mypyc"
        self.library_path = folder / (self.library + SUFFIX)

    def modules(self) -> list[str]:
        """Paths of what is compiled, relative to the repository. A package's `__init__` only says what it is."""
        paths = [path for package in self.packages for path in sorted((ROOT / package).rglob("*.py"))]
        names = [str(path.relative_to(ROOT)) for path in paths if path.stem not in ("__init__", "__main__")]
        return [name for name in names if not name.startswith(INTERPRETED)]

    def stamp(self) -> str:
        """Changes with whatever goes into the result."""
        from mypy.version import __version__

        digest = hashlib.sha256(f"{sys.version} {__version__} {os.environ.get('CC', '')}".encode())
        sources = [path for package in self.packages for path in sorted((ROOT / package).rglob("*"))]
        for path in (Path(__file__), ROOT / "pyproject.toml", *sources):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path}\0".encode() + path.read_bytes())
        return digest.hexdigest()

    def is_built(self) -> bool:
        """The tree is there and made from what the repository holds now."""
        stamp = self.folder / STAMP
        return stamp.exists() and stamp.read_text() == self.stamp()


EVERYTHING: Final = Group("stackbox", ("tcpip", "sandbox", "runsc"), ROOT / "build" / "compiled")
NETSTACK: Final = Group("stackbox_tcpip", ("tcpip",), ROOT / "build" / "compiled-tcpip")


def module_name(path: str) -> str:
    """`tcpip/addr.py` → `tcpip.addr`."""
    return path.removesuffix(".py").replace("/", ".")


def run(command: list[str]) -> None:
    """CompileError with the compiler's words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise CompileError(f"no C compiler ({command[0]}): install gcc") from None
    if done.returncode != 0:
        raise CompileError(f"{' '.join(command)}\n{done.stderr.strip()}")


class Extension:
    """One extension module: its C files, and how they are compiled."""

    def __init__(self, name: str, sources: list[str], options: list[str]) -> None:
        self.name = name
        self.sources = sources
        self.options = options


def generate(group: Group) -> list[Extension]:
    """Write the C of every module."""
    from mypyc.build import mypycify

    os.chdir(ROOT)
    modules = group.modules()
    made = mypycify(
        ["--config-file=pyproject.toml", "--no-warn-unused-configs", *modules],
        opt_level="3",
        debug_level="0",
        multi_file=True,
        target_dir=str(group.work),
        group_name=group.name,
    )
    include = [f"-I{sysconfig.get_path('include')}"]
    return [
        Extension(e.name, list(e.sources), [*e.extra_compile_args, *(f"-I{d}" for d in e.include_dirs), *include])
        for e in made
    ]


def compile_one(source: str, options: list[str], headers: float) -> str:
    """The object file; compiled again only when it is older than the source or the headers."""
    path = Path(source)
    out = path.with_suffix(".o")
    if not out.exists() or out.stat().st_mtime <= max(headers, path.stat().st_mtime):
        temporary = path.with_suffix(".tmp.o")
        run([os.environ.get("CC", "cc"), *CFLAGS, *options, "-c", source, "-o", str(temporary)])
        temporary.replace(out)
    return str(out)


def build_compiled(group: Group) -> Path:
    """The tree. Raises CompileError."""
    if group.is_built():
        return group.folder
    wanted = group.stamp()
    group.work.mkdir(parents=True, exist_ok=True)
    extensions = generate(group)
    headers = max(path.stat().st_mtime for path in group.work.rglob("*.h"))
    shutil.rmtree(group.folder, ignore_errors=True)
    for package in group.packages:
        shutil.copytree(ROOT / package, group.folder / package, ignore=LEFT_OUT)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs: list[tuple[Extension, list[Future[str]]]] = [
            (e, [pool.submit(compile_one, source, e.options, headers) for source in e.sources]) for e in extensions
        ]
        try:
            for extension, objects in jobs:
                out = group.folder / (extension.name.replace(".", "/") + SUFFIX)
                cc = os.environ.get("CC", "cc")
                run([cc, "-shared", "-Wl,-O1", "-s", *(job.result() for job in objects), "-o", str(out)])
        except CompileError:
            pool.shutdown(cancel_futures=True)
            raise
    (group.folder / STAMP).write_text(wanted)
    return group.folder


def compiled_environ(folder: Path) -> dict[str, str]:
    """The environment in which Python takes the packages from a tree that `build_compiled` has made."""
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
