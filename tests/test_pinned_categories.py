"""Categories: an analyst's verdict holds in every later fold, and newsfold learns from them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pipeline import correct
from pipeline.cli import cli
from pipeline.enrich.learned import FEWEST, Example, as_json, from_json, learn
from pipeline.fold_pass import fold_pass
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.events import events_by_id, known_groups
from tests.stories import MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Event

ADA = {"by": "ada", "now": lambda: MORNING}
WEEK = timedelta(days=7)
TOWNS = ["Arlow", "Bexley", "Corran", "Dunmere", "Eskdale", "Farrow", "Gantry", "Holmby", "Ilsham"]


def made(database: Path) -> Database:
    db = create_or_open(database)
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    return db


def all_events(db: Database) -> list[Event]:
    ids = [row[0] for row in db.execute("SELECT id FROM stories")]
    return events_by_id(db, sorted(known_groups(db, ids)))


def test_a_pinned_category_holds_and_says_who_pinned_it(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = made(path)
    event = all_events(db)[0]
    correct.pin_category(path, event.id, " Open Source", **ADA)
    fold_pass(db, now=lambda: MORNING, rebuild=True)
    [pinned] = events_by_id(db, [event.id])
    assert pinned.category == "open source"
    assert "correction 1 (pin category by ada" in pinned.category_because
    shown = CliRunner().invoke(cli, ["show", str(path), str(event.id)]).output
    assert "open source: pinned by correction 1 (pin category by ada" in shown
    correct.undo(path, 1, **ADA)
    [free] = events_by_id(db, [event.id])
    assert (free.category, free.category_because) == (event.category, event.category_because)


def test_of_two_pins_the_later_one_holds_also_in_a_merged_event(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = made(path)
    one, other, *_ = all_events(db)
    correct.pin_category(path, one.id, "outage", **ADA)
    correct.pin_category(path, other.id, "people", **ADA)
    [merged] = correct.merge(path, [one.id, other.id], **ADA).event_ids
    assert events_by_id(db, [merged])[0].category == "people"
    correct.undo(path, 2, **ADA)
    assert events_by_id(db, [merged])[0].category == "outage"


def test_an_unknown_category_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = made(path)
    with pytest.raises(NewsfoldError, match=r"no category 'gossip'; there are: roundup, .*, other"):
        correct.pin_category(path, 1, "gossip", **ADA)
    assert not list(db.execute("SELECT * FROM corrections"))


# --- what is learned ------------------------------------------------------------------------


def toll(town: str) -> Example:
    """A recall, which the words take for something else."""
    title = f"{town} toll bridge reopens to barges"
    return Example(title, f"The {town} bridge let barges pass on Monday.", "other", "outage")


def fair(town: str) -> Example:
    title = f"{town} spring fair draws crowds"
    return Example(title, f"Stalls filled the square of {town}.", "other", "other")


def test_it_learns_a_move_that_is_right_in_events_it_has_not_seen() -> None:
    examples = [make(town) for town in TOWNS[:8] for make in (toll, fair)]
    model, said = learn(examples)
    assert model is not None
    assert said.startswith("other to outage (used: right 8 times, wrong 0 times")
    label, because = model.label("Mordun toll bridge reopens", "Barges pass.", "other") or ("", "")
    assert label == "outage"
    assert "learned from 16 pinned events" in because and "toll" in because
    assert model.label("Mordun spring fair opens", "Stalls in the square.", "other") is None
    assert model.label("Mordun toll bridge reopens", "Barges pass.", "lawsuit") is None
    assert from_json(as_json(model)) == model


def test_pins_without_a_pattern_teach_nothing() -> None:
    labels = ["outage", "other"] * 8
    examples = [
        Example(toll(town).title, "The same words.", "other", label)
        for town, label in zip(TOWNS * 2, labels, strict=False)
    ]
    model, said = learn(examples)
    assert model is None
    assert "not used" in said or said.startswith("nothing")


def test_where_the_words_are_right_nothing_is_learned() -> None:
    examples = [
        Example(e.title, e.text, e.label, e.label)
        for town in TOWNS[:8]
        for e in (toll(town), fair(town))
    ]
    assert learn(examples) == (None, "nothing: the words were right wherever pins agree")


def test_few_pins_teach_nothing() -> None:
    examples = [make(town) for town in TOWNS[: FEWEST - 1] for make in (toll, fair)]
    assert learn(examples)[0] is None


@pytest.mark.long
def test_a_fold_uses_what_pins_have_taught_and_learns_it_once(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    pinned = [make(town) for town in TOWNS[:6] for make in (toll, fair)]
    stored(
        db,
        [
            story(f"https://p{at}.test/", title=e.title, text=e.text, published=MORNING + at * WEEK)
            for at, e in enumerate(pinned)
        ],
    )
    fold_pass(db, now=lambda: MORNING)
    by_title = {event.title: event for event in all_events(db)}
    assert {by_title[e.title].category for e in pinned} == {"other"}
    for example in pinned:
        correct.pin_category(path, by_title[example.title].id, example.label, **ADA)
    late = "Mordun toll bridge reopens to barges"
    stored(
        db,
        [
            story(
                "https://late.test/", title=late, text="Barges pass.", published=MORNING + 50 * WEEK
            )
        ],
    )
    for _ in range(2):
        fold_pass(db, now=lambda: MORNING + 51 * WEEK)
    [event] = [event for event in all_events(db) if event.title == late]
    assert event.category == "outage"
    assert event.category_because.startswith("learned from 12 pinned events")
    rows = list(db.execute("SELECT pins, said FROM category_models ORDER BY id"))
    assert [pins for pins, _ in rows] == [10, 11, 12]  # once for each set of pins
    assert "other to outage (used" in rows[-1][1]
