"""When a feed is due again, and what an answer means: tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers import polling
from crawlers.answers import (
    Answer,
    Listing,
    decide,
    explained,
    failed,
    page_verdict,
    shows_no_end,
)
from crawlers.polling import Bounds
from storage.models import Feed, Hints

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LOCAL = NOW.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("minutes", "listed", "new", "expected"),
    [
        (None, 30, 30, 30),  # the first poll starts from an hour; all new: faster
        (60, 30, 30, 30),
        (60, 30, 20, 60),  # a third seen: as before
        (60, 30, 21, 30),  # less than a third seen: faster
        (60, 30, 10, 60),
        (60, 30, 9, 90),  # more than two thirds seen: slower
        (60, 30, 0, 90),
        (60, 0, 0, 90),  # a 304
        (15, 30, 30, 10),  # not below the floor
        (10, 30, 30, 10),
        (150, 30, 1, 180),  # while there is news, not above three hours
        (600, 30, 1, 180),
        (600, 30, 0, 900),
        (1000, 30, 0, 1440),  # not above the ceiling
        (1440, 0, 0, 1440),
    ],
)
def test_next_interval(minutes: int | None, listed: int, new: int, expected: int) -> None:
    assert polling.next_interval(minutes, listed, new) == expected


@given(
    st.integers(1, 3000),
    st.integers(0, 500),
    st.integers(0, 500),
    st.lists(st.integers(1, 10_000), min_size=3, max_size=3),
)
def test_every_interval_is_within_its_bounds(
    minutes: int, listed: int, new: int, limits: list[int]
) -> None:
    shortest, with_news, longest = sorted(limits)
    bounds = Bounds(shortest, longest, with_news)
    found = polling.next_interval(minutes, listed, min(listed, new), bounds)
    assert shortest <= found <= (with_news if min(listed, new) else longest)


@pytest.mark.parametrize("limits", [(0, 60, 30), (20, 60, 10), (10, 30, 60), (10, 10**6, 60)])
def test_bounds_that_make_no_sense_are_refused(limits: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="shortest <= with_news <= longest"):
        Bounds(*limits)


@pytest.mark.parametrize(
    ("minutes", "headers", "hints", "bounds", "due"),
    [
        (60, {}, Hints(), Bounds(), "Fri 13:00:00"),
        (60, {}, Hints(every=90), Bounds(), "Fri 13:30:00"),  # ttl, sy:updatePeriod
        (60, {}, Hints(every=30), Bounds(), "Fri 13:00:00"),
        (60, {"cache-control": "max-age=7200"}, Hints(every=90), Bounds(), "Fri 14:00:00"),
        (60, {}, Hints(every=43200), Bounds(), "Sat 12:00:00"),  # never longer than the longest
        (60, {}, Hints(every=43200), Bounds(longest=240), "Fri 16:00:00"),
        (60, {}, Hints(skip_hours=frozenset({13, 14})), Bounds(), "Fri 15:00:00"),
        (90, {}, Hints(skip_hours=frozenset({14})), Bounds(), "Fri 13:30:00"),
        (60, {}, Hints(skip_days=frozenset({4, 5, 6})), Bounds(), "Mon 00:00:00"),
        (60, {}, Hints(skip_hours=frozenset(range(6)), skip_days=frozenset({4})), Bounds(),
         "Sat 06:00:00"),
        # who wants no poll at all is polled
        (60, {}, Hints(skip_hours=frozenset(range(24))), Bounds(), "Fri 13:00:00"),
        (60, {}, Hints(skip_days=frozenset(range(7))), Bounds(), "Fri 13:00:00"),
    ],
)  # fmt: skip
def test_what_the_publisher_asks_for_puts_a_poll_off(
    minutes: int, headers: dict[str, str], hints: Hints, bounds: Bounds, due: str
) -> None:
    found = polling.next_due(NOW, minutes, headers, hints, bounds)
    assert found.strftime("%a %H:%M:%S") == due


@given(
    st.datetimes(LOCAL, LOCAL + timedelta(days=400), timezones=st.just(UTC)),
    st.frozensets(st.integers(0, 23)),
    st.frozensets(st.integers(0, 6)),
)
def test_no_poll_is_due_in_what_is_to_be_skipped(
    due: datetime, hours: frozenset[int], days: frozenset[int]
) -> None:
    hints = Hints(skip_hours=hours, skip_days=days)
    found = polling.after_skipped(due, hints)
    never = len(hours) == 24 or len(days) == 7
    assert found >= due
    assert polling.is_skipped(found, hints) == never
    assert not never or found == due


def test_a_time_is_never_stored_too_early() -> None:
    late = NOW.replace(microsecond=1)
    asked = {"retry-after": "90"}
    assert polling.held_until(late, asked) == NOW + timedelta(seconds=91)
    assert polling.due_after_failure(late, 0, {"retry-after": "901"}) == NOW + timedelta(
        seconds=902
    )
    assert polling.next_due(late, 60, {}) == NOW + timedelta(seconds=3601)
    assert polling.held_until(NOW, asked) == NOW + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("headers", "wait"), [({}, 1800), ({"retry-after": "0"}, 1800), ({"retry-after": "7"}, 7)]
)
def test_how_long_a_host_is_left_alone(headers: dict[str, str], wait: int) -> None:
    assert polling.held_until(NOW, headers) == NOW + timedelta(seconds=wait)


@pytest.mark.parametrize(
    ("attempts", "hours"),
    [(0, 0), (1, 0), (2, 0), (3, 3), (4, 6), (5, 12), (6, 24), (7, 48), (8, 96), (10**9, 3072)],
)
def test_when_a_page_is_asked_for_again(attempts: int, hours: int) -> None:
    assert polling.page_due(NOW, attempts) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, MAX-AGE="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "9999"}, 0),
        ({"cache-control": "max-age=600, no-cache"}, 0),
        ({"cache-control": "no-store, max-age=600"}, 0),
        ({"cache-control": "s-maxage=600"}, None),  # for shared caches, which we are not
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age=-5"}, 0),
        ({"cache-control": "max-age=" + "9" * 5000}, 10**9),
        ({"expires": "Fri, 20 Nov 2026 12:10:00 GMT"}, 600),
        ({"expires": "Fri, 20 Nov 2026 12:10:00 GMT", "date": "Fri, 20 Nov 2026 12:05:00 GMT"},
         300),
        ({"expires": "Fri, 20 Nov 2026 12:10:00 GMT", "cache-control": "max-age=5"}, 5),
        ({"expires": "Thu, 19 Nov 1981 08:52:00 GMT"}, 0),
        ({"expires": "0"}, 0),
    ],
)  # fmt: skip
def test_freshness(headers: dict[str, str], seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert polling.freshness(headers, NOW) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("120", 120),
        ("0", 0),
        ("Fri, 20 Nov 2026 13:00:00 GMT", 3600),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("172800", 172800),
        ("Fri, 20 Nov 2099 11:00:00 GMT", 7 * 86400),
        ("99999999999999999999", 7 * 86400),
        ("-5", None),
        ("later", None),
        ("²", None),
    ],
)
def test_retry_after(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert polling.retry_after({"retry-after": text}, NOW) == expected


@pytest.mark.parametrize(
    ("failures", "headers", "minutes"),
    [
        (0, {}, 15),
        (1, {}, 30),
        (2, {}, 60),
        (6, {}, 960),
        (7, {}, 1440),
        (10**6, {}, 1440),
        (0, {"retry-after": "7200"}, 120),
        (3, {"retry-after": "60"}, 120),
    ],
)
def test_failures_double_the_wait(failures: int, headers: dict[str, str], minutes: int) -> None:
    assert polling.due_after_failure(NOW, failures, headers) == NOW + timedelta(minutes=minutes)


FEED = Feed(
    "http://a.test/feed", "a", id=1, etag='"old"', last_modified="before", interval_minutes=60
)
MOVED = "https://a.test/new"


@pytest.mark.parametrize(
    ("status", "headers", "hops", "counts", "expected"),
    [
        (200, {"etag": '"e"'}, (), (10, 4),
         {"outcome": "answered", "etag": '"e"', "last_modified": None, "interval_minutes": 60}),
        (200, {"cache-control": "max-age=10000"}, (), (10, 4),
         {"next_due": NOW + timedelta(seconds=10000)}),
        (200, {"cache-control": "max-age=31536000"}, (), (10, 4),
         {"next_due": NOW + timedelta(days=1)}),
        (200, {"etag": "x" * 2000}, (), (1, 0), {"etag": None}),
        (200, {"etag": "a\nb"}, (), (1, 0), {"etag": None}),
        (200, {}, (301, 308), (1, 0), {"moved_to": MOVED}),
        (200, {}, (301, 302), (1, 0), {"moved_to": None}),
        (200, {}, (307,), (1, 0), {"moved_to": None}),
        (200, {}, (), (1, 0), {"moved_to": None}),
        (304, {}, (), (0, 0),
         {"outcome": "answered", "etag": '"old"', "last_modified": "before",
          "interval_minutes": 90}),
        (304, {"etag": '"new"'}, (), (0, 0), {"etag": '"new"', "last_modified": "before"}),
        (410, {}, (), (0, 0), {"outcome": "retired"}),
        (404, {}, (), (0, 0),
         {"outcome": "failed", "next_due": NOW + timedelta(minutes=15), "moved_to": None}),
        (404, {}, (301,), (0, 0), {"outcome": "failed", "moved_to": None}),
        (429, {"retry-after": "3600"}, (), (0, 0),
         {"outcome": "failed", "next_due": NOW + timedelta(hours=1)}),
        (503, {}, (), (0, 0),
         {"outcome": "failed", "next_due": NOW + polling.HOLD}),
        (429, {"retry-after": "soon"}, (), (0, 0), {"next_due": NOW + polling.HOLD}),
        (204, {}, (), (0, 0), {"outcome": "failed"}),
        (302, {}, (), (0, 0), {"outcome": "failed"}),
        (999, {}, (), (0, 0), {"outcome": "failed", "reason": "the server answered 999"}),
    ],
)  # fmt: skip
def test_what_an_answer_means_for_a_feed(
    status: int,
    headers: dict[str, str],
    hops: tuple[int, ...],
    counts: tuple[int, int],
    expected: dict[str, Any],
) -> None:
    answer = Answer(status, headers, MOVED if hops else FEED.url, hops)
    decision = decide(FEED, answer, NOW, Listing(*counts))
    assert {name: getattr(decision, name) for name in expected} == expected


def test_a_304_that_nobody_asked_for_is_a_failure() -> None:
    """Or a feed would be well for ever, and never bring anything."""
    decision = decide(Feed("http://a.test/feed", "a"), Answer(304, {}, FEED.url), NOW)
    assert (decision.outcome, decision.reason) == ("failed", "the server answered 304 Not Modified")


def test_a_failure_without_an_answer_keeps_the_reason() -> None:
    decision = failed(FEED, "no answer in time", NOW)
    assert (decision.outcome, decision.reason) == ("failed", "no answer in time")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "fetched"), (404, "gone"), (410, "gone"), (429, "waiting"), (503, "waiting"),
        (500, "failed"), (403, "failed"), (302, "failed"), (206, "failed"),
    ],
)  # fmt: skip
def test_what_an_answer_means_for_a_page(status: int, verdict: str) -> None:
    assert page_verdict(status) == verdict


@pytest.mark.parametrize(
    ("body", "kind", "cut"),
    [
        ("<html><p>x</p></html>", "text/html", False),
        ("<html><p>x</p></HTML >\n<!-- served by x -->", "text/html; charset=utf-8", False),
        ("<html><p>x</p></bo", "text/html", True),
        ("", "text/html", True),
        ("<rss><channel></channel></rss>\n", "application/rss+xml", False),
        ("<rss><channel><item>", "application/rss+xml", True),
        ("<a:feed></a:feed>", "application/atom+xml", False),
        ("<rdf:RDF></rdf:RDF>", "", False),
        ("<urlset></urlset>", "text/xml", False),
        ('{"items": []}\n', "application/feed+json", False),
        ('{"items": [', "application/feed+json", True),
        ("%PDF-1.7", "application/pdf", False),  # shows no end either way
        ("words", "text/plain", False),
    ],
)
def test_whether_an_answer_shows_its_end(body: str, kind: str, cut: bool) -> None:
    assert shows_no_end(body.encode(), kind) is cut
    assert shows_no_end(body.encode("utf-16"), kind) is cut or body.startswith("{")


def test_every_status_has_words() -> None:
    assert all(str(status) in explained(status) for status in range(100, 1000))
