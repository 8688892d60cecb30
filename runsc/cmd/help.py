"""`runsc help [VERB]`."""

from __future__ import annotations

import sys
from typing import Final, Sequence

from runsc.config import GLOBAL_FLAGS, Config
from runsc.failure import EXIT_FAILURE, UsageError
from runsc.flags import LIST, SWITCH, Flag, Values
from runsc.verb import Verb


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    """One line per flag, aligned."""
    heads = []
    for flag in flags:
        head = f"--{flag.name}" if flag.kind == SWITCH else f"--{flag.name} {flag.metavar}"
        heads.append((f"-{flag.short}, " if flag.short else "") + head + (" …" if flag.kind == LIST else ""))
    width = max((len(head) for head in heads), default=0)
    return [f"  {head:<{width}}  {flag.text}" for head, flag in zip(heads, flags, strict=True)]


def general() -> str:
    """The verbs and the global flags."""
    from runsc.cli import VERBS, load_verb

    lines = ["runsc: run untrusted programs on a Linux kernel and a TCP/IP stack written in Python", ""]
    lines += ["usage: runsc [GLOBAL FLAGS] VERB [FLAGS] [ARGUMENTS]", "", "verbs:"]
    lines += [f"  {name:<12} {load_verb(name).summary}" for name in VERBS]
    lines += ["", "global flags (before or after the verb):", *flag_lines(GLOBAL_FLAGS)]
    lines += ["", "runsc help VERB says more."]
    return "\n".join(lines) + "\n"


def about(verb: Verb) -> str:
    """One verb."""
    lines = [f"runsc {verb.name}: {verb.summary}", "", f"usage: runsc {verb.name} {verb.usage}".rstrip()]
    if verb.flags:
        lines += ["", "flags:", *flag_lines(verb.flags)]
    if verb.details:
        lines += ["", verb.details]
    return "\n".join(lines) + "\n"


def run(config: Config, values: Values, words: list[str]) -> int:
    """For everything, or for one verb."""
    from runsc.cli import load_verb

    if len(words) > 1:
        raise UsageError(f"help takes one verb: {words[1]!r} is one too many")
    sys.stdout.write(about(load_verb(words[0])) if words else general())
    sys.stdout.flush()
    return 0


VERB: Final = Verb("help", "explain the command line, or one verb", "[VERB]", (), EXIT_FAILURE, run)
