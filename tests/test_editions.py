"""Digests that remember: from stories in a database, day after day, to what a reader is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.configuration import Digest, Profile
from pipeline.digest.render import FORMS, render
from pipeline.editions import Edition, is_due, next_edition, remember
from storage.database import create_or_open, open_existing, snapshot
from storage.digests import list_digests, told_events
from storage.errors import NewsfoldError
from tests.newsroom import DAY, MORNING, PLAIN, Newsroom

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def room() -> Newsroom:
    return Newsroom()


def ids(edition: Edition) -> list[int]:
    return [event.event_id for event in edition.view.events]


def points(edition: Edition) -> list[tuple[str, tuple[str, ...]]]:
    [event] = edition.view.events
    assert event.since_then is not None
    return [(point.text, point.sources) for point in event.since_then.points]


def test_what_was_told_is_not_told_again(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    assert ids(room.send()) == [event]
    room.report(event, "ben", "Morvik sues Tolvane over ferries")
    again = room.send()
    assert (ids(again), again.view.left_out) == ([], 0)


def test_a_look_remembers_nothing(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    assert ids(room.edition()) == ids(room.edition()) == [event]


def test_an_event_comes_back_with_its_news_alone(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane", figure="€310M")
    first = room.send()
    room.report(event, "ben", "Jury rules against Tolvane", figure="€290M")
    room.report(event, "ada", "Tolvane is sued, the story so far", role="commentary")
    back = room.edition()
    assert points(back) == [
        ("A court has decided: “Jury rules against Tolvane”", ("Ben",)),
        ("€290M, damages, where others say €310M", ("Ben",)),
    ]
    [view] = back.view.events
    assert view.since_then is not None
    assert view.since_then.told_at == first.view.until
    assert (view.since_then.headline, view.since_then.url) == (
        "Morvik sues Tolvane",
        "https://ada.example/1",
    )
    assert [source.source for source in view.sources] == ["Ben"]
    assert (view.tldr, view.figures, view.sections, view.related, view.broke) == (
        (),
        (),
        (),
        (),
        "",
    )


def test_a_figure_that_is_edited_into_a_told_story_brings_the_event_back(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane", figure="€310M")
    room.send()
    room.now += 3 * DAY
    room.edit(event, "Morvik sues Tolvane for more", figure="€420M")
    back = room.send()
    assert points(back) == [("€420M, damages", ("Ada",))]
    assert ids(room.send()) == []


def test_an_edit_that_says_nothing_new_brings_nothing_back(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane", figure="€310M")
    room.report(event, "ben", "Morvik sues Tolvane over ferries")
    room.send()
    room.edit(event, "Morvik sues Tolvane, a maker of ferries")
    assert ids(room.send()) == []


def test_an_edit_outvotes_no_report_that_tells_what_is_new(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.send()
    room.edit(event, "Morvik sues Tolvane, a maker of ferries")
    room.report(event, "ben", "Morvik sues Tolvane", figure="€420M")
    assert points(room.send()) == [("€420M, damages", ("Ben",))]


def test_what_nobody_was_told_of_is_no_news_by_an_edit(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane", ago=5 * DAY)
    assert ids(room.send()) == []
    room.edit(event, "Morvik sues Tolvane for more", figure="€420M")
    assert ids(room.send()) == []


def test_its_news_is_told_once(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.send()
    room.report(event, "ben", "Jury rules against Tolvane")
    assert len(points(room.send())) == 1
    room.report(event, "cy", "Tolvane found guilty")
    assert ids(room.send()) == []


def test_it_comes_back_below_what_more_sources_tell_anew(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    for source in ("ben", "cy", "di", "eve"):
        room.report(event, source, "Morvik sues Tolvane")
    assert ids(room.send()) == [event]
    room.report(event, "flo", "Jury rules against Tolvane")
    other = room.report(None, "ada", "Ferries stand still")
    room.report(other, "ben", "Ferries stand still")
    edition = room.edition()
    assert ids(edition) == [other, event]
    assert [choice.parts["news"] < 1 for choice in edition.chosen] == [False, True]


def test_twice_as_many_sources_bring_it_back(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.send()
    for source in ("ben", "cy"):
        room.report(event, source, "Morvik sues Tolvane")
    assert ids(room.edition()) == []
    room.report(event, "di", "Morvik sues Tolvane")
    assert points(room.edition()) == [("3 more independent sources", ("Ben", "Cy", "Di"))]


def test_a_merged_event_is_the_one_that_was_told(room: Newsroom) -> None:
    told, other = (room.report(None, name, "Morvik sues Tolvane") for name in ("ada", "ben"))
    room.db.execute("UPDATE events SET not_an_event = 1 WHERE id = ?", (other,))
    assert ids(room.send()) == [told]
    room.merge(told, into=other)
    room.report(other, "cy", "Tolvane is sued by Morvik")
    assert ids(room.edition()) == []
    room.report(other, "di", "Tolvane settles with Morvik")
    room.report(other, "cy", "Morvik: settlement reached")
    assert points(room.edition()) == [
        ("A settlement: “Morvik: settlement reached”", ("Cy", "Di")),
        ("3 more independent sources", ("Ben", "Cy", "Di")),
    ]


def test_what_was_split_off_is_known_as_far_as_it_was_told(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.report(event, "ben", "Tolvane is sued")
    room.send()
    known = room.split(event, 1)
    room.report(event, "cy", "A recall at Tolvane")
    new = room.split(event, 1)
    room.report(known, "di", "Tolvane is sued")
    assert ids(room.edition()) == [new]
    assert room.edition().view.events[0].since_then is None


def test_each_profile_has_a_memory_of_its_own(room: Newsroom) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.send()
    weekly = next_edition(room.db, "weekly", Profile("weekly"), PLAIN, room.now)
    assert ids(weekly) == [event]


def test_a_period_begins_where_the_last_one_ended_and_late_reports_count(room: Newsroom) -> None:
    room.report(None, "ada", "Morvik sues Tolvane")
    before = room.send()
    room.now += DAY  # a morning without a digest
    late = room.report(None, "ben", "Ferries stand still", ago=2 * DAY + timedelta(hours=1))
    room.report(None, "cy", "Long ago", ago=3 * DAY)
    edition = room.edition()
    assert edition.view.since == before.view.until
    assert ids(edition) == [late]


def test_what_is_left_out_is_counted_and_may_come_later(room: Newsroom) -> None:
    small = room.report(None, "ada", "A small thing")
    big = room.report(None, "ben", "A big thing")
    room.report(big, "cy", "A big thing")
    one = Profile(most=1)
    first = room.send(one)
    assert (ids(first), first.view.left_out) == ([big], 1)
    room.now -= DAY - timedelta(hours=1)
    assert ids(room.edition(one)) == [small]


def test_a_pass_that_writes_meanwhile_changes_nothing(tmp_path: Path) -> None:
    room = Newsroom(create_or_open(tmp_path / "news.db"))
    other = room.report(None, "ada", "Something happens")
    event = room.report(None, "ben", "Something else happens")
    reader = open_existing(tmp_path / "news.db")
    with snapshot(reader):
        assert ids(next_edition(reader, "daily", Profile(), PLAIN, room.now)) == [other, event]
        room.merge(event, into=other)
        assert ids(next_edition(reader, "daily", Profile(), PLAIN, room.now)) == [other, event]
    assert ids(next_edition(reader, "daily", Profile(), PLAIN, room.now)) == [other]


def test_a_profile_is_narrowed_and_weighed(room: Newsroom) -> None:
    one, other = (room.report(None, name, "Something happens") for name in ("ada", "ben"))
    assert ids(room.edition(Profile(sources=("ben",)))) == [other]
    assert ids(room.edition(Profile(languages=("de",)))) == []
    assert ids(room.edition(Profile(categories=("lawsuit", "funding")))) == [one, other]
    heavy = Digest(sources={"ben": 2.0})
    assert ids(next_edition(room.db, "daily", Profile(), heavy, room.now)) == [other, one]


@pytest.mark.parametrize(
    ("profile", "settings", "said"),
    [
        (Profile(sources=("adam",)), PLAIN, r"\[digest.daily\] sources: .* 'adam'; is it ada\?"),
        (Profile(categories=("lawsuits",)), PLAIN, r"'lawsuits'; is it lawsuit\?"),
        (Profile(), Digest(sources={"x": 1.0}), r"\[digest.sources\]: no source is called 'x'$"),
        (Profile(), Digest(categories={"outages": 1.0}), r"\[digest.categories\].* outage\?"),
    ],
)
def test_a_name_that_is_none_is_told(
    room: Newsroom, profile: Profile, settings: Digest, said: str
) -> None:
    room.report(None, "ada", "Something happens")
    with pytest.raises(NewsfoldError, match=said):
        next_edition(room.db, "daily", profile, settings, room.now)


def test_an_edition_that_is_cut_remembers_what_it_still_tells(room: Newsroom) -> None:
    one, other = (room.report(None, name, "Something happens") for name in ("ada", "ben"))
    remember(room.db, room.edition().first(1), "mail", b"", {})
    assert set(told_events(room.db, "daily", MORNING - DAY)) == {one}
    room.now += timedelta(hours=1)
    assert ids(room.edition()) == [other]
    assert [row["left_out"] for row in list_digests(room.db, None, 9)] == [1]


def test_the_next_one_is_due_after_half_a_period(room: Newsroom) -> None:
    assert is_due(None, DAY, MORNING)
    stored = remember(room.db, room.edition(), "text", b"", {})
    assert not is_due(stored, DAY, MORNING + timedelta(hours=11))
    assert is_due(stored, DAY, MORNING + timedelta(hours=12))
    assert not is_due(stored, 7 * DAY, MORNING + 3 * DAY)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_what_is_new_and_what_was_told(room: Newsroom, form: str) -> None:
    event = room.report(None, "ada", "Morvik sues Tolvane")
    room.send()
    room.report(event, "ben", "Jury rules against Tolvane")
    said = render(room.edition().view, form)  # type: ignore[arg-type]
    for words in ("A court has decided", "Jury rules against Tolvane", "https://ada.example/1"):
        assert words in said
    if form == "json":
        [told] = json.loads(said)["events"]
        assert told["since_then"]["points"][0]["sources"] == ["Ben"]
    else:
        assert "Since then" in said and "9 April" in said
