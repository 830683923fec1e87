"""When a feed is due again, and what an answer means: tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers import polling
from crawlers.answers import Answer, decide, explained, failed, page_verdict
from storage.models import Feed

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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


@given(st.integers(1, 3000), st.integers(0, 500), st.integers(0, 500))
def test_every_interval_is_within_its_bounds(minutes: int, listed: int, new: int) -> None:
    found = polling.next_interval(minutes, listed, min(listed, new))
    assert polling.FLOOR <= found <= polling.CEILING


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, MAX-AGE="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "9999"}, 0),
        ({"cache-control": "max-age=600, no-cache"}, 0),
        ({"cache-control": "no-store, max-age=600"}, 0),
        ({"cache-control": "s-maxage=600"}, 0),  # for shared caches, which we are not
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age=-5"}, 0),
        ({"cache-control": "max-age=" + "9" * 5000}, 10**9),
    ],
)
def test_freshness(headers: dict[str, str], seconds: int) -> None:
    assert polling.freshness(headers) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("120", 120),
        ("0", 0),
        ("Fri, 20 Nov 2026 13:00:00 GMT", 3600),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2099 11:00:00 GMT", 86400),
        ("99999999999999999999", 86400),
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
        (503, {}, (), (0, 0), {"outcome": "failed"}),
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
    decision = decide(FEED, answer, NOW, *counts)
    assert {name: getattr(decision, name) for name in expected} == expected


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


def test_every_status_has_words() -> None:
    assert all(str(status) in explained(status) for status in range(100, 1000))
