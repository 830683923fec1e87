"""Files for other tools: what is in them, in every form, whole or not at all, and back again."""

from __future__ import annotations

import csv
import gzip
import json
import string
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.export import export, target
from storage import asking
from storage.asking import EXPORTED, Filter
from storage.database import create_or_open, in_memory
from storage.errors import NewsfoldError
from storage.files import KNOWN, import_files
from tests.stories import MORNING, made_stories
from tests.test_cli import database
from tests.test_views import small

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

    Newsfold = Callable[..., tuple[int, str, str]]

__all__ = ("database",)  # a fixture
COUNTS = {"events": 6, "members": 13, "stories": 13}


def written(folder: Path, name: str, wanted: Filter = Filter()) -> Path:  # noqa: B008 - frozen
    export(small(), wanted, target(str(folder / name), None, None))
    return folder / name


def lines(path: Path) -> list[dict[str, Any]]:
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()).decode() if packed else path.read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("what", EXPORTED)
def test_every_form_holds_the_same_rows(tmp_path: Path, what: str) -> None:
    told = lines(written(tmp_path, f"{what}.jsonl"))
    assert len(told) == COUNTS[what]
    assert lines(written(tmp_path, f"{what}.jsonl.gz")) == told
    columns = [name for name in EXPORTED[what] if name != "extra"]  # type: ignore[index]
    assert list(told[0]) == columns
    for form, delimiter in (("csv", ","), ("tsv", "\t")):
        with written(tmp_path, f"{what}.{form}").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
        assert list(rows[0]) == columns
        assert [row["url"] for row in rows] == [row["url"] for row in told]


@pytest.mark.parametrize("what", EXPORTED)
def test_parquet_holds_them_too(tmp_path: Path, what: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    told = lines(written(tmp_path, f"{what}.jsonl"))
    rows = parquet.read_table(written(tmp_path, f"{what}.parquet")).to_pylist()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = f"{value:%Y-%m-%dT%H:%M:%SZ}"
    assert rows == told


def test_parquet_in_groups_and_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("pipeline.export.AT_ONCE", 5)
    file = parquet.ParquetFile(written(tmp_path, "stories.parquet"))
    assert (file.num_row_groups, file.metadata.num_rows) == (3, 13)
    nothing = Filter(since=MORNING + timedelta(days=9))
    empty = parquet.read_table(written(tmp_path, "events.parquet", nothing))
    assert (empty.num_rows, empty.column_names) == (0, list(EXPORTED["events"]))


def test_other_tools_read_parquet(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = written(tmp_path, "members.parquet")
    [(count,)] = duckdb.sql(f"SELECT count(*) FROM '{path}' WHERE role = 'copy'").fetchall()
    assert count == 2


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [
        (Filter(search="brankwell"), (1, 3, 3)),
        (Filter(name="Muse Spark"), (1, 4, 4)),
        (Filter(source="third.example"), (1, 4, 1)),
        (Filter(language="zh"), (1, 1, 1)),
        (Filter(search="人工智能"), (1, 1, 1)),
    ],
)
def test_filters(tmp_path: Path, wanted: Filter, counts: tuple[int, int, int]) -> None:
    found = tuple(len(lines(written(tmp_path, f"{what}.jsonl", wanted))) for what in EXPORTED)
    assert found == counts


def test_a_search_is_not_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_RANKED", 1)
    assert len(lines(written(tmp_path, "stories.jsonl", Filter(search="muse")))) == 4


def test_members_say_why(tmp_path: Path) -> None:
    told = lines(written(tmp_path, "members.jsonl", Filter(search="brankwell")))
    assert told[0]["because"] == "first report"
    assert told[1]["through"] in {row["url"] for row in told}


NAMES = st.text(string.ascii_letters + "é ", min_size=1, max_size=9)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "url": st.integers(0, 9).map(lambda n: f"https://a.example/{n}"),
            "title": TEXTS,
            "text": st.just("A text.") | TEXTS.map(lambda text: f"{text} ends."),
            "published": st.none()
            | st.integers(800_000_000, 3_700_000_000).map(
                lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()
            ),
            "source": st.none() | NAMES,
            "language": st.sampled_from([None, "en", "pt-BR"]),
        },
        optional={"published_precision": st.sampled_from(["minute", "day", "guessed"])},
    ).flatmap(
        lambda line: st.dictionaries(
            TEXTS.filter(lambda key: key.strip() not in KNOWN), JSON, max_size=2
        ).map(lambda extra: {**extra, **line})
    ),
    max_size=5,
)


def imported(path: Path) -> Database:
    db = in_memory()
    import_files(db, [path], now=MORNING, canonical_url=str)
    return db


def stories(db: Database) -> list[Any]:
    rows = list(db.query("SELECT * FROM stories ORDER BY url"))
    return [{**row, "extra": json.loads(row["extra"]), "id": 0} for row in rows]


@pytest.mark.long
@settings(max_examples=60)
@given(LINES, st.sampled_from(["stories.jsonl", "stories.jsonl.gz"]))
def test_what_is_exported_can_be_imported(given_lines: list[dict[str, Any]], name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "given.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in given_lines), "utf-8")
        first = imported(path)
        out = Path(folder) / name
        export(first, Filter(), target(str(out), None, None))
        assert stories(imported(out)) == stories(first)


def test_a_csv_file_goes_back_too(tmp_path: Path) -> None:
    back = imported(written(tmp_path, "stories.csv"))
    assert sorted(row["text"] for row in stories(back)) == sorted(
        row["text"] for row in stories(small())
    )


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "stories.jsonl"
    path.write_text("what was there\n", "utf-8")
    db = create_or_open(tmp_path / "news.db")
    db.execute("INSERT INTO sources VALUES ('a', 'a', '', 'en', 'a')")
    db.execute(
        "INSERT INTO stories (url, source_id, title, text, sections, summary, authors,"
        " published_precision, first_seen, language, text_from, extra)"
        " VALUES ('u', 'a', '', '', '', '', '', '', '', '', '', 'no JSON')"
    )
    with pytest.raises(json.JSONDecodeError):
        export(db, Filter(), target(str(path), None, None))
    assert path.read_text("utf-8") == "what was there\n"
    assert sorted(each.name for each in tmp_path.glob("*stories*")) == ["stories.jsonl"]


def test_the_verb_writes_files(tmp_path: Path, database: Path, newsfold: Newsfold) -> None:
    files = [tmp_path / "my-events.csv", tmp_path / "stories.jsonl"]
    code, out, err = newsfold("export", database, *files, "--search", "brankwell")
    assert (code, out) == (0, "")
    assert "my-events.csv: 1 events" in err
    assert "stories.jsonl: 3 stories" in err
    assert all(path.is_file() for path in files)


def test_standard_output(database: Path) -> None:
    program = "from pipeline.cli import main; main()"
    words = [sys.executable, "-c", program, "export", str(database), "-"]
    done = subprocess.run(
        [*words, "--what", "stories", "-n", "3"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len([json.loads(line)["url"] for line in done.stdout.splitlines()]) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stories.xlsx", "give .jsonl"),
        ("all.csv", "--what"),
        ("stories-and-events.csv", "--what"),
        ("-", "--what"),
        ("events.parquet.gz", "leave out .gz"),
    ],
)
def test_a_name_that_does_not_say_it(name: str, said: str) -> None:
    with pytest.raises(NewsfoldError, match=said):
        target(name, None, None)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NewsfoldError, match="there is no folder"):
        written(tmp_path / "no", "events.csv")


def test_the_made_stories_are_all_there(tmp_path: Path, database: Path, newsfold: Newsfold) -> None:
    newsfold("export", database, tmp_path / "stories.jsonl")
    assert {row["url"] for row in lines(tmp_path / "stories.jsonl")} == {
        each.url for each in made_stories()
    }
