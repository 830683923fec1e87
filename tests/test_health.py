"""Health: tables of cases for each rule, and the verb on databases that have something wrong."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from loopback import save_feeds

from pipeline.cli import main
from pipeline.health import (
    Finding,
    drifting,
    examine,
    failing,
    in_one_line,
    longest_quiet,
    no_pass,
    silent,
    span,
    would_have_confirmed,
)
from pipeline.metrics import as_metrics
from storage.database import create_or_open, in_memory
from storage.health import FeedRecord, PassRecord, StoryRecord
from storage.models import Entry, Feed
from storage.pages import save_entries
from storage.runs import recorded
from storage.sources import all_sources, record_answer, record_failure
from storage.times import to_iso, utc_now
from tests.stories import stored, story

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlite_utils import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEED = FeedRecord("alpha", "http://alpha.test/feed", last_fetched=NOW - HOUR)


# Failing


@pytest.mark.parametrize(
    ("feed", "since"),
    [
        (replace(FEED, failures=3, last_error="404"), NOW - HOUR),
        (replace(FEED, failures=9, last_error="404", last_fetched=None), None),
        (replace(FEED, failures=1, last_error="404", last_fetched=None), None),
        (replace(FEED, failures=0, last_error="held", last_fetched=NOW - 3 * DAY), NOW - 3 * DAY),
        (replace(FEED, gone=NOW - DAY, last_error="gone (410)"), NOW - DAY),
    ],
)
def test_a_feed_that_cannot_be_had_is_failing(feed: FeedRecord, since: datetime | None) -> None:
    found = failing(feed, NOW)
    assert found is not None
    assert (found.state, found.since, found.failures) == ("failing", since, feed.failures)
    assert (feed.last_error or "?") in found.why


@pytest.mark.parametrize(
    "feed",
    [
        FEED,
        replace(FEED, last_fetched=None),  # not polled yet
        replace(FEED, failures=2, last_error="503"),
        replace(FEED, last_error="held", last_fetched=NOW - DAY),
        replace(FEED, last_fetched=NOW - 9 * DAY),  # nobody asked it
        replace(FEED, gone=NOW - 40 * DAY, failures=3),  # an old story
    ],
)
def test_a_feed_that_is_not_failing(feed: FeedRecord) -> None:
    assert failing(feed, NOW) is None


# Silent


def every(gap: timedelta, count: int = 50, last: datetime = NOW) -> tuple[datetime, ...]:
    return tuple(sorted(last - gap * number for number in range(count)))


WEEKDAYS = tuple(t for t in every(HOUR * 4, 80) if t.weekday() < 5)
MONTHLY = tuple(t + n * HOUR for t in every(30 * DAY, 6) for n in range(8))


@pytest.mark.parametrize(
    ("times", "limit"),
    [
        (every(HOUR), 4 * DAY),  # a long weekend at least
        (every(DAY), 5 * DAY),
        (every(7 * DAY), 35 * DAY),
        (WEEKDAYS, 4 * DAY),  # 64 hours from Friday to Monday, and a half
        (MONTHLY, 1.5 * (30 * DAY - 7 * HOUR)),  # bursts of eight
        ((*every(DAY, 40), NOW - 900 * DAY), 5 * DAY),  # one old entry is no rhythm
        ((NOW,) * 30, 4 * DAY),  # a whole archive at once
        (every(DAY, 9), None),  # too few
        ((), None),
    ],
)
def test_how_long_a_feed_may_be_quiet(times: Sequence[datetime], limit: timedelta | None) -> None:
    assert longest_quiet(times) == limit


@pytest.mark.parametrize(
    ("gap", "quiet", "is_silent"),
    [
        (HOUR, 3 * DAY, False),
        (HOUR, 5 * DAY, True),
        (DAY, 5 * DAY, False),
        (DAY, 6 * DAY, True),
        (7 * DAY, 30 * DAY, False),
        (7 * DAY, 40 * DAY, True),
    ],
)
def test_a_feed_is_silent_by_its_own_rhythm(
    gap: timedelta, quiet: timedelta, is_silent: bool
) -> None:
    last = NOW - HOUR - quiet
    found = silent(replace(FEED, last_new=last, times=every(gap, last=last)))
    assert (found is not None) == is_silent
    if found:
        assert (found.since, found.source) == (last, "alpha")
        assert found.why == f"nothing new for {span(quiet)}; usually something every {span(gap)}"


def test_a_feed_that_nobody_asked_is_not_silent() -> None:
    last = NOW - 30 * DAY
    feed = replace(FEED, last_new=last, times=every(HOUR, last=last), last_fetched=last + DAY)
    assert silent(feed) is None


def test_a_feed_that_never_listed_anything_is_silent() -> None:
    found = silent(FEED)
    assert found is not None
    assert found.why == "it answers, and has never listed an entry"
    assert silent(replace(FEED, last_fetched=None)) is None


# Drifting

USUAL = StoryRecord(True, True, True, True, 3000, NOW - HOUR, NOW)


def some(share: float, count: int, **other: Any) -> list[StoryRecord]:
    """So many stories, a share of which differs from the usual."""
    changed = round(share * count)
    return [replace(USUAL, **other)] * changed + [USUAL] * (count - changed)


@pytest.mark.parametrize(
    ("recent", "before", "why"),
    [
        (some(1, 30, author=False), some(0, 200), "the author: known for 100% .*, now for 0%"),
        (some(0.5, 30, minute=False), some(0, 60), "the minute of publication: .* now for 50%"),
        (
            some(0.9, 30, page=False),
            some(0.1, 200, page=False),
            "the text of its page: .* 90% .* 10%",
        ),
        (some(1, 30, image=False), some(0.4, 200, image=False), "a picture: .* 60% .* 0%"),
        (some(0.6, 30, letters=500), some(0, 200), "length: 3000 letters before, now 500"),
        (some(0.4, 30, published=NOW - 90 * DAY), some(0, 200), "dates: 40% .* over 30 days back"),
    ],
)
def test_a_source_whose_stories_tell_less_drifts(
    recent: list[StoryRecord], before: list[StoryRecord], why: str
) -> None:
    found = drifting("alpha", [*recent, *before])
    assert found is not None
    assert re.fullmatch(why + ".*", found.why)
    assert ";" not in found.why


@pytest.mark.parametrize(
    ("recent", "before"),
    [
        (some(0, 30), some(0, 200)),
        (some(0.2, 30, author=False), some(0, 200)),  # chance
        (some(1, 30, author=False), some(0.6, 200, author=False)),  # never had many
        (some(1, 30, letters=200), some(1, 200, letters=380)),  # notes
        (some(1, 30, letters=1600), some(0, 200)),
        (some(1, 30, published=NOW - 90 * DAY), some(0.5, 200, published=NOW - 90 * DAY)),
        (some(1, 30, author=False), some(0, 59)),  # too little to hold it against
        (some(1, 29, author=False), []),
    ],
)
def test_a_source_that_is_as_it_was(recent: list[StoryRecord], before: list[StoryRecord]) -> None:
    assert drifting("alpha", [*recent, *before]) is None


# Passes


def ended(ago: timedelta, exit_code: int = 0, stopped: str | None = None) -> PassRecord:
    return PassRecord("run", NOW - ago - HOUR, NOW - ago, exit_code, stopped)


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (None, "no pass has ever ended; start one with: newsfold run"),
        (ended(3 * DAY), "no pass has ended for 3 days; does the scheduler run?"),
        (ended(HOUR, 1, "failed"), "the last run was failed"),
        (ended(HOUR, 1, "interrupted"), "the last run was interrupted"),
        (ended(HOUR), None),
        (ended(HOUR, 3), None),  # some sources failed: told by the feeds
        (ended(HOUR, 0, "time is up"), None),
    ],
)
def test_whether_passes_do_their_work(last: PassRecord | None, why: str | None) -> None:
    found = no_pass(last, NOW)
    assert (found.why if found else None) == why


@pytest.mark.parametrize(
    ("before", "since", "missed"),
    [
        ((80, 12), (40, 0), 6),
        ((80, 12), (40, 6), 0),  # by another feed
        ((80, 12), (40, 9), 0),
        ((80, 0), (40, 0), 0),
        ((0, 0), (40, 0), 0),
        ((80, 12), (0, 0), 0),
    ],
)
def test_what_it_would_have_confirmed(
    before: tuple[int, int], since: tuple[int, int], missed: int
) -> None:
    assert would_have_confirmed(before, since) == missed


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=9, hours=2), "9 days"),
    ],
)
def test_lengths_of_time_in_words(length: timedelta, words: str) -> None:
    assert span(length) == words


# On a database


def with_a_source_that_fell_silent(db: Database) -> None:
    """Three sources report six happenings; from the third on there is nothing from gamma."""
    for day in range(12, 0, -2):
        hosts = ("alpha", "beta", "gamma")[: 3 if day > 8 else 2]
        made = [story(f"http://{host}.test/{day}", published=NOW - day * DAY) for host in hosts]
        stored(db, [replace(each, source_id=each.url[7:].split(".")[0]) for each in made], NOW)
        ids = [
            row["id"]
            for row in db.query("SELECT id FROM stories ORDER BY id DESC LIMIT ?", [len(hosts)])
        ]
        event = {"title": "A title", "headline_story": ids[0], "language": "en"}
        event |= dict.fromkeys(("category", "category_because", "tldr", "tldr_from"), "")
        event |= dict.fromkeys(("story_count", "source_count", "independent_count"), len(hosts))
        event |= dict.fromkeys(("first_published", "last_published"), to_iso(NOW - day * DAY))
        event["updated_at"] = to_iso(NOW)
        number = db["events"].insert(event).last_pk
        db["event_stories"].insert_all(
            {"event_id": number, "story_id": id_, "role": "original", "score": 1.0, "because": ""}
            for id_ in ids
        )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "news.db"
    save_feeds(path, *(Feed(f"http://{name}.test/feed", name) for name in ("alpha", "gamma")))
    db = create_or_open(path)
    with_a_source_that_fell_silent(db)
    alpha, gamma = (feed for each in all_sources(db) if each.id != "beta" for feed in each.feeds)
    for feed in (alpha, gamma):
        fetched = NOW - 9 * DAY if feed is gamma else NOW
        record_answer(db, feed, now=fetched, next_due=fetched, interval_minutes=60, status=200)
        save_entries(db, feed, [(Entry(f"{feed.url}/1", "One"), f"{feed.url}/1")], fetched)
    for _ in range(4):
        record_failure(db, gamma, next_due=NOW + DAY, error="not found (404)", status=404)
    with recorded(db, "run", lambda: NOW) as run, run.timed("fetch"):
        run.counts = {"crawl": {"feeds_polled": 2, "feeds_failed": 1}}
    db.close()
    return path


def test_what_a_failing_source_would_have_confirmed(database: Path) -> None:
    db = create_or_open(database)
    found = examine(db, NOW)
    assert found.findings == (
        Finding(
            state="failing",
            why="not found (404)",
            source="gamma",
            feed="http://gamma.test/feed",
            since=NOW - 9 * DAY,
            failures=4,
            next_due=NOW + DAY,
            missed=4,  # it was in both events before, so it would be in all four since
            events=4,
        ),
    )
    assert found.exit_code == 3
    assert in_one_line(found) == "1 feed fails; about 4 confirmations of events missed"


def test_a_feed_that_lists_discussions_is_judged_by_them(tmp_path: Path) -> None:
    save_feeds(tmp_path / "news.db", Feed("http://alpha.test/feed", "alpha"))
    db = create_or_open(tmp_path / "news.db")
    db.execute("UPDATE feeds SET last_fetched = ?", (to_iso(NOW),))
    assert [found.state for found in examine(db, NOW).findings] == ["no pass", "silent"]
    db["discussions"].insert(
        {
            "url": "http://alpha.test/1",
            "story_url": "http://beta.test/1",
            "feed_id": 1,
            "first_seen": to_iso(NOW - HOUR),
            "last_seen": to_iso(NOW),
        }
    )
    assert [found.state for found in examine(db, NOW).findings] == ["no pass"]


def test_an_empty_database_says_that_nobody_crawls() -> None:
    found = examine(in_memory(), NOW)
    assert [finding.state for finding in found.findings] == ["no pass"]
    assert found.exit_code == 1


def test_all_well() -> None:
    db = in_memory()
    with recorded(db, "run", lambda: NOW):
        pass
    found = examine(db, NOW)
    assert (found.findings, found.exit_code) == ((), 0)
    assert in_one_line(found) == "all well: 0 feeds of 0 sources"


def test_a_crawl_that_is_part_of_a_run_is_told_by_it() -> None:
    db = in_memory()
    with recorded(db, "run", lambda: NOW) as run:
        with recorded(db, "crawl", lambda: NOW, part_of=run) as crawl:
            crawl.exit_code = 3
        run.exit_code = 3
    last = examine(db, NOW).last
    assert last is not None
    assert (last.verb, last.exit_code) == ("run", 3)


SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+]+)')


def parsed(text: str) -> dict[str, list[tuple[str, float]]]:
    """Samples by metric; the strict part of the text format, version 0.0.4."""
    found: dict[str, list[tuple[str, float]]] = {}
    announced = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            announced = line.split()[2]
            assert announced not in found  # all samples of a metric stand together
            found[announced] = []
        elif not line.startswith("# HELP "):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample.group(1) == announced
            found[announced].append((sample.group(2) or "", float(sample.group(3))))
    return found


def test_the_same_as_metrics(database: Path) -> None:
    text = as_metrics(examine(create_or_open(database), NOW))
    assert text.endswith("\n")
    found = parsed(text)
    which = 'source="gamma",feed="http://gamma.test/feed",state="failing"'
    assert found["newsfold_found"] == [(which, 1)]
    assert found["newsfold_events_missed"] == [(which, 4)]
    assert found["newsfold_feed_failures"] == [(which, 4)]
    assert found["newsfold_well"] == [("", 0)]
    assert found["newsfold_passing"] == [("", 1)]
    assert found["newsfold_feeds"] == [("", 2)]
    assert found["newsfold_last_pass_timestamp_seconds"] == [("", NOW.timestamp())]
    assert ('part="crawl",what="feeds_polled"', 2) in found["newsfold_last_pass_count"]
    assert {labels for labels, _ in found["newsfold_last_pass_seconds"]} == {
        'step="fetch"',
        'step="total"',
    }


def test_labels_are_escaped() -> None:
    found = examine(in_memory(), NOW)
    odd = Finding("failing", "why", 'a"b\\c\nd', "http://x.test/")
    text = as_metrics(replace(found, findings=(odd,)))
    assert r'source="a\"b\\c\nd"' in text
    assert parsed(text)["newsfold_found"]


def call(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_verb(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = create_or_open(database)
    with recorded(db, "run", utc_now):
        pass
    db.close()
    assert call("health", database) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["state"], row["source"], row["failures"]) == ("failing", "gamma", 4)
    assert row["since"] == "2026-11-11T12:00:00Z"
    assert call("health", database, "-t") == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        *("state", "source", "well", "until", "why", "next", "poll", "missed")
    ]
    assert call("health", database, "--check") == 3
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert call("health", database, "--prometheus") == 0
    assert parsed(capsys.readouterr().out)["newsfold_unwell"][0] == ('state="failing"', 1)
    assert call("health", database, "--check", "--csv") == 2


def test_a_monitor_hears_of_a_scheduler_that_stopped(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = create_or_open(database)
    db.execute("UPDATE runs SET finished = '2026-01-01T00:00:00Z'")
    db.conn.commit()
    assert call("health", database, "--check") == 1
    assert "does the scheduler run?" in capsys.readouterr().out
