"""What is wrong with the sources, and what that costs: records come in, findings go out.

    failing    a feed that cannot be had        silent    one that brings nothing new any more
    drifting   a source whose stories tell less than they did       no pass    nobody crawls

Each rule is a pure function of records; `examine` asks the database for them. Nothing is changed.
A drift that stays becomes the usual after some 200 stories, and is not told any longer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from storage.health import crawled_sources, events_between, feed_records, last_pass, story_records
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from storage.health import FeedRecord, PassRecord, StoryRecord

State = Literal["no pass", "failing", "silent", "drifting"]

UNWELL: dict[State, tuple[str, str]] = {  # in words, for one and for several
    "failing": ("feed fails", "feeds fail"),
    "silent": ("feed is silent", "feeds are silent"),
    "drifting": ("source drifts", "sources drift"),
}

DAY = timedelta(days=1)
FAILURES = 3  # in a row; two can be a restart of the publisher's server
UNANSWERED = 2 * DAY  # a feed that we are asked to leave alone counts no failures
GONE_IS_NEWS = 30 * DAY  # after a 410; then everybody knows

RHYTHM = 10  # entries; fewer have none
QUIET = 4 * DAY  # at least: nobody publishes over a long weekend
USUAL_GAPS = 5  # times the median gap
LONGEST_GAPS = 1.5  # times the longest, for those that publish in bursts
FREAKS = 0.05  # share of gaps that are left out before: one old entry is no gap of years

RECENT, BEFORE, LEAST_BEFORE = 30, 200, 60  # stories that are held against each other
USED_TO_HAVE, LOST = 0.5, 0.3  # a field that so many stories had, and so many fewer have now
WORTH_HALVING = 400  # letters; half of a note is still a note
LONG_AGO = 30 * DAY
FEW, MANY = 0.1, 0.3  # shares of stories dated long ago: before, and now
FIELDS: dict[str, Callable[[StoryRecord], bool]] = {
    "the author": attrgetter("author"),
    "the minute of publication": attrgetter("minute"),
    "the text of its page": attrgetter("page"),
    "a picture": attrgetter("image"),
}

NO_PASS = DAY  # the slowest sensible schedule has one a day
COMPARED = 14 * DAY  # how much of the past says what a source used to confirm


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, since when, and why we think so."""

    state: State
    why: str
    source: str | None = None
    feed: str | None = None
    since: datetime | None = None  # None: it never was well
    failures: int = 0
    next_due: datetime | None = None
    missed: int | None = None  # events that it would have confirmed
    events: int | None = None  # of so many


@dataclass(frozen=True, slots=True)
class Health:
    """All that was found, and what was looked at."""

    findings: tuple[Finding, ...]
    feeds: int
    sources: int
    last: PassRecord | None
    now: datetime

    def count(self, state: State) -> int:
        return sum(finding.state == state for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """1 when no pass does its work, 3 when only sources are unwell, 0 when all is well."""
        if self.count("no pass"):
            return 1
        return 3 if self.findings else 0


def examine(db: Database, now: datetime) -> Health:
    """Everything that is wrong now, the worst first."""
    last, feeds, sources = last_pass(db), feed_records(db), crawled_sources(db)
    found = [finding for feed in feeds if (finding := failing(feed, now) or silent(feed))]
    found = [_with_cost(db, finding, now) for finding in found]
    found.sort(key=lambda finding: (finding.state, -(finding.missed or 0)))
    drifts = [drifting(source, story_records(db, source, RECENT + BEFORE)) for source in sources]
    findings = [no_pass(last, now), *found, *drifts]
    return Health(
        findings=tuple(finding for finding in findings if finding),
        feeds=sum(feed.gone is None for feed in feeds),
        sources=len(sources),
        last=last,
        now=now,
    )


def no_pass(last: PassRecord | None, now: datetime) -> Finding | None:
    """Whether passes do their work: a monitor must hear of a scheduler that has stopped."""
    if last is None:
        return Finding("no pass", "no pass has ever ended; start one with: newsfold run")
    ended = last.finished or last.started
    if now - ended > NO_PASS:
        why = f"no pass has ended for {span(now - ended)}; does the scheduler run?"
        return Finding("no pass", why, since=ended)
    if last.exit_code not in (0, 3):
        return Finding(
            "no pass", f"the last {last.verb} was {last.stopped or 'failed'}", since=ended
        )
    return None


def failing(feed: FeedRecord, now: datetime) -> Finding | None:
    """A feed that cannot be had: again and again, for days, never yet, or never more."""
    if feed.gone is not None:
        if now - feed.gone > GONE_IS_NEWS:
            return None
        why = f"gone for good: {feed.last_error or 'its publisher says so'}"
        return Finding("failing", why, feed.source_id, feed.url, feed.gone, feed.failures)
    unanswered = feed.last_fetched is None or now - feed.last_fetched > UNANSWERED
    if feed.failures < FAILURES and not (feed.last_error and unanswered):
        return None
    return Finding(
        "failing",
        feed.last_error or "no answer",
        feed.source_id,
        feed.url,
        feed.last_fetched,
        feed.failures,
        feed.next_due,
    )


def silent(feed: FeedRecord) -> Finding | None:
    """A feed that answers and brings nothing new, for much longer than it ever did. Time counts
    up to its last answer: when we do not ask, it is not the feed that is silent."""
    if feed.last_fetched is None:
        return None
    if feed.last_new is None:
        why = "it answers, and has never listed an entry"
        return Finding("silent", why, feed.source_id, feed.url, None, next_due=feed.next_due)
    quiet, usual = feed.last_fetched - feed.last_new, usual_gap(feed.times)
    limit = longest_quiet(feed.times)
    if usual is None or limit is None or quiet <= limit:
        return None
    why = f"nothing new for {span(quiet)}; usually something every {span(usual)}"
    return Finding("silent", why, feed.source_id, feed.url, feed.last_new, next_due=feed.next_due)


def usual_gap(times: Sequence[datetime]) -> timedelta | None:
    """The median time between two entries; None when there are too few of them."""
    gaps = _gaps(times)
    return gaps[len(gaps) // 2] if len(times) >= RHYTHM else None


def longest_quiet(times: Sequence[datetime]) -> timedelta | None:
    """How long a feed with entries at these times may bring nothing new and still be well."""
    usual, gaps = usual_gap(times), _gaps(times)
    if usual is None:
        return None
    longest = gaps[-1 - int(len(gaps) * FREAKS)]
    return max(QUIET, USUAL_GAPS * usual, LONGEST_GAPS * longest)


def _gaps(times: Sequence[datetime]) -> list[timedelta]:
    return sorted(later - earlier for earlier, later in pairwise(sorted(times)))


def drifting(source: str, stories: Sequence[StoryRecord]) -> Finding | None:
    """A source whose latest stories tell less than those before: often its pages have changed."""
    recent, before = stories[:RECENT], stories[RECENT : RECENT + BEFORE]
    if len(recent) < RECENT or len(before) < LEAST_BEFORE:
        return None
    why = [*_lost_fields(recent, before), *_shorter(recent, before), *_older(recent, before)]
    if not why:
        return None
    return Finding("drifting", "; ".join(why), source, since=recent[-1].first_seen)


def _lost_fields(recent: Sequence[StoryRecord], before: Sequence[StoryRecord]) -> list[str]:
    told = []
    for name, has in FIELDS.items():
        was, is_ = _share(before, has), _share(recent, has)
        if was >= USED_TO_HAVE and is_ <= was - LOST:
            told.append(f"{name}: known for {was:.0%} of its stories before, now for {is_:.0%}")
    return told


def _shorter(recent: Sequence[StoryRecord], before: Sequence[StoryRecord]) -> list[str]:
    was, is_ = (median(story.letters for story in stories) for stories in (before, recent))
    if was < WORTH_HALVING or is_ > was / 2:
        return []
    return [f"length: {was:.0f} letters before, now {is_:.0f}"]


def _older(recent: Sequence[StoryRecord], before: Sequence[StoryRecord]) -> list[str]:
    was, is_ = _share(before, _is_long_ago), _share(recent, _is_long_ago)
    if was > FEW or is_ < MANY:
        return []
    return [f"dates: {is_:.0%} of its new stories are dated over {LONG_AGO.days} days back"]


def _is_long_ago(story: StoryRecord) -> bool:
    return story.published is not None and story.first_seen - story.published > LONG_AGO


def _share(stories: Sequence[StoryRecord], has: Callable[[StoryRecord], bool]) -> float:
    return sum(map(has, stories)) / len(stories)


def would_have_confirmed(before: tuple[int, int], since: tuple[int, int]) -> int:
    """How many events a source has missed since it failed or fell silent.

    An event counts that two other sources or more report. In the two weeks before, the source was
    in so many of so many of them (`before`: all, its own); had it gone on so, it would be in the
    same share of those since. What it is in all the same, by another feed, is not missed.
    """
    (all_before, its_before), (all_since, its_since) = before, since
    if not all_before:
        return 0
    return max(0, round(all_since * its_before / all_before) - its_since)


def _with_cost(db: Database, finding: Finding, now: datetime) -> Finding:
    if finding.source is None or finding.since is None:
        return finding
    since = events_between(db, finding.source, max(finding.since, now - COMPARED), now)
    before = events_between(db, finding.source, finding.since - COMPARED, finding.since)
    return replace(finding, missed=would_have_confirmed(before, since), events=since[0])


def span(length: timedelta) -> str:
    """A length of time in the unit that fits it."""
    minutes = length.total_seconds() / 60
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= 2 * size:
            return f"{round(minutes / size)} {unit}s"
    return f"{max(1, round(minutes))} minute{'s' * (round(minutes) > 1)}"


def as_rows(health: Health) -> list[dict[str, Any]]:
    """The findings as a list to print."""
    return [
        {
            **asdict(finding),
            "since": to_iso(finding.since),
            "next_due": to_iso(finding.next_due),
        }
        for finding in health.findings
    ]


def in_one_line(health: Health) -> str:
    """For a monitor."""
    told = [finding.why for finding in health.findings if finding.state == "no pass"]
    for state, (one, several) in UNWELL.items():
        count = health.count(state)
        told += [f"{count} {several if count > 1 else one}"] if count else []
    missed = sum(finding.missed or 0 for finding in health.findings)
    told += [f"about {missed} confirmations of events missed"] if missed else []
    return "; ".join(told) or f"all well: {health.feeds} feeds of {health.sources} sources"
