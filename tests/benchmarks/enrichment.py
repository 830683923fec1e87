"""How long an event takes to be described, by part, in microseconds of CPU a story.

    python -m tests.benchmarks.enrichment

Events of one story of 2 000 to 3 500 characters; events of several stories; one event with 5 000
copies of a story; and the relations of 100 000 events of a month. `sentences`, `words` and `names`
are what all parts ask for: the cut of a story, and what is read of its lead. The data is found by
NEWSFOLD_DATA (default: ../shared/data).
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.enrich.categories import event_category
from pipeline.enrich.describe import describe_with_names, event_names
from pipeline.enrich.figures import figures
from pipeline.enrich.related import EventNames, relate_all
from pipeline.enrich.roles import headline_story, roles
from pipeline.enrich.tldr import tldr
from pipeline.enrich.told import Told
from pipeline.folding import SAME_TEXT, Belonging, Group, fold
from storage.files import read_rows, story_from_row
from storage.models import Match, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.models import Story

SINGLES = range(2_000, 3_501)  # characters
SEVERAL = range(2, 50)  # stories
COPIES = 5_000
EVENTS = 100_000
SETS = ("events/wikinews", "events/ecbplus_train", "load/news_day_2020_en")


def stories_of(name: str) -> dict[int, Story]:
    """The stories of a set by id; ids are given here."""
    default = Path(__file__).parents[3] / "shared" / "data"
    path = Path(os.environ.get("NEWSFOLD_DATA", default)) / f"{name}.jsonl.gz"
    told = {
        story.url: story
        for line, row in read_rows(path)
        for story in [story_from_row(row, path, line)]
    }
    return {id_: replace(story, id=id_) for id_, story in enumerate(told.values(), start=1)}


def parts(events: Sequence[Sequence[Story]], copy_of: dict[int, int]) -> Counter[str]:
    """Seconds of each part, over all events."""
    spent: Counter[str] = Counter()
    for members in events:
        told = [Told(story) for story in members]
        clock = _Clock(spent)
        for one in told:
            _ = one.body
        clock.stop("sentences")
        for one in told:
            _ = one.lead, one.title
        clock.stop("words")
        event_names(told, frozenset())
        clock.stop("names")
        role_of = roles(told, copy_of, {story.source_id: story.source_id for story in members})
        headline = headline_story(told, role_of)
        clock.stop("roles")
        event_category(told, headline.stored_id, role_of)
        clock.stop("category")
        tldr(told, headline.title, role_of, headline.language)
        clock.stop("tldr")
        for one in told:
            figures(one)
        clock.stop("figures")
    return spent


class _Clock:
    """Adds what passed since it was last asked."""

    def __init__(self, spent: Counter[str]) -> None:
        self._spent = spent
        self._since = time.process_time()

    def stop(self, part: str) -> None:
        now = time.process_time()
        self._spent[part] += now - self._since  # type: ignore[assignment]  # seconds
        self._since = now


def whole(groups: Sequence[Group], stories: dict[int, Story], copy_of: dict[int, int]) -> float:
    """Seconds of describe_with_names(), which reads each story once."""
    sources = {
        s.source_id: Source(s.source_id, s.source_id, "", "en", "") for s in stories.values()
    }
    started = time.process_time()
    for number, group in enumerate(groups):
        describe_with_names(number, group, stories, copy_of, sources, frozenset())
    return time.process_time() - started


def show(
    name: str, groups: Sequence[Group], stories: dict[int, Story], copy_of: dict[int, int]
) -> None:
    events = [[stories[b.story_id] for b in group.belongings] for group in groups]
    count = sum(map(len, events))
    total = whole(groups, stories, copy_of)
    spent = parts(events, copy_of)
    by_part = "  ".join(f"{part} {1e6 * seconds / count:.0f}" for part, seconds in spent.items())
    print(f"{name:32} {count:6} stories {1e6 * total / count:7.0f} µs each: {by_part}", flush=True)


def alone(stories: dict[int, Story]) -> list[Group]:
    return [
        Group((Belonging(id_, None),))
        for id_, story in stories.items()
        if len(story.text) in SINGLES
    ]


def copies_of_one(
    story: Story, every: Sequence[Story]
) -> tuple[Group, dict[int, Story], dict[int, int]]:
    """An event of one story and its copies, each with a title and a last line of its own."""
    stories = {
        id_: replace(
            story,
            id=id_,
            url=f"https://copy{id_}.test/",
            source_id=f"copy{id_}.test",
            title=every[id_ % len(every)].title if id_ % 3 else story.title,
            text=f"{story.text}\nThis report was first published on copy{id_}.test.",
        )
        for id_ in range(2, COPIES + 2)
    }
    same = [Belonging(id_, Match(1, id_, 1.0, (SAME_TEXT,))) for id_ in stories]
    group = Group((Belonging(1, None), *same))
    return group, stories | {1: replace(story, id=1)}, dict.fromkeys(stories, 1)


def month(seed: int = 0) -> Iterator[EventNames]:
    """Events with names as frequent as those of the news: a few in many, most in few."""
    draw = random.Random(seed)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    names = [f"Name {number}" for number in range(EVENTS)]
    for number in range(EVENTS):
        about = {
            names[int(EVENTS * draw.random() ** 3)]: draw.choice((1, 1, 1, 2, 5)) for _ in range(20)
        }
        yield EventNames(
            number, about, start + timedelta(minutes=draw.randrange(43_200)), "other", ""
        )


def main() -> None:
    for name in SETS:
        stories = stories_of(name)
        folded = fold(stories.values())
        show(f"{name}, one a story", alone(stories), stories, {})
        several = [group for group in folded.groups if len(group.belongings) in SEVERAL]
        show(f"{name}, several", several, stories, folded.copy_of)
    report = next(story for story in stories.values() if len(story.text) in SINGLES)
    group, stories, copy_of = copies_of_one(report, list(stories.values()))
    show(f"one event with {COPIES} copies", [group], stories, copy_of)
    events = list(month())
    frequency = Counter(name for event in events for name in event.names)
    started = time.process_time()
    relate_all(events, frequency, len(events))
    spent = time.process_time() - started
    print(f"related: {len(events)} events {1e6 * spent / len(events):7.0f} µs each")


if __name__ == "__main__":
    main()
