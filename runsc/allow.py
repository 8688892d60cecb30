"""The form of an `--allow` rule, checked before anything is started."""

from __future__ import annotations

from typing import Final

from runsc.failure import UsageError

FORM: Final = "[tcp:|udp:|icmp:]HOST[:PORT[-PORT]]"


def check_rule(rule: str) -> None:
    """Raises UsageError with the rule, what is wrong with it and the form."""
    from sandbox.gateway.policy import PolicyError, parse_rule

    try:
        parse_rule(rule)
    except PolicyError as error:
        raise UsageError(f"--allow {error}; the form is {FORM}") from None
