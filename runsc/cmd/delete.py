"""`runsc delete ID`: what is left of a stopped container; with --force of any."""

from __future__ import annotations

from typing import Final

from runsc.cmd.create import one_id
from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure
from runsc.flags import SWITCH, Flag, Values
from runsc.verb import Verb

FLAGS: Final = (
    Flag("force", SWITCH, "", "also one that runs (it is killed), and what a killed runtime has left", short="f"),
)


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once nothing is left; with --force also when there was nothing."""
    name = one_id(words, "delete")
    from runsc.container.container import load_locked

    force = values.switch("force")
    if force:
        return delete_by_force(config, name)
    from runsc.container.destroy import delete
    from runsc.container.status import DELETE

    container, lock = load_locked(config.root, name)
    try:
        container.check(DELETE)
        delete(container, config.log)
    finally:
        lock.release()
    return 0


def delete_by_force(config: Config, name: str) -> int:
    """A command that holds the lock for too long has lost it: `create` with a hook that hangs, a `start`."""
    from runsc.container import state_file, store
    from runsc.container.container import Container
    from runsc.container.destroy import delete
    from runsc.container.state_file import State

    directory = store.directory_of(config.root, name)
    lock = store.Lock(directory)
    try:
        lock.take(0)
    except store.LockBusy:
        pass
    except (FileNotFoundError, NotADirectoryError):
        return 0
    try:
        state = state_file.read(directory) or State(name, "")
    except RuntimeFailure as failure:
        config.log.write("warning", str(failure))
        state = State(name, "")
    try:
        delete(Container(name, directory, state), config.log)
    finally:
        lock.release()
    return 0


VERB: Final = Verb("delete", "remove a container", "[--force] ID", FLAGS, EXIT_FAILURE, run)
