"""What analysts rely on: the views, their examples, and the tallies below them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from pipeline.fold_pass import fold_pass
from storage import tallies
from storage.database import create_or_open, in_memory
from storage.migrations import migrations, pairs_of_few
from storage.rows import marks
from storage.search import story_ids_matching
from storage.tallies import tally_everything
from storage.views import has_views, shipped_views
from tests.stories import MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.models import Story

SCHEMA = Path(__file__).parent.parent / "docs" / "schema.md"
TALLIES = ("event_sources", "leads", "source_days", "source_pairs")

# What the examples ask for, in our own words: two reports and a copy of one of them.
MUSE = (
    "Muse Spark release is out",
    "Muse Spark, the model of the lab in Veldmoor, was released on Wednesday. Veldmoor raised"
    " $14 billion for Muse Spark and sells it from May. The researchers of the lab trained the"
    " model for nine weeks on the island of Tarn.",
)
AGAIN = (
    "Lab in Veldmoor releases Muse Spark",
    "The lab in Veldmoor released its model on Wednesday. Muse Spark was trained for nine weeks"
    " on Tarn island, and the lab in Veldmoor raised $14 billion to pay for the researchers.",
)


def muse_stories() -> list[Story]:
    told = [
        ("https://ars-technica/muse", MUSE, timedelta()),
        ("https://second.example/muse", AGAIN, timedelta(minutes=19)),
        ("https://third.example/muse", MUSE, timedelta(minutes=30)),
        ("https://second.example/more", AGAIN, timedelta(hours=3)),
    ]
    return [story(url, *words, published=MORNING + after) for url, words, after in told]


def folded(batches: Sequence[Sequence[Story]]) -> Database:
    db = in_memory()
    for batch in batches:
        stored(db, list(batch))
        fold_pass(db, now=lambda: MORNING)
    return db


@cache
def small() -> Database:
    chinese = story(
        "https://fourth.example/1", "城市启用人工智能路灯", "路灯会变暗。", language="zh"
    )
    return folded([[*made_stories(), *muse_stories(), chinese]])


def rows(db: Database, table: str) -> list[Any]:
    return sorted(db.execute(f"SELECT * FROM {table}").fetchall())


@pytest.mark.parametrize("view", shipped_views(), ids=lambda view: view.name)
def test_a_view_says_what_it_is_and_what_its_columns_are(view: Any) -> None:
    cursor = small().execute(f"SELECT * FROM {view.name} LIMIT 0")
    assert [column[0] for column in cursor.description] == [name for name, _ in view.columns]
    assert view.about.endswith(".")
    assert view.examples


QUERIES = re.findall(r"```sql\n(.+?)```", SCHEMA.read_text("utf-8"), re.DOTALL)
# Nothing in the small database answers these.
EMPTY = ("event_id = 17", "category = 'funding'")


@pytest.mark.parametrize("query", QUERIES)
def test_the_examples_of_the_page_answer(query: str) -> None:
    found = small().execute(query).fetchall()
    assert bool(found) != any(part in query for part in EMPTY)


def test_who_broke_it_and_by_how_long() -> None:
    [told] = small().query("SELECT * FROM first_reports WHERE source_id = 'ars-technica'")
    assert (told["next_source"], told["minutes"], told["certainty"]) == (
        "second.example",
        19,
        "minute",
    )


@pytest.mark.parametrize(
    ("first", "second", "certainty", "minutes"),
    [
        (("minute", 0), ("minute", 19), "minute", 19),
        (("minute", 0), ("day", 0), "day", 0),  # the same day: the order is open
        (("day", 0), ("minute", 26 * 60), "day", 11 * 60),  # from the end of the first day
        (("minute", 0), ("day", 26 * 60), "day", 15 * 60),  # to the beginning of the next
        (("guessed", 0), ("minute", 19), "guessed", None),
    ],
)
def test_a_lead_is_as_certain_as_its_times(
    first: tuple[str, int], second: tuple[str, int], certainty: str, minutes: int | None
) -> None:
    told = [
        replace(
            story(url, *words, published=MORNING + timedelta(minutes=after)),
            published_precision=precision,
        )
        for (url, words), (precision, after) in zip(
            (("https://a.example/1", MUSE), ("https://b.example/1", AGAIN)),
            (first, second),
            strict=True,
        )
    ]
    db = folded([told])
    leads = db.execute("SELECT certainty, minutes FROM first_reports").fetchall()
    assert leads == [(certainty, minutes)]


def test_sources_of_one_owner_lead_nobody() -> None:
    db = in_memory()
    stored(db, muse_stories()[:2])
    db.execute("UPDATE sources SET owner = 'one'")
    fold_pass(db, now=lambda: MORNING)
    assert rows(db, "events")
    assert rows(db, "leads") == []


def test_copies_are_told_from_reports() -> None:
    [told] = small().query(
        "SELECT i.* FROM independence AS i JOIN event_names AS n USING (event_id)"
        " WHERE n.name = 'Muse Spark'"
    )
    assert (told["stories"], told["sources"], told["copies"]) == (4, 3, 2)
    [pair] = small().query(
        "SELECT * FROM sources_together WHERE source_id = 'ars-technica'"
        " AND other_id = 'third.example'"
    )
    assert (pair["events"], pair["share"], pair["alike"], pair["same_owner"]) == (1, 1, 1, 0)


STORIES = made_stories() + muse_stories()


@settings(max_examples=6)
@given(st.permutations(range(len(STORIES))), st.integers(1, len(STORIES) - 1))
def test_tallies_follow_events_however_they_came_about(order: list[int], cut: int) -> None:
    in_order = [STORIES[i] for i in order]
    db = folded([in_order[:cut], in_order[cut:]])
    kept = {table: rows(db, table) for table in TALLIES}
    for table in TALLIES:
        db.execute(f"DELETE FROM {table}")
    tally_everything(db)
    assert kept == {table: rows(db, table) for table in TALLIES}


@pytest.mark.parametrize("most", [1, 2, 200])
def test_tallies_follow_a_merge_and_a_split(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited story leaves its event, and comes back."""
    monkeypatch.setattr(tallies, "MOST_PAIRED", most)
    db = folded([STORIES])
    moved = next(each for each in STORIES if each.url == "https://second.example/muse")
    owl = next(each for each in STORIES if "owl" in each.url)
    for words in ((owl.title, owl.text), AGAIN):
        stored(db, [replace(moved, title=words[0], text=words[1])])
        fold_pass(db, now=lambda: MORNING)
        kept = {table: rows(db, table) for table in TALLIES}
        for table in TALLIES:
            db.execute(f"DELETE FROM {table}")
        tally_everything(db)
        assert kept == {table: rows(db, table) for table in TALLIES}


def test_what_everybody_reports_pairs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST_PAIRED", 2)
    apart = [story(f"https://{name}.example/2", *AGAIN) for name in ("one", "other")]
    db = folded([[*muse_stories(), *(replace(each, language="de") for each in apart)]])
    assert {count for (count,) in db.execute("SELECT source_count FROM events")} == {2, 3}
    pairs = db.execute("SELECT source_id, other_id FROM sources_together").fetchall()
    assert sorted(pairs) == [("one.example", "other.example"), ("other.example", "one.example")]


def test_pairs_of_an_older_database_are_counted_again_where_everybody_was_paired() -> None:
    db = folded([muse_stories()])
    told = rows(db, "source_pairs")
    db.execute("UPDATE source_pairs SET events = 7")
    pairs_of_few(db)
    assert rows(db, "source_pairs") != told  # nothing of it is read where no event has so many
    db.execute("UPDATE events SET source_count = 201")
    pairs_of_few(db)
    assert rows(db, "source_pairs") == told


def test_views_are_made_anew_where_they_differ(tmp_path: Path) -> None:
    with_views = create_or_open(tmp_path / "news.db")
    assert has_views(with_views)
    with_views.execute("DROP VIEW coverage")
    with_views.execute("CREATE VIEW coverage AS SELECT 1 AS day")
    assert not has_views(with_views)
    with_views.close()
    assert has_views(create_or_open(tmp_path / "news.db"))


def test_an_older_database_is_counted_and_indexed_as_it_is_opened() -> None:
    older = Database(memory=True)
    migrations.apply(older, stop_before="0011_search")
    for table in older.table_names():
        if table.startswith("_"):
            continue
        names = ", ".join(column.name for column in older[table].columns)
        told = small().execute(f"SELECT {names} FROM {table}").fetchall()
        older.execute(f"DELETE FROM {table}")
        if told:
            places = marks(told[0])
            older.conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", told)
    assert len(rows(older, "events")) == len(rows(small(), "events"))
    older.execute("DELETE FROM waiting")
    migrations.apply(older)
    for table in TALLIES:
        assert rows(older, table) == rows(small(), table)
    for words in ("muse spark", "人工智能"):
        assert story_ids_matching(older, words, 10) == story_ids_matching(small(), words, 10) != []
