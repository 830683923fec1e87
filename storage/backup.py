"""A copy of a database while others write to it: of one moment, verified, and whole or not there.

    a read snapshot -> pages copied -> rows counted -> the copy is checked -> on disk -> renamed

Comes in: a database, also one that an older newsfold made, and a file to be. Goes out: what was
copied. An older copy under that name stays until the new one is checked and on disk. It writes
nothing to the database.

The snapshot is what lets it end: a copy in steps that holds none begins anew whenever another
process writes (beside a writer it never ended), and one in a single step tells no progress. While
it is held, the write-ahead log grows by what is written meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from storage.database import (
    explained,
    folder_must_exist,
    must_be_ours,
    must_exist,
    open_existing,
    snapshot,
)
from storage.errors import WRONG_CALL, NewsfoldError
from storage.runs import only_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


PAGES_A_STEP = 4096  # 16 MB between two words of progress
SAID = 3  # of what is wrong with a copy


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A copy that was checked."""

    file: str
    bytes: int
    tables: int
    rows: int  # of all tables together, as many as there were in the database


def back_up(
    database: Path,
    target: Path,
    *,
    quick: bool = False,
    progress: Callable[[str], None] = lambda what: None,
) -> BackedUp:
    """Copy a database; `quick` checks its tables without holding the indexes against them.

    Raises NewsfoldError for a database that is damaged: of that no copy is kept, and an older one
    stays.
    """
    must_exist(database)
    _must_be_free(database, target)
    with only_one(database, work="backup"):
        beside = target.with_name(f".{target.name}.new")
        try:
            with closing(open_existing(database, outdated=True)) as db, snapshot(db):
                db.execute("SELECT 1 FROM sqlite_master").fetchone()  # it begins with a first read
                _copy(db, beside, progress)
                rows = _rows(db)
            progress("checking the copy")
            _check(beside, rows, database, quick=quick)
            _to_disk(beside)
            beside.replace(target)
            _remove(*_files_beside(target))  # of a reader of the older copy
            _to_disk(target.parent)
        except sqlite3.DatabaseError as error:
            of_the_copy = any(said in str(error) for said in ("full", "disk I/O", "unable to open"))
            raise explained(error, target if of_the_copy else database) from error
        finally:
            _remove(beside, *_files_beside(beside))
    return BackedUp(str(target), target.stat().st_size, len(rows), sum(rows.values()))


def _must_be_free(database: Path, target: Path) -> None:
    """Raises NewsfoldError where a copy would be put over something else than an older one."""
    folder_must_exist(target)
    if not target.exists():
        return
    if target.samefile(database):
        raise NewsfoldError(f"{target} is the database itself; name another file", WRONG_CALL)
    log = target.with_name(target.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise NewsfoldError(
            f"{target} is a database in use (see {log.name} beside it), and a copy put over it"
            " would damage it; name another file",
            WRONG_CALL,
        )
    try:
        with closing(_as_it_stands(target)) as old:
            must_be_ours(old, target, outdated=True)
    except (NewsfoldError, sqlite3.DatabaseError) as error:
        raise NewsfoldError(
            f"{target} is there and is no copy of a newsfold database; name another file",
            WRONG_CALL,
        ) from error


def _as_it_stands(copy: Path) -> Database:
    """A file that nobody writes to, read without making any beside it."""
    return Database(sqlite3.connect(f"{copy.resolve().as_uri()}?immutable=1", uri=True))


def _copy(db: Database, to: Path, progress: Callable[[str], None]) -> None:
    _remove(to)  # of a backup that was killed

    def tell(status: int, left: int, pages: int) -> None:
        if left:
            progress(f"copied {100 * (pages - left) // pages} % of {pages} pages")

    with closing(sqlite3.connect(to)) as copy:
        db.conn.backup(copy, pages=PAGES_A_STEP, sleep=0, progress=tell)


def _rows(db: Database) -> dict[str, int]:
    names = [
        row[0]
        for row in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
    ]
    count = 'SELECT count(*) FROM "{}"'
    return {name: db.execute(count.format(name)).fetchone()[0] for name in names}


def _check(copy: Path, rows: dict[str, int], database: Path, *, quick: bool) -> None:
    """Raises NewsfoldError unless the copy is a sound newsfold database with these rows."""
    with closing(_as_it_stands(copy)) as db:
        must_be_ours(db, copy, outdated=True)
        check = "quick_check" if quick else "integrity_check"
        wrong = [row[0] for row in db.execute(f"PRAGMA {check}({SAID})") if row[0] != "ok"]
        wrong += [
            f"a row of {table} names one of {parent} that is not there"
            for table, _, parent, _ in db.execute("PRAGMA foreign_key_check").fetchmany(SAID)
        ]
        wrong += [
            f"{name} has other rows" for name, many in _rows(db).items() if many != rows[name]
        ]
    if wrong:
        raise NewsfoldError(
            f"{database} is damaged: {'; '.join(list(dict.fromkeys(wrong))[:SAID])}."
            " No copy was kept; an older one is where it was. Restore that, or try:"
            f" sqlite3 {database} .recover"
        )


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _files_beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
