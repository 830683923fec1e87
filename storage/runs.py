"""Passes as rows, and the lock that keeps two of them apart."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from storage.database import folder_must_exist, transaction
from storage.errors import FAILED, NewsfoldError
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database


class AlreadyRunningError(NewsfoldError):
    """Another pass works on this database; it ends by itself, also when it is killed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another newsfold pass is working on it; left to it", 0)


@contextmanager
def only_one(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the database for one pass; raises AlreadyRunningError at once when another one has it,
    or waits for that one to end.

    The operating system frees the lock of a killed process.
    """
    folder_must_exist(path)  # the lock would make it
    lock = FileLock(f"{path}.lock", timeout=-1 if wait else 0)
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


class Run:
    """A pass at work: what it counts, and the exit code it will end with."""

    def __init__(self, id_: int) -> None:
        self.id = id_
        self.exit_code = 0
        self.counts: dict[str, int] = {}


@contextmanager
def recorded(db: Database, verb: str, now: Callable[[], datetime]) -> Iterator[Run]:
    """A row for the pass inside; one that fails is recorded as failed, one that is killed keeps
    no end."""
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO runs (verb, started, counts, version) VALUES (?, ?, '{}', ?)",
            (verb, to_iso(now()), program_version()),
        )
    run = Run(int(cursor.lastrowid or 0))
    try:
        yield run
    except BaseException:
        run.exit_code = FAILED
        raise
    finally:
        with suppress(sqlite3.Error), transaction(db):  # a full disk has its own error to tell
            db.execute(
                "UPDATE runs SET finished = ?, exit_code = ?, counts = ? WHERE id = ?",
                (to_iso(now()), run.exit_code, json.dumps(run.counts), run.id),
            )


def program_version() -> str:
    try:
        return version("newsfold")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
