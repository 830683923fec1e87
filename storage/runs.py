"""Passes as rows, and the lock that keeps two of them apart."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from storage.database import transaction
from storage.errors import NewsfoldError
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database


class AlreadyRunningError(NewsfoldError):
    """Another pass works on this database; it ends by itself, also when it is killed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another newsfold pass is working on it; left to it", 0)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the database for one pass; raises AlreadyRunningError at once when another one has it.

    The operating system frees the lock of a killed process.
    """
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise AlreadyRunningError(path) from error
    except OSError as error:
        raise NewsfoldError(
            f"{path}: its folder cannot be written ({error.strerror}); choose another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def start_run(db: Database, verb: str, now: datetime) -> int:
    """A row for a pass that begins; its id."""
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO runs (verb, started, counts, version) VALUES (?, ?, '{}', ?)",
            (verb, to_iso(now), program_version()),
        )
    return int(cursor.lastrowid or 0)


def finish_run(
    db: Database, run_id: int, now: datetime, exit_code: int, counts: Mapping[str, object]
) -> None:
    """What a pass did, in numbers."""
    with transaction(db):
        db.execute(
            "UPDATE runs SET finished = ?, exit_code = ?, counts = ? WHERE id = ?",
            (to_iso(now), exit_code, json.dumps(dict(counts)), run_id),
        )


def program_version() -> str:
    try:
        return version("newsfold")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
