"""What an answer of the web means: status, headers and history come in, a decision goes out.

Pure: it decides, the spiders do. Reasons are plain words, for `newsfold health`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from crawlers import polling
from crawlers.polling import NO_HINTS, USUAL, Bounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from scrapy.http import Response

    from storage.models import EntryStatus, Feed, Hints

GONE = frozenset({404, 410})
SLOW_DOWN = frozenset({429, 503})
PERMANENT = frozenset({301, 308})
_DOCUMENTS = ("text/html", "xml", "json")  # the types of answers that show where they end
_END = re.compile(rb"</(?:[\w-]+:)?(?:html|rss|rdf|feed|channel|urlset|sitemapindex)\s*>", re.I)
_TAIL = 100_000  # bytes in which an end is looked for: scripts and comments may follow it


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a feed; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    url: str  # where the redirects ended
    hops: Sequence[int | str] = ()  # status of each redirect on the way


@dataclass(frozen=True, slots=True)
class Decision:
    """What to remember of a poll, and when the next one is due."""

    outcome: Literal["answered", "failed", "retired"]
    next_due: datetime
    interval_minutes: int = polling.FIRST_INTERVAL
    etag: str | None = None
    last_modified: str | None = None
    moved_to: str | None = None
    hints: Hints = NO_HINTS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a full answer brought: its entries by number, and how the feed asks to be polled."""

    listed: int = 0
    new: int = 0
    hints: Hints = NO_HINTS


def headers_of(response: Response) -> dict[str, str]:
    """The headers of an answer, names in small letters; what came twice is a list."""
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }


def decide(
    feed: Feed,
    answer: Answer,
    now: datetime,
    listing: Listing | None = None,
    bounds: Bounds = USUAL,
) -> Decision:
    """What an answer means for its feed; for a 200, what it listed."""
    if answer.status == HTTPStatus.OK:
        etag, last_modified = answer.headers.get("etag"), answer.headers.get("last-modified")
        return _answered(feed, answer, now, listing or Listing(), bounds, etag, last_modified)
    # Without a validator of ours a 304 answers nothing that was asked.
    if answer.status == HTTPStatus.NOT_MODIFIED and (feed.etag or feed.last_modified):
        # A 304 may carry a newer validator; what it leaves out stays as it was.
        etag = answer.headers.get("etag") or feed.etag
        last_modified = answer.headers.get("last-modified") or feed.last_modified
        unchanged = Listing(hints=feed.hints)
        return _answered(feed, answer, now, unchanged, bounds, etag, last_modified)
    if answer.status == HTTPStatus.GONE:
        return Decision("retired", now, reason="the publisher has taken the feed away (410 Gone)")
    decision = failed(feed, explained(answer.status), now, answer.headers, bounds)
    if answer.status in SLOW_DOWN:  # its host is held so long: it could not be asked before
        held = polling.held_until(now, answer.headers)
        return replace(decision, next_due=max(decision.next_due, held))
    return decision


def failed(
    feed: Feed,
    reason: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    bounds: Bounds = USUAL,
) -> Decision:
    """A poll that brought nothing: no answer, an error, or a body that is no feed."""
    due = polling.due_after_failure(now, feed.failures, headers or {}, feed.hints, bounds)
    return Decision("failed", due, feed.interval_minutes or polling.FIRST_INTERVAL, reason=reason)


def shows_no_end(body: bytes, content_type: str) -> bool:
    """Whether a document may have been cut on its way: HTML, XML or JSON without its end.

    Of 786 real pages 782 have one, of 2 106 test feeds nearly all.
    """
    if content_type and not any(kind in content_type.lower() for kind in _DOCUMENTS):
        return False
    tail = body[-_TAIL:].replace(b"\0", b"").rstrip()  # UTF-16, too
    is_json = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    return not (tail.endswith(b"}") if is_json else _END.search(tail))


def page_verdict(status: int) -> EntryStatus:
    """What became of an entry whose page was answered so; waiting: ask again another time."""
    if status in GONE:
        return "gone"
    if status in SLOW_DOWN:
        return "waiting"
    return "fetched" if status == HTTPStatus.OK else "failed"


def explained(status: int) -> str:
    """An HTTP status in words."""
    known = {
        401: "the server wants a login (401)",
        403: "the server refuses us (403)",
        404: "not found (404): it may have moved",
        429: "the server asks us to slow down (429)",
        451: "withheld for legal reasons (451)",
        503: "the server is overloaded or closed for work (503)",
    }
    if status in known:
        return known[status]
    try:
        return f"the server answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the server answered {status}"


def _answered(
    feed: Feed,
    answer: Answer,
    now: datetime,
    listing: Listing,
    bounds: Bounds,
    etag: str | None,
    last_modified: str | None,
) -> Decision:
    minutes = polling.next_interval(feed.interval_minutes, listing.listed, listing.new, bounds)
    moved = bool(answer.hops) and all(hop in PERMANENT for hop in answer.hops)
    return Decision(
        "answered",
        polling.next_due(now, minutes, answer.headers, listing.hints, bounds),
        minutes,
        etag=bounded_validator(etag),
        last_modified=bounded_validator(last_modified),
        moved_to=answer.url if moved else None,
        hints=listing.hints,
    )


def bounded_validator(validator: str | None) -> str | None:
    """A validator is sent back as a header: a long one is dropped, a cut one would never match."""
    return validator if validator and len(validator) <= 1000 and validator.isprintable() else None
