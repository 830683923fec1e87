"""What a site's robots.txt says for now: the last good answer and the new one come in, what is
obeyed and what is kept go out.

Pure: no clock, no network, no database. RFC 9309 is the rule:

- 2xx is obeyed, as far as it is text. 4xx: there is none, and all is allowed.
- Either is believed for a day, or for as long as Cache-Control or Expires say, if that is less,
  but for five minutes at least; then it is asked for again, with its validators.
- Anything else (5xx, no answer, no text, redirects without an end) forbids all for now, unless
  there was a good copy within thirty days: that is obeyed on, and asked for again in half an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawlers.answers import bounded_validator
from crawlers.polling import HOLD, directives, freshness, whole_second
from storage.models import Robots
from storage.robots import KEEP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_BYTES = 512 * 1024  # RFC 9309 asks for at least 500 KiB; the rest is not read
A_DAY = timedelta(hours=24)  # RFC 9309: not believed for longer
A_PASS = timedelta(minutes=5)  # nor for less: the spiders of one pass share an answer
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RobotsAnswer:
    """What came back for a robots.txt; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is obeyed now, None: nothing may be asked, for the reason; and what is kept."""

    obeyed: Robots | None
    kept: Robots | None
    reason: str = ""


def site_of(url: str) -> str:
    """Whose robots.txt counts for an address: scheme, host and port, each written in one way.
    ValueError for a port that is none."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    named = f"[{host}]" if ":" in host else host
    usual = parts.port in (None, _PORTS.get(parts.scheme))
    return f"{parts.scheme}://{named}" + ("" if usual else f":{parts.port}")


def is_fresh(kept: Robots | None, now: datetime) -> bool:
    """Whether what is kept can be obeyed without asking again."""
    return kept is not None and kept.confirmed <= now < kept.due


def decide(site: str, kept: Robots | None, answer: RobotsAnswer, now: datetime) -> Verdict:
    """What an answer means that came for a robots.txt."""
    if answer.status == 304 and kept is not None:
        return _confirmed(replace(kept, confirmed=now), answer, now)
    if 200 <= answer.status < 300:
        if b"\0" in answer.body:
            return unknown(kept, "its robots.txt is no text", now)
        found = Robots(site, answer.body[:MAX_BYTES], confirmed=now, due=now)
        return _confirmed(found, answer, now)
    if 400 <= answer.status < 500:
        return _confirmed(Robots(site, None, confirmed=now, due=now), answer, now)
    return unknown(kept, f"its robots.txt was answered with {answer.status}", now)


def unknown(kept: Robots | None, reason: str, now: datetime) -> Verdict:
    """It cannot be had: a copy that is not too old stands in. That there was none is no copy."""
    if kept is None or kept.body is None or not kept.confirmed <= now < kept.confirmed + KEEP:
        return Verdict(None, None, reason)
    again = replace(kept, due=whole_second(now + HOLD))
    return Verdict(again, again, reason)


def _confirmed(found: Robots, answer: RobotsAnswer, now: datetime) -> Verdict:
    """A good answer; what it leaves out of the validators stays as it was."""
    said = freshness(answer.headers, now)
    wait = A_DAY if said is None else max(A_PASS, min(said, A_DAY))
    etag, last_modified = (answer.headers.get(name) for name in ("etag", "last-modified"))
    found = replace(
        found,
        etag=(bounded_validator(etag) or found.etag) if found.body is not None else None,
        last_modified=(
            (bounded_validator(last_modified) or found.last_modified)
            if found.body is not None
            else None
        ),
        due=now + wait,
    )
    return Verdict(found, None if "no-store" in directives(answer.headers) else found)
