"""What SQLite's settings are worth here: the same work under each, side by side in one run.

    python -m tests.benchmarks.settings FOLDER --stories 10000 --rounds 3

Work: `import` of made stories from JSON lines, `fold` of them, `crawl` (stories saved one by one,
each in a transaction, as reading pages does), and `reads` (lists, searches, whole events, a second
reader's fresh connection each). Every round runs every setting once, in an order by a seed; what is
printed is the median of the rounds, as a ratio to the first line (SQLite as it comes, with the
write-ahead log). `log` is the largest size of that log in MB, looked at 20 times a second.

The settings are put in place of those of storage/database.py. Worker processes of a fold read with
the shipped ones.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.load import stories, write_lines

Settings = dict[str, dict[str, str | int]]

BASE: Settings = {"new": {}, "writers": {"synchronous": "NORMAL"}, "readers": {}}
VARIANTS: dict[str, Settings] = {
    "as SQLite comes, WAL, NORMAL": {},
    "synchronous FULL": {"writers": {"synchronous": "FULL"}},
    "journal DELETE, FULL": {"writers": {"journal_mode": "DELETE", "synchronous": "FULL"}},
    "cache 16 MB": {"writers": {"cache_size": -16_000}, "readers": {"cache_size": -16_000}},
    "cache 64 MB": {"writers": {"cache_size": -64_000}, "readers": {"cache_size": -64_000}},
    "mmap 256 MB": {"writers": {"mmap_size": 2**28}, "readers": {"mmap_size": 2**28}},
    "temp_store memory": {"writers": {"temp_store": 2}, "readers": {"temp_store": 2}},
    "pages of 8 KB": {"new": {"page_size": 8192}},
    "pages of 16 KB": {"new": {"page_size": 16384}},
    "auto_vacuum incremental": {"new": {"auto_vacuum": 2}},
    "wal_autocheckpoint 250": {"writers": {"wal_autocheckpoint": 250}},
    "wal_autocheckpoint 4000": {"writers": {"wal_autocheckpoint": 4000}},
    "journal_size_limit 64 MB": {"writers": {"journal_size_limit": 2**26}},
}
ORDER = ("import", "fold", "crawl", "reads")
READS = 150  # events shown, and words searched, in a round

_SET = """
import json, sys
import storage.database as d
given = json.loads(sys.argv[1])
d.OF_NEW_FILES, d.OF_WRITERS, d.OF_READERS = given["new"], given["writers"], given["readers"]
if given["writers"].get("journal_mode"):
    d._write_ahead = lambda connection: None
"""
_VERB = _SET + "from pipeline.cli import main; main(sys.argv[2:])"
_CRAWL = (
    _SET
    + """
from itertools import islice
from pathlib import Path
from storage.files import _source_of, read_rows, story_from_row
from storage.sources import add_source
from storage.stories import save_story
db = d.create_or_open(sys.argv[2])
path = Path(sys.argv[3])
for line, row in islice(read_rows(path), 1500):
    with d.transaction(db):
        story = story_from_row(row, path, line)
        add_source(db, _source_of(row, story))
        save_story(db, story, story.published)
"""
)
_READS = (
    _SET
    + """
import random
from pipeline.show import as_json, find_event
from storage.asking import Filter, list_events, list_stories
rng = random.Random(1)
db = d.open_existing(sys.argv[2])
most = db.execute("SELECT max(id) FROM events").fetchone()[0]
titles = db.execute(
    "SELECT title FROM stories WHERE id > 5 AND title LIKE '% % %' LIMIT 400"
).fetchall()
for number in range(int(sys.argv[3])):
    db = d.open_existing(sys.argv[2])
    as_json(find_event(db, rng.randrange(1, most + 1)))
    title = rng.choice(titles)[0].split()
    list_stories(db, Filter(search=" ".join(title[:2])), 20)
    list_events(db, Filter(search=title[0]), 20)
    list_events(db, Filter(), 50)
    db.close()
"""
)


def cost(script: str, settings: Settings, database: Path, *words: str) -> dict[str, float]:
    """Seconds, CPU seconds of all processes, and the largest size of the log in MB."""
    log, largest, done = database.with_name(database.name + "-wal"), [0], threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            if log.exists():
                largest[0] = max(largest[0], log.stat().st_size)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watch = threading.Thread(target=look)
    watch.start()
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", script, json.dumps(settings), *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    seconds = time.perf_counter() - started
    done.set()
    watch.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "log": largest[0] / 1e6}


def one_round(
    folder: Path, name: str, lines: Path, large: Path | None
) -> dict[str, dict[str, float]]:
    """All work under one setting, in a fresh database."""
    settings = {part: {**BASE[part], **VARIANTS[name].get(part, {})} for part in BASE}
    path, crawled = folder / "try.db", folder / "crawl.db"
    for file in folder.glob("*.db*"):
        file.unlink()
    told = {"import": cost(_VERB, settings, path, "import", str(path), str(lines))}
    told["fold"] = cost(_VERB, settings, path, "fold", "-q", str(path))
    told["crawl"] = cost(_CRAWL, settings, crawled, str(crawled), str(lines))
    asked = large or path
    told["reads"] = cost(_READS, settings, asked, str(asked), str(READS))
    told["file"] = {"mb": path.stat().st_size / 1e6}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=Path, help="A folded database to read from instead.")
    parser.add_argument("--only", nargs="*", help="Settings whose name holds one of these.")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = asked.folder / "stories.jsonl"
    if not lines.exists():
        write_lines(lines, stories(asked.stories, 6))
    first, *others = VARIANTS
    names = [first] + [n for n in others if not asked.only or any(o in n for o in asked.only)]
    rng = random.Random(20261128)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(asked.rounds):
        for name in rng.sample(names, len(names)):
            found[name].append(one_round(asked.folder, name, lines, asked.large))
            print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
    _print(found, first)
    print(f"\nload {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors")


def _print(found: dict[str, list[dict[str, Any]]], first: str) -> None:
    def median(name: str, work: str, what: str) -> float:
        return statistics.median(each[work][what] for each in found[name])

    head = [f"{work}: {what}" for work in ORDER for what in ("time", "CPU")]
    print("| setting | " + " | ".join(head) + " | log MB | file MB |")
    print("|---" * (len(head) + 3) + "|")
    for name in found:
        cells = []
        for work in ORDER:
            for what in ("seconds", "cpu"):
                value, base = median(name, work, what), median(first, work, what)
                cells.append(f"{value:.2f} s" if name == first else f"{value / base:.2f}")
        log = max(median(name, work, "log") for work in ORDER)
        row = [name, *cells, f"{log:.0f}", f"{median(name, 'file', 'mb'):.0f}"]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
