"""Passes as rows, and the lock that keeps two of them apart.

Comes in: a verb at work. Goes out: a row that says what it did, how long each step took, what
failed and with which versions. It never decides what a pass does.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from storage.database import folder_must_exist, transaction
from storage.errors import FAILED, NewsfoldError
from storage.rows import to_json
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database


TOTAL = "total"  # the step that stands for all of a pass
TIME_IS_UP = "time is up"  # why a pass ended with work left; the next one goes on


class AlreadyRunningError(NewsfoldError):
    """Another pass works on this database; it ends by itself, also when it is killed."""

    def __init__(self, path: Path, work: str = "pass") -> None:
        super().__init__(f"{path}: another newsfold {work} is working on it; left to it", 0)


@contextmanager
def only_one(
    path: Path,
    *,
    wait: bool = False,
    work: str = "pass",
    say: Callable[[str], None] = lambda what: None,
) -> Iterator[None]:
    """Hold the database for one pass, or for another `work` that only one may do at a time.
    Raises AlreadyRunningError at once when another one has it, or says so and waits for it to end.

    The operating system frees the lock of a killed process.
    """
    folder_must_exist(path)  # the lock would make it
    lock = FileLock(f"{path}.lock" if work == "pass" else f"{path}.{work}.lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if not wait:
                raise AlreadyRunningError(path, work) from error
            say(f"{path}: waiting for another newsfold {work} to end")
            lock.acquire()
    except OSError as error:
        raise NewsfoldError(
            f"{path}: its folder cannot be written ({error.strerror}); choose another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def folding(path: Path) -> AbstractContextManager[None]:
    """Hold the events for a fold, or for dropping old words: while the one works, the other waits.
    It is no pass: a prune goes on beside crawls, and lets a fold in between two of its steps."""
    return only_one(path, wait=True, work="fold")


@dataclass
class Run:
    """A pass at work: what its row will say."""

    id: int
    verb: str
    exit_code: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)  # seconds of each step
    errors: list[dict[str, str]] = field(default_factory=list)
    stopped: str | None = None  # why it ended with work left

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Counts the seconds of what is inside as those of a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.durations[step] = round(time.monotonic() - started, 3)

    def add_part(self, part: Run) -> None:
        """What a part did, the whole did; one without steps of its own is a step."""
        self.counts[part.verb] = part.counts
        steps = {step: seconds for step, seconds in part.durations.items() if step != TOTAL}
        self.durations |= steps or {part.verb: part.durations[TOTAL]}
        self.errors += part.errors
        self.stopped = self.stopped or part.stopped


@contextmanager
def recorded(
    db: Database,
    verb: str,
    now: Callable[[], datetime],
    *,
    part_of: Run | None = None,
    configuration: str | None = None,
    since: datetime | None = None,
) -> Iterator[Run]:
    """A row for the pass inside; one that fails is recorded as failed, one that is killed keeps
    no end. `configuration` is the fingerprint of its settings, `since` when it began, where that
    was before there was a database."""
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO runs (verb, started, counts, version, versions, configuration, part_of)"
            " VALUES (?, ?, '{}', ?, ?, ?, ?)",
            (
                verb,
                to_iso(since or now()),
                program_version(),
                to_json(versions()),
                configuration,
                part_of.id if part_of else None,
            ),
        )
    run = Run(int(cursor.lastrowid or 0), verb)
    started = time.monotonic()
    try:
        yield run
    except BaseException as error:
        run.exit_code = FAILED
        run.stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        reason = {"reason": _words(error)}
        if reason not in run.errors:  # a part has told it already
            run.errors.append(reason)
        raise
    finally:
        lasted = (now() - since).total_seconds() if since else time.monotonic() - started
        run.durations[TOTAL] = round(lasted, 3)
        if part_of:
            part_of.add_part(run)
        with suppress(sqlite3.Error), transaction(db):  # a full disk has its own error to tell
            db.execute(
                "UPDATE runs SET finished = ?, exit_code = ?, counts = ?, durations = ?,"
                " errors = ?, stopped = ? WHERE id = ?",
                (
                    to_iso(now()),
                    run.exit_code,
                    to_json(run.counts),
                    to_json(run.durations),
                    to_json(run.errors),
                    run.stopped,
                    run.id,
                ),
            )


def run_rows(db: Database, verb: str | None, limit: int) -> list[dict[str, Any]]:
    """Passes as rows of `runs`, the latest first; JSON columns read, and `seconds` besides."""
    rows = db.query(
        "SELECT * FROM runs WHERE verb = coalesce(?, verb) ORDER BY id DESC LIMIT ?", (verb, limit)
    )
    told = []
    for row in rows:
        read = {key: json.loads(row[key]) for key in ("counts", "durations", "errors", "versions")}
        told.append({**row, **read, "seconds": read["durations"].get(TOTAL)})
    return told


def versions() -> dict[str, str]:
    """What a pass ran on; a change of behaviour often begins with one of these."""
    return {
        "newsfold": program_version(),
        "python": platform.python_version(),
        "scrapy": _version_of("scrapy"),
        "sqlite": sqlite3.sqlite_version,
    }


def program_version() -> str:
    return _version_of("newsfold")


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def _words(error: BaseException) -> str:
    said = str(error) if isinstance(error, NewsfoldError) else f"{type(error).__name__}: {error}"
    return said.rstrip(": ")[:500]
