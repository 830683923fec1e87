"""Import of large made archives: how fast, and the same stories however often it is killed.

    python -m tests.benchmarks.archives FOLDER --records 20000 --kills 5

Two files, the second half as large and with addresses of the first in it, are imported in one
call: once undisturbed, once with SIGKILL at moments by a seed, and gone on with. What broken
records there are and what a reader has to find is said in tests/benchmarks/made_warc.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.made_warc import make

ROOT = Path(__file__).parents[2]
NEWSFOLD = (sys.executable, "-c", "from pipeline.cli import main; main()", "import")


def stories(path: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM stories").fetchone()[0])
    return 0


def digest(path: Path) -> str:
    """The same for the same stories."""
    rows = "SELECT url, source_id, title, text, published, first_seen FROM stories ORDER BY url"
    with closing(sqlite3.connect(path)) as db:
        return hashlib.blake2b(
            repr(db.execute(rows).fetchall()).encode(), digest_size=8
        ).hexdigest()


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    names = [asked.folder / "a.warc.gz", asked.folder / "b.warc"]
    kinds = make(names[0], asked.records, 1) | make(names[1], asked.records // 2, 2)
    quiet, killed = asked.folder / "quiet.db", asked.folder / "killed.db"
    for path in (quiet, killed):
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
    started, before = time.perf_counter(), cpu()
    done = subprocess.run(
        [*NEWSFOLD, str(quiet), *map(str, names)],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seconds, used = time.perf_counter() - started, cpu() - before
    told = json.loads(done.stdout)
    print(f"undisturbed: {seconds:.0f} s, {used:.0f} CPU s, {told}")
    print(f"{told['new'] / used:.1f} stories a CPU second; {sum(told.values())} records told of")
    with closing(sqlite3.connect(quiet)) as db:
        urls = [row[0] for row in db.execute("SELECT url FROM stories")]
    found = Counter(urlsplit(url).path.split("/")[1] for url in urls)
    print(f"found {dict(found)}")
    print(f"there {dict(Counter(kinds.values()))}")
    rng = random.Random(1)
    for wanted in sorted(rng.randrange(told["new"]) for _ in range(asked.kills)):
        process = subprocess.Popen(
            [*NEWSFOLD, str(killed), *map(str, names)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and stories(killed) < wanted:
            time.sleep(0.2)
        process.kill()
        process.wait()
        print(f"killed at {stories(killed)} stories", flush=True)
    subprocess.run(
        [*NEWSFOLD, str(killed), *map(str, names)],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    print(f"the same stories: {digest(quiet) == digest(killed)} ({stories(killed)})")


if __name__ == "__main__":
    main()
