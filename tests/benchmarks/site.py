"""What a site costs: the first build, one with nothing new, and one with a changed day.

    python -m tests.benchmarks.site DIR [--events 10000] [--days 60]

Rows are written straight into the tables, by a seed: 60 % of the events have one story, the others
2 to 60, k as often as k to the power of -1.6; texts of 300 words, half of the stories with two
figures, two related events each. The words mean nothing. Each build is a process of its own; read
its CPU seconds, Python's start among them. `--profile` names where a first build spends its time.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import random
import resource
import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.database import create_or_open

if TYPE_CHECKING:
    from sqlite_utils import Database

END = datetime(2026, 5, 1, tzinfo=UTC)
SOURCES, NAMES, VOCABULARY, WORDS = 200, 3_000, 8_000, 300
CATEGORIES = (
    "other", "funding", "model release", "outage", "security", "product launch", "lawsuit",
    "policy and law", "research", "earnings", "people", "open source",
)  # fmt: skip
BUILD = (
    "import sys; from datetime import datetime; from pathlib import Path;"
    " from pipeline.site.build import build_site; from pipeline.site.pages import Pages;"
    " print(build_site(Path(sys.argv[1]), Path(sys.argv[2]),"
    " Pages(base_url='https://news.example/', tag='news.example,2026'),"
    " now=datetime.fromisoformat(sys.argv[3])))"
)


def make(path: Path, events: int, days: int, seed: int = 1) -> None:
    """The database, anew."""
    draw = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 3))) for _ in range(VOCABULARY)]
    names = ["".join(draw.choices(syllables, k=3)).title() for _ in range(NAMES)]
    path.unlink(missing_ok=True)
    with closing(create_or_open(path)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        _many(
            db,
            "sources",
            [
                (f"s{i}", f"Source {i}", f"https://s{i}.example/", "en", f"Owner {i % 150}")
                for i in range(SOURCES)
            ],
            "id, name, home, language, owner",
        )
        story_id = 1
        for event_id in range(1, events + 1):
            size = 1
            if draw.random() > 0.4:
                size = draw.choices(range(2, 61), [k**-1.6 for k in range(2, 61)])[0]
                size = 1 if draw.random() < 1 / 3 else size
            broke = END - timedelta(days=days * (1 - event_id / (events + 1)))
            ids = list(range(story_id, story_id + size))
            story_id += size
            _event(db, draw, event_id, ids, broke, words, names)
        db.conn.commit()


STORY = (
    "id, url, source_id, title, text, sections, summary, authors, published,"
    " published_precision, first_seen, language, text_from, extra"
)
FIGURE = "event_id, story_id, key, value, unit, shown, quote, sentence, about"
EVENT = (
    "id, title, headline_story, category, category_because, tldr, tldr_from, language,"
    " first_published, last_published, first_source, story_count, source_count,"
    " independent_count, updated_at"
)
MEMBER = "story_id, event_id, role, score, through_story, because"


def _event(
    db: Database,
    draw: random.Random,
    event_id: int,
    ids: list[int],
    broke: datetime,
    words: list[str],
    names: list[str],
) -> None:
    about = draw.sample(names, 4)
    times = sorted(broke + timedelta(minutes=draw.expovariate(1 / 300)) for _ in ids)
    times[0] = broke
    sources = [f"s{int(SOURCES * draw.random() ** 2)}" for _ in ids]
    stories, members, figures = [], [], []
    for n, (id_, when, source) in enumerate(zip(ids, times, sources, strict=True)):
        title = f"{about[0]} {' '.join(draw.choices(words, k=7))}"
        text = _text(draw, words, about)
        stories.append(
            (id_, f"https://{source}.example/{id_}", source, title, text, "[]", "", "[]",
             _iso(when), "minute", _iso(when), "en", "page", "{}")
        )  # fmt: skip
        role = draw.choices(("original", "rewrite", "copy", "commentary"), (60, 20, 15, 5))[0]
        because = f"both name {about[0]}, {about[1]}; 19 minutes apart" if n else "first report"
        members.append(
            (id_, event_id, role if n else "original", 0.5, ids[0] if n else None, because)
        )
        for _ in range(2 if draw.random() < 0.5 else 0):
            value = float(draw.choice((3, 10, 14, 52, 300)) * 1_000_000)
            shown = f"${value / 1e6:.0f}M"
            figures.append(
                (event_id, id_, f"USD {value:.0f}", value, "USD", shown, shown,
                 f"{about[0]} gave {shown} to {about[1]}.", f"{about[1]} deal")
            )  # fmt: skip
    first = stories[0][4].partition(".")[0] + "."
    told = [{"text": first, "story_id": ids[0]}, {"text": first[::-1], "story_id": ids[-1]}]
    _many(db, "stories", stories, STORY)
    _many(
        db,
        "events",
        [
            (event_id, stories[0][3], ids[0], draw.choice(CATEGORIES), "words", first,
             json.dumps(told), "en", _iso(times[0]), _iso(times[-1]), sources[0], len(ids),
             len(set(sources)), len(set(sources)), _iso(times[-1]))
        ],
        EVENT,
    )  # fmt: skip
    _many(db, "event_stories", members, MEMBER)
    _many(db, "figures", figures, FIGURE)
    related = {draw.randint(max(1, event_id - 300), event_id) for _ in range(2)} - {event_id}
    rows = [(event_id, other, 0.3, f"both name {about[0]}") for other in related]
    _many(db, "related_events", rows, "event_id, related_id, score, because")


def _text(draw: random.Random, words: list[str], about: list[str]) -> str:
    chosen = draw.choices(words, k=WORDS)
    lines = [" ".join([draw.choice(about), *chosen[n : n + 15]]) for n in range(0, WORDS, 15)]
    return "\n\n".join(f"{line}." for line in lines)


def _many(db: Database, table: str, rows: list[tuple[Any, ...]], columns: str) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        db.conn.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _iso(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def change(path: Path) -> int:
    """What a pass does: the events of the last day are told anew."""
    with closing(create_or_open(path)) as db:
        found = db.execute(
            "UPDATE events SET title = title || ' again', updated_at = ?"
            " WHERE first_published >= ? RETURNING id",
            (_iso(END), _iso(END - timedelta(days=1))),
        ).fetchall()
        db.conn.commit()
    return len(found)


def build(path: Path, folder: Path, name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(path), str(folder), END.isoformat()],
        check=True,
        capture_output=True,
        text=True,
    )
    took = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = after.ru_maxrss / 1024
    print(f"{name:<24} {took:7.1f} s {cpu:7.1f} CPU s {memory:6.0f} MB  {done.stdout.strip()}")


def profile(path: Path, folder: Path) -> None:
    sys.argv = ["", str(path), str(folder), END.isoformat()]
    profiler = cProfile.Profile()
    profiler.run(BUILD)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    path, folder = given.folder / "news.db", given.folder / "public"
    shutil.rmtree(folder, ignore_errors=True)
    make(path, given.events, given.days)
    if given.profile:
        profile(path, folder)
        return
    build(path, folder, "first")
    build(path, folder, "nothing new")
    print(f"{change(path)} events change")
    build(path, folder, "a changed day")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{size / 1e6:.0f} MB in {sum(1 for _ in folder.rglob('*'))} files")


if __name__ == "__main__":
    main()
