"""Room is given back beside readers and writers, and no row changes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.prune import prune
from storage import vacuum
from storage.database import create_or_open, open_existing, snapshot, transaction, trim_log
from storage.errors import NewsfoldError
from storage.stories import save_story
from tests.stories import MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return sorted(line for line in db.iterdump() if "_search" not in line)


def long_stories(path: Path) -> None:
    db = create_or_open(path)
    stored(db, made_stories())
    with transaction(db):
        for number in range(40):
            words = " ".join(f"word{number}x{place}" for place in range(2000))
            told = story(f"https://long.example/{number}", f"Long {number}", words)
            db.execute(
                "INSERT OR IGNORE INTO sources VALUES (?, 'L', 'https://l.example/', 'en', 'L')",
                (told.source_id,),
            )
            save_story(db, told, MORNING)
    db.close()


@pytest.mark.parametrize("full", [False, True])
def test_room_is_given_back_and_no_row_changes(
    tmp_path: Path, newsfold: Callable[..., tuple[int, str, str]], full: bool
) -> None:
    path = tmp_path / "news.db"
    long_stories(path)
    newsfold("fold", path, "-q")
    prune(
        path,
        {"text": timedelta(days=365)},
        now=lambda: MORNING + timedelta(days=800),
        sleep=lambda _: None,
    )
    before, rows = path.stat().st_size, dump(path)
    code, out, _ = newsfold("vacuum", path, *(["--full"] if full else []))
    told = json.loads(out)
    assert code == 0
    assert told["after"] == path.stat().st_size < before / 2
    assert (told["free"], told["log"]) == (0, 0)
    assert dump(path) == rows
    assert newsfold("stories", path, "--search", "Brankwell")[0] == 0


def test_a_file_that_was_not_made_for_it_is_told_of_a_full_one(
    database: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        for pragma in ("journal_mode = DELETE", "auto_vacuum = 0"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("VACUUM")
    code, _, err = newsfold("vacuum", database)
    assert (code, "newsfold vacuum --full" in err) == (0, True)
    assert newsfold("vacuum", database, "--full")[0] == 0
    assert "--full" not in newsfold("vacuum", database)[2]


def test_readers_and_writers_get_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "news.db"
    long_stories(path)
    db = create_or_open(path)
    with transaction(db):
        db.execute("UPDATE stories SET text = ''")
    monkeypatch.setattr(vacuum, "FREE_PAGES", 20)
    pauses: list[int] = []

    def another(_: float) -> None:
        """In each pause somebody writes, and reads it again."""
        pauses.append(1)
        with transaction(db):
            db.execute("UPDATE stories SET comments = ?", (len(pauses),))
        found = open_existing(path).execute("SELECT DISTINCT comments FROM stories").fetchall()
        assert found == [(len(pauses),)]

    vacuum.vacuum(path, sleep=another)
    assert len(pauses) > 3


def test_a_reader_that_stays_keeps_the_log_and_is_told(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.TRIM_SECONDS", 0.1)
    db, reader = create_or_open(database), open_existing(database)
    with snapshot(reader):
        reader.execute("SELECT count(*) FROM events").fetchone()
        with transaction(db):
            db.execute("UPDATE events SET comments = 5")
        assert trim_log(db) > 0
        assert reader.execute("SELECT max(comments) FROM events").fetchone() == (None,)
    assert trim_log(db) == 0
    assert db.execute("SELECT max(comments) FROM events").fetchone() == (5,)


def test_a_full_one_needs_room(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Disk:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk)
    with pytest.raises(NewsfoldError, match="of free room beside it"):
        vacuum.vacuum(database, full=True)
