"""What the one-file executable (build_executable.py) runs first: imports our packages from the file itself.

`fd` is the file, open, `archive` its path, and `index` says where in it things are: `modules` maps a module's name to
(is a package, offset, length) in the byte code, which is one piece, `code`; `files` are others, by path. An executable
built with COMPILED=1 has `compiled` too: what `Library` says, and the shared library itself, as a file. That cannot be
loaded from here: it is unpacked once, into a cache directory of the user's. Where that is impossible, everything runs
interpreted.
"""

# ruff: noqa: E402, F821
import posix
import sys
from _frozen_importlib import ModuleSpec
from marshal import loads

fd: int
archive: str
index: dict[str, object]

KEPT = 3  # libraries of other versions in the cache


def piece(place: tuple[int, int]) -> bytes:
    """`length` bytes at `offset` of the file. Read by one call: it is a local file, and complete."""
    offset, length = place
    data = posix.pread(fd, length, offset)
    if len(data) != length:
        raise OSError(f"{archive}: cut off")
    return data


class Modules:
    """Imports from `modules`."""

    def __init__(self, table: dict[str, tuple[bool, int, int]], code: bytes, files: dict[str, bytes]) -> None:
        self.table = table
        self.code = memoryview(code)
        self.files = files

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        entry = self.table.get(name)
        if entry is None:
            return None
        spec = ModuleSpec(name, self, is_package=entry[0])  # type: ignore[arg-type]
        spec.origin = archive + "/" + name.replace(".", "/") + ("/__init__.py" if entry[0] else ".py")
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: object) -> None:
        _, offset, length = self.table[module.__name__]  # type: ignore[attr-defined]
        exec(loads(self.code[offset : offset + length]), module.__dict__)

    def get_data(self, path: str) -> bytes:
        return self.files[path.removeprefix(archive + "/")]


class Library:
    """Imports from a shared library in which mypyc has put `modules`. `suffix` tells the Python that it is for, `digest`
    its contents."""

    def __init__(self, name: str, suffix: str, digest: str, place: tuple[int, int], modules: tuple[str, ...]) -> None:
        self.name = name
        self.suffix = suffix
        self.digest = digest
        self.place = place
        self.size = place[1]
        self.modules = frozenset(modules)

    def load(self) -> None:
        """OSError, ImportError: it cannot be used here."""
        from _imp import create_dynamic, extension_suffixes

        if self.suffix not in extension_suffixes():
            raise ImportError(self.suffix)
        folder = cache_folder()
        fd = self.unpacked(folder)
        try:
            path = f"/proc/self/fd/{fd}"  # the file that was looked at, whatever its name stands for now
            self.library = create_dynamic(ModuleSpec(self.name, None, origin=path))
        finally:
            posix.close(fd)
        self.library.__file__ = f"{folder}/{self.digest}{self.suffix}"
        sys.modules[self.name] = self.library

    def unpacked(self, folder: str) -> int:
        """The file, open. It is ours, nobody else can write to it, and so is its directory."""
        check(posix.open(folder, posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC), None)
        path = f"{folder}/{self.digest}{self.suffix}"
        if not exists(path):
            temporary = f"{path}.{posix.getpid()}"
            fd = posix.open(temporary, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
            try:
                contents = memoryview(piece(self.place))
                while contents:
                    contents = contents[posix.write(fd, contents) :]
                posix.rename(temporary, path)
            except OSError:
                posix.unlink(temporary)
                raise
            finally:
                posix.close(fd)
            prune(folder, path)
        fd = check(posix.open(path, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC), self.size)
        try:
            posix.utime(fd)  # for `prune`
        except OSError:
            pass  # a file system that cannot be written
        return fd

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.modules:
            return None
        return ModuleSpec(name, self, origin=self.library.__file__)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> object:
        from ctypes import PYFUNCTYPE, c_char_p, c_void_p, py_object, pythonapi

        get_pointer = pythonapi.PyCapsule_GetPointer
        get_pointer.restype, get_pointer.argtypes = c_void_p, (py_object, c_char_p)
        attribute = "init_" + spec.name.replace("___", "___3_").replace(".", "___")
        init = get_pointer(getattr(self.library, attribute), f"{self.name}.{attribute}".encode())
        return PYFUNCTYPE(py_object)(init)()

    def exec_module(self, module: object) -> None:
        pass  # it was executed when it was created


def prune(folder: str, newest: str) -> None:
    """Remove all but `newest` and the KEPT others that were used last; also what a start that was killed had half unpacked.
    Who uses one has it open or mapped already; who was about to unpacks it again, or runs interpreted."""
    used = []
    for name in posix.listdir(folder):
        path = f"{folder}/{name}"
        if ".so" in name and path != newest:
            try:
                status = posix.lstat(path)
            except FileNotFoundError:
                continue
            if status.st_mode & 0o170000 == 0o100000:
                used.append((status.st_mtime_ns, path))
    used.sort(reverse=True)
    for _, path in used[KEPT:]:
        try:
            posix.unlink(path)
        except FileNotFoundError:
            pass


def exists(path: str) -> bool:
    try:
        posix.lstat(path)
    except FileNotFoundError:
        return False
    return True


def check(fd: int, size: int | None) -> int:
    """The descriptor, of a file of that size (None: a directory, which is closed) that only we can write to."""
    status = posix.fstat(fd)
    ours = status.st_uid == posix.geteuid() and not status.st_mode & (0o077 if size is None else 0o022)
    if size is None or not ours or status.st_size != size:
        posix.close(fd)
    if not ours or (size is not None and status.st_size != size):
        raise PermissionError("not ours")
    return fd


def os_text(variable: bytes) -> str:
    return posix.environ.get(variable, b"").decode(sys.getfilesystemencoding(), "surrogateescape")


def cache_folder() -> str:
    """Made if need be. Root's does not follow the environment, which may be another user's."""
    if posix.geteuid() == 0:
        above = "/var/cache"
    else:
        above = os_text(b"XDG_CACHE_HOME") or os_text(b"HOME") + "/.cache"
    for folder in (above, above + "/stackbox"):
        try:
            posix.mkdir(folder, 0o700)
        except FileExistsError:
            pass
    return above + "/stackbox"


def start() -> None:
    """Make our packages importable."""
    files = {path: piece(place) for path, place in index["files"].items()}  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Modules(index["modules"], piece(index["code"]), files))  # type: ignore[arg-type]
    if "compiled" in index:
        try:
            library = Library(*index["compiled"])  # type: ignore[misc]
            library.load()
            sys.meta_path.insert(0, library)
        except (OSError, ImportError):
            pass
    posix.close(fd)


start()
from runsc.__main__ import run

run()
