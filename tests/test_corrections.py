"""Corrections: an analyst's verdict holds in every later fold, and clashes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import correct
from pipeline.constraints import settle
from pipeline.fold_pass import fold_pass
from pipeline.views import event_views
from storage.corrections import (
    all_corrections,
    corrections_of_event,
    corrections_that_hold,
    save_correction,
)
from storage.database import create_or_open, in_memory, transaction
from storage.errors import NewsfoldError
from storage.events import (
    current_id,
    events_by_id,
    known_groups,
    lineage_of,
)
from storage.runs import only_one
from tests.stories import HAPPENINGS, MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Story

ADA = {"by": "ada", "now": lambda: MORNING}


def fold(db: Database, *, rebuild: bool = False) -> None:
    fold_pass(db, now=lambda: MORNING, rebuild=rebuild)


def event_of(db: Database, happening: str) -> int:
    [event] = {
        row[0]
        for row in db.execute(
            "SELECT event_id FROM event_stories JOIN stories ON id = story_id WHERE url LIKE ?",
            (f"%/{happening}",),
        )
    }
    return int(event)


def members(db: Database, happening: str) -> list[int]:
    rows = db.execute("SELECT id FROM stories WHERE url LIKE ? ORDER BY url", (f"%/{happening}",))
    return [row[0] for row in rows]


def events(db: Database) -> dict[int, set[int]]:
    return known_groups(db, [row[0] for row in db.execute("SELECT id FROM stories")])


def grouping(db: Database) -> set[frozenset[int]]:
    return set(map(frozenset, events(db).values()))


def test_a_merge_holds_when_all_is_folded_again(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    done = correct.merge(database, [court, dam], **ADA, note="one affair")
    assert done.event_ids == (dam,)  # of which there are more stories
    both = {*members(db, "dam"), *members(db, "court")}
    assert events(db)[dam] == both
    assert current_id(db, court) == dam
    fold(db, rebuild=True)
    assert events(db)[dam] == both


def test_why_it_is_there_names_the_correction(database: Path) -> None:
    db = create_or_open(database)
    correct.merge(database, [event_of(db, "dam"), event_of(db, "court")], **ADA)
    [event] = events_by_id(db, [event_of(db, "dam")])
    told = [member.because for member in event.members if member.through]
    assert all("correction 1 (merge by ada, 8 April 2026)" in because for because in told)


def test_a_report_that_comes_later_joins_the_merged_event(database: Path) -> None:
    db = create_or_open(database)
    dam = event_of(db, "dam")
    correct.merge(database, [dam, event_of(db, "court"), event_of(db, "phone")], **ADA)
    title, text = HAPPENINGS["dam"][0]
    later = story("https://late.test/dam", title=f"{title} in the night", text=f"{text} It holds.")
    stored(db, [later])
    fold(db)
    assert event_of(db, "dam") == dam  # although it is like a third of the event only


def test_a_split_holds_when_all_is_folded_again(database: Path) -> None:
    db = create_or_open(database)
    dam = event_of(db, "dam")
    first, *others = members(db, "dam")
    done = correct.split(database, dam, [first], **ADA)
    assert len(done.event_ids) == 2
    assert {first} in events(db).values()
    assert set(others) in events(db).values()
    fold(db, rebuild=True)
    assert {first} in events(db).values()
    assert {became.kind for became in lineage_of(db, dam)} == {"split"}


def test_a_copy_leaves_its_original_when_an_analyst_says_so(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    title, text = HAPPENINGS["dam"][0]
    long = " ".join(f"{text} On day {day} the water stood at {day * 7} metres." for day in range(9))
    copies = [story(f"https://s{n}.test/dam", title=title, text=long) for n in range(3)]
    stored(db, copies)
    fold(db)
    [(event, ids)] = events(db).items()
    [taken] = [row[0] for row in db.execute("SELECT id FROM stories WHERE copy_of > 0 LIMIT 1")]
    correct.split(path, event, [taken], **ADA)
    assert grouping(db) == {frozenset({taken}), frozenset(ids - {taken})}
    correct.undo(path, 1, **ADA)
    assert grouping(db) == {frozenset(ids)}


def test_a_moved_story_is_there_and_not_here(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    moved = members(db, "dam")[0]
    correct.move(database, moved, court, **ADA)
    assert moved in events(db)[court]
    assert moved not in events(db)[dam]
    fold(db, rebuild=True)
    assert moved in events(db)[court]


def test_a_pinned_title_stays_with_the_event(database: Path) -> None:
    db = create_or_open(database)
    dam = event_of(db, "dam")
    correct.pin_title(database, dam, "  The dam\nof Brankwell ", **ADA)
    correct.merge(database, [dam, event_of(db, "court")], **ADA)
    fold(db, rebuild=True)
    [event] = events_by_id(db, [event_of(db, "dam")])
    assert event.title == "The dam of Brankwell"
    correct.undo(database, 1, **ADA)
    [event] = events_by_id(db, [event_of(db, "dam")])
    assert event.title != "The dam of Brankwell"


def test_what_is_no_event_is_alone_and_left_out_of_lists(database: Path) -> None:
    db = create_or_open(database)
    correct.not_an_event(database, event_of(db, "dam"), **ADA)
    alone = members(db, "dam")
    assert all({id_} in events(db).values() for id_ in alone)
    title, text = HAPPENINGS["dam"][0]
    stored(db, [story("https://late.test/dam", title=title + " again", text=text + " It holds.")])
    fold(db)
    assert all({id_} in events(db).values() for id_ in alone)
    flagged = {row[0] for row in db.execute("SELECT headline_story FROM events WHERE not_an_event")}
    assert flagged == set(alone)


def test_what_is_no_event_is_not_shown_beside_others(database: Path) -> None:
    db = create_or_open(database)
    dam, owl, court = (event_of(db, name) for name in ("dam", "owl", "court"))
    correct.not_an_event(database, owl, **ADA)
    for other in (owl, court):
        db.execute("INSERT OR REPLACE INTO related_events VALUES (?, ?, 0.5, '')", (dam, other))
    [view] = event_views(db, events_by_id(db, [dam]))
    assert [related.event_id for related in view.related] == [court]


def test_an_undone_correction_leaves_no_trace_in_the_grouping(database: Path) -> None:
    db = create_or_open(database)
    before = grouping(db)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    done = correct.merge(database, [dam, court], **ADA)
    assert grouping(db) != before
    correct.undo(database, done.correction_id, **ADA)
    assert grouping(db) == before
    assert (event_of(db, "dam"), event_of(db, "court")) == (dam, court)  # under its own id again
    assert [became.kind for became in lineage_of(db, court)] == ["merged", "split"]
    [kept] = all_corrections(db)
    assert (kept.undone_by, kept.undone_at) == ("ada", MORNING)
    with pytest.raises(NewsfoldError, match="undone already"):
        correct.undo(database, done.correction_id, **ADA)


# Clashes


def three_together(db: Database) -> tuple[int, int, int]:
    """Stories A, B and C of three events."""
    return (members(db, "dam")[0], members(db, "court")[0], members(db, "phone")[0])


def test_a_clash_names_the_chain_of_corrections_and_changes_nothing(database: Path) -> None:
    db = create_or_open(database)
    one, two, three = three_together(db)
    with transaction(db):
        for pair in ({one, two}, {two, three}):
            save_correction(db, "move", 1, {"together": pair}, by="ada", now=MORNING)
    fold(db)
    before = grouping(db), len(all_corrections(db))
    event = next(event for event, ids in events(db).items() if three in ids)
    with pytest.raises(NewsfoldError) as refused:
        correct.split(database, event, [three], **ADA)
    told = str(refused.value)
    assert "correction 1 (move by ada, 8 April 2026)" in told
    assert "correction 2 (move by ada, 8 April 2026)" in told
    assert f"newsfold corrections undo {database} 2" in told
    assert "--replace" in told
    assert (grouping(db), len(all_corrections(db))) == before


def test_a_later_verdict_may_replace_an_earlier_one(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    correct.merge(database, [dam, court], **ADA)
    leaves = members(db, "court")[0]
    stay = events(db)[dam] - {leaves}
    correct.split(database, dam, [leaves], **ADA, replace=True)
    fold(db, rebuild=True)
    assert {leaves} in events(db).values()
    assert stay in events(db).values()  # the merge still holds for the others
    correct.undo(database, 2, **ADA)
    assert stay | {leaves} in events(db).values()  # and for this one again


def test_a_merge_may_replace_a_split(database: Path) -> None:
    db = create_or_open(database)
    dam = event_of(db, "dam")
    leaves = members(db, "dam")[0]
    done = correct.split(database, dam, [leaves], **ADA)
    with pytest.raises(NewsfoldError, match="clashes with correction 1"):
        correct.merge(database, done.event_ids, **ADA)
    correct.merge(database, done.event_ids, **ADA, replace=True)
    assert set(members(db, "dam")) in events(db).values()


def test_corrections_that_came_to_clash_are_told_and_the_earlier_hold(database: Path) -> None:
    db = create_or_open(database)
    one, two = members(db, "dam")[0], members(db, "court")[0]
    with transaction(db):
        for parts in ({"together": {one, two}}, {"together": {one}, "apart": {two}}):
            save_correction(db, "move", 1, parts, by="ada", now=MORNING)  # type: ignore[arg-type]
    fold(db)
    assert any({one, two} <= ids for ids in events(db).values())
    [(errors,)] = db.execute("SELECT errors FROM runs ORDER BY id DESC LIMIT 1")
    assert "correction 2 (move by ada, 8 April 2026) clashes with correction 1" in errors


# Beside passes


def test_a_correction_waits_for_no_pass(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    with only_one(database):
        done = correct.merge(database, [dam, court], **ADA)
    assert not done.folded
    assert len(done.event_ids) == 2
    fold(db)
    assert {*members(db, "dam"), *members(db, "court")} in events(db).values()


def test_a_correction_leaves_other_waiting_stories_to_the_next_pass(database: Path) -> None:
    db = create_or_open(database)
    stored(db, [story("https://new.test/owl", title="An owl is seen", text="It is white.")])
    correct.pin_title(database, event_of(db, "dam"), "The dam", **ADA)
    assert db.execute("SELECT count(*) FROM waiting").fetchone() == (1,)


def test_a_pass_that_is_killed_before_it_folds_leaves_the_correction_to_the_next(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")

    def killed(*arguments: object, **named: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(correct, "fold_pass", killed)
        with pytest.raises(MemoryError):
            correct.merge(database, [dam, court], **ADA)
    fold(db)
    assert {*members(db, "dam"), *members(db, "court")} in events(db).values()


def test_the_corrections_of_an_event_are_those_of_its_stories(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    correct.merge(database, [dam, court], **ADA, note="one affair")
    correct.pin_title(database, event_of(db, "phone"), "The phone", **ADA)
    [found] = corrections_of_event(db, event_of(db, "dam"))
    assert (found.verb, found.note, found.made_by) == ("merge", "one affair", "ada")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda path: correct.merge(path, [1, 1], **ADA), "at least two"),
        (lambda path: correct.merge(path, [1, 999], **ADA), "no event has had the id 999"),
        (lambda path: correct.split(path, 1, [], **ADA), "name a story"),
        (lambda path: correct.split(path, 1, [999], **ADA), "story 999 is not in event 1"),
        (lambda path: correct.split(path, 1, members_of_first(path), **ADA), "name fewer"),
        (lambda path: correct.move(path, 999, 1, **ADA), "in no event yet"),
        (lambda path: correct.move(path, members_of_first(path)[0], 1, **ADA), "already"),
        (lambda path: correct.pin_title(path, 1, " \n ", **ADA), "1 to 300"),
        (lambda path: correct.undo(path, 7, **ADA), "there is no correction 7"),
    ],
)
def test_a_wrong_call_is_told_and_stores_nothing(database: Path, call: object, told: str) -> None:
    with pytest.raises(NewsfoldError, match=told):
        call(database)  # type: ignore[operator]
    assert all_corrections(create_or_open(database)) == []


def members_of_first(path: Path) -> list[int]:
    return sorted(events(create_or_open(path))[1])


# Laws


def verdicts(count: int) -> st.SearchStrategy[list[tuple[str, list[int]]]]:
    some = st.lists(st.integers(0, count - 1), min_size=1, max_size=4, unique=True)
    verb = st.sampled_from(["together", "apart", "alone"])
    return st.lists(st.tuples(verb, some), min_size=1, max_size=8)


@pytest.mark.long
@given(verdicts(len(made_stories())), st.integers(0, len(made_stories())), st.booleans())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_correction_holds_or_is_told(
    said: list[tuple[str, list[int]]], cut: int, rebuild: bool
) -> None:
    db = in_memory()
    stories = made_stories()
    stored(db, stories)
    ids = [id_of(db, each) for each in stories]
    fold(db)
    with transaction(db):
        for verb, numbers in said:
            first, *others = (ids[number] for number in numbers)
            parts = {
                "together": {"together": {first, *others}},
                "apart": {"together": {first}, "apart": set(others)},
                "alone": {"alone": {first, *others}},
            }[verb]
            save_correction(db, "move", 1, parts, by="ada", now=MORNING)  # type: ignore[arg-type]
    fold(db, rebuild=rebuild)
    # Some reports are edited afterwards, and come in again.
    for each in stories[:cut]:
        db.execute("UPDATE stories SET summary = 'edited' WHERE url = ?", (each.url,))
    fold(db)
    _, clashes = settle(corrections_that_hold(db))
    unheld = {clash.of.id for clash in clashes}
    group_of = {id_: event for event, group in events(db).items() for id_ in group}
    for correction in all_corrections(db):
        if correction.id in unheld:
            continue
        together = {group_of[id_] for id_ in correction.part("together")}
        assert len(together) <= 1
        assert together.isdisjoint(group_of[id_] for id_ in correction.part("apart"))
        for id_ in correction.part("alone"):
            assert list(group_of.values()).count(group_of[id_]) == 1
    [(errors,)] = db.execute("SELECT group_concat(errors) FROM runs")
    assert all(clash.of.in_words in errors for clash in clashes)


def id_of(db: Database, each: Story) -> int:
    return int(db.execute("SELECT id FROM stories WHERE url = ?", (each.url,)).fetchone()[0])
