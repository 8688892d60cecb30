"""The service containerd.task.v2.Task: what containerd asks a shim (api/runtime/task/v2/shim.proto)."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import Callable, Final

from runsc.shim import rootfs, ttrpc
from runsc.shim.commands import Commands, errors_in, size_of
from runsc.shim.groups import enter
from runsc.shim.log import Log
from runsc.shim.loop import Loop
from runsc.shim.options import ROOT_NAME, Options, checkpoint_options, options_of
from runsc.shim.protobuf import Fields, any_of, message
from runsc.shim.publish import Publisher
from runsc.shim.stdio import Streams
from runsc.shim.task import PAUSED, RUNNING, STOPPED, THROTTLING, Process, Task, delete_event, exit_event, metrics
from runsc.shim.ttrpc import CallError, Request
from sandbox.boot.exit_status import OOM_LINE, STATUS_NAME, exit_status

SERVICE: Final = "containerd.task.v2.Task"
VERSION: Final = "v2"
NAMED: Final = ("create", "restore", "start", "exec")  # whose failures are told as containerd's shim of runc tells them
METRICS: Final = "io.containerd.cgroups.v1.Metrics"
PROCESS_DETAILS: Final = "containerd.runc.v1.ProcessDetails"
STATUS_MOST: Final = 64
LOG: Final = "log.json"  # in the bundle: of the runtime's commands, and of the sandbox
EARLY_MOST: Final = 64  # ends of processes that nobody knows yet
FAILED: Final = 255  # the status of what did not come to be
CONSOLE: Final = "console-{}.sock"


class Service:
    """One for each shim: a pod's containers, or one container. `done` is called when it is told to shut down."""

    def __init__(self, loop: Loop, publisher: Publisher, log: Log, root: str, done: Callable[[], None]) -> None:
        self.loop = loop
        self.publisher = publisher
        self.log = log
        self.tasks: dict[str, Task] = {}
        self._root = root
        self._done = done
        self._early: dict[int, int] = {}  # of processes that have ended while others were started
        self._launches = 0  # commands under way that start a process
        self._numbers = count()
        self._options: dict[str, Options] = {}
        loop.on_child = self._child_ended
        self._commands = Commands(loop, [])
        self._methods: dict[str, Callable[[Request], None]] = {
            "Create": self._create,
            "Start": self._start,
            "Delete": self._delete,
            "Exec": self._exec,
            "State": self._state,
            "Kill": self._kill,
            "Wait": self._wait,
            "Pids": self._pids,
            "Stats": self._stats,
            "Pause": self._pause,
            "Resume": self._resume,
            "Update": self._update,
            "Checkpoint": self._checkpoint,
            "ResizePty": self._resize,
            "CloseIO": self._close_input,
            "Connect": self._connect,
            "Shutdown": self._shutdown,
        }

    def serve(self, request: Request) -> None:
        """One request."""
        method = self._methods.get(request.method) if request.service == SERVICE else None
        if method is None:
            raise CallError(ttrpc.UNIMPLEMENTED, f"/{request.service}/{request.method} is not supported")
        method(request)

    # --- what there is ---

    def _task(self, name: str) -> Task:
        task = self.tasks.get(name)
        if task is None:
            raise CallError(ttrpc.NOT_FOUND, f"container {name}: not found")
        return task

    def _process(self, request: Request) -> tuple[Task, Process]:
        """Of `id` and `exec_id`, which most requests begin with."""
        task, exec_id = self._task(request.body.text(1)), request.body.text(2)
        process = task.others.get(exec_id) if exec_id else task.first
        if process is None:
            raise CallError(ttrpc.NOT_FOUND, f"process {exec_id}: not found")
        return task, process

    def _run(
        self,
        task: Task,
        request: Request,
        words: list[str],
        done: Callable[[bytes], None],
        stdio: tuple[int, int, int] | None = None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """A command for a task; when it fails the request is refused with what its log says."""
        log = os.path.join(task.bundle, LOG)
        begin = size_of(log)
        options = self._options[task.name]
        flags = [f"--root={self._root_of(options)}", f"--log={log}", "--log-format=json", *options.flags]

        def ended(status: int, output: bytes) -> None:
            try:
                if status == 0:
                    done(output)
                    return
                failed()
            except Exception as error:  # noqa: BLE001
                request.failed(error)
                return
            task.told = size_of(log)
            text = next(reversed(errors_in(log, begin)), "") or f"runsc {words[0]}: exit status {status}"
            if words[0] in NAMED:
                text = f"OCI runtime {words[0]} failed: {text}"
            gone = "container not running" in text or "does not exist" in text
            request.refuse(ttrpc.NOT_FOUND if gone else ttrpc.UNKNOWN, f"{text}: not found" if gone else text)

        self._commands.run([*flags, *words], ended, stdio)

    def _root_of(self, options: Options) -> str:
        """Where the runtime keeps a container's state: each of containerd's namespaces has its own directory."""
        return os.path.join(options.root, os.path.basename(self._root)) if options.root else self._root

    # --- the life of a task ---

    def _create(self, request: Request) -> None:
        body = request.body
        name, bundle, terminal = body.text(1), body.text(2), bool(body.number(4))
        if name in self.tasks:
            raise CallError(ttrpc.ALREADY_EXISTS, f"container {name}: already exists")
        options = options_of(body.inner(10))
        streams = Streams(self.loop, body.text(5), body.text(6), body.text(7), terminal, options.owner)
        task = Task(name, bundle, Process(streams), body.text(8))
        mounts = [Fields(data) for data in body.all(3)]
        if options.shim_group and not self.tasks:
            enter(options.shim_group)
        if options.root:
            with open(os.path.join(bundle, ROOT_NAME), "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(self._root_of(options))
        root = os.path.join(bundle, "rootfs")
        if mounts:
            os.makedirs(root, exist_ok=True)
            rootfs.mount_all(mounts, root)
        self.tasks[name], self._options[name] = task, options

        def undo() -> None:
            streams.close()
            del self.tasks[name], self._options[name]
            rootfs.unmount_all(root)

        def created(output: bytes) -> None:
            self._has_begun(task, task.first, "init.pid")
            request.answer(message((1, task.first.pid)))
            self.publisher.publish("/tasks/create", "TaskCreate", task.created_event(body))
            self._check_early(task.first)

        if task.image:  # it is there once it is started, as with containerd's own shim
            request.answer(message((1, 0)))
            self.publisher.publish("/tasks/create", "TaskCreate", task.created_event(body))
            return
        words = ["create", "--bundle", bundle, "--pid-file", os.path.join(bundle, "init.pid")]
        try:
            self._launch(task, request, task.first, words, [name], created, undo)
        except BaseException:
            undo()
            raise

    def _launch(
        self,
        task: Task,
        request: Request,
        process: Process,
        words: list[str],
        rest: list[str],
        done: Callable[[bytes], None],
        failed: Callable[[], None],
    ) -> None:
        """A command that starts a process on its streams."""
        stdio = process.streams.open()
        self._launches += 1

        def begun(output: bytes) -> None:
            try:
                done(output)
            finally:
                self._launched()

        def not_begun() -> None:
            self._launched()
            failed()

        try:
            if process.streams.terminal:
                path = os.path.join(task.bundle, CONSOLE.format(next(self._numbers)))
                process.streams.listen(path)
                words = [*words, "--console-socket", path]
            self._run(task, request, [*words, *rest], begun, stdio, not_begun)
        except BaseException:
            self._launched()
            raise
        finally:
            for fd in stdio:
                os.close(fd)

    def _launched(self) -> None:
        """Whose process it was is known. Numbers of others that have ended will be somebody else's."""
        self._launches -= 1
        if not self._launches:
            self._early.clear()

    def _has_begun(self, task: Task, process: Process, pid_file: str) -> None:
        with open(os.path.join(task.bundle, pid_file), encoding="ascii") as file:
            process.pid = int(file.read())

    def _start(self, request: Request) -> None:
        task, process = self._process(request)
        if process.exec_id:
            self._start_exec(request, task, process)
            return

        def started(output: bytes) -> None:
            process.streams.close_input()
            if process.status != STOPPED:
                process.status = RUNNING
            request.answer(message((1, process.pid)))
            self.publisher.publish("/tasks/start", "TaskStart", message((1, task.name), (2, process.pid)))

        if not task.image:
            self._run(task, request, ["start", task.name], started)
            return
        if process.pid or process.status == STOPPED:
            raise CallError(ttrpc.FAILED_PRECONDITION, f"container {task.name} was started already")

        def restored(output: bytes) -> None:
            self._has_begun(task, process, "init.pid")
            started(output)
            self._check_early(process)

        words = ["restore", "--detach", "--image-path", task.image, "--bundle", task.bundle]
        words += ["--pid-file", os.path.join(task.bundle, "init.pid")]
        self._launch(task, request, process, words, [task.name], restored, lambda: process.exited(FAILED))

    def _start_exec(self, request: Request, task: Task, process: Process) -> None:
        if process.pid or process.status == STOPPED:
            raise CallError(ttrpc.FAILED_PRECONDITION, f"process {process.exec_id} was started already")
        spec = os.path.join(task.bundle, f"{process.exec_id}-process.json")
        pid_file = f"{process.exec_id}.pid"
        with open(spec, "wb") as file:
            file.write(process.spec)

        def started(output: bytes) -> None:
            os.unlink(spec)
            self._has_begun(task, process, pid_file)
            process.streams.close_input()
            process.status = RUNNING
            request.answer(message((1, process.pid)))
            event = message((1, task.name), (2, process.exec_id), (3, process.pid))
            self.publisher.publish("/tasks/exec-started", "TaskExecStarted", event)
            self._check_early(process)

        def failed() -> None:
            os.unlink(spec)
            process.exited(FAILED)

        words = ["exec", "--detach", "--process", spec, "--pid-file", os.path.join(task.bundle, pid_file)]
        self._launch(task, request, process, words, [task.name], started, failed)

    def _exec(self, request: Request) -> None:
        body = request.body
        task, exec_id = self._task(body.text(1)), body.text(2)
        if not exec_id or "/" in exec_id or exec_id in task.others:
            raise CallError(ttrpc.ALREADY_EXISTS if exec_id in task.others else ttrpc.INVALID_ARGUMENT, f"id {exec_id}")
        owner = self._options[task.name].owner
        streams = Streams(self.loop, body.text(4), body.text(5), body.text(6), bool(body.number(3)), owner)
        task.others[exec_id] = Process(streams, exec_id, body.inner(7).data(2))
        request.answer()
        self.publisher.publish("/tasks/exec-added", "TaskExecAdded", message((1, task.name), (2, exec_id)))

    def _delete(self, request: Request) -> None:
        task, process = self._process(request)
        if process.status != STOPPED and process.pid:
            raise CallError(ttrpc.FAILED_PRECONDITION, f"process {process.pid} runs")
        if process.exec_id:
            process.streams.close()
            del task.others[process.exec_id]
            request.answer(process.delete_response())
            return

        def deleted(output: bytes) -> None:
            self.tasks.pop(task.name, None)
            self._options.pop(task.name, None)
            rootfs.unmount_all(os.path.join(task.bundle, "rootfs"))
            request.answer(process.delete_response())
            self.publisher.publish("/tasks/delete", "TaskDelete", delete_event(task, process))

        self._run(task, request, ["delete", "--force", task.name], deleted)

    def _child_ended(self, pid: int, status: int) -> None:
        if self._commands.ended(pid, status):
            return
        for task in self.tasks.values():
            for process in (task.first, *task.others.values()):
                if process.pid == pid and process.status != STOPPED:
                    self._exited(task, process, status)
                    return
        if self._launches:
            self._early[pid] = status
        if len(self._early) > EARLY_MOST:
            del self._early[next(iter(self._early))]

    def _check_early(self, process: Process) -> None:
        """It may have ended before it was known which one it is."""
        status = self._early.pop(process.pid, None)
        if status is not None:
            self._child_ended(process.pid, status)

    def _exited(self, task: Task, process: Process, status: int) -> None:
        if process is task.first and self._lacked_memory(task.name):
            self.publisher.publish("/tasks/oom", "TaskOOM", message((1, task.name)))
        if process is task.first:
            for line in errors_in(os.path.join(task.bundle, LOG), task.told):
                self.log.error(line, task.name)
        process.exited(exit_status(status))
        self.publisher.publish("/tasks/exit", "TaskExit", exit_event(task, process))

    def _lacked_memory(self, name: str) -> bool:
        """Some process of a container that has ended was killed since there was too little memory."""
        try:
            with open(os.path.join(self._root_of(self._options[name]), name, STATUS_NAME), "rb") as file:
                return OOM_LINE in file.read(STATUS_MOST)
        except OSError:
            return False

    # --- questions and orders ---

    def _state(self, request: Request) -> None:
        task, process = self._process(request)
        request.answer(process.state_response(task.name, task.bundle))

    def _wait(self, request: Request) -> None:
        _, process = self._process(request)
        if process.status == STOPPED:
            request.answer(process.wait_response())
        else:
            process.waiting.append(request.answer)

    def _kill(self, request: Request) -> None:
        task, process = self._process(request)
        number, everybody = request.body.number(3), bool(request.body.number(4))
        if process.status == STOPPED and not everybody:
            raise CallError(ttrpc.NOT_FOUND, "process already finished: not found")
        if process.exec_id:
            if not process.pid:
                raise CallError(ttrpc.FAILED_PRECONDITION, f"process {process.exec_id} has not been started")
            os.kill(process.pid, number)
            request.answer()
            return
        words = ["kill", *(["--all"] if everybody else []), task.name, str(number)]
        self._run(task, request, words, lambda output: request.answer())

    def _pids(self, request: Request) -> None:
        task = self._task(request.body.text(1))
        named = {process.pid: exec_id for exec_id, process in task.others.items() if process.pid}

        def answer(output: bytes) -> None:
            rows = [message((1, int(pid))) for pid in json.loads(output)]
            for pid, exec_id in named.items():
                rows.append(message((1, pid), (2, any_of(PROCESS_DETAILS, message((1, exec_id))))))
            request.answer(message((1, rows)))

        self._run(task, request, ["ps", "--format", "json", task.name], answer)

    def _stats(self, request: Request) -> None:
        task = self._task(request.body.text(1))

        def answer(output: bytes) -> None:
            data = json.loads(output)["data"]
            memory, raw = data["memory"]["usage"], data["memory"]["raw"]
            cpu = data["cpu"]["usage"]
            used = {"pids": data["pids"]["current"], "pids_limit": data["pids"]["limit"]}
            used |= {
                "cpu_ns": cpu["total"],
                "cpu_user_ns": cpu["user"],
                "cpu_system_ns": cpu["kernel"],
                "page_faults": raw["pgfault"],
                "major_page_faults": raw["pgmajfault"],
                "memory": memory["usage"],
                "memory_limit": memory["limit"],
            }
            held = data["cpu"].get("throttling", {})
            used |= {name: held.get(name, 0) for name in THROTTLING}
            request.answer(message((1, any_of(METRICS, metrics(used)))))

        self._run(task, request, ["events", "--stats", task.name], answer)

    def _pause(self, request: Request) -> None:
        self._stand_still(request, "pause", PAUSED, "/tasks/paused", "TaskPaused")

    def _resume(self, request: Request) -> None:
        self._stand_still(request, "resume", RUNNING, "/tasks/resumed", "TaskResumed")

    def _stand_still(self, request: Request, verb: str, status: int, topic: str, kind: str) -> None:
        task = self._task(request.body.text(1))

        def done(output: bytes) -> None:
            if task.first.status != STOPPED:
                task.first.status = status
            request.answer()
            self.publisher.publish(topic, kind, message((1, task.name)))

        self._run(task, request, [verb, task.name], done)

    def _update(self, request: Request) -> None:
        task = self._task(request.body.text(1))
        path = os.path.join(task.bundle, "resources.json")
        with open(path, "wb") as file:
            file.write(request.body.inner(2).data(2))
        self._run(task, request, ["update", "--resources", path, task.name], lambda output: request.answer())

    def _checkpoint(self, request: Request) -> None:
        """An image in a directory of containerd's, which keeps it; the container goes on unless options say otherwise."""
        task = self._task(request.body.text(1))
        path, exits = checkpoint_options(request.body)

        def done(output: bytes) -> None:
            request.answer()
            self.publisher.publish("/tasks/checkpointed", "TaskCheckpointed", message((1, task.name), (2, path)))

        words = ["checkpoint", "--image-path", path, *([] if exits else ["--leave-running"]), task.name]
        self._run(task, request, words, done)

    def _resize(self, request: Request) -> None:
        _, process = self._process(request)
        if process.streams.console is not None:
            most = (1 << 16) - 1
            process.streams.console.resize(min(request.body.number(3), most), min(request.body.number(4), most))
        request.answer()

    def _close_input(self, request: Request) -> None:
        _, process = self._process(request)
        if request.body.number(3):
            process.streams.close_input()
        request.answer()

    def _connect(self, request: Request) -> None:
        task = self._task(request.body.text(1))
        request.answer(message((1, os.getpid()), (2, task.first.pid), (3, VERSION)))

    def _shutdown(self, request: Request) -> None:
        request.answer()
        if not self.tasks or request.body.number(2):
            self._done()
