"""The command line: global flags, then a verb, its flags and words.

Every failure is one line on stderr and the last line of `--log`; the exit status is the verb's.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from runsc import flags
from runsc.config import GLOBAL_FLAGS, Config
from runsc.failure import EXIT_FAILURE, EXIT_OURS, RuntimeFailure, UsageError
from runsc.flags import Values
from runsc.log import Log, open_log, printable
from runsc.verb import Verb

EXIT_NO_VERB: Final = 3  # as runc
VERBS: Final = (
    "do",
    "run",
    "create",
    "start",
    "state",
    "kill",
    "delete",
    "list",
    "ps",
    "wait",
    "exec",
    "pause",
    "resume",
    "checkpoint",
    "restore",
    "update",
    "events",
    "metrics",
    "debug",
    "trace",
    "port-forward",
    "fork-server",
    "network",
    "spec",
    "bundle",
    "features",
    "syscalls",
    "doctor",
    "install",
    "uninstall",
    "version",
    "help",
)
FORKED: Final = {"do": "do_flags", "run": "run"}  # by a fork server; where their flags are


def load_verb(name: str) -> Verb:
    """The verb's declaration; only its own module is imported. UsageError for one that is not there."""
    if name not in VERBS:
        raise UsageError(f"unknown verb {name!r}; known: {', '.join(VERBS)}", EXIT_NO_VERB)
    module = f"runsc.cmd.{name.replace('-', '_')}"
    __import__(module)  # importlib takes as long as all of a small verb's own modules
    verb = sys.modules[module].VERB
    assert isinstance(verb, Verb)
    return verb


def run_command_line(argv: list[str], silent: bool = False, here: bool = False) -> int:
    """Everything from the words of the command line to the exit status. `silent`: stderr is a container's, so that only the log
    has why it failed. `here`: in this process, whatever fork servers there are."""
    values = Values()
    log = Log()
    status = EXIT_OURS if "do" in argv else EXIT_FAILURE  # until it is known which verb it is
    try:
        words = flags.parse(GLOBAL_FLAGS, argv, values, "before the verb")
        log = logged(values, log)
        if values.switch("version"):
            words = ["version"]
        if not words:
            if not values.switch("help"):
                raise UsageError(f"a verb is needed: {', '.join(VERBS)}; see runsc help")
            words = ["help"]
        if not here:
            ended = by_fork_server(words[0], argv, log)
            if ended is not None:
                return ended
        verb = load_verb("help" if words[0] == "h" else words[0])
        rest = flags.parse(verb.flags + GLOBAL_FLAGS, words[1:], values, f"for {verb.name}", not verb.command)
        status = verb.failure
        if values.switch("help") and verb.name != "help":
            verb, rest = load_verb("help"), [verb.name]
        elif values.switch("version"):
            verb, rest = load_verb("version"), []
        log = logged(values, log)
        return verb.run(Config(values, log), values, rest)
    except RuntimeFailure as failure:
        report(log, failure, silent)
        return status if failure.status is None else failure.status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return status
    except OSError as error:  # of the host, at a place where none is expected: a working directory that was removed
        name = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        report(log, RuntimeFailure(f"{name}{os.strerror(error.errno or 0)}"), silent)
        return status
    except KeyboardInterrupt:  # before the sandbox has started; then the command gets it
        return 130


def by_fork_server(verb: str, argv: list[str], log: Log) -> int | None:
    """The exit status, if the command line or the environment names a server and it does it (runsc/fork_server). None also for a
    command line that is wrong: whoever runs it says so."""
    place = os.environ.get("RUNSC_FORK_SERVER", "")
    if verb not in FORKED or not (place or any("fork-server" in word for word in argv)):
        return None
    __import__(f"runsc.cmd.{FORKED[verb]}")
    given = Values()
    try:
        words = flags.parse(GLOBAL_FLAGS, argv, given, "")
        flags.parse(sys.modules[f"runsc.cmd.{FORKED[verb]}"].FLAGS + GLOBAL_FLAGS, words[1:], given, "", verb == "run")
    except UsageError:
        return None
    place = given.text("fork-server") or place
    if not place or any(given.switch(name) for name in ("detach", "help", "version")):
        return None
    from runsc.fork_server.client import run_there

    return run_there(place, argv, logged(given, log))


def logged(values: Values, before: Log) -> Log:
    """The log that the flags so far ask for."""
    path, json, debug = values.text("log"), values.text("log-format") == "json", values.switch("debug")
    if before.fd >= 0 and path == before.path:
        return Log(before.fd, json, debug, path)
    try:
        return open_log(path, json, debug)
    except OSError as error:
        raise RuntimeFailure(f"--log {path}: {os.strerror(error.errno or 0)}") from None


def report(log: Log, failure: RuntimeFailure, silent: bool = False) -> None:
    """On stderr, unless `silent`, and in the log; what came from outside cannot break out of its line."""
    text = "".join(f"runsc: {printable(line)}\n" for line in failure.lines)
    try:
        if not silent:
            os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
    log.write("error", str(failure) if len(failure.lines) == 1 else "; ".join(failure.lines))
