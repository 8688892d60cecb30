"""The containers of a sandbox, as an image has them: its own first, then the further ones of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Sequence

from sandbox.checkpoint.host_parts import bundle_file_systems, describe, hidden_of

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_master import PtyMaster
    from sandbox.kernel.view import View

OWN: Final = ""  # the label of the sandbox's own


class Screen(Protocol):
    """The other side of a container's terminal, which is given anew."""

    def let_go(self) -> tuple[PtyMaster, bytes]:
        """Until `take_up` nothing of the kernel's refers to it. The master, and what was typed and not yet taken."""

    def take_up(self) -> None:
        """The opposite."""


class Contained:
    """One. `label`: what it is called in the image, whatever it is called on the host. `stdio`: where it is restored, the
    descriptors that its first process gets."""

    __slots__ = ("label", "view", "screen", "stdio", "number", "terminal")

    def __init__(self, label: str, view: View, screen: Screen | None = None, stdio: Sequence[int] = ()) -> None:
        self.label = label
        self.view = view
        self.screen = screen
        self.stdio = tuple(stdio)
        self.number = view.number  # of its view in the image
        self.terminal: tuple[PtyMaster, bytes] | None = None  # that came from the image, with what was typed


def rows_of(containers: Sequence[Contained]) -> list[list[object]]:
    """For an image's header: the label and number of each, whose process numbers it has (an index), its file systems.
    Each of those is told by what it is and by which of all comes first that is the same, with its device number."""
    spaces: dict[int, int] = {}
    known: dict[int, int] = {}
    rows: list[list[object]] = []
    for at, one in enumerate(containers):
        systems: list[list[object]] = []
        for fs in bundle_file_systems(one.view):
            systems.append([describe(fs), known.setdefault(id(fs), len(known)), fs.dev, *hidden_of(fs)])
        rows.append([one.label, one.view.number, spaces.setdefault(id(one.view.pids), at), systems])
    return rows
