"""What the one-file executable (build_executable.py) runs first: imports our packages from the file itself.

`fd` is the file, open, `archive` its path, and `index` says where in it things are: `modules` maps a module's name to
(is a package, offset, length) in the byte code, which is one piece, `code`; `pieces` has for a verb's
module (offset, length) in it of what is executed before a module; `files` are others, by path. An executable
built with COMPILED=1 has `compiled` too: what `Library` says, and the shared library itself, as a file. That cannot be
loaded from here: it is unpacked once, into a cache directory of the user's. Where that is impossible, everything runs
interpreted.
"""

# ruff: noqa: E402, F821
import posix
import sys
from _frozen_importlib import ModuleSpec, module_from_spec
from marshal import loads

fd: int
archive: str
index: dict[str, object]

HIGH = 500  # a descriptor that nobody counts on: those of --preserve-fds are below
LATE = ("sandbox", "tcpip")  # packages of which a sentry imports modules when it can open no file any more
KEPT = 3  # libraries of other versions in the cache


def piece(place: tuple[int, int]) -> bytes:
    """`length` bytes at `offset` of the file. Read by one call: it is a local file, and complete."""
    offset, length = place
    data = posix.pread(fd, length, offset)
    if len(data) != length:
        raise OSError(f"{archive}: cut off")
    return data


class Modules:
    """Imports from `modules`, one at a time: a verb needs a tenth of them. `fd` is the file, which stays open; `code` where
    in it the byte code begins. What a start imports together is there again for each of `verbs`, in pieces: one for what the
    import of one module brings then, in the order of execution, so that neither strings that are in many modules nor the import
    system's questions take time for each of them."""

    def __init__(
        self,
        table: dict[str, tuple[bool, int, int]],
        verbs: dict[str, dict[str, tuple[int, int]]],
        fd: int,
        code: int,
        files: dict[str, bytes],
    ) -> None:
        self.table = table
        self.verbs = verbs
        self.pieces: dict[str, tuple[int, int]] = {}
        self.start = code
        self.files = files
        self.held: dict[str, memoryview] = {}
        self.held_pieces: dict[str, bytes] = {}
        self.path = archive if archive.startswith("/") else posix.getcwd() + "/" + archive
        self.identity = identity(fd)
        self.fd = out_of_the_way(fd)
        if self.fd < 0:
            self.fd = fd
            self.hold(("", *LATE))

    def descriptors(self) -> set[int]:
        """What must stay open until `hold`."""
        return set() if self.fd < 0 else {self.fd}

    def hold(self, packages: tuple[str, ...] = LATE) -> None:
        """Have in memory what has not been imported yet, of these packages ("": all), and let go of the file. ImportError."""
        together: list[str] = []  # beside each other in the file: one read each
        end = 0
        for name, (_, offset, length) in self.table.items():
            if name not in sys.modules and ("" in packages or name.partition(".")[0] in packages):
                if offset != end:
                    self.hold_these(together)
                    together = []
                together.append(name)
                end = offset + length
        self.hold_these(together)
        for name, place in self.pieces.items():
            if name not in sys.modules:
                self.held_pieces[name] = self.read(name, *place)
        posix.close(self.fd)
        self.fd = -1

    def hold_these(self, together: list[str]) -> None:
        places = [self.table[name][1:] for name in together]
        start = places[0][0] if places else 0
        data = memoryview(self.read(together[0], start, sum(length for _, length in places)) if places else b"")
        for name, (offset, length) in zip(together, places, strict=True):
            self.held[name] = data[offset - start :][:length]

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Of the byte code. Who has closed what it did not know opens the file again. ImportError."""
        try:
            data = posix.pread(self.fd, length, self.start + offset) if self.fd >= 0 else b""
        except OSError:
            data = b""
        if identity(self.fd) != self.identity or len(data) != length:
            data = self.read_again(length, self.start + offset)
            if identity(self.fd) != self.identity or len(data) != length:
                raise ImportError(f"{archive} was changed while it ran", name=name)
        return data

    def read_again(self, length: int, offset: int) -> bytes:
        """From the file opened once more. ImportError."""
        self.fd = -1
        try:
            self.fd = posix.open(self.path, posix.O_RDONLY | posix.O_CLOEXEC)
            return posix.pread(self.fd, length, offset)
        except OSError as error:
            raise ImportError(f"{archive}: {error}") from None

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
        name = module.__name__  # type: ignore[attr-defined]
        self.pieces = self.verbs.get(name, self.pieces)
        if name in self.pieces:
            self.exec_before(name)
        data = self.held.pop(name, None)
        exec(loads(self.read(name, *self.table[name][1:]) if data is None else data), module.__dict__)

    def exec_before(self, name: str) -> None:
        """Execute what the module's execution will import, but what has been imported, or whose package has not."""
        modules, place = sys.modules, self.pieces.pop(name)
        piece = self.held_pieces.pop(name, None)
        if piece is None:
            if self.fd < 0:
                return  # each is held, or read, by itself
            piece = self.read(name, *place)
        for needed, code in loads(piece):
            package, _, child = needed.rpartition(".")
            if needed in modules or (package and package not in modules):
                continue
            self.held.pop(needed, None)
            module = modules[needed] = module_from_spec(self.find_spec(needed))  # type: ignore[arg-type]
            try:
                exec(code, module.__dict__)
            except BaseException:
                del modules[needed]
                raise
            if package:
                setattr(modules[package], child, module)

    def get_data(self, path: str) -> bytes:
        return self.files[path.removeprefix(archive + "/")]


def identity(fd: int) -> tuple[int, int, int] | None:
    """Of an open file; None: that is not open."""
    try:
        status = posix.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size


def out_of_the_way(fd: int) -> int:
    """The file at HIGH; -1 where that is taken, or beyond what this process may have."""
    if identity(HIGH) is not None:
        return -1
    try:
        high = posix.dup2(fd, HIGH, inheritable=False)
    except OSError:
        return -1
    posix.close(fd)
    return high


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
    library = None
    if "compiled" in index:
        library = Library(*index["compiled"])  # type: ignore[misc]
        try:
            library.load()
        except (OSError, ImportError):
            library = None
    pieces = index["pieces"] if library is None else {}
    modules = Modules(index["modules"], pieces, fd, index["code"][0], files)  # type: ignore[arg-type, index]
    sys.meta_path.insert(0, modules)
    if library is not None:
        sys.meta_path.insert(0, library)


start()
from runsc.__main__ import run

run()
