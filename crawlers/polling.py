"""When a feed is due again: how its last poll went comes in, an interval or a time goes out.

Pure: no clock, no network, no database. The rules:

- A feed starts at one poll an hour. When two thirds or more of what it lists was seen before
  (a 304: all of it), it is asked less often; when less than one third was, more often, because
  entries may fall off its end unseen. The settings bound it: by default never more often than
  every 10 minutes, at least daily.
- News should not be late: a feed that listed anything new is asked again within three hours.
- What the publisher asks for counts: max-age and Expires, ttl and sy:updatePeriod put a poll off,
  up to the longest interval; in the hours and on the days to skip no poll takes place.
- Failures double the wait, from 15 minutes up to the longest interval. Retry-After is obeyed to
  the second, up to a week.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from storage.models import Hints

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a feed's interval, in minutes; crawlers/settings.py names them."""

    shortest: int = 10
    longest: int = 24 * 60
    with_news: int = 3 * 60  # the longest while a feed brings news

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.with_news <= self.longest <= MOST_MINUTES:
            raise ValueError(
                "the intervals between polls must be 1 <= shortest <= with_news <= longest <="
                f" {MOST_MINUTES} minutes, not {self.shortest}, {self.with_news}, {self.longest}"
            )


MOST_MINUTES = 366 * 24 * 60
FIRST_INTERVAL = 60  # minutes
SLOWER, FASTER = 1.5, 0.5  # what the interval is multiplied with
MOSTLY_SEEN, MOSTLY_NEW = 0.67, 0.33  # shares of what the feed lists that were seen before
FIRST_FAILURE = 15  # minutes until a failed poll is tried again
RETRY_CEILING = timedelta(days=7)  # nobody is believed who asks for more
HOLD = timedelta(minutes=30)  # for a host that says to slow down, but not for how long
PAGE_PATIENCE = timedelta(hours=3)  # then a page that failed thrice is asked for again; doubles
TRIES_IN_A_ROW = 3  # of a page: one with every poll of its feed
# A pass waits for feeds that fall due so soon: one that is due after ten minutes would otherwise
# miss the pass that starts ten minutes later, but asked a few seconds after its start.
SOON = timedelta(seconds=30)
USUAL = Bounds()
NO_HINTS = Hints()


def next_interval(minutes: int | None, listed: int, new: int, bounds: Bounds = USUAL) -> int:
    """The interval in minutes after a poll that listed so many entries, of them so many new."""
    minutes = minutes or FIRST_INTERVAL
    seen = 1 - new / listed if listed else 1.0
    if seen >= MOSTLY_SEEN:
        minutes = round(minutes * SLOWER)
    elif seen < MOSTLY_NEW:
        minutes = round(minutes * FASTER)
    return max(bounds.shortest, min(minutes, bounds.with_news if new else bounds.longest))


def next_due(
    now: datetime,
    minutes: int,
    headers: Mapping[str, str],
    hints: Hints = NO_HINTS,
    bounds: Bounds = USUAL,
) -> datetime:
    """When to poll after a good answer: after the interval, and not before the publisher wants."""
    fresh = freshness(headers, now) or timedelta(0)
    asked = max(fresh, timedelta(minutes=hints.every or 0))
    wait = max(timedelta(minutes=minutes), min(asked, timedelta(minutes=bounds.longest)))
    return after_skipped(whole_second(now + wait), hints)


def due_after_failure(
    now: datetime,
    failures: int,
    headers: Mapping[str, str],
    hints: Hints = NO_HINTS,
    bounds: Bounds = USUAL,
) -> datetime:
    """When to try again after this failure, with so many failures in a row before it."""
    doubled = FIRST_FAILURE * 2 ** min(failures, 10)
    wait = timedelta(minutes=max(bounds.shortest, min(doubled, bounds.longest)))
    due = now + max(wait, retry_after(headers, now) or wait)
    return after_skipped(whole_second(due), hints)


def held_until(now: datetime, headers: Mapping[str, str]) -> datetime:
    """Until when a host is left alone that has answered 429 or 503."""
    return whole_second(now + (retry_after(headers, now) or HOLD))


def page_due(first_seen: datetime, attempts: int) -> datetime:
    """When a page may be asked for that has failed so often: at any poll of its feed, then after
    3, 6, 12, 24, 48 hours and four days."""
    if attempts < TRIES_IN_A_ROW:
        return first_seen
    return first_seen + PAGE_PATIENCE * (1 << min(attempts - TRIES_IN_A_ROW, 10))


def is_skipped(moment: datetime, hints: Hints) -> bool:
    """Whether the publisher wants no poll in this hour or on this day (UTC)."""
    return moment.hour in hints.skip_hours or moment.weekday() in hints.skip_days


def after_skipped(due: datetime, hints: Hints) -> datetime:
    """The first time from then on at which a poll is welcome; one that never is, is not obeyed."""
    moment = due
    for _ in range(8 * 24):
        if not is_skipped(moment, hints):
            return moment
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return due


def whole_second(moment: datetime) -> datetime:
    """Rounded up: times are stored in whole seconds, and none of them may be too early."""
    up = timedelta(seconds=1) if moment.microsecond else timedelta(0)
    return moment.replace(microsecond=0) + up


def freshness(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the answer stays fresh: Cache-Control's max-age less the Age it came with, or
    Expires where there is no max-age. None when it does not say."""
    said = directives(headers)
    if "no-cache" in said or "no-store" in said:
        return timedelta(0)
    if "max-age" in said:
        left = _seconds(said["max-age"]) - _seconds(headers.get("age", ""))
        return timedelta(seconds=max(0, left))
    if "expires" not in headers:
        return None
    expires = _moment(headers["expires"])  # what is no date, such as 0, is over
    date = _moment(headers.get("date", "")) or now  # the server's clock may be wrong
    return max(timedelta(0), expires - date) if expires else timedelta(0)


def directives(headers: Mapping[str, str]) -> dict[str, str]:
    """What Cache-Control says, by name."""
    found: dict[str, str] = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.partition("=")
        found[name.strip()] = value.strip().strip('"')
    return found


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long Retry-After (seconds, or an HTTP date) asks to wait; None when it does not."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=_seconds(text))
    else:
        moment = _moment(text)
        if moment is None:
            return None
        wait = moment - now
    return max(timedelta(0), min(wait, RETRY_CEILING))


def _moment(text: str) -> datetime | None:
    """The time of an HTTP date."""
    try:
        moment = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(text: str) -> int:
    """A number of seconds, bounded so that arithmetic with it cannot fail."""
    return min(int(text[:12]), 10**9) if text.isascii() and text.isdigit() else 0
