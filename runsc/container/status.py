"""The life of a container: its states, and which moves are legal (runtime.md of the OCI specification, and runc's
habits where it leaves room)."""

from __future__ import annotations

from typing import Final

from runsc.failure import RuntimeFailure

CREATING: Final = "creating"
CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"
STATES: Final = (CREATING, CREATED, RUNNING, PAUSED, STOPPED)

START: Final = "start"
KILL: Final = "kill"
EXEC: Final = "exec"
EXEC_PAUSED: Final = "exec --ignore-paused"
PAUSE: Final = "pause"
RESUME: Final = "resume"
DELETE: Final = "delete"
FORCE_DELETE: Final = "delete --force"
UPDATE: Final = "update"
ASK: Final = "ask"  # whatever else needs a sandbox that answers
PS: Final = "ps"
EVENTS: Final = "events"
CHECKPOINT: Final = "checkpoint"
MOVES: Final = (
    START,
    KILL,
    EXEC,
    EXEC_PAUSED,
    PAUSE,
    RESUME,
    DELETE,
    FORCE_DELETE,
    UPDATE,
    ASK,
    PS,
    EVENTS,
    CHECKPOINT,
)

# Whoever drives a runtime looks for these words (containerd's shim, dockerd).
_NOT_RUNNING: Final = "container not running"
_GONE_BY: Final = "cannot {move} a container that has stopped"
_NO_EVENTS: Final = "container with id {id} is not running"
_LEFT: Final = "cannot delete container {id} that is not stopped: {status}"

LEGAL: Final[dict[str, dict[str, str]]] = {
    # move: {state: "" if it is legal, else why not}
    START: {
        CREATING: "cannot start a container that is being created",
        CREATED: "",
        RUNNING: "cannot start an already running container",
        PAUSED: "cannot start a container in the paused state",
        STOPPED: _GONE_BY,
    },
    KILL: {CREATING: "", CREATED: "", RUNNING: "", PAUSED: "", STOPPED: _NOT_RUNNING},
    EXEC: {
        CREATING: "cannot exec in a container that is being created",
        CREATED: "",
        RUNNING: "",
        PAUSED: "cannot exec in a paused container (use --ignore-paused to override)",
        STOPPED: "cannot exec in a stopped container",
    },
    EXEC_PAUSED: {
        CREATING: "cannot exec in a container that is being created",
        CREATED: "",
        RUNNING: "",
        PAUSED: "",
        STOPPED: "cannot exec in a stopped container",
    },
    PAUSE: {
        CREATING: _NOT_RUNNING,
        CREATED: "",
        RUNNING: "",
        PAUSED: _NOT_RUNNING,
        STOPPED: _NOT_RUNNING,
    },
    RESUME: {
        CREATING: _NOT_RUNNING,
        CREATED: "container not paused",
        RUNNING: "container not paused",
        PAUSED: "",
        STOPPED: "container not paused",
    },
    DELETE: {CREATING: _LEFT, CREATED: _LEFT, RUNNING: _LEFT, PAUSED: _LEFT, STOPPED: ""},
    FORCE_DELETE: {CREATING: "", CREATED: "", RUNNING: "", PAUSED: "", STOPPED: ""},
    UPDATE: {
        CREATING: _NOT_RUNNING,
        CREATED: "",
        RUNNING: "",
        PAUSED: "",
        STOPPED: _NOT_RUNNING,
    },
    CHECKPOINT: {
        CREATING: _NOT_RUNNING,
        CREATED: "cannot checkpoint a container that has not been started",
        RUNNING: "",
        PAUSED: "",
        STOPPED: _NOT_RUNNING,
    },
    ASK: {CREATING: _NOT_RUNNING, CREATED: "", RUNNING: "", PAUSED: "", STOPPED: _NOT_RUNNING},
    PS: {CREATING: _NOT_RUNNING, CREATED: "", RUNNING: "", PAUSED: "", STOPPED: ""},
    EVENTS: {CREATING: _NO_EVENTS, CREATED: "", RUNNING: "", PAUSED: "", STOPPED: _NO_EVENTS},
}


class IllegalMove(RuntimeFailure):
    """The container's state does not allow it."""

    def __init__(self, container: str, status: str, move: str) -> None:
        self.move = move
        self.state = status
        text = LEGAL[move][status]
        super().__init__(text.format(id=container, status=status, move=move))


def check_move(container: str, status: str, move: str) -> None:
    """Raises IllegalMove."""
    if LEGAL[move][status]:
        raise IllegalMove(container, status, move)
