"""The first process, and those that are started beside it: made out of nothing, where others are made by fork.

It is looked up as a shell would do it, and a failure says so with a shell's exit status.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.boot.host_checks import why_no_process
from sandbox.boot.options import Program
from sandbox.boot.start_failure import StartFailure
from sandbox.boot.stdio import open_stdio
from sandbox.errors import SyscallError
from sandbox.kernel import task_signals
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.fd_table import FDTable
from sandbox.kernel.fs_context import FSContext
from sandbox.kernel.rlimits import RLIMIT_NOFILE
from sandbox.kernel.sessions import ProcessGroup, Session
from sandbox.kernel.signal_queue import SignalHandlers
from sandbox.kernel.task import Task
from sandbox.kernel.task_exec import gain_rights
from sandbox.kernel.task_state import WORK_TRACE
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.kernel.time_namespace import arrive
from sandbox.kernel.user_namespace import INITIAL, NO_ID, UserNamespace
from sandbox.loader.image import ExecImage, prepare
from sandbox.loader.load import LoadResult, load
from sandbox.vfs.walk import DIRECTORY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.boot.console import Console
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.view import View
    from sandbox.platform.base import GuestThread
    from sandbox.vfs.file_description import FileDescription
    from tcpip.bpf.opcodes import Insn

SLASH: Final = ord("/")
NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
# What a container's root may do (the set that container engines agree on).
CONTAINER_CAPABILITIES: Final = sum(1 << n for n in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
RELATIVE: Final = "cannot run executable found relative to current directory"


class ProgramStart:
    """A process that the sandbox's operator starts: the first one (`first`), or one more beside it.

    With `hold` it waits, loaded, for `go`. `console` is there when it has a terminal. Exactly one of `failed` and
    `running` is called, from the event loop.
    """

    def __init__(
        self,
        kernel: Kernel,
        program: Program,
        failed: Callable[[StartFailure], None],
        running: Callable[[ProgramStart], None],
    ) -> None:
        self.kernel = kernel
        self.program = program
        self.view = kernel.view  # of the container that it belongs to
        self.first = False
        self.unkillable = False  # the first one of a container: signals without a handler are dropped
        self.cgroup = b""  # below the container's, where it begins; StartFailure when that is not there
        self.hold = False
        self.home = False  # it gets a HOME when its environment has none
        self.stdio: tuple[int, ...] = (0, 1, 2)  # host descriptors, the caller's to close
        self.more_fds: tuple[int, ...] = ()
        self.input: FileDescription | None = None  # in place of all of these: its only descriptor
        self.terminal = False  # those that are terminals become one of the sandbox's own
        self.window = bytes(8)
        self.seccomp: tuple[Insn, ...] = ()
        self.console: Console | None = None
        self.group: ThreadGroup | None = None
        self._failed = failed
        self._running = running
        self._thread: GuestThread

    def begin(self) -> None:
        """Make the process and load the program."""
        self.kernel.platform.new_space(self._made)

    def go(self) -> None:
        """Its first instruction."""
        task = self._thread.owner
        assert isinstance(task, Task)
        task_signals.return_to_guest(task)

    def _made(self, thread: GuestThread | None) -> None:
        if thread is None:
            self._failed(StartFailure(why_no_process("")))
            return
        self._thread = thread
        try:
            task = make_task(self, thread)
        except StartFailure as failure:
            thread.address_space().kill()
            self._failed(failure)
            return
        except SyscallError as error:
            thread.address_space().kill()
            self._failed(StartFailure(why_no_process(os.strerror(error.errno))))
            return
        try:
            if self.program.scheduling is not None:
                from sandbox.boot.scheduling import schedule

                schedule(task, self.program.scheduling)
            enter_directory(task, self.program.cwd)
            if self.input is not None:
                task.fds.install(self.input)
            else:
                self.console = open_stdio(task, self.stdio, self.more_fds, self.terminal, self.window, self.first)
            image = open_program(task, self.program, self.home)
        except StartFailure as failure:
            self._give_up(task, failure)
            return
        try:
            prepare(task, image)
            task.creds = gain_rights(task, image)  # as by execve(2): the file may be a set-user-ID one
        except SyscallError as error:
            self._loaded(task, image, error)
            return
        load(task, image, thread, lambda result: self._loaded(task, image, result))

    def _loaded(self, task: Task, image: ExecImage, result: LoadResult | SyscallError) -> None:
        if isinstance(result, SyscallError):
            image.release()
            self._give_up(task, why_not(self.program.argv[0], result))
            return
        task.mm = result.mm
        task.mm.user = task.creds.user
        if image.secure:
            task.mm.dumpable = task.kernel.settings.suid_dumpable
        task.comm = result.comm
        task.group.did_exec = True
        image.release()
        arrive(task)
        task.thread.set_regs(result.regs)
        if self.seccomp:
            from sandbox.seccomp.attach import install

            install(task, self.seccomp)
        self._running(self)
        if not self.hold:
            self.go()

    def _give_up(self, task: Task, failure: StartFailure) -> None:
        if not self.first:  # with the first one the whole sandbox ends
            task.group.begin_exit(failure.status << 8)
        self._failed(failure)


def make_task(start: ProgramStart, thread: GuestThread) -> Task:
    """The process, with nothing in its memory yet. EAGAIN at the sandbox's limit."""
    kernel, program = start.kernel, start.program
    view = start.view
    cgroup = cgroup_at(view, start.cgroup)
    creds = credentials_of(program, view.user)
    pids = view.pids
    ids = pids.allocate()
    group = ThreadGroup(kernel, ids, None, SignalHandlers(), view)
    group.is_init = start.first and pids.init is None
    group.unkillable = start.unkillable and group.is_init
    group.oom_score_adj = group.least_oom_score_adj = program.oom_score_adj
    for number, (soft, hard) in program.rlimits.items():
        group.rlimits.set(number, soft, hard)
    task = Task(kernel, ids, group, thread, creds)
    creds.user.users += 1
    if task.ns is not view.namespaces:
        task.ns.drop()
        task.ns = view.namespaces.acquire()
    thread.owner = task
    group.leader = task
    group.tasks[task] = None
    pids.tasks[ids.number] = task
    pids.groups[ids.number] = group
    group.cgroup = cgroup
    cgroup.enter(group)
    task.work |= cgroup.first_work()
    if start.first:
        view.first = group
    if group.is_init:
        pids.init = group
    ProcessGroup(Session(group), group).join(group)
    kernel.enter_space(task, thread.address_space())
    task.no_new_privs = program.no_new_privs
    task.personality = view.personality
    if view.processors:
        task.affinity = view.processors
        thread.set_affinity(view.processors)
    root = view.mounts.root_path()
    task.fs = FSContext(root, root, program.umask)
    task.fds = FDTable(group.rlimits.get(RLIMIT_NOFILE))
    if kernel.trace is not None:
        task.work |= WORK_TRACE
    start.group = group
    return task


def cgroup_at(view: View, path: bytes) -> Cgroup:
    """The container's own group, or one below it. StartFailure where a process cannot be (cgroups(7): no internal
    processes, thread mode)."""
    cgroup: Cgroup | None = view.cgroup
    for name in path.split(b"/"):
        if name not in (b"", b".") and cgroup is not None:
            cgroup = cgroup.children.get(name)
    what = f"control group {os.fsdecode(path)}"
    if cgroup is None:
        raise StartFailure(f"{what}: {os.strerror(errno.ENOENT)}")
    if cgroup is not view.cgroup:
        from sandbox.kernel.cgroup.kinds import check_target

        try:
            check_target(cgroup)
            if cgroup.threaded():
                raise SyscallError(errno.EOPNOTSUPP)
        except SyscallError as error:
            raise StartFailure(f"{what}: {os.strerror(error.errno)}") from None
    return cgroup


def credentials_of(program: Program, user: UserNamespace) -> Credentials:
    """Of the program once it is executed in `user` (capabilities(7): transformation during execve). StartFailure for an id
    that is not mapped there."""
    sets = program.capability_sets
    if sets is None:
        caps = CONTAINER_CAPABILITIES
        creds = Credentials(program.uid, program.gid, program.groups, caps if program.uid == 0 else 0)
        creds.bounding = caps
        return creds
    creds = Credentials(program.uid, program.gid, program.groups, 0)
    if user is not INITIAL:
        uid, gid = user.uids.to_kernel(program.uid), user.gids.to_kernel(program.gid)
        groups = tuple(sorted(user.gids.to_kernel(number) for number in program.groups))
        if NO_ID in (uid, gid, *groups):
            raise StartFailure(f"user {program.uid}:{program.gid}: not in linux.uidMappings and gidMappings")
        creds = Credentials(uid, gid, groups, 0)
        creds.user = user
    creds.bounding, creds.effective, creds.inheritable, creds.permitted, creds.ambient = sets
    creds.ambient &= creds.permitted & creds.inheritable
    return creds.after_exec(None, None, program.no_new_privs)


def enter_directory(task: Task, cwd: bytes) -> None:
    """The working directory; StartFailure when it cannot be entered, neither by root of the sandbox, whatever the process may
    (as with runc: a program that is let into a directory), nor by the process (a host directory that only it may enter)."""
    own, task.creds = task.creds, Credentials(0, 0)
    try:
        try:
            found = lookup(task, AT_FDCWD, cwd, FOLLOW | DIRECTORY)
        except SyscallError:
            task.creds = own
            found = lookup(task, AT_FDCWD, cwd, FOLLOW | DIRECTORY)
        finally:
            task.creds = own
        task.fs.set_cwd(found)
    except SyscallError as error:
        raise StartFailure(f"working directory {os.fsdecode(cwd)}: {os.strerror(error.errno)}") from None


def open_program(task: Task, program: Program, home: bool) -> ExecImage:
    """The program file. StartFailure."""
    env = program.env
    if home:
        from sandbox.boot.home import with_home

        env = with_home(task, env, program.uid)
    path = find_program(task, program)
    try:
        file = open_for_exec(task, path)
    except SyscallError as error:
        raise why_not(program.file or program.argv[0], error) from None
    return ExecImage(file, path, list(program.argv), list(env), open_for_exec)


def find_program(task: Task, program: Program) -> bytes:
    """Its path, searched for in PATH when its name has no slash, as runc does with Go's exec.LookPath: what may be executed by
    nobody is passed over, and nothing is run out of the working directory. StartFailure."""
    name = program.file or program.argv[0]
    searched = candidates(program)
    if searched is None:
        return name
    for path in searched:
        if is_executable(task, path):
            if path[0] != SLASH:
                raise StartFailure(f"{os.fsdecode(name)}: {RELATIVE}", NOT_EXECUTABLE)
            return path
    raise why_not(name, SyscallError(errno.ENOENT))


def is_executable(task: Task, path: bytes) -> bool:
    """It is there, and somebody may execute it."""
    try:
        inode = lookup(task, AT_FDCWD, path, FOLLOW).inode
    except SyscallError:
        return False
    return not inode.is_dir() and bool(inode.mode & 0o111)


def open_for_exec(task: Task, path: bytes) -> FileDescription:
    """ENOENT, EACCES … as execve(2) has them."""
    return task.kernel.open_exec(task, AT_FDCWD, path, 0)


def candidates(program: Program) -> list[bytes] | None:
    """Paths to try, in order; None where nothing is searched for."""
    name = program.file or program.argv[0]
    if b"/" in name or not name or not program.search:
        return None
    search = b""
    for item in program.env:
        if item.startswith(b"PATH="):
            search = item[5:]
    return [(directory or b".") + b"/" + name for directory in search.split(b":")] if search else []


def why_not(name: bytes, error: SyscallError) -> StartFailure:
    """The line and the exit status for a program that cannot be started."""
    text = os.fsdecode(name)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        where = "no such file or directory" if b"/" in name else "executable file not found in PATH"
        return StartFailure(f"{text}: {where}, or no interpreter for it", NOT_FOUND)
    return StartFailure(f"{text}: {os.strerror(error.errno)}", NOT_EXECUTABLE)
