"""Events that changed are related to others in a database, by the names that they share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import relate
from pipeline.enrich.related import ROUNDUP
from pipeline.fold_pass import fold_pass
from storage.database import in_memory, transaction
from storage.times import to_iso
from tests.stories import MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlite_utils import Database

START = datetime(2026, 3, 1, tzinfo=UTC)

Names = set[int]
NAMES = st.sets(st.integers(0, 14), max_size=5)


def events_about(told: Sequence[Names], apart: timedelta = timedelta(days=1)) -> Database:
    """A database of events with these names, every fifth a roundup, which all wait."""
    db = in_memory()
    stored(db, [story("https://a.example/1")])
    with transaction(db):
        for number, names in enumerate(told, start=1):
            db.execute(
                "INSERT INTO events (id, title, headline_story, category, category_because, tldr,"
                " tldr_from, language, last_published, story_count, source_count,"
                " independent_count, updated_at)"
                " VALUES (?, ?, 1, ?, '', '', '[]', 'en', ?, 1, 1, 1, '')",
                (
                    number,
                    f"Vole {min(names, default=0)} does it",
                    "other" if number % 5 else ROUNDUP,
                    to_iso(START + number * apart),
                ),
            )
            for name in names:
                db.execute("INSERT INTO event_names VALUES (?, ?, 1)", (number, f"Vole {name}"))
            db.execute("INSERT INTO unrelated VALUES (?)", (number,))
    return db


def related_again(db: Database, changed: Iterable[int]) -> None:
    """As if these had changed, one by one looked up by their names."""
    with transaction(db):
        db.conn.executemany("INSERT INTO unrelated VALUES (?)", [(id_,) for id_ in changed])
    with mock.patch.object(relate, "MOST", 1.0):
        relate.relate_changed(db)


def relations(db: Database) -> list[tuple[int, int, float, str]]:
    return db.execute("SELECT * FROM related_events ORDER BY event_id, related_id").fetchall()


def ids(db: Database) -> set[int]:
    return {row[0] for row in db.execute("SELECT id FROM events")}


def lengths(db: Database) -> dict[int, float]:
    return dict(db.execute("SELECT event_id, length FROM event_marks"))


@settings(max_examples=40)
@given(st.lists(NAMES, max_size=25), st.sets(st.integers(1, 25)))
def test_relating_again_what_has_not_changed_changes_nothing(
    told: list[Names], again: set[int]
) -> None:
    db = events_about(told)
    relate.relate_changed(db)
    before, known = relations(db), lengths(db)
    related_again(db, again & ids(db))
    assert relations(db) == before
    assert lengths(db) == pytest.approx(known)
    assert not db.execute("SELECT * FROM unrelated").fetchall()


@settings(max_examples=40)
@given(st.lists(NAMES, max_size=25), st.sets(st.integers(1, 25)))
def test_events_that_came_in_later_are_related_as_if_all_had_come_at_once(
    told: list[Names], later: set[int]
) -> None:
    db = events_about(told)
    relate.relate_changed(db)
    at_once = relations(db)
    with transaction(db):
        for number in later:
            db.execute(
                "DELETE FROM related_events WHERE ? IN (event_id, related_id)",
                (number,),
            )
            db.execute("DELETE FROM event_marks WHERE event_id = ?", (number,))
    related_again(db, later & ids(db))
    assert relations(db) == at_once


def test_what_is_not_at_hand_is_made_anew_where_it_is_asked_for() -> None:
    db = events_about([{1, 2}, {2, 3}, {4}])
    relate.relate_changed(db)
    known = lengths(db)
    with transaction(db):
        db.execute("DELETE FROM event_marks")
    related_again(db, [1])
    del known[3]  # nobody asked for that of the third
    assert lengths(db) == pytest.approx(known)


def test_what_is_at_hand_is_what_the_events_say_now() -> None:
    def at_hand() -> list[tuple[object, ...]]:
        what = "event_id, marks, last_published, category, title"
        return db.execute(f"SELECT {what} FROM event_marks ORDER BY 1").fetchall()

    db = in_memory()
    told = made_stories()
    for some in (told[::2], told[1::2]):  # the second half joins the events of the first
        stored(db, some)
        fold_pass(db, now=lambda: MORNING)
    known = at_hand()
    with transaction(db):
        db.execute("DELETE FROM event_marks")
    related_again(db, ids(db))
    assert at_hand() == known
    of_events = "event_id, e.last_published, e.category, e.title FROM events AS e"
    told_now = db.execute(f"SELECT {of_events} JOIN event_marks ON event_id = id ORDER BY 1")
    assert [(row[0], *row[2:]) for row in known] == told_now.fetchall() != []


def test_of_a_neighbour_all_names_count_also_those_that_nobody_shares() -> None:
    alone, among_others = events_about([{1, 2}, {1, 2}]), events_about([{1, 2}, {1, 2, 3, 4}])
    for db in (alone, among_others):
        relate.relate_changed(db)
        related_again(db, [1])
    (near, _), (far, _) = relations(alone), relations(among_others)
    assert near[:2] == far[:2] == (1, 2)
    assert near[2] > far[2]


def test_what_lost_its_names_is_related_to_nothing_any_more() -> None:
    db = events_about([{1, 2}, {1, 2}])
    relate.relate_changed(db)
    assert len(relations(db)) == 2
    with transaction(db):
        db.execute("DELETE FROM event_names WHERE event_id = 1")
    related_again(db, [1])
    assert relations(db) == []


def test_that_holds_where_most_have_changed_too() -> None:
    db = events_about([{1, 2}, {1, 2}])
    relate.relate_changed(db)
    with transaction(db):
        db.execute("DELETE FROM event_names")
        db.execute("INSERT INTO unrelated SELECT id FROM events")
    relate.relate_changed(db)
    assert relations(db) == []


def test_what_a_roundup_told_of_before_is_side_by_side_with_what_it_tells_of_now() -> None:
    told: list[Names] = [{1, 2, 3}, {4, 5, 6}, {7, 8}, {9, 10}, {1, 2, 3, 4, 5, 6}]  # the fifth
    db = events_about(told)
    relate.relate_changed(db)
    because = "“Vole 1 does it” tells of both"
    pairs = [row[:2] for row in relations(db) if row[3] == because]
    assert pairs == [(1, 2), (2, 1)]
    related_again(db, [2])  # the others are at hand
    assert [row[:2] for row in relations(db) if row[3] == because] == pairs
    with transaction(db):
        db.execute("DELETE FROM related_events")
    related_again(db, [5])  # a roundup comes in last, and what it tells of has not changed
    assert [row[:2] for row in relations(db) if row[3] == because] == pairs
