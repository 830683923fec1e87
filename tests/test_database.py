"""The one SQLite file: ours, whole, and shared politely."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from storage.database import create_or_open, in_memory, open_existing, transaction
from storage.errors import NewsfoldError
from storage.runs import AlreadyRunningError, only_one, recorded
from tests.stories import MORNING


def test_a_new_database_is_ours_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    create_or_open(path).close()
    db = create_or_open(path)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert "stories" in open_existing(path).table_names()


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (id)")
    other.commit()
    other.close()
    before = path.read_bytes()
    for opener in (create_or_open, open_existing):
        with pytest.raises(NewsfoldError, match="not a newsfold database") as error:
            opener(path)
        assert error.value.exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello, this is a letter to my aunt\n" * 40, b"x"])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    for opener in (create_or_open, open_existing):
        with pytest.raises(NewsfoldError, match="not a newsfold database"):
            opener(path)
    assert path.read_bytes() == content


def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('newsfold', '0999_flying_cars', '2031-01-01')"
    )
    db.close()
    for opener in (create_or_open, open_existing):
        with pytest.raises(NewsfoldError, match=r"newer newsfold.*0999_flying_cars.*upgrade"):
            opener(path)


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NewsfoldError, match=r"no such database.*newsfold run"):
        open_existing(tmp_path / "none.db")
    with pytest.raises(NewsfoldError, match="there is no folder"):
        create_or_open(tmp_path / "none" / "news.db")


@pytest.mark.skipif(os.name == "nt", reason="folders are protected in another way there")
def test_a_folder_that_cannot_be_written() -> None:
    """As a user that is not root, to whom nothing is forbidden."""
    with tempfile.TemporaryDirectory() as name:  # other users may look into this one
        folder = Path(name)
        path = folder / "news.db"
        create_or_open(path).close()
        program = (
            "import os, urllib.parse\n"
            "from storage.database import create_or_open, in_memory, open_existing\n"
            "from storage.errors import NewsfoldError\n"
            "in_memory()\n"  # imports what it needs while it still may
            "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
            f"print(len(open_existing({str(path)!r}).table_names()))\n"
            f"for name in ({str(path)!r}, {str(folder / 'new.db')!r}):\n"
            "    try: create_or_open(name)\n"
            "    except NewsfoldError as error: print(error)\n"
        )
        path.chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
        )
        folder.chmod(0o755)
    tables, *errors = done.stdout.splitlines()
    assert int(tables) > 10  # reading goes on
    assert len(errors) == 2
    assert all("cannot be written" in error and "choose a folder" in error for error in errors)


def test_a_transaction_is_all_or_nothing() -> None:
    db = in_memory()
    with pytest.raises(RuntimeError), transaction(db):
        db.execute("INSERT INTO sources VALUES ('a', 'A', '', 'en', 'A')")
        raise RuntimeError
    assert db.execute("SELECT count(*) FROM sources").fetchone()[0] == 0
    with transaction(db), transaction(db):
        db.execute("INSERT INTO sources VALUES ('a', 'A', '', 'en', 'A')")
    assert db.execute("SELECT count(*) FROM sources").fetchone()[0] == 1


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    create_or_open(path).close()
    order: list[str] = []

    def second() -> None:
        db = create_or_open(path)
        with transaction(db):
            order.append("second")

    first = create_or_open(path)
    with transaction(first):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_two_that_make_the_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    errors: list[Exception] = []

    def make() -> None:
        try:
            create_or_open(path).close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert "events" in open_existing(path).table_names()


def test_only_one_pass_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    said = "another newsfold pass"
    with only_one(path):
        with pytest.raises(AlreadyRunningError, match=said) as error, only_one(path):
            pytest.fail("two passes at once")
        assert error.value.exit_code == 0
    with only_one(path):
        pass


def test_a_pass_that_fails_is_recorded_as_failed() -> None:
    db = in_memory()
    with pytest.raises(RuntimeError), recorded(db, "fold", lambda: MORNING) as run:
        run.counts = {"new": 3}
        raise RuntimeError
    assert db.execute("SELECT verb, exit_code, counts, finished FROM runs").fetchall() == [
        ("fold", 1, '{"new": 3}', "2026-04-08T09:00:00Z")
    ]
