"""`runsc exec ID CMD…`: one more process in a running container."""

from __future__ import annotations

from typing import Final

from runsc.cmd.create import preserved
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import LIST, NUMBER, SWITCH, WORD, Flag, Values
from runsc.verb import Verb

EXIT_EXEC: Final = 255  # as runc
FLAGS: Final = (
    Flag("process", WORD, "FILE", "a process object as in config.json, in place of a command", short="p"),
    Flag("tty", SWITCH, "", "give it a terminal", short="t"),
    Flag("detach", SWITCH, "", "return once it runs", short="d"),
    Flag("pid-file", WORD, "FILE", "write the host process id that stands for it there"),
    Flag("console-socket", WORD, "PATH", "a Unix socket that gets the terminal's master"),
    Flag("pidfd-socket", WORD, "PATH", "a Unix socket that gets a pidfd of the host process that stands for it"),
    Flag("user", WORD, "UID[:GID]", "run as this user", short="u"),
    Flag("additional-gids", LIST, "GID", "one more group", short="g"),
    Flag("env", LIST, "NAME=VALUE", "set a variable", short="e"),
    Flag("cwd", WORD, "DIR", "working directory"),
    Flag("cap", LIST, "NAME", "one more capability", short="c"),
    Flag("apparmor", WORD, "PROFILE", "not applied: inside there is no AppArmor"),
    Flag("process-label", WORD, "LABEL", "not applied: inside there is no SELinux"),
    Flag("cgroup", LIST, "PATH", "begin in this control group, inside and below the container's"),
    Flag("ignore-paused", SWITCH, "", "in a paused container too, where it waits until that goes on"),
    Flag("no-new-privs", SWITCH, "", "no more privileges by execve"),
    Flag("preserve-fds", NUMBER, "N", "hand descriptors 3 to 3+N-1 to the process"),
)
DETAILS: Final = (
    "What is not given is as in the container's own process. Exit status: the process's, 128 + N if signal N ended\n"
    "it, 255 if it could not be run. With --detach a host process stays that ends with the process and in its way."
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """The process's exit status; 0 when detached."""
    if not words:
        raise UsageError("exec needs a container id and a command", EXIT_FAILURE)
    if not words[1:] and not values.text("process"):
        raise UsageError("exec needs a command, or --process FILE, whose arguments then count")
    from runsc.container import status
    from runsc.container.console import check_console
    from runsc.container.container import load
    from runsc.container.exec_process import Execution
    from runsc.container.exec_spec import additional_gids, process_from_file, process_from_flags

    additional_gids(values)
    container = load(config.root, words[0])
    container.check(status.EXEC_PAUSED if values.switch("ignore-paused") else status.EXEC)
    if values.text("process"):
        process = process_from_file(container.state.process, values.text("process"), values.switch("tty"))
    else:
        process = process_from_flags(container.state.process, words[1:], values)
    for name in process.unknown:
        config.log.write("warning", f"capability {name!r} is ignored: there is no such one")
    for name in ("apparmor", "process-label"):
        if values.text(name):
            config.log.write("warning", f"--{name} is not applied: the sandbox's own kernel stands in its place")
    detached = values.switch("detach")
    check_console(process.terminal, values.text("console-socket"), detached)
    execution = Execution(container, process, preserved(values))
    execution.ignore_paused = values.switch("ignore-paused")
    execution.pidfd_socket = values.text("pidfd-socket")
    execution.cgroup = cgroup_of(values.list("cgroup"))
    return execution.run(detached, values.text("console-socket"), values.text("pid-file"))


def cgroup_of(given: tuple[str, ...]) -> str:
    """--cgroup, of which there may be one. UsageError."""
    if not given:
        return ""
    if len(given) > 1 or ":" in given[0]:
        raise UsageError("--cgroup: inside there is one hierarchy, of version 2, so give one path without controllers")
    if ".." in given[0].split("/"):
        raise UsageError(f"--cgroup {given[0]!r} is not below the container's")
    return given[0]


VERB: Final = Verb(
    "exec", "run a process in a running container", "[FLAGS] ID CMD…", FLAGS, EXIT_EXEC, run, DETAILS, command=True
)
