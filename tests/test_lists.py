"""Asking from the command line: filters, orders, forms, and what a pipe does."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from storage.asking import EVENT_COLUMNS, STORY_COLUMNS, Filter, list_events, list_stories
from storage.database import create_or_open, open_existing
from tests.stories import MORNING, made_stories, stored
from tests.test_cli import database
from tests.test_views import small

if TYPE_CHECKING:
    from collections.abc import Callable

    Newsfold = Callable[..., tuple[int, str, str]]

__all__ = ("database",)  # a fixture
ROOT = Path(__file__).parent.parent


def titles(wanted: Filter, limit: int = 50) -> list[str]:
    return [row["title"] for row in list_events(small(), wanted, limit)]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("wanted", "events", "stories"),
    [
        (Filter(), 6, 13),
        (Filter(search="brankwell"), 1, 3),
        (Filter(search="brankwell", min_sources=4), 0, 0),
        (Filter(name="Muse Spark"), 1, 4),
        (Filter(name="Muse Spark", source="third.example"), 1, 1),
        (Filter(source="ars-technica"), 1, 1),
        (Filter(language="zh"), 1, 1),
        (Filter(since=MORNING + 3 * HOUR + HOUR / 2), 3, 4),
        (Filter(until=MORNING + HOUR / 2), 3, 4),
        (Filter(since=MORNING + 2 * HOUR, until=MORNING + 4 * HOUR), 3, 3),
        (Filter(search="ferry", since=MORNING + 5 * HOUR + HOUR / 2), 1, 1),
        (Filter(search="ferry", sort="oldest"), 1, 2),
        (Filter(min_sources=2), 1, 3),
        (Filter(category="other", search="owl"), 1, 1),
    ],
)
def test_what_filters_leave(wanted: Filter, events: int, stories: int) -> None:
    assert len(list(list_events(small(), wanted, 50))) == events
    assert len(list(list_stories(small(), wanted, 50))) == stories


def test_orders() -> None:
    by_rank = [row["independent_count"] for row in list_events(small(), Filter(), 50)]
    assert by_rank == sorted(by_rank, reverse=True)
    for table in (list_events, list_stories):
        latest = [row["id"] for row in table(small(), Filter(sort="latest"), 50)]
        assert [row["id"] for row in table(small(), Filter(sort="oldest"), 50)] != latest
        assert len(list(table(small(), Filter(sort="latest"), 2))) == 2
    times = [row["published"] for row in list_stories(small(), Filter(), 50)]
    assert times == sorted(times, reverse=True)


def test_a_search_tells_where_it_found_the_words() -> None:
    [row] = list_events(small(), Filter(search='"snowy owl"'), 5)
    assert "**snowy owl**" in row["snippet"].lower()
    rows = list(list_stories(small(), Filter(search="人工智能"), 5))
    assert "**人工智能**" in rows[0]["snippet"]


def test_what_an_analyst_called_no_event_is_left_out() -> None:
    db = small()
    [row] = list_events(db, Filter(search="owl"), 5)
    db.execute("UPDATE events SET not_an_event = 1 WHERE id = ?", (row["id"],))
    try:
        assert not list(list_events(db, Filter(search="owl"), 5))
        assert list(list_events(db, Filter(search="owl", everything=True), 5))
    finally:
        db.execute("UPDATE events SET not_an_event = 0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["events", "--source", "source2"], "did you mean source2-example?"),
        (["events", "--category", "sport"], "there are: lawsuit, other, product"),
        (["stories", "--name", "merrid"], "did you mean Merriden"),
        (["events", "--language", "xx"], "there are: en"),
        (["events", "--sort", "size"], "'rank', 'latest', 'oldest', 'relevance'"),
        (["stories", "--sort", "relevance"], "add --search"),
        (["stories", "--search", "-ferry"], "nothing to look for"),
        (["events", "--until", "soon"], "write 2026-04-08"),
    ],
)
def test_a_wrong_filter_names_the_remedy(
    database: Path, newsfold: Newsfold, words: list[str], said: str
) -> None:
    verb, *options = words
    code, out, err = newsfold(verb, database, *options)
    assert (code, out) == (2, "")
    assert said in err


def test_names_and_categories_are_found_in_any_letters(database: Path, newsfold: Newsfold) -> None:
    code, out, _ = newsfold("events", database, "--name", "MERRIDEN", "--category", "Lawsuit")
    assert (code, len(json.loads(out))) == (0, 1)


def test_stories_in_every_form(database: Path, newsfold: Newsfold) -> None:
    rows: list[dict[str, Any]] = json.loads(newsfold("stories", database)[1])
    assert len(rows) == len(made_stories())
    assert tuple(rows[0]) == STORY_COLUMNS
    lines = newsfold("stories", database, "--nl")[1].splitlines()
    assert [json.loads(line) for line in lines] == rows
    text = newsfold("stories", database, "--csv")[1]
    assert [r["url"] for r in csv.DictReader(io.StringIO(text))] == [r["url"] for r in rows]
    table = newsfold("stories", database, "-t")[1]
    assert table.split()[:6] == ["id", "published", "source", "event", "role", "title"]


def test_nothing_found_is_still_a_file_that_can_be_read(database: Path, newsfold: Newsfold) -> None:
    nothing = ("--search", "zeppelin")
    assert json.loads(newsfold("events", database, *nothing)[1]) == []
    assert newsfold("events", database, *nothing, "--csv")[1] == ",".join(EVENT_COLUMNS) + "\n"
    assert newsfold("events", database, *nothing, "--nl")[1] == ""


def test_sources_can_be_narrowed(newsfold: Newsfold) -> None:
    def listed(*options: object) -> list[dict[str, Any]]:
        code, out, _ = newsfold("sources", "list", *options)
        assert code == 0
        rows: list[dict[str, Any]] = json.loads(out)
        return rows

    assert {row["language"] for row in listed("--language", "de")} == {"de"}
    [*rows] = listed("--search", "ars technica")
    assert {row["source"] for row in rows} == {"ars-technica"}
    assert listed("--source", "ars-technica") == rows
    assert len(listed("-n", 3)) == 3
    code, _, err = newsfold("sources", "list", "--source", "ars-tecnica")
    assert code == 2
    assert "did you mean ars-technica" in err


@pytest.mark.parametrize("form", ["--nl", "--csv", "--table"])
def test_who_reads_may_stop_reading(tmp_path: Path, form: str) -> None:
    path = tmp_path / "news.db"
    with create_or_open(path).conn as connection:
        connection.execute("INSERT INTO sources VALUES ('a', 'a', '', 'en', 'a')")
        connection.executemany(
            "INSERT INTO stories (url, source_id, title, text, sections, summary, authors,"
            " published_precision, first_seen, language, text_from, extra) VALUES (?, 'a', ?,"
            " '', '[]', '', '[]', 'guessed', '2026-04-08T09:00:00Z', 'en', 'page', '{}')",
            [(f"https://a.example/{i}", "A long headline " * 20) for i in range(500)],
        )
    program = "'from pipeline.cli import main; main()'"
    script = f"{sys.executable} -c {program} stories {path} {form} -n 500 | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("form", ["--csv", "--nl", "json"])
def test_pandas_reads_it(database: Path, newsfold: Newsfold, form: str) -> None:
    pandas = pytest.importorskip("pandas")
    options = [] if form == "json" else [form]
    text = io.StringIO(newsfold("stories", database, *options)[1])
    table = (
        pandas.read_csv(text) if form == "--csv" else pandas.read_json(text, lines=form == "--nl")
    )
    assert list(table.columns) == list(STORY_COLUMNS)
    assert len(table) == len(made_stories())


def test_a_reader_needs_no_right_to_write(database: Path) -> None:
    stored(create_or_open(database), made_stories()[:1])
    database.chmod(0o444)
    assert list(list_events(open_existing(database), Filter(search="owl"), 5))
