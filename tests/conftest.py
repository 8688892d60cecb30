"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A machine that has other work, too, is no failure.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
