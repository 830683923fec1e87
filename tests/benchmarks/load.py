"""Made stories for load, by written rules and a seed: as many as are asked for, over some days.

    python -m tests.benchmarks.load news.db --size 100000 --days 60
    python -m tests.benchmarks.load stories.jsonl --size 10000
    python -m tests.benchmarks.load --check

Comes in: sentences and headlines of load/{news_day_2020_en,techcrunch_titles} and events/*, found
by NEWSFOLD_DATA (default: ../shared/data). Goes out: stories in the order of their times, into the
tables `sources` and `stories` of a database, or as JSON lines; the gold happening is `happening` in
`extra`, or `event` in a line. A day is made at a time, each from its own seed, so that what is held
in memory is a day or two, and any number of processes makes the same stories. Nothing of it is kept
in the project: the texts belong to their publishers.

The rules:
- Happenings: 80 % have one story, nearly 20 % have 2 to 50 (k stories as often as k to the power of
  -2.2), 0.03 % are a wire story that 60 to 140 sources carry.
- A story is made of real sentences whose less common words are drawn anew: from the few words,
  names and figures of the happening (made for it), from the words of its topic (15 real texts that
  are alike), and from all real texts, as often as these use them; some words are made up, as new
  words come up in real news for ever. A report leaves out a part of what its happening offers.
- Affairs: a topic has names that a third of its happenings of one week share, without being one
  happening; a happening in ten is a next step, which shares two names and some words with an
  earlier one of its day.
- Lengths: 40 % full texts of 1 500 to 4 000 characters, 60 % summaries of 150 to 600 (both evenly),
  cut to whole sentences; headlines of 6 to 14 words.
- Copies are about 10 % of all stories (in a small set one wire story can double that): half to the
  letter, half without the last sentences (10 to 40 %) and with another headline.
- 175 sources of 120 owners, the r-th as often as 1/(r+5); a fifth of them end their full texts with
  the same paragraph each time.
- Times: a happening starts by the rhythm of day, night and weekend, its reports follow within
  hours (half of them within five), two days at most; 5 % know the day alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

from pipeline.text import sentences
from storage.database import create_or_open, transaction
from storage.models import Source, Story
from storage.sources import save_sources
from storage.stories import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from multiprocessing.pool import Pool

Array = np.ndarray[Any, Any]
Job = tuple[int, int, int]  # seed, day, stories

TEXTS = ("load/news_day_2020_en", "events/ecbplus_train", "events/allsides", "events/wikinews")
HEADLINES = ("load/techcrunch_titles", "events/gnews", "events/uci_dev", "events/scoop_ai")
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAYS = 60
SOURCES, OWNERS = 175, 120

SEVERAL, WIRE = 0.1997, 0.0003  # share of the happenings
MOST_REPORTS, FALL = 50, 2.2
WIRE_COPIES = (60, 140)
COPIED = 0.2  # of the later reports; with those of a wire, 10 % of all stories
TO_THE_LETTER = 0.5
NEXT_STEP, AFFAIR = 0.1, 0.33
FULL = 0.4
FULL_LENGTH, SUMMARY_LENGTH = (1500, 4000), (150, 600)  # characters
HEADLINE_WORDS = (6, 14)
HALF_WITHIN, LATEST = 5.0, 47.0  # hours
BY_HOUR = (2, 1, 1, 1, 2, 3, 4, 6, 7, 8, 8, 8, 8, 9, 9, 9, 8, 8, 7, 6, 5, 4, 3, 3)
WEEKEND = 0.6
DAY_ALONE = 0.05

COMMON = 600  # most frequent words, never replaced
TOPICS, TEXTS_A_TOPIC = 60, 15
MADE_NAMES, MADE_WORDS, NUMBERS = 60_000, 30_000, 4_000
# Where the words of a story come from: the happening, its topic; the rest from all texts.
WORDS_FROM = (0.48, 0.34)
NAMES_FROM = (0.52, 0.4)
NUMBERS_FROM = 0.45
HEADLINE_FROM = (0.6, 0.3)
NEW_WORD, NEW_NAME = 0.01, 0.1  # of what is drawn from all texts: made up
KEPT = 0.85  # of the words of a happening that one report knows

# Marks in a sentence: what is drawn anew. All others are numbers of fixed strings.
WORD, CAPITAL_WORD, NAME, NUMBER, WEEKDAY = -1, -2, -3, -4, -5
_PIECE = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?|\d[\d,.]*\d|[^A-Za-z\d]+|\d")
_MONTH = re.compile(
    r"\b(January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BREAK = "\n\n"


# --- what stories are made of ------------------------------------------------------------------


class Stock:
    """Strings by number, and sentences as arrays of these numbers and of marks."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        strings: list[str] = []
        self._strings = strings
        texts = [sentences(text) for name in TEXTS for text in _told(name, "text")]
        counts = Counter(
            word.lower() for text in texts for line in text for word in _PIECE.findall(line)
        )
        letters = [(word, count) for word, count in counts.most_common() if word[0].isalpha()]
        self._fixed = {word for word, _ in letters[:COMMON]}
        self.space, self.gap = self._string(" "), self._string(_BREAK)
        self.weekdays = [self._string(day) for day in _WEEKDAYS]
        cut = [[self._cut(line) for line in text] for text in texts]
        usable = [
            marks
            for text, lines in zip(texts, cut, strict=True)
            for line, (marks, _, _) in zip(text, lines, strict=True)
            if 40 < len(line) < 260 and not _MONTH.search(line)
        ]
        self.sentences = [np.array(marks, dtype=np.int32) for marks in usable]
        self.lengths = np.array([_length(marks, strings) for marks in usable])
        titles = (self._cut(title)[0] for name in HEADLINES for title in _told(name, "title"))
        self.headlines = [
            np.array(marks, dtype=np.int32)
            for marks in titles
            if HEADLINE_WORDS[0] <= self._words_in(marks) <= HEADLINE_WORDS[1]
        ]
        words = [[word for _, found, _ in lines for word in found] for lines in cut]
        names = [[name for _, _, found in lines for name in found] for lines in cut]
        self.words = np.array([word for text in words for word in text], dtype=np.int32)
        self.names = np.array([name for text in names for name in text], dtype=np.int32)
        self.topics = _topics(words, names, len(strings))
        self.made_names, self.made_words = self._made()
        self.numbers = self._numbers()
        for word in list(strings):
            self._string(_capital(word))
        self.capital = np.array([self._number.get(_capital(s), i) for i, s in enumerate(strings)])
        self.strings = np.array(strings, dtype=object)

    def _string(self, text: str) -> int:
        number = self._number.get(text)
        if number is None:
            number = self._number[text] = len(self._strings)
            self._strings.append(text)
        return number

    def _cut(self, line: str) -> tuple[list[int], list[int], list[int]]:
        """A sentence as marks and strings; its words and its names that may be drawn."""
        marks: list[int] = []
        words: list[int] = []
        names: list[int] = []
        for position, piece in enumerate(_PIECE.findall(line)):
            if piece in _WEEKDAYS:
                marks.append(WEEKDAY)
            elif piece[0].isdigit() and len(piece) > 1 and not _is_year(piece):
                marks.append(NUMBER)
            elif not piece[0].isalpha() or piece.lower() in self._fixed or len(piece) < 3:
                marks.append(self._string(piece))
            elif piece[0].islower() or position == 0:
                words.append(self._string(piece.lower()))
                marks.append(CAPITAL_WORD if position == 0 else WORD)
            else:
                names.append(self._string(piece))
                if marks[-2:] == [NAME, self.space]:  # a name of several words is one name
                    marks.pop()
                else:
                    marks.append(NAME)
        return marks, words, names

    def _words_in(self, marks: Sequence[int]) -> int:
        return sum(mark < 0 or self._strings[mark].isalnum() for mark in marks)

    def _made(self) -> tuple[Array, Array]:
        """Names and words that no real text has; the first ones are drawn most often."""
        random = np.random.default_rng(1)
        starts = [a + b for a in "bdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "ai", "ou")]
        ends = ("", "n", "rt", "ck", "x", "l")
        made: dict[str, None] = {}
        while len(made) < MADE_NAMES + MADE_WORDS:
            parts = random.integers(len(starts), size=random.integers(2, 4))
            made["".join(starts[p] for p in parts) + ends[random.integers(len(ends))]] = None
        found = list(made)
        names = [self._string(word.capitalize()) for word in found[:MADE_NAMES]]
        words = [self._string(word) for word in found[MADE_NAMES:]]
        return np.array(names, dtype=np.int32), np.array(words, dtype=np.int32)

    def _numbers(self) -> Array:
        random = np.random.default_rng(2)
        values = np.exp(random.uniform(np.log(10), np.log(90_000), NUMBERS))
        told = [
            f"{v:,.0f}" if v > 100 or p else f"{v:.1f}"
            for v, p in zip(values, random.random(NUMBERS) < 0.5, strict=True)
        ]
        return np.array([self._string(number) for number in told], dtype=np.int32)


@lru_cache(maxsize=1)
def stock() -> Stock:
    return Stock()


def _told(name: str, key: str) -> list[str]:
    folder = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[3] / "shared" / "data"))
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        told = (" ".join((json.loads(line)[key] or "").split()) for line in lines)
        return [text for text in told if text]


def _is_year(piece: str) -> bool:
    return piece.isdigit() and 1900 <= int(piece) < 2100


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _length(marks: Sequence[int], strings: Sequence[str]) -> int:
    """About how many characters it will have."""
    return sum(7 if mark < 0 else len(strings[mark]) for mark in marks)


def _topics(
    words: list[list[int]], names: list[list[int]], count: int
) -> list[tuple[Array, Array]]:
    """The words and names of groups of real texts that are alike: each around a text."""
    rows = [row for row, found in enumerate(words) for _ in found]
    columns = [word for found in words for word in found]
    shape = (len(words), count)
    counted = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    seen = np.bincount(counted.indices, minlength=count)
    counted = counted.sign() @ sparse.diags(np.log((len(words) + 1) / (seen + 1)))
    length = np.sqrt(np.asarray(counted.multiply(counted).sum(axis=1)).ravel())
    counted = sparse.diags(1 / np.maximum(length, 1e-9)) @ counted
    long = [row for row, found in enumerate(words) if len(found) > 60]
    seeds = np.random.default_rng(3).choice(long, TOPICS, replace=False)
    alike = (counted[seeds] @ counted.T).toarray()
    topics = []
    for near in np.argsort(-alike, axis=1)[:, :TEXTS_A_TOPIC]:
        topics.append(
            (
                np.array([word for row in near for word in words[row]], dtype=np.int32),
                np.array([name for row in near for name in names[row]], dtype=np.int32),
            )
        )
    return topics


# --- happenings and their reports --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happening:
    """What its reports draw from; `id` is the gold label."""

    id: str
    when: float  # hours since START
    topic: int
    words: Array
    names: Array
    numbers: Array


@dataclass(frozen=True, slots=True)
class Report:
    """The text of a story, to be copied or published."""

    title: str
    lines: tuple[str, ...]
    is_full: bool


class _Day:
    """Makes the stories of one day."""

    def __init__(self, seed: int, day: int) -> None:
        self._seed, self._day = seed, day
        self._random = np.random.default_rng([seed, day])
        self._stock = stock()
        self._topic_share = _falling(TOPICS, 2, 1.2)
        self._source_share = _falling(SOURCES, 5, 1.0)
        self._hour_share = np.array(BY_HOUR) / sum(BY_HOUR)
        self._happenings: list[Happening] = []
        self._serial = 0

    def stories(self, count: int) -> list[Story]:
        """So many stories of happenings that start on this day, in the order of their times."""
        told: list[Story] = []
        while len(told) < count:
            told += islice(self._reports(self._happening()), count - len(told))
        return sorted(told, key=lambda story: (story.first_seen, story.url))

    def _happening(self) -> Happening:
        random, from_ = self._random, self._stock
        hour = random.choice(24, p=self._hour_share) + random.random()
        topic = int(random.choice(TOPICS, p=self._topic_share))
        words, names = from_.topics[topic]
        own_words = np.concatenate(
            (
                random.choice(words, 6),
                random.choice(from_.words, 8),
                random.choice(from_.made_words, 1),
            )
        )
        own_names = np.concatenate((random.choice(names, 3), self._rare_names(2)))
        if random.random() < AFFAIR:
            own_names[2] = self._affair(topic)
        if self._happenings and random.random() < NEXT_STEP:
            earlier = self._happenings[random.integers(len(self._happenings))]
            topic = earlier.topic
            own_words[:5], own_names[1:3] = earlier.words[:5], earlier.names[:2]
        found = Happening(
            id=f"{self._day}-{len(self._happenings)}",
            when=24 * self._day + hour,
            topic=topic,
            words=own_words,
            names=own_names,
            numbers=random.choice(from_.numbers, 4),
        )
        self._happenings.append(found)
        return found

    def _rare_names(self, count: int) -> Array:
        place = MADE_NAMES * self._random.random(count) ** 2
        return self._stock.made_names[place.astype(np.int64)]

    def _affair(self, topic: int) -> int:
        """A name that happenings of one topic share for a week."""
        place = np.random.default_rng([self._seed, 7, topic, self._day // 7]).integers(MADE_NAMES)
        return int(self._stock.made_names[place])

    def _reports(self, happening: Happening) -> Iterator[Story]:
        random = self._random
        kind = random.random()
        if kind < WIRE:
            count, copied = int(random.integers(*WIRE_COPIES)), 1.0
        else:
            count, copied = 1, COPIED
            if kind < WIRE + SEVERAL:
                count = int(random.choice(np.arange(2, MOST_REPORTS + 1), p=_SIZES))
        sources = random.choice(SOURCES, count, replace=False, p=self._source_share)
        hours = np.minimum(HALF_WITHIN * np.exp(random.normal(0, 1.1, count)), LATEST)
        hours[0] = 0
        told: list[Report] = []
        for source, hour in zip(sources.tolist(), np.sort(hours).tolist(), strict=True):
            if told and random.random() < copied:
                report = self._copy(
                    told[0 if copied == 1 else random.integers(len(told))], happening
                )
            else:
                report = self._report(happening, is_full=copied == 1 or random.random() < FULL)
            told.append(report)
            yield self._published(report, happening, source, happening.when + hour)

    def _report(self, happening: Happening, *, is_full: bool) -> Report:
        random, from_ = self._random, self._stock
        least, most = FULL_LENGTH if is_full else SUMMARY_LENGTH
        drawn = random.integers(len(from_.sentences), size=2 * most // 100)
        length = from_.lengths[drawn].cumsum()
        count = max(1, int(np.searchsorted(length, random.uniform(least, most), side="right")))
        lines = self._filled(
            happening, [from_.sentences[i] for i in drawn[:count]], WORDS_FROM, NAMES_FROM
        )
        return Report(self._headline(happening), tuple(lines), is_full)

    def _headline(self, happening: Happening) -> str:
        headline = self._stock.headlines[self._random.integers(len(self._stock.headlines))]
        return self._filled(happening, [headline], HEADLINE_FROM, HEADLINE_FROM)[0]

    def _filled(
        self,
        happening: Happening,
        lines: list[Array],
        words_from: tuple[float, float],
        names_from: tuple[float, float],
    ) -> list[str]:
        """Sentences with all marks drawn."""
        random, from_ = self._random, self._stock
        told = np.concatenate(lines)
        topic_words, topic_names = from_.topics[happening.topic]
        is_capital = told == CAPITAL_WORD
        where = np.flatnonzero((told == WORD) | is_capital)
        known = happening.words[random.random(len(happening.words)) < KEPT]
        told[where] = self._drawn(
            len(where), words_from, (known, topic_words, from_.words), from_.made_words, NEW_WORD
        )
        told[is_capital] = from_.capital[told[is_capital]]
        where = np.flatnonzero(told == NAME)
        known = happening.names[(random.random(len(happening.names)) < KEPT) | (_FIRST == 0)]
        told[where] = self._drawn(
            len(where), names_from, (known, topic_names, from_.names), from_.made_names, NEW_NAME
        )
        where = np.flatnonzero(told == NUMBER)
        own = happening.numbers[random.integers(len(happening.numbers), size=len(where))]
        other = from_.numbers[random.integers(NUMBERS, size=len(where))]
        told[where] = np.where(random.random(len(where)) < NUMBERS_FROM, own, other)
        told[told == WEEKDAY] = from_.weekdays[int(happening.when // 24) % 7]
        ends = np.cumsum([len(line) for line in lines]).tolist()
        pieces = from_.strings[told].tolist()
        return ["".join(pieces[a:b]) for a, b in zip([0, *ends], ends, strict=False)]

    def _drawn(
        self,
        count: int,
        shares: tuple[float, float],
        sets: tuple[Array, ...],
        made: Array,
        new: float,
    ) -> Array:
        """So many of the sets: the first and the second by their shares, the rest of the third, of
        which some are new."""
        random = self._random
        of, place = random.random(count), random.random(count)
        chosen = sets[2][(place * len(sets[2])).astype(np.int64)]
        is_new = of > 1 - new * (1 - sum(shares))
        chosen[is_new] = made[(len(made) * place[is_new] ** 2).astype(np.int64)]
        near = of < sum(shares)
        chosen[near] = sets[1][(place[near] * len(sets[1])).astype(np.int64)]
        own = of < shares[0]
        if len(sets[0]):  # the first of its words are the most frequent
            chosen[own] = sets[0][(place[own] ** 2 * len(sets[0])).astype(np.int64)]
        return chosen

    def _copy(self, report: Report, happening: Happening) -> Report:
        if self._random.random() < TO_THE_LETTER:
            return report
        kept = max(1, round(len(report.lines) * self._random.uniform(0.6, 0.9)))
        return Report(self._headline(happening), report.lines[:kept], report.is_full)

    def _published(self, report: Report, happening: Happening, source: int, hours: float) -> Story:
        moment = START + timedelta(seconds=int(hours * 3600))
        seen = moment + timedelta(minutes=int(self._random.integers(3, 60)))
        lines = list(report.lines)
        if report.is_full and source % 5 == 0:
            lines.append(_footer(source))
        day_alone = self._random.random() < DAY_ALONE
        slug = re.sub(r"[^a-z\d]+", "-", report.title.lower())[:60].strip("-")
        self._serial += 1
        return Story(
            url=f"https://source-{source:03}.example/{moment:%Y/%m/%d}/{slug}-{self._day}-{self._serial}",
            title=report.title,
            text=_paragraphs(lines),
            published=moment.replace(hour=0, minute=0, second=0) if day_alone else moment,
            published_precision="day" if day_alone else "minute",
            source_id=f"source-{source:03}",
            first_seen=seen,
            text_from="page" if report.is_full else "feed",
            extra={"happening": happening.id},
        )


_FIRST = np.arange(5)  # the names of a happening; every report knows the first


def _falling(count: int, flat: int, power: float) -> Array:
    shares: Array = 1 / (np.arange(count) + flat) ** power
    return cast("Array", shares / shares.sum())


_SIZES = _falling(MOST_REPORTS - 1, 2, FALL)  # of 2, 3, 4, ... reports


@lru_cache(maxsize=SOURCES)
def _footer(source: int) -> str:
    """The paragraph with which a source ends its texts."""
    from_ = stock()
    random = np.random.default_rng([source, 11])
    drawn = [from_.sentences[i] for i in random.integers(len(from_.sentences), size=2)]
    told = np.concatenate(drawn)
    told = np.where(told < 0, random.choice(from_.words, len(told)), told)
    return "".join(from_.strings[told].tolist())


def _paragraphs(lines: Sequence[str]) -> str:
    return _BREAK.join(" ".join(lines[at : at + 3]) for at in range(0, len(lines), 3))


# --- the whole stream --------------------------------------------------------------------------


def stories(
    size: int, days: int = DAYS, seed: int = 0, *, processes: int = 1, start: int = 0
) -> Iterator[Story]:
    """So many stories in the order in which they were seen; `start` is the first day."""
    jobs = [(seed, start + day, count) for day, count in enumerate(_day_sizes(size, days, start))]
    if processes == 1:
        yield from _in_time(map(_made_day, jobs), start)
        return
    stock()  # before the processes part, so that they share it
    with get_context("fork").Pool(processes) as pool:
        yield from _in_time(_made_ahead(pool, jobs, 2 * processes), start)


def _made_ahead(pool: Pool, jobs: Sequence[Job], days: int) -> Iterator[list[Story]]:
    """The days as they are asked for, and so many ahead: bounds the memory."""
    flying = [pool.apply_async(_made_day, (job,)) for job in jobs[:days]]
    for number in range(len(jobs)):
        yield flying.pop(0).get()
        flying += [pool.apply_async(_made_day, (job,)) for job in jobs[number + days :][:1]]


def _made_day(job: Job) -> list[Story]:
    seed, day, count = job
    return _Day(seed, day).stories(count)


def _day_sizes(size: int, days: int, start: int) -> list[int]:
    share = np.array([WEEKEND if (start + day) % 7 > 4 else 1.0 for day in range(days)]).cumsum()
    ends = np.round(size * share / share[-1]).astype(int)
    return [int(count) for count in np.diff(ends, prepend=0)]


def _in_time(made: Iterable[list[Story]], start: int) -> Iterator[Story]:
    """The days one after another; what falls into a later day waits for it."""
    later: list[Story] = []
    for day, told in enumerate(made, start=start):
        end = START + timedelta(days=day + 1)
        later = sorted(later + told, key=_seen)
        yield from (story for story in later if _seen(story) < end)
        later = [story for story in later if _seen(story) >= end]
    yield from later


def _seen(story: Story) -> datetime:
    assert story.first_seen is not None
    return story.first_seen


def sources() -> list[Source]:
    return [
        Source(f"source-{n:03}", f"Source {n}", f"https://source-{n:03}.example/", "en", owner)
        for n in range(SOURCES)
        for owner in [f"Owner {n if n < OWNERS else n % 30}"]
    ]


def fill(path: Path, told: Iterable[Story]) -> int:
    """Add stories to a database, which is made where there is none; how many."""
    db = create_or_open(path)
    db.execute("PRAGMA cache_size = -200000")
    save_sources(db, sources())
    told, count = iter(told), 0
    while some := [row_of(story, _seen(story)) for story in islice(told, 20_000)]:
        names = ", ".join(some[0])
        places = ", ".join(f":{name}" for name in some[0])
        with transaction(db):
            db.conn.executemany(f"INSERT INTO stories ({names}) VALUES ({places})", some)
        count += len(some)
    db.close()
    return count


def write_lines(path: Path, told: Iterable[Story]) -> int:
    """Write stories as JSON lines, as `newsfold import` and `evaluate` read them; how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for story in told:
            assert story.published is not None
            row = {
                "url": story.url,
                "title": story.title,
                "text": story.text,
                "published": story.published.isoformat(),
                "source": story.source_id,
                "language": story.language,
                "event": story.extra["happening"],
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


# --- is it like the real thing? ----------------------------------------------------------------


def check() -> None:
    """Print what decides the work of a fold, beside the same of the real sets: of all pairs of
    stories, how many share one of their heaviest words, how many are candidates; and how alike
    two reports of one happening are."""
    print(f"{'set':28} {'stories':>7} {'words':>7} {'share a word':>13} {'candidates':>11}")
    made = list(stories(12_000, 12, seed=5))
    full = [story for story in made if story.text_from == "page"]
    news = _stories_of("load/news_day_2020_en")
    _tell("news_day_2020_en", news)
    _tell("made, full texts", _thinned(full, len(news)))
    titles = _thinned(_stories_of("load/techcrunch_titles"), 2000)
    _tell("techcrunch_titles", titles)
    _tell("made, headlines alone", [_headline_only(s) for s in _thinned(made, 2000)])
    _tell("made, as they are", _thinned(made, 2000))
    print("\ncosine of two reports of one happening (copies left out): 10 %, 50 %, 90 % of them")
    for name in ("events/allsides", "events/wikinews", "events/gnews", "events/ecbplus_train"):
        _tell_alike(name, _stories_of(name), "event")
    _tell_alike("made", made[:4000], "happening")


def _stories_of(name: str) -> list[Story]:
    from dataclasses import replace

    from storage.files import read_rows, story_from_row

    folder = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / f"{name}.jsonl.gz"
    return [
        replace(story_from_row(row, path, line), extra={"event": row.get("event")})
        for line, row in read_rows(path)
    ]


def _thinned(told: Sequence[Story], count: int) -> list[Story]:
    chosen = np.random.default_rng(0).permutation(len(told))[:count]
    return [told[number] for number in np.sort(chosen).tolist()]


def _headline_only(story: Story) -> Story:
    from dataclasses import replace

    return replace(story, text="")


def _window_of(told: Sequence[Story]) -> Any:
    from dataclasses import replace

    from pipeline.reading import read_all
    from pipeline.window import window

    return window(list(read_all(replace(s, id=n) for n, s in enumerate(told))))


def _tell(name: str, told: Sequence[Story]) -> None:
    from pipeline.candidates import MIN_SHARED

    index = _window_of(told).index
    different = len(np.unique(index.indices))
    shared = sparse.triu(index @ index.T, 1).tocoo()
    pairs = len(told) * (len(told) - 1) / 2
    some, enough = len(shared.data) / pairs, (shared.data >= MIN_SHARED).sum() / pairs
    print(f"{name:28} {len(told):7} {different:7} {some:13.2%} {enough:11.2%}")


def _tell_alike(name: str, told: Sequence[Story], key: str) -> None:
    events: dict[object, list[int]] = {}
    for number, story in enumerate(told):
        events.setdefault(story.extra[key], []).append(number)
    pairs = np.array([(a, b) for e in events.values() for a in e for b in e if a < b])
    side_by_side = _window_of(told)
    words = side_by_side.facets["words"]
    alike = np.asarray(words[pairs[:, 0]].multiply(words[pairs[:, 1]]).sum(axis=1)).ravel()
    alike = alike[alike < 0.8]
    tenth = np.percentile(alike, (10, 50, 90))
    others = np.random.default_rng(0).integers(len(told), size=(20_000, 2))
    apart = np.asarray(words[others[:, 0]].multiply(words[others[:, 1]]).sum(axis=1)).ravel()
    print(f"{name:28} {'  '.join(f'{v:.2f}' for v in tenth)}   any two: {apart.mean():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", nargs="?", type=Path, help="a .db or .jsonl that is not there yet")
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--check", action="store_true", help="how like the real sets it is")
    given = parser.parse_args()
    if given.check or given.out is None:
        check()
        return
    if given.out.exists():
        parser.error(f"{given.out} is there already")
    before = time.perf_counter()
    told = stories(given.size, given.days, given.seed, processes=given.processes)
    write = write_lines if given.out.suffix == ".jsonl" else partial(fill)
    count = write(given.out, told)
    seconds = time.perf_counter() - before
    megabytes = given.out.stat().st_size / 1e6
    print(f"{count} stories, {megabytes:.0f} MB in {seconds:.0f} s: {count / seconds:.0f} a second")


if __name__ == "__main__":
    main()
