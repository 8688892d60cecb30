"""The command: run each script, print the first difference of each that fails, exit as packetdrill does (0, or 1)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.packetdrill.errors import Difference, ScriptError
from tools.packetdrill.parser import parse_options, parse_script
from tools.packetdrill.runner import Runner
from tools.packetdrill.settings import FLAGS, VALUED, Settings, split_command_line

Options = list[tuple[str, str | None]]
USAGE: Final = "Usage: packetdrill\n{}\n\t[-D symbol=value …]\n\t[--verbose|-v]\n\tscript_path ..."


def usage() -> str:
    """All options."""
    words = [f"\t[--{name}={name}]" for name in VALUED if name != "define"]
    return USAGE.format("\n".join(words + [f"\t[--{name}]" for name in FLAGS if name != "verbose"]))


def settings_for(text: str, options: Options, path: str) -> Settings:
    """The script's own options, overridden by the command line's."""
    settings = Settings()
    for name, value, line in parse_options(text):
        try:
            settings.apply(name, value)
        except ScriptError as error:
            raise ScriptError(error.text, line) from None
    for name, value in options:
        settings.apply(name, value)
    return settings


def run_script(
    path: str, options: Options, say: Callable[[str], None] = print, warn: Callable[[str], None] = print
) -> str:
    """ "" when the stack did what the script says, else the error."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"parse error opening script file '{path}': {error.strerror}"
    try:
        settings = settings_for(text, options, path)
        script = parse_script(text, settings.known_symbols(), settings.ipv6)
        if not settings.dry_run:
            Runner(script, settings, path, say if settings.verbose else _quiet, warn).run()
    except ScriptError as error:
        return f"{path}:{error.line}: {error.text}" if error.line else f"{path}: {error.text}"
    except Difference as difference:
        return difference.text
    return ""


def _quiet(_: str) -> None:
    """Without --verbose packets are not shown."""


def main(argv: list[str]) -> int:
    """0: every script passed."""
    options, scripts = split_command_line(argv)
    try:
        for name, value in options:
            Settings().apply(name, value)
    except ScriptError as error:
        print(f"Command Line: {error.text}", file=sys.stderr)
        print(usage(), file=sys.stderr)
        return 1
    if not scripts:
        print(usage(), file=sys.stderr)
        return 1
    failed = 0
    for path in scripts:
        trouble = run_script(path, options, warn=lambda text: print(text, file=sys.stderr))
        if trouble:
            failed = 1
            print(trouble, file=sys.stderr)
    return failed
