"""Extensions of iptables(8) inside rules of nf_tables (net/netfilter/nft_compat.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.filter.nft.act import VERDICTS
from tcpip.filter.nft.machine import BREAK, Evaluation, Expression
from tcpip.filter.table import Target

if TYPE_CHECKING:
    from tcpip.filter.match import Match


class MatchExtension(Expression):
    """Goes on when the match holds. `extension`, `revision` and `info` as they were given."""

    def __init__(self, extension: str, revision: int, info: bytes, match: Match) -> None:
        super().__init__("match")
        self.extension = extension
        self.revision = revision
        self.info = info
        self.match = match

    def evaluate(self, e: Evaluation) -> None:
        if not self.match.matches(e.pkt):
            e.code = BREAK


class TargetExtension(Expression):
    """Does what the target does."""

    def __init__(self, extension: str, revision: int, info: bytes, target: Target) -> None:
        super().__init__("target")
        self.extension = extension
        self.revision = revision
        self.info = info
        self.target = target

    def evaluate(self, e: Evaluation) -> None:
        e.code = VERDICTS[self.target.apply(e.pkt, e.hook, e.owner)]

    def hooks(self) -> tuple[str, frozenset[str]]:
        return "nat" if self.target.tables == ("nat",) else "", frozenset(self.target.hooks)
