"""Folding: what belongs together comes together, and the laws of the house hold."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.fold_pass import fold_pass
from pipeline.folding import Folded, fold, fold_readings
from pipeline.reading import read, read_all
from pipeline.reasons import match
from storage.database import in_memory
from storage.events import current_id, events_by_id, lineage_of, matches_of
from tests.stories import HAPPENINGS, MORNING, made_stories, stored, story, with_ids

if TYPE_CHECKING:
    from sqlite_utils import Database

    from storage.models import Story

STORIES = with_ids(made_stories())


def found(folded: Folded, stories: list[Story]) -> set[frozenset[str]]:
    url = {each.id: each.url for each in stories}
    return {frozenset(url[id_] for id_ in group.story_ids) for group in folded.groups}


def happening(url: str) -> str:
    return url.rsplit("/", 1)[1]


def dump(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """All that a fold writes, without ids of stories that depend on the order of arrival."""
    return {
        "events": db.execute(
            "SELECT title, category, tldr, first_published, story_count FROM events ORDER BY 1, 4"
        ).fetchall(),
        "members": db.execute(
            "SELECT s.url, h.url, m.role, m.score, t.url, m.because FROM event_stories AS m"
            " JOIN stories AS s ON s.id = m.story_id JOIN events AS e ON e.id = m.event_id"
            " JOIN stories AS h ON h.id = e.headline_story"
            " LEFT JOIN stories AS t ON t.id = m.through_story ORDER BY 1"
        ).fetchall(),
    }


def test_reports_of_one_happening_are_one_event() -> None:
    groups = found(fold(STORIES), STORIES)
    assert {frozenset(map(happening, group)) for group in groups} == {
        frozenset([name]) for name in HAPPENINGS
    }
    assert len(groups) == len(HAPPENINGS)


@given(st.permutations(STORIES))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_order_of_stories_makes_no_difference(shuffled: list[Story]) -> None:
    assert fold(shuffled) == fold(STORIES)


@given(st.permutations(made_stories()), st.lists(st.integers(1, 7), max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_passes_give_the_same_events_as_one_batch(shuffled: list[Story], cuts: list[int]) -> None:
    batch = in_memory()
    stored(batch, made_stories())
    fold_pass(batch, now=lambda: MORNING)
    streamed = in_memory()
    bounds = [0, *sorted(cuts), len(shuffled)]
    for start, end in itertools.pairwise(bounds):
        stored(streamed, shuffled[start:end])
        fold_pass(streamed, now=lambda: MORNING)
    assert dump(streamed) == dump(batch)


@given(st.permutations(STORIES), st.lists(st.integers(1, 7), min_size=1, max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_was_compared_before_need_not_be_again(shuffled: list[Story], cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(shuffled)]
    scored, known = None, dict[int, frozenset[int]]()
    for start, end in itertools.pairwise(bounds):
        here, new = list(read_all(shuffled[:end])), {s.stored_id for s in shuffled[start:end]}
        again = fold_readings(here, new, known)
        folded = fold_readings(here, new, known, scored=scored)
        assert folded == again
        assert set(folded.scored.ids.tolist()) >= new - folded.copy_of.keys()
        scored = folded.scored
        touched = {id_ for group in folded.groups for id_ in group.story_ids}
        left = [ids for ids in known.values() if ids.isdisjoint(touched)]
        known = dict(enumerate([*left, *(group.story_ids for group in folded.groups)]))


def everything(db: Database) -> list[str]:
    return list(db.conn.iterdump())


def test_a_second_fold_with_nothing_new_changes_nothing() -> None:
    db = in_memory()
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    before = everything(db)
    report = fold_pass(db, now=lambda: MORNING + timedelta(hours=1))
    assert everything(db) == before
    assert asdict(report) == dict.fromkeys(asdict(report), 0)


def test_rebuilding_keeps_events_and_their_ids() -> None:
    db = in_memory()
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    before = db.execute("SELECT event_id, story_id FROM event_stories ORDER BY 2").fetchall()
    fold_pass(db, now=lambda: MORNING, rebuild=True)
    after = db.execute("SELECT event_id, story_id FROM event_stories ORDER BY 2").fetchall()
    assert after == before


@given(st.permutations(made_stories()), st.lists(st.integers(1, 7), max_size=4))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_id_once_handed_out_answers_for_ever(shuffled: list[Story], cuts: list[int]) -> None:
    db = in_memory()
    handed_out: set[int] = set()
    bounds = [0, *sorted(cuts), len(shuffled)]
    for start, end in itertools.pairwise(bounds):
        stored(db, shuffled[start:end])
        fold_pass(db, now=lambda: MORNING)
        handed_out |= {row[0] for row in db.execute("SELECT id FROM events")}
        assert all(current_id(db, id_) is not None for id_ in handed_out)
    assert current_id(db, 4711) is None


def test_events_that_become_one_say_so() -> None:
    first, second, between = [each for each in made_stories() if happening(each.url) == "dam"]
    db = in_memory()
    far = replace(second, published=MORNING + timedelta(days=9))
    stored(db, [first, far])
    fold_pass(db, now=lambda: MORNING)
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 2
    # An edited date brings the second one near; it is folded again.
    db.execute(
        "UPDATE stories SET published = ?, text = text WHERE url = ?",
        ("2026-04-08T10:00:00Z", far.url),
    )
    stored(db, [between])
    fold_pass(db, now=lambda: MORNING)
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 1
    [word] = lineage_of(db, 2)
    assert (word.kind, word.event_id, word.other_event) == ("merged", 2, 1)
    assert current_id(db, 2) == 1


def test_one_old_story_does_not_bring_in_all_that_lies_between() -> None:
    db = in_memory()
    between = [
        story(f"https://s.example/{n}", f"Title {n}", published=MORNING - timedelta(days=n))
        for n in range(20, 400, 20)
    ]
    stored(db, between)
    fold_pass(db, now=lambda: MORNING)
    old = story("https://old.example/1", "Old", published=MORNING - timedelta(days=1000))
    stored(db, [*made_stories(), old])
    assert fold_pass(db, now=lambda: MORNING).window == len(made_stories()) + 1


def test_a_day_without_a_time_takes_nobodys_lead() -> None:
    words = " ".join(f"Sentence {n} of the agency's report." for n in range(20))
    wire = replace(story("https://wire.example/1", "Report", words), id=1)
    carrier = replace(
        story("https://carrier.example/1", "Report", words, published=MORNING.replace(hour=0)),
        id=2,
        published_precision="day",
    )
    assert fold([wire, carrier]).copy_of == {2: 1}


def test_events_stay_related_when_another_one_comes_later() -> None:
    db = in_memory()

    def tell(n: int, days: int, name: str) -> None:
        text = f"{name} of Osterhaven met the {name} crew of Merriden at the harbour, said {name}."
        when = MORNING + timedelta(days=days)
        stored(db, [story(f"https://s{n}.example/1", f"{name} again", text, published=when)])
        fold_pass(db, now=lambda: MORNING)

    tell(1, 0, "Calder Line")
    tell(2, 20, "Calder Line")
    before = db.execute("SELECT event_id, related_id FROM related_events ORDER BY 1").fetchall()
    assert before == [(1, 2), (2, 1)]
    tell(3, 45, "Quill Labs")
    after = db.execute(
        "SELECT event_id, related_id FROM related_events WHERE event_id < 3 ORDER BY 1"
    ).fetchall()
    assert set(before) <= set(after)


def test_every_membership_has_a_reason_that_can_be_computed_again() -> None:
    db = in_memory()
    stories = {each.id: each for each in stored(db, made_stories())}
    fold_pass(db, now=lambda: MORNING)
    kept = {(each.left, each.right): each for each in matches_of(db, stories)}
    ids = [row[0] for row in db.execute("SELECT id FROM events")]
    members = [member for event in events_by_id(db, ids) for member in event.members]
    assert len(members) == len(stories)
    for member in members:
        assert member.because
        if member.through is None:
            continue
        again = match(read(stories[member.story_id]), read(stories[member.through]))
        assert again == kept[again.left, again.right]
        assert member.score == again.score


def test_a_copy_goes_where_its_original_goes() -> None:
    original = next(each for each in STORIES if happening(each.url) == "court")
    long = (
        original.text + " " + " ".join(f"Line {n} of the ruling was read aloud." for n in range(9))
    )
    told = replace(original, text=long)
    copy = replace(
        told,
        id=99,
        url="https://carrier.example/story",
        source_id="carrier.example",
        title="Something quite different on top",
        published=MORNING + timedelta(hours=9),
    )
    stories = [told if each.id == told.id else each for each in STORIES] + [copy]
    folded = fold(stories)
    assert folded.copy_of == {99: told.id}
    [group] = [group for group in folded.groups if 99 in group.story_ids]
    assert told.id in group.story_ids


def test_a_roundup_glues_nothing() -> None:
    by_happening = {happening(each.url): each for each in STORIES}
    parts = [by_happening[name] for name in ("dam", "phone", "court")]
    text = "\n\n".join(f"{part.title}. {part.text}" for part in parts)
    roundup = replace(story("https://weekly.example/9", "The week in five minutes", text), id=100)
    groups = found(fold([*STORIES, roundup]), [*STORIES, roundup])
    assert groups == found(fold(STORIES), STORIES) | {frozenset([roundup.url])}


def test_the_same_words_much_later_are_another_event() -> None:
    first, second, _ = [each for each in STORIES if happening(each.url) == "dam"]
    later = replace(second, published=MORNING + timedelta(days=8))
    assert len(fold([first, later]).groups) == 2
    assert len(fold([first, replace(second, published=MORNING)]).groups) == 1


def test_another_version_of_a_product_speaks_against() -> None:
    text = "The database Tarn {} is out. It compresses columns and replicates faster than before."
    old, new = (
        replace(story(f"https://s{n}.example/a", f"Tarn {n} database is out", text.format(n)), id=i)
        for i, n in enumerate(("4.7", "4.8"), 1)
    )
    readings = read(old), read(new)
    clash = {signal.name: signal for signal in match(*readings).signals}["other_version"]
    assert clash.weight < 0
    assert "4.7 against 4.8" in clash.words


def test_stories_of_two_languages_stay_apart() -> None:
    english = story("https://a.example/1", "Tarn Tarn Tarn", "Tarn Brankwell Quill Osterhaven")
    german = replace(english, url="https://b.example/1", language="de", source_id="b.example")
    assert len(fold(with_ids([english, german])).groups) == 2


@pytest.mark.parametrize("text", ["", " ", "\n", "…", "🦉", "a"])
def test_stories_with_next_to_nothing_in_them(text: str) -> None:
    stories = with_ids([story(f"https://a.example/{n}", text or "x", text) for n in range(3)])
    assert sum(len(group.story_ids) for group in fold(stories).groups) == 3


def test_undated_stories_fold_with_dated_ones() -> None:
    undated = [replace(each, published=None, published_precision="guessed") for each in STORIES]
    dated = [each if n % 2 else undated[n] for n, each in enumerate(STORIES)]
    assert found(fold(undated), STORIES) == found(fold(STORIES), STORIES)
    assert found(fold(dated), STORIES) == found(fold(STORIES), STORIES)


def test_a_score_has_no_direction() -> None:
    readings = [read(each) for each in STORIES]
    for left in readings:
        for right in readings:
            assert match(left, right) == match(right, left)
