"""When a feed is due again: how its last poll went comes in, an interval or a time goes out.

Pure: no clock, no network, no database. The rules:

- A feed starts at one poll an hour. When two thirds or more of what it lists was seen before
  (a 304: all of it), it is asked less often; when less than one third was, more often, because
  entries may fall off its end unseen. Never more often than every 10 minutes, at least daily.
- News should not be late: a feed that listed anything new is asked again within three hours.
- What the server asks for counts: max-age and Retry-After put a poll off, up to a day.
- Failures double the wait, from 15 minutes up to a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_INTERVAL = 60  # minutes
FLOOR = 10
CEILING = 24 * 60
NEWS_CEILING = 3 * 60  # while a feed brings news
SLOWER, FASTER = 1.5, 0.5  # what the interval is multiplied with
MOSTLY_SEEN, MOSTLY_NEW = 0.67, 0.33  # shares of what the feed lists that were seen before
FIRST_FAILURE = 15  # minutes until a failed poll is tried again
RETRY_CEILING = timedelta(days=1)  # nobody is believed who asks for more


def next_interval(minutes: int | None, listed: int, new: int) -> int:
    """The interval in minutes after a poll that listed so many entries, of them so many new."""
    minutes = minutes or FIRST_INTERVAL
    seen = 1 - new / listed if listed else 1.0
    if seen >= MOSTLY_SEEN:
        minutes = round(minutes * SLOWER)
    elif seen < MOSTLY_NEW:
        minutes = round(minutes * FASTER)
    return max(FLOOR, min(minutes, NEWS_CEILING if new else CEILING))


def next_due(now: datetime, minutes: int, headers: Mapping[str, str]) -> datetime:
    """When to poll after a good answer: after the interval, and not while the answer is fresh."""
    return now + max(timedelta(minutes=minutes), min(freshness(headers), RETRY_CEILING))


def due_after_failure(now: datetime, failures: int, headers: Mapping[str, str]) -> datetime:
    """When to try again after this failure, with so many failures in a row before it."""
    doubled = FIRST_FAILURE * 2 ** min(failures, 10)
    wait = timedelta(minutes=min(doubled, CEILING))
    return now + max(wait, retry_after(headers, now) or wait)


def freshness(headers: Mapping[str, str]) -> timedelta:
    """How long the answer stays fresh by Cache-Control: max-age less the Age it came with."""
    directives: dict[str, str] = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.partition("=")
        directives[name.strip()] = value.strip().strip('"')
    if "no-cache" in directives or "no-store" in directives:
        return timedelta(0)
    left = _seconds(directives.get("max-age", "")) - _seconds(headers.get("age", ""))
    return timedelta(seconds=max(0, left))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long Retry-After (seconds, or an HTTP date) asks to wait; None when it does not."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=_seconds(text))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(timedelta(0), min(wait, RETRY_CEILING))


def _seconds(text: str) -> int:
    """A number of seconds, bounded so that arithmetic with it cannot fail."""
    return min(int(text[:12]), 10**9) if text.isascii() and text.isdigit() else 0
