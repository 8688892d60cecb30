"""`runsc kill ID [SIGNAL]`."""

from __future__ import annotations

from typing import Final

from runsc.config import Config
from runsc.failure import EXIT_FAILURE, RuntimeFailure, UsageError
from runsc.flags import SWITCH, Flag, Values
from runsc.signals import signal_number
from runsc.verb import Verb

FLAGS: Final = (Flag("all", SWITCH, "", "to every process of the container", short="a"),)
DEFAULT: Final = "SIGTERM"
KILL: Final = 9
KILL_S: Final = 10.0


def run(config: Config, values: Values, words: list[str]) -> int:
    """0 once the signal is on its way. SIGKILL reaches a sandbox that answers nobody, too; 0 only asks whether there
    is somebody (kill(2))."""
    if len(words) not in (1, 2):
        raise UsageError("kill needs a container id, and perhaps a signal")
    text = words[1] if words[1:] != [""] and len(words) == 2 else DEFAULT  # an empty one is none, as with runc
    number = 0 if text == "0" else signal_number(text)
    from runsc.container import process, status
    from runsc.container.container import load
    from sandbox.control import wire

    container = load(config.root, words[0])
    now = container.status()
    if values.switch("all") and now == status.STOPPED:
        return 0  # whatever was in it is gone
    status.check_move(words[0], now, status.KILL)
    if number == 0:
        return 0
    state = container.state
    if number == KILL and now == status.PAUSED:
        process.kill(state.pid, state.pid_start, KILL_S)
        return 0
    try:
        container.call(wire.SIGNAL, {"signal": number, "all": values.switch("all")})
    except RuntimeFailure:
        if number != KILL or not container.lives():
            raise
        process.kill(state.pid, state.pid_start, KILL_S)
    return 0


VERB: Final = Verb("kill", "send a signal to a container", "[--all] ID [SIGNAL]", FLAGS, EXIT_FAILURE, run)
