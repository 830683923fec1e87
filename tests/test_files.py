"""Importing stories: all of a call or nothing, and errors that name file, line and remedy."""

from __future__ import annotations

import csv
import gzip
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.urls import canonical_url
from storage.database import in_memory
from storage.errors import NewsfoldError
from storage.files import BrokenLineError, import_files, read_rows, story_from_row
from storage.stories import waiting_ids
from tests.stories import MORNING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

GOOD = {"url": "https://a.example/1", "title": "A title", "published": "2026-04-08T09:00:00Z"}


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def load(db: Database, path: Path, *, skip_broken: bool = False) -> dict[str, int]:
    report = import_files(
        db, [path], now=MORNING, canonical_url=canonical_url, skip_broken=skip_broken
    )
    return {"new": report.new, "known": report.known + report.repeated, "broken": report.broken}


def count(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM stories").fetchone()[0])


@pytest.mark.long
def test_a_line_broken_far_down_leaves_nothing_half_imported(tmp_path: Path) -> None:
    rows: list[object] = [{**GOOD, "url": f"https://a.example/{n}"} for n in range(5_000)]
    path = write(tmp_path / "many.jsonl", rows)
    lines = path.read_text("utf-8").splitlines()
    lines[4_999] = lines[4_999][:20]
    path.write_text("\n".join(lines), "utf-8")
    db = in_memory()
    with pytest.raises(BrokenLineError, match=r"many\.jsonl:5000: no JSON.*--skip-broken") as error:
        load(db, path)
    assert error.value.exit_code == 1
    assert count(db) == 0
    assert load(db, path, skip_broken=True) == {"new": 4_999, "known": 0, "broken": 1}
    assert load(db, path, skip_broken=True) == {"new": 0, "known": 4_999, "broken": 1}


def test_the_same_story_under_noisy_addresses_is_one(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        [GOOD, {**GOOD, "url": "https://a.example/1?utm_source=mail#top"}],
    )
    assert load(in_memory(), path) == {"new": 1, "known": 1, "broken": 0}


def test_new_words_at_a_known_address_are_a_revision(tmp_path: Path) -> None:
    db = in_memory()
    load(db, write(tmp_path / "a.jsonl", [GOOD]))
    db.execute("DELETE FROM waiting")
    load(db, write(tmp_path / "b.jsonl", [{**GOOD, "title": "A better title"}]))
    assert db.execute("SELECT id, title FROM stories").fetchall() == [(1, "A better title")]
    assert waiting_ids(db) == [1]
    assert db.execute("SELECT story_id, title FROM revisions").fetchall() == [(1, "A title")]


def test_a_date_that_comes_later_is_taken_over_and_folded_again(tmp_path: Path) -> None:
    db = in_memory()
    load(db, write(tmp_path / "a.jsonl", [{**GOOD, "published": None}]))
    db.execute("DELETE FROM waiting")
    load(db, write(tmp_path / "b.jsonl", [GOOD]))
    rows = db.execute("SELECT published, published_precision FROM stories").fetchall()
    assert rows == [("2026-04-08T09:00:00Z", "minute")]
    assert waiting_ids(db) == [1]
    assert db.execute("SELECT count(*) FROM revisions").fetchone()[0] == 0
    assert load(db, write(tmp_path / "c.jsonl", [GOOD]))["known"] == 1


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("text", "no JSON object"),
        ({"title": "x"}, "no url"),
        ({"url": "https://a.example/"}, "neither title nor text"),
        ({"url": 7, "title": "x"}, "url is no text"),
        ({"url": "mailto:a@b.example", "title": "x"}, "no web address"),
        ({**GOOD, "published": "yesterday"}, "no ISO 8601 time"),
        ({**GOOD, "text": ["a"]}, "text is no text"),
        ({**GOOD, "published": "0001-01-02T00:00:00Z"}, "in the year 1"),
        ({**GOOD, "published": "9999-12-31"}, "in the year 9999"),
        ({**GOOD, "desk": float("nan")}, "NaN is no JSON"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(row: object, what: str, tmp_path: Path) -> None:
    db = in_memory()
    with pytest.raises(NewsfoldError, match=rf"a\.jsonl:2: .*{what}"):
        load(db, write(tmp_path / "a.jsonl", [GOOD, row]))
    assert count(db) == 0


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    db = in_memory()
    load(db, write(tmp_path / "a.jsonl", [{**GOOD, "desk": "science", "event": "owl"}]))
    assert db.execute("SELECT extra FROM stories").fetchone()[0] == '{"desk": "science"}'


def test_csv_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "url", "text"])
        writer.writerow(["Two\nlines", "https://a.example/1", "With, comma"])
    db = in_memory()
    assert load(db, path)["new"] == 1
    assert db.execute("SELECT title, text FROM stories").fetchall() == [
        ("Two lines", "With, comma")
    ]


@pytest.mark.parametrize("header", ["", "title,text", "link,title", "url,published"])
def test_a_csv_without_the_columns_is_refused(header: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\nx,y\n", "utf-8")
    with pytest.raises(NewsfoldError, match=r"a\.csv:1: the columns are .*url and one of") as error:
        load(in_memory(), path)
    assert error.value.exit_code == 2


def test_a_csv_line_with_too_many_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("url,title\nhttps://a.example/1,x\nhttps://a.example/2,x,y\n", "utf-8")
    with pytest.raises(NewsfoldError, match=r"a\.csv:3: more cells than columns"):
        load(in_memory(), path)


def test_strange_characters_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {**GOOD, "title": "A\x00b\ud800c", "source": "S\ud800", "desk": {"k\ud800": ["\ud800x"]}}
    path.write_text(json.dumps(row), "utf-8")
    db = in_memory()
    load(db, path)
    assert db.execute("SELECT title, extra FROM stories").fetchall() == [
        ("Abc", '{"desk": {"k": ["x"]}}')
    ]
    assert db.execute("SELECT name FROM sources").fetchall() == [("S",)]


def test_importing_again_changes_nothing_where_an_address_stands_twice(tmp_path: Path) -> None:
    db = in_memory()
    path = write(tmp_path / "a.jsonl", [GOOD, {**GOOD, "title": "Other words"}])
    for new, known in ((1, 0), (0, 1)):
        report = import_files(db, [path], now=MORNING, canonical_url=canonical_url)
        assert (report.new, report.known, report.changed, report.repeated) == (new, known, 0, 1)


def test_a_line_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(30):
            file.write(b" " * 1_000_000)
    with pytest.raises(NewsfoldError, match=r"a\.jsonl\.gz:1: longer than 20,000,000 bytes"):
        load(in_memory(), path)


def test_a_header_that_is_no_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"url"x,title\n', "utf-8")
    with pytest.raises(NewsfoldError, match=r"a\.csv:1: the header is no CSV"):
        load(in_memory(), path)


def test_a_file_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NewsfoldError, match="no such file"):
        load(in_memory(), tmp_path / "none.jsonl")
    with pytest.raises(NewsfoldError, match="unknown kind of file"):
        load(in_memory(), tmp_path / "none.xlsx")
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(GOOD).encode() * 100)[:-20])
    with pytest.raises(NewsfoldError, match="gzip file is damaged"):
        load(in_memory(), cut)


@given(st.binary(max_size=200))
def test_no_line_is_too_strange(line: bytes) -> None:
    """Whatever stands in a line: a story, or a BrokenLineError."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_bytes(line)
        try:
            for number, row in read_rows(path):
                story_from_row(row, path, number, canonical_url)
        except BrokenLineError:
            pass
