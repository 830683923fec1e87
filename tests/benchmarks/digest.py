"""What a digest costs: a week of many stories in a database that is made directly, by SQL.

    python -m tests.benchmarks.digest FOLDER [--stories 50000] [--weeks 4]

Prints seconds and CPU seconds of choosing, of the view and of each form, each the median of
several times, and of the whole command.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.digest.choose import _kinds
from pipeline.digest.render import FORMS, render
from pipeline.views import choose_events, digest_view
from storage.database import create_or_open, transaction
from storage.models import Source
from storage.sources import save_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

END = datetime(2026, 4, 30, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
SOURCES, OWNERS = 300, 180
A_STORY = "It was told again today that nothing is as it was, and all of it stays so. " * 30
TIMES = 5


def make(path: Path, stories: int, weeks: int, seed: int = 1) -> None:
    """So many stories a week; an event has 2.5 of them on average, and few have many."""
    draw = random.Random(seed)
    db = create_or_open(path)
    with transaction(db):
        for number in range(SOURCES):
            id_, owner = f"source{number}", f"owner{number % OWNERS}"
            save_source(db, Source(id_, id_.title(), f"https://{id_}.example", "en", owner))
        story_id = event_id = 0
        for _ in range(weeks * stories):
            if story_id >= weeks * stories:
                break
            event_id += 1
            size = min(int(draw.paretovariate(1.25)), 60)
            _event(db, draw, event_id, range(story_id + 1, story_id + size + 1), weeks)
            story_id += size
        for one in range(1, event_id + 1):
            for other in draw.sample(range(1, event_id + 1), draw.randrange(4)):
                _put(db, "related_events", (one, other, draw.random(), "both name it"))
    db.close()


def _event(db: Database, draw: random.Random, id_: int, stories: range, weeks: int) -> None:
    broke = END - timedelta(seconds=draw.randrange(weeks * int(WEEK.total_seconds())))
    times = [
        min(broke + timedelta(minutes=place * draw.randrange(1, 40)), END)
        for place in range(len(stories))
    ]
    for story_id, at in zip(stories, times, strict=True):
        db.execute(
            "INSERT INTO stories (id, url, source_id, title, text, sections, summary, authors,"
            " published, published_precision, first_seen, language, text_from, extra)"
            " VALUES (?, ?, ?, ?, ?, '[]', '', '[]', ?, 'minute', ?, 'en', 'page', '{}')",
            (
                story_id,
                f"https://source.example/{story_id}",
                f"source{draw.randrange(SOURCES)}",
                f"Something {story_id} happens to somebody",
                A_STORY,
                _iso(at),
                _iso(at),
            ),
        )
    db.execute(
        "INSERT INTO events (id, title, headline_story, category, category_because, tldr,"
        " tldr_from, language, first_published, last_published, story_count, source_count,"
        " independent_count, updated_at) VALUES (?, ?, ?, ?, '', '', '[]', 'en', ?, ?, ?, ?, ?, ?)",
        (
            id_,
            f"Something {stories[0]} happens to somebody",
            stories[0],
            draw.choice(list(_kinds())),
            _iso(min(times)),
            _iso(max(times)),
            len(stories),
            len(stories),
            max(1, len(stories) * 2 // 3),
            _iso(END),
        ),
    )
    for place, story_id in enumerate(stories):
        role = "original" if place % 3 < 2 else "copy"
        db.execute(
            "INSERT INTO event_stories (story_id, event_id, role, score, because)"
            " VALUES (?, ?, ?, 1, 'first report')",
            (story_id, id_, role),
        )


def _put(db: Database, table: str, row: tuple[object, ...]) -> None:
    db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def measure(path: Path) -> None:
    db = create_or_open(path)
    told: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def timed(name: str, do: Callable[[], object]) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        found = do()
        told[name].append((time.perf_counter() - wall, time.process_time() - cpu))
        return found

    for _ in range(TIMES):
        chosen, left_out = timed(  # type: ignore[misc]
            "choose", lambda: choose_events(db, since=END - WEEK, now=END, most=20)
        )
        view = timed(
            "view",
            lambda chosen=chosen, left_out=left_out: digest_view(
                chosen, db, since=END - WEEK, until=END, left_out=left_out
            ),
        )
        for form in FORMS:
            timed(form, lambda form=form, view=view: render(view, form))
    for name, times in told.items():
        _line(name, times)
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "digest", str(path)]
    for _ in range(TIMES):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall, cpu = time.perf_counter(), used.ru_utime + used.ru_stime
        subprocess.run([*command, "--since", _iso(END - WEEK)], stdout=subprocess.DEVNULL)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        told["whole"].append((time.perf_counter() - wall, used.ru_utime + used.ru_stime - cpu))
    _line("the command", told["whole"])


def _line(name: str, times: list[tuple[float, float]]) -> None:
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{name:<14} {wall:7.3f} s {cpu:7.3f} s CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stories", type=int, default=50_000, help="a week")
    parser.add_argument("--weeks", type=int, default=4)
    given = parser.parse_args()
    path = given.folder / "news.db"
    if not path.exists():
        make(path, given.stories, given.weeks)
    measure(path)


if __name__ == "__main__":
    main()
