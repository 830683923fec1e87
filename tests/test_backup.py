"""A backup is of one moment, sound, and whole or not there; it works beside a writer."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from storage import backup
from storage.backup import back_up
from storage.database import create_or_open, open_existing, transaction
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_a_backup_is_the_same_database(
    database: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    copy = database.with_name("copy.db")
    code, out, _ = newsfold("backup", database, copy)
    told = json.loads(out)
    assert code == 0
    assert told["bytes"] == copy.stat().st_size
    assert sorted(path.name for path in database.parent.glob("*copy*")) == ["copy.db"]
    assert dump(copy) == dump(database)
    assert newsfold("show", copy, 1)[1] == newsfold("show", database, 1)[1]
    assert newsfold("backup", database, copy, "--quick", "-q")[0] == 0  # over the older one


def test_it_is_of_one_moment_while_another_writes(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction of the writer changes two rows; the copy has both or none, and it ends."""
    monkeypatch.setattr(backup, "PAGES_A_STEP", 1)
    both = "UPDATE events SET comments = ? WHERE id IN (1, 2)"
    done, steps = threading.Event(), []

    def write() -> None:
        db = create_or_open(database)
        number = 0
        while not done.is_set():
            number += 1
            with transaction(db):
                db.execute(both, (number,))
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(database, database.with_name("copy.db"), progress=steps.append)
    finally:
        done.set()
        writer.join()
    assert len(steps) > 50
    found = open_existing(database.with_name("copy.db"))
    [[one], [two]] = found.execute("SELECT comments FROM events WHERE id IN (1, 2)").fetchall()
    assert one == two


def test_a_damaged_database_leaves_the_older_copy(
    database: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    copy = database.with_name("copy.db")
    assert newsfold("backup", database, copy)[0] == 0
    before = copy.read_bytes()
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'stories_time'")
        page, size = root.fetchone()[0], db.execute("PRAGMA page_size").fetchone()[0]
    with database.open("r+b") as file:
        file.seek((page - 1) * size + 200)
        file.write(b"\xff" * (size - 300))
    code, _, err = newsfold("backup", database, copy)
    assert (code, "is damaged" in err and "older one" in err) == (1, True), err
    assert copy.read_bytes() == before
    assert not list(database.parent.glob(".copy*"))


def test_rows_without_their_parents_are_damage(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("DELETE FROM events WHERE id = 1")
        db.commit()
    with pytest.raises(NewsfoldError, match="a row of leads names one of events"):
        back_up(database, database.with_name("copy.db"))
    assert not database.with_name("copy.db").exists()


def test_a_copy_is_put_over_older_copies_alone(
    database: Path, newsfold: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than the header of one" * 5, "utf-8")
    in_use = tmp_path / "other.db"
    other = create_or_open(in_use)
    for file, said in (
        (database, "is the database itself"),
        (text, "no copy of a newsfold database"),
        (in_use, "in use"),
        (tmp_path / "none" / "copy.db", "there is no folder"),
    ):
        code, _, err = newsfold("backup", database, file)
        assert (code, said in err) == (2, True), err
    other.close()
    assert newsfold("backup", tmp_path / "none.db", tmp_path / "copy.db")[0] == 2


def test_a_file_that_may_not_grow_is_named_and_the_older_copy_stays(
    database: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    copy = database.with_name("copy.db")
    newsfold("backup", database, copy)
    before = copy.read_bytes()
    ended = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", "backup", database, copy],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "copy.db: " in ended.stderr and "ulimit -f" in ended.stderr
    assert copy.read_bytes() == before
    assert not list(database.parent.glob(".copy*"))


def test_a_killed_backup_leaves_the_older_copy(
    database: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    copy = database.with_name("copy.db")
    newsfold("backup", database, copy)
    before = copy.read_bytes()
    db = create_or_open(database)
    with transaction(db):
        db.execute("UPDATE events SET comments = 7")
    script = (
        "import sys, time; from pathlib import Path; from storage import backup;"
        "backup.PAGES_A_STEP = 5;"
        "backup.back_up(*map(Path, sys.argv[1:]),"
        " progress=lambda w: (print(w, flush=True), time.sleep(60)))"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", script, str(database), str(copy)], stdout=subprocess.PIPE
    )
    assert killed.stdout and killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert copy.read_bytes() == before
    assert newsfold("backup", database, copy)[0] == 0
    found = open_existing(copy).execute("SELECT DISTINCT comments FROM events").fetchall()
    assert found == [(7,)]
    assert not list(database.parent.glob(".copy*"))
