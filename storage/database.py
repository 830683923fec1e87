"""Open the one SQLite file, safely: every other module is handed what this one opens.

Comes in: a path. Goes out: a sqlite-utils Database that is ours, migrated, in write-ahead mode.
It never touches a file that is not a newsfold database.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from storage.errors import WRONG_CALL, NewsfoldError
from storage.migrations import migrations
from storage.views import drop_views, has_views, make_views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_ID = 0x4E46_4C44  # "NFLD", so that `file news.db` and we can tell whose it is
SQLITE_HEADER = 100  # bytes
LONG_LOG = 64 * 1024 * 1024  # bytes of the write-ahead log; longer ones are emptied between steps
TRIM_SECONDS = 2.0  # so long the log may be waited for: others who write wait, too
BUSY_SECONDS = 30.0  # a writer waits this long for another one before it gives up
# Each was measured (docs/performance.md, `python -m tests.benchmarks.settings`).
OF_NEW_FILES: Mapping[str, str | int] = {"auto_vacuum": 2}  # before the first table
OF_WRITERS: Mapping[str, str | int] = {"synchronous": "NORMAL"}
OF_READERS: Mapping[str, str | int] = {}


def create_or_open(path: str | Path) -> Database:
    """The database at `path` for reading and writing; made when there is none.

    Raises NewsfoldError when the file is not ours, is newer than this program, or when the
    folder cannot be written.
    """
    path = Path(path)
    folder_must_exist(path)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        db = Database(connection)
        _refuse_strangers(db, path, may_be_empty=True)
        _set(connection, OF_NEW_FILES)  # means nothing to a file that has tables
        _write_ahead(connection)
        _set(connection, OF_WRITERS)
        connection.execute("PRAGMA foreign_keys = ON")
        if migrations.pending(db) or not has_views(db):
            with transaction(db):  # two that start at once: the second waits, then finds it done
                drop_views(db)  # a step may change a table that they look at
                migrations.apply(db)
                make_views(db)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except sqlite3.DatabaseError as error:
        raise explained(error, path) from error
    return db


def open_existing(path: str | Path, *, outdated: bool = False) -> Database:
    """The database at `path` for reading only; with `outdated` also one that an older newsfold
    made. Raises NewsfoldError when there is none of ours."""
    path = Path(path)
    must_exist(path)
    try:
        db = _open_read_only(path)
        must_be_ours(db, path, outdated=outdated)
    except sqlite3.DatabaseError as error:
        raise explained(error, path) from error
    return db


def must_be_ours(db: Database, path: Path, *, outdated: bool = False) -> None:
    """Raises NewsfoldError for a database of somebody else, and for one that this newsfold cannot
    read as it stands."""
    _refuse_strangers(db, path, may_be_empty=False)
    if not outdated and migrations.pending(db):
        raise NewsfoldError(
            f"{path}: an older newsfold made it; bring it up to date with: newsfold fold {path}"
        )


def file_of(db: Database) -> Path:
    """The file that a database is in."""
    row = db.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
    return Path(row[0])


def folder_must_exist(path: Path) -> None:
    """Raises NewsfoldError when the folder of a database is not there."""
    if path.is_dir():
        raise NewsfoldError(f"{path} is a folder; name a file, such as {path}/news.db", WRONG_CALL)
    if not path.parent.is_dir():
        raise NewsfoldError(
            f"{path}: there is no folder {path.parent}; make it with: mkdir -p {path.parent}",
            WRONG_CALL,
        )


def must_exist(path: Path) -> None:
    """Raises NewsfoldError when there is no such file: a mistyped name makes no database."""
    if not path.is_file():
        raise NewsfoldError(
            f"{path}: no such database; make one with: newsfold run {path}", WRONG_CALL
        )


def in_memory() -> Database:
    """A database that nobody else sees, for evaluation and tests."""
    db = Database(memory=True)
    db.execute("PRAGMA foreign_keys = ON")
    migrations.apply(db)
    make_views(db)
    return db


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """All of it or nothing. Takes the write lock at once, so that it never fails half-way
    because another process wrote in between. Inside another one it is a part of that one."""
    if db.conn.in_transaction:
        with db.atomic():
            yield
        return
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.conn.rollback()
        raise
    db.conn.commit()


def trim_log(db: Database, longer_than: int = 0) -> int:
    """Move all of the write-ahead log into the file and empty it; how many bytes are left of it.

    SQLite does so by itself only when it finds nobody in the log: beside processes that read all
    the time it grows without an end. This waits a little for them to pass, and leaves the log as
    it is where one stays, or inside a transaction.
    """
    log = Path(f"{file_of(db)}-wal")
    if db.conn.in_transaction or not log.exists() or log.stat().st_size <= longer_than:
        return log.stat().st_size if log.exists() else 0
    db.execute(f"PRAGMA busy_timeout = {TRIM_SECONDS * 1000:.0f}")
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    return log.stat().st_size


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """What is read inside is of one moment, whatever a pass writes meanwhile."""
    if db.conn.in_transaction:
        yield
        return
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.rollback()


@contextmanager
def tried(db: Database) -> Iterator[None]:
    """What is written inside is seen inside alone, and undone in the end."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.conn.rollback()


def explained(error: sqlite3.Error, path: Path | str) -> NewsfoldError:
    """What SQLite says, in words that name the remedy."""
    said = str(error)
    if "not a database" in said:
        return NewsfoldError(
            f"{path} is not a newsfold database; make one with: newsfold run {path}.news.db",
            WRONG_CALL,
        )
    if "unable to open" in said or "readonly" in said:
        return NewsfoldError(
            f"{path}: cannot be written ({said}); choose a folder that you may write to"
        )
    if "full" in said:
        return NewsfoldError(
            f"{path}: the disk is full; nothing stored was lost, free some space and run again"
        )
    if "locked" in said or "busy" in said:
        return NewsfoldError(
            f"{path}: another program has held the database for over {BUSY_SECONDS:.0f} seconds; "
            "close it and run again"
        )
    if "malformed" in said:
        return NewsfoldError(
            f"{path}: the file is damaged ({said}); restore a copy, or try: sqlite3 {path} .recover"
        )
    if "disk I/O" in said:
        return NewsfoldError(
            f"{path}: the disk did not do what was asked ({said}); is it full or failing, or may"
            " files grow no further (ulimit -f)? Nothing stored was lost; run again when it is well"
        )
    return NewsfoldError(f"{path}: {said}")


def can_follow_writers(path: Path) -> bool:
    """Whether a reader can see what others write meanwhile: not in a folder that it may not write
    to, where a file has to be read as it stands."""
    connection = sqlite3.connect(_read_only(path), uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def _read_only(path: Path) -> str:
    return path.resolve().as_uri() + "?mode=ro"


def _open_read_only(path: Path) -> Database:
    uri = _read_only(path)
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError:
        # A folder that we may not write to cannot hold the shared-memory file of the write-ahead
        # log. Nobody writes there then, so reading the file as it stands is safe.
        connection.close()
        connection = sqlite3.connect(uri + "&immutable=1", uri=True)
    _set(connection, OF_READERS)
    return Database(connection)


def _set(connection: sqlite3.Connection, settings: Mapping[str, str | int]) -> None:
    for name, value in settings.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchone()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait for its lock here, so two that make the
    database at once would be told that it is locked: we wait."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _refuse_strangers(db: Database, path: Path, *, may_be_empty: bool) -> None:
    """Raise NewsfoldError unless the file is empty or was made by a newsfold not newer than us."""
    db.execute("BEGIN")  # one snapshot: another process may be making the database right now
    application_id = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    db.execute("COMMIT")
    if application_id != APPLICATION_ID:
        # SQLite takes a file shorter than its header for an empty database, and overwrites it.
        is_short = 0 < path.stat().st_size < SQLITE_HEADER
        if tables or is_short or not may_be_empty:
            raise NewsfoldError(
                f"{path} is not a newsfold database; make one with: newsfold run news.db",
                WRONG_CALL,
            )
        return
    known = {migration.name for migration in migrations.pending(db) + list(migrations._migrations)}
    unknown = [done.name for done in migrations.applied(db) if done.name not in known]
    if unknown:
        raise NewsfoldError(
            f"{path} was made by a newer newsfold (it has the step {unknown[0]}); "
            "upgrade with: pip install --upgrade newsfold",
            WRONG_CALL,
        )
