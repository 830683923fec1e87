"""How long the write-ahead log gets beside processes that read all the time, and what bounds it.

    python -m tests.benchmarks.log FOLDER --readers 2 6

A writer changes 100 rows of 1.5 KB in each of 300 transactions, as fast as it can: left alone, with
SQLite's journal_size_limit, and with storage.database.trim_log() after every tenth transaction.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from storage.database import trim_log

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

ROWS, SIZE, CHANGED, TRANSACTIONS, LIMIT = 8000, 1500, 100, 300, 4_000_000
WAYS = ("left alone", "journal_size_limit", "trimmed")


def read(path: Path, stop: Event) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as db:
        while not stop.is_set():
            db.execute("SELECT sum(length(body)) FROM told WHERE id % 7 = 1").fetchone()


def write(path: Path, way: str) -> str:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        log, db, most, trimming = path.with_name(path.name + "-wal"), Database(connection), 0, 0.0
        connection.execute("PRAGMA synchronous = NORMAL")
        if way == "journal_size_limit":
            connection.execute(f"PRAGMA journal_size_limit = {LIMIT}")
        started = time.perf_counter()
        for number in range(TRANSACTIONS):
            connection.executemany(
                "UPDATE told SET body = ? WHERE id = ?",
                [(os.urandom(SIZE), (number * 131 + i * 17) % ROWS) for i in range(CHANGED)],
            )
            connection.commit()
            most = max(most, log.stat().st_size)
            if way == "trimmed" and number % 10 == 9:
                begun = time.perf_counter()
                trim_log(db, LIMIT)
                trimming += time.perf_counter() - begun
        seconds, left = time.perf_counter() - started, log.stat().st_size
    return (
        f"at most {most / 1e6:.0f} MB, in the end {left / 1e6:.0f}; {seconds:.1f} s, of which"
        f" {trimming:.1f} trimming"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--readers", type=int, nargs="+", default=[2, 6])
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for readers in asked.readers:
        for way in WAYS:
            path = asked.folder / "log.db"
            for file in asked.folder.glob("log.db*"):
                file.unlink()
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("CREATE TABLE told (id INTEGER PRIMARY KEY, body BLOB)")
                rows = ((number, os.urandom(SIZE)) for number in range(ROWS))
                db.executemany("INSERT INTO told VALUES (?, ?)", rows)
                db.commit()
            stop = multiprocessing.Event()
            others = [
                multiprocessing.Process(target=read, args=(path, stop)) for _ in range(readers)
            ]
            for other in others:
                other.start()
            time.sleep(1)
            print(f"{readers} readers, {way}: {write(path, way)}", flush=True)
            stop.set()
            for other in others:
                other.join()


if __name__ == "__main__":
    main()
