"""Times: aware UTC in code, ISO 8601 with `Z` and whole seconds in SQLite."""

import re
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """The present; handed on as a function, so that tests and the demo can live in another."""
    return datetime.now(UTC)


def to_iso(moment: datetime | None) -> str | None:
    """An aware time as `2026-04-08T16:02:00Z`; raises ValueError for one without a zone."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no zone; all times here are aware")
    # isoformat, not strftime: strftime does not pad years before 1000 everywhere.
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def from_iso(text: str | None) -> datetime | None:
    """The aware UTC time that ISO 8601 text means; text without a zone is taken as UTC.

    Raises ValueError when the text is no ISO 8601 time.
    """
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


_SPAN = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def since(text: str, now: datetime) -> datetime:
    """The moment that `2026-04-08`, `2026-04-08T16:00Z`, `12h`, `3d` or `2w` (before now) means.

    Raises ValueError for anything else.
    """
    span = _SPAN.fullmatch(text.strip().lower())
    if span:
        return now - timedelta(**{_UNITS[span.group(2)]: int(span.group(1))})
    moment = from_iso(text.strip())
    assert moment is not None
    return moment
