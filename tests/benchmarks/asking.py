"""How long an analyst waits: every documented query on a database of a million stories.

    python -m tests.benchmarks.asking make DIR            # DIR/news.db, in minutes
    python -m tests.benchmarks.asking measure DIR         # one reader, nobody writes
    python -m tests.benchmarks.asking measure DIR --readers 10 --writer
    python -m tests.benchmarks.asking commands DIR        # whole commands, beyond Python's start

`make` writes made-up rows straight into the tables, by a seed: a year of stories (60 % of the
events have one, the others 2 to 60, k as often as k to the power of -1.6), 200 sources of which
some report a hundred times as often as others, 60 000 names used as words of a language are, texts
of 80 words, one in 33 in a script without spaces. The words mean nothing.

`measure` asks each query in turn, with a pause between two questions of a reader (--pause), and
tells the median and the 95th percentile in milliseconds. The writer does what a pass does, through
the same functions: transactions of new stories, and of events that are saved anew.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.show import as_json, find_event
from storage.asking import Filter, check_filter, list_events, list_stories
from storage.database import create_or_open, open_existing, transaction
from storage.events import Saved, events_by_id, new_event_id, save_events
from storage.migrations import fill_search
from storage.models import Event, Member, Story
from storage.stories import mark_folded, save_story, waiting_stories
from storage.tallies import tally_everything
from storage.views import shipped_views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlite_utils import Database

END = datetime(2026, 5, 1, tzinfo=UTC)  # the examples of views.sql ask for the April before
DAYS = 365
SOURCES, OWNERS, NAMES, VOCABULARY = 200, 150, 60_000, 30_000
TEXT, TITLE = 80, 9  # words
AT_ONCE = 10_000  # events that are made in one go
CATEGORIES = ("other", "funding", "model release", "outage", "security", "device", "policy", "deal")
IDEOGRAPHS = 3_000
MOST_MEDIAN, MOST_LATE = 100, 300  # milliseconds; what is aimed at
UNSPACED = 0.03  # of the events


class Made:
    """Words, names and sources by a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        letters = random.Random(seed)
        syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er")]

        def word() -> str:
            return "".join(letters.choices(syllables, k=letters.randint(2, 4)))

        self.words = np.array([word() for _ in range(VOCABULARY)], dtype=object)
        made = dict.fromkeys(f"{word()} {word()}".title() for _ in range(2 * NAMES))
        self.names = np.array(list(made)[:NAMES], dtype=object)
        self.names[50] = "Muse Spark"
        self.sources = ["ars-technica", *(f"source-{i}" for i in range(1, SOURCES))]
        self.ideographs = np.array([chr(0x4E00 + i) for i in range(IDEOGRAPHS)], dtype=object)
        self._shares = {
            size: np.cumsum(np.arange(1, size + 1) ** -power)
            for size, power in ((SOURCES, 0.8), (NAMES, 0.8), (VOCABULARY, 1.0), (IDEOGRAPHS, 0.9))
        }

    def ranks(self, size: int, shape: int | tuple[int, int]) -> Any:
        """Numbers below a size, the small ones more often, as words of a language are."""
        shares = self._shares[size]
        return np.searchsorted(shares, self.rng.random(shape) * shares[-1])

    def sizes(self, events: int, stories: int) -> Any:
        """How many stories each event has: as many in all as are asked for."""
        k = np.arange(2, 61)
        several = self.rng.choice(k, events, p=k**-1.6 / (k**-1.6).sum())
        sizes = np.where(self.rng.random(events) < 0.6, 1, several)
        while (missing := stories - int(sizes.sum())) != 0:
            chosen = self.rng.choice(events, min(abs(missing), events), replace=False)
            sizes[chosen] = np.maximum(1, sizes[chosen] + np.sign(missing))
        return sizes


def make(folder: Path, stories: int, events: int, seed: int) -> Path:
    """The database. The triggers rest while the rows come in; then all is filled at once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "news.db"
    with closing(create_or_open(path)) as db:
        triggers = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("PRAGMA foreign_keys = OFF")
        made = Made(seed)
        _say("rows")
        _fill(db, made, made.sizes(events, stories))
        _say("search")
        fill_search(db)
        _say("tallies")
        tally_everything(db)
        for _, sql in triggers:
            db.execute(sql)
        db.conn.commit()
        db.execute("PRAGMA journal_mode = WAL")
    _say(f"{path}: {path.stat().st_size / 1e6:.0f} MB")
    return path


def _say(words: str) -> None:
    print(f"{time.perf_counter():9.0f} s  {words}", file=sys.stderr, flush=True)


def _fill(db: Database, made: Made, sizes: Any) -> None:
    many = db.conn.executemany
    many(
        "INSERT INTO sources VALUES (?, ?, ?, 'en', ?)",
        (
            (s, s.title(), f"https://{s}.example/", f"Owner {i % OWNERS}")
            for i, s in enumerate(made.sources)
        ),
    )
    story_ids, event_ids = count(1), count(1)
    chunks = iter(lambda: list(islice(event_ids, AT_ONCE)), [])
    for ids in chunks:
        own = sizes[ids[0] - 1 : ids[-1]]
        if not len(own):
            break
        rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for event_id, size in zip(ids, own.tolist(), strict=False):
            moment = END - timedelta(days=DAYS * (1 - event_id / (len(sizes) + 1)))
            _event(made, event_id, [next(story_ids) for _ in range(size)], moment, rows)
        for table, told in rows.items():
            columns = {"stories": STORY, "figures": FIGURE, "events": EVENT}.get(table, "")
            many(f"INSERT INTO {table} {columns} VALUES ({', '.join('?' * len(told[0]))})", told)
        db.conn.commit()


STORY = (
    "(id, url, source_id, title, text, sections, summary, authors, published,"
    " published_precision, first_seen, language, text_from, extra)"
)
FIGURE = "(event_id, story_id, key, value, unit, shown, quote, sentence, about)"
EVENT = (
    "(id, title, headline_story, category, category_because, tldr, tldr_from, language,"
    " first_published, last_published, first_source, story_count, source_count,"
    " independent_count, updated_at)"
)


def _event(
    made: Made,
    event_id: int,
    ids: list[int],
    moment: datetime,
    rows: dict[str, list[tuple[Any, ...]]],
) -> None:
    rng = made.rng
    unspaced = rng.random() < UNSPACED
    language = "zh" if unspaced else "en"
    names = list(dict.fromkeys(made.names[made.ranks(NAMES, 5)].tolist()))
    after = np.sort(rng.exponential(0.4, len(ids)))
    after[0] = 0
    times = [_iso(moment + timedelta(days=min(days, 4))) for days in after.tolist()]
    sources = [made.sources[i] for i in made.ranks(SOURCES, len(ids)).tolist()]
    roles = rng.choice(
        ("original", "rewrite", "copy", "commentary"), len(ids), p=(0.6, 0.2, 0.15, 0.05)
    )
    roles[0] = "original"
    precisions = rng.choice(("minute", "day"), len(ids), p=(0.8, 0.2))
    titles = []
    for position, story_id in enumerate(ids):
        title, text = _words(made, names, unspaced)
        titles.append(title)
        url = f"https://{sources[position]}.example/{story_id}"
        rows["stories"].append(
            (story_id, url, sources[position], title, text, "[]", "", "[]", times[position],
             str(precisions[position]), times[position], language, "page", "{}")
        )  # fmt: skip
        score = 1.0 if position == 0 else round(0.3 + 0.6 * rng.random(), 4)
        through = ids[0] if position else None
        because = f"both name {names[0]}" if position else "first report"
        rows["event_stories"].append(
            (story_id, event_id, str(roles[position]), score, through, because)
        )
        if position:
            signals = [
                {"name": "words", "weight": score - 0.05, "words": f"both name {', '.join(names)}"},
                {"name": "same_day", "weight": 0.05, "words": "both say that it happened then"},
            ]
            rows["matches"].append((ids[0], story_id, score, json.dumps(signals)))
        if rng.random() < 0.5:
            value = float(round(10 ** (1 + 9 * rng.random())))
            unit = str(rng.choice(("USD", "%", "", "EUR")))
            rows["figures"].append(
                (event_id, story_id, f"{unit} {value:.0f}", value, unit, f"{value:.0f}",
                 f"{value:.0f}", text[:120], names[0])
            )  # fmt: skip
    owners = {s for s, role in zip(sources, roles, strict=True) if role == "original"}
    rows["events"].append(
        (event_id, titles[0], ids[0], str(rng.choice(CATEGORIES)), "", text[:200],
         json.dumps([{"text": text[:200], "story_id": ids[0]}]), language, times[0], times[-1],
         sources[0], len(ids), len(set(sources)), max(1, len(owners)), times[-1])
    )  # fmt: skip
    rows["event_names"] += [(event_id, name, 1 + len(ids) // 2) for name in names]
    related = {int(i) for i in rng.integers(max(1, event_id - 5_000), event_id + 1, 2)}
    rows["related_events"] += [
        (event_id, other, 0.3, f"both name {names[0]}") for other in related - {event_id}
    ]


def _words(made: Made, names: list[str], unspaced: bool) -> tuple[str, str]:
    if unspaced:
        drawn = made.ideographs[made.ranks(IDEOGRAPHS, 3 * TEXT)].tolist()
        return "".join(drawn[:20]), f"{names[0]} {''.join(drawn)}"
    drawn = made.words[made.ranks(VOCABULARY, TEXT + TITLE)].tolist()
    title = " ".join([names[0], *drawn[: TITLE - 2]])
    return title, " ".join([*names, *drawn[TITLE:]])


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def questions(db: Database, seed: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is asked, by name: the examples of the views, the lists, an event, the front page."""
    draw = random.Random(seed)
    (last,) = db.execute("SELECT max(id) FROM events").fetchone()
    for view in shipped_views():
        for number, example in enumerate(view.examples, 1):
            yield f"view {view.name} {number}", partial(_all, db, example.sql)
    made = Made(1)
    for name, words in {
        "a rare word": str(made.words[draw.randrange(5_000, VOCABULARY)]),
        "a usual word": str(made.words[draw.randrange(100, 1_000)]),
        "the commonest word": str(made.words[0]),
        "a name": f'"{made.names[draw.randrange(1_000)]}"',
        "two words": " ".join(map(str, made.words[draw.sample(range(50, 500), 2)])),
        "a beginning": f"{made.words[draw.randrange(500, 2_000)][:4]}*",
        "two ideographs": "".join(made.ideographs[draw.sample(range(20, 300), 2)]),
        "three ideographs": "".join(made.ideographs[draw.sample(range(20), 3)]),
    }.items():
        for table, ask in (("stories", list_stories), ("events", list_events)):
            wanted = Filter(search=words)
            yield f"search {table}, {name}", lambda ask=ask, w=wanted: list(ask(db, w, 50))
    recent = END - timedelta(days=1)
    source = made.sources[draw.randrange(SOURCES)]
    name = str(made.names[draw.randrange(200)])
    for asked, wanted in {
        "all": Filter(),
        "of a day": Filter(since=recent),
        "of a quarter": Filter(since=END - timedelta(days=90)),
        "of a category": Filter(category="funding"),
        "of a source": Filter(source=source),
        "of a source, a day": Filter(source=source, since=recent),
        "about a name": Filter(name=name),
        "in a language": Filter(language="zh"),
        "of many sources": Filter(min_sources=5, since=END - timedelta(days=7)),
        "latest": Filter(sort="latest"),
    }.items():
        yield f"events {asked}", lambda w=wanted: list(list_events(db, check_filter(db, w), 50))
        if wanted.sort is None:
            yield (
                f"stories {asked}",
                lambda w=wanted: list(list_stories(db, check_filter(db, w), 50)),
            )
    yield "show", lambda: as_json(find_event(db, draw.randrange(1, last + 1)))
    yield "front page", lambda: _front_page(db, recent)


def _all(db: Database, sql: str) -> list[Any]:
    return db.execute(sql).fetchall()


def _front_page(db: Database, since: datetime) -> None:
    """Today's events, what they could be narrowed by, and a month of coverage."""
    events = list(list_events(db, Filter(since=since), 30))
    assert events
    month = f"{since - timedelta(days=30):%Y-%m-%d}"
    for sql in (
        f"SELECT category, count(*) FROM events_by_category WHERE last_published >= '{_iso(since)}'"
        " GROUP BY category",
        f"SELECT day, sum(stories) FROM coverage WHERE day >= '{month}' GROUP BY day",
    ):
        _all(db, sql)


Told = list[tuple[str, float, float]]  # a question, and the milliseconds and CPU milliseconds


def read(path: Path, seconds: float, pause: float, seed: int) -> tuple[Told, int]:
    """Ask in turn until the time is up: what each question took, and how often the database was
    locked. Each turn is a reader of its own, with a new connection."""
    told: Told = []
    locked = 0
    draw = random.Random(seed)
    until = time.perf_counter() + seconds
    for turn in count():
        with closing(open_existing(path)) as db:
            asked = list(questions(db, 1000 * seed + turn))
            draw.shuffle(asked)
            for name, ask in asked:
                if time.perf_counter() > until:
                    return told, locked
                time.sleep(draw.expovariate(1 / pause) if pause else 0)
                before, worked = time.perf_counter(), time.process_time()
                try:
                    ask()
                except sqlite3.OperationalError as error:
                    locked += "locked" in str(error)
                took = time.perf_counter() - before
                told.append((name, 1000 * took, 1000 * (time.process_time() - worked)))
    return told, locked


def write(path: Path, seconds: float) -> int:
    """What a pass does, again and again: 500 new stories, then a step that saves 200 new events
    and 50 old ones anew. The number of transactions."""
    until, done = time.perf_counter() + seconds, 0
    made = Made(int(time.time()))
    with closing(create_or_open(path)) as db:
        while time.perf_counter() < until:
            now = datetime.now(UTC)
            for _ in range(500):
                title, text = _words(made, ["Muse Spark"], False)
                source = made.sources[int(made.ranks(SOURCES, 1)[0])]
                url = f"https://{source}.example/new/{time.time_ns()}"
                save_story(db, Story(url, title, text, END, "minute", source), now)
                done += 1
            with transaction(db):
                _save_events(db, [story.stored_id for story in waiting_stories(db)], now)
            done += 1
    return done


def _save_events(db: Database, story_ids: list[int], now: datetime) -> None:
    (last,) = db.execute("SELECT max(id) FROM events").fetchone()
    old = events_by_id(db, random.sample(range(1, last + 1), 50))
    groups = [story_ids[start::200] for start in range(200) if story_ids[start::200]]
    new = [
        Event(
            new_event_id(db, ids[0]),
            "Muse Spark is told of again",
            ids[0],
            tuple(Member(id_) for id_ in ids),
            END,
            END,
            category="other",
        )
        for ids in groups
    ]
    saved = [Saved(event, len(event.members), [], {"Muse Spark": 1}) for event in [*old, *new]]
    save_events(db, saved, now)
    mark_folded(db, story_ids)


def measure(path: Path, seconds: float, readers: int, writer: bool, pause: float) -> None:
    """Print a line a question: how often, then median and 95th percentile in milliseconds, and
    the same of the time that the reader's own CPU worked."""
    with multiprocessing.Pool(readers + writer) as pool:
        writing = pool.apply_async(write, (path, seconds)) if writer else None
        reading = [pool.apply_async(read, (path, seconds, pause, seed)) for seed in range(readers)]
        told: dict[str, list[tuple[float, float]]] = defaultdict(list)
        locked = 0
        for found, refused in (each.get() for each in reading):
            locked += refused
            for name, took, worked in found:
                told[name].append((took, worked))
        if writing is not None:
            print(f"{writing.get()} transactions written beside")
    print(f"{readers} readers, {sum(map(len, told.values()))} questions, locked: {locked}")
    _table(told)


def _table(told: dict[str, list[tuple[float, float]]]) -> None:
    for name, times in sorted(told.items()):
        (median, cpu), (late, late_cpu) = np.percentile(times, [50, 95], axis=0)
        over = " over" if median > MOST_MEDIAN or late > MOST_LATE else ""
        figures = f"{median:8.1f} {late:8.1f} {cpu:8.1f} {late_cpu:8.1f}"
        print(f"{name:<36} {len(times):5} {figures}{over}")


def commands(path: Path, times: int) -> None:
    """Whole commands, each beyond what Python takes to start and do nothing."""
    calls = {
        "events": ["events", str(path)],
        "events --since 1d -t": ["events", str(path), "--since", "2026-04-30", "-t"],
        "show": ["show", str(path), "250000"],
        "stories --search": ["stories", str(path), "--search", "muse spark"],
    }
    program = [
        sys.executable,
        "-c",
        "import sys; from pipeline.cli import main; main(sys.argv[1:])",
    ]
    empty = [_took([sys.executable, "-c", "pass"]) for _ in range(times)]
    print(f"{'Python alone':<36} {np.median(empty):8.1f} {np.percentile(empty, 95):8.1f}")
    for name, words in calls.items():
        took = [_took([*program, *words]) - float(np.median(empty)) for _ in range(times)]
        print(f"{name:<36} {np.median(took):8.1f} {np.percentile(took, 95):8.1f}")


def _took(command: list[str]) -> float:
    before = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["make", "measure", "commands"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stories", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--writer", action="store_true")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds of a reader, on average")
    parser.add_argument("--times", type=int, default=11)
    given = parser.parse_args()
    path = given.folder / "news.db"
    if given.what == "make":
        make(given.folder, given.stories, given.events, given.seed)
    elif given.what == "measure":
        measure(path, given.seconds, given.readers, given.writer, given.pause)
    else:
        commands(path, given.times)


if __name__ == "__main__":
    main()
