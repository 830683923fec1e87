"""How long something is kept: `30d`, `8w` or `2y` comes in, a span of time goes out."""

from __future__ import annotations

import re
from datetime import timedelta

_AGE = re.compile(r"(\d{1,5})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}


def age_of(text: str) -> timedelta:
    """Raises ValueError for anything else, and for less than a day."""
    told = _AGE.fullmatch(text.strip().lower())
    days = int(told.group(1)) * _DAYS[told.group(2)] if told else 0
    if not 0 < days < 365_000:
        raise ValueError(f"{text!r} is no age; write 30d, 8w or 2y")
    return timedelta(days=days)
