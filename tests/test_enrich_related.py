"""Related events: other happenings about the same rare names."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.related import EventNames, relate_all, related

START = datetime(2026, 4, 8, tzinfo=UTC)


def event(id_: int, *names: str, days: float = 0) -> EventNames:
    return EventNames(id_, Counter(names), START + timedelta(days=days))


def frequency(*events: EventNames) -> Counter[str]:
    return Counter(name for one in events for name in one.names)


LAUNCH = event(1, "Vole 5", "Orval", "Vole 5", "Tora Vik", "Norway")
API = event(2, "Vole 5", "Orval", "Nils Aas", "Norway", days=7)
FERRY = event(3, "Morvik", "Halsa", "Norway", "Wisla", days=1)
OLD = event(4, "Vole 5", "Orval", "Norway", days=-31)
ALL = (LAUNCH, API, FERRY, OLD)


def test_two_events_on_one_thing_are_related_and_say_why() -> None:
    (relation,) = related(LAUNCH, ALL, frequency(*ALL), 200)
    assert relation.event_id == 2
    assert 0 < relation.score <= 1
    assert relation.because.startswith("both name ") and "Vole 5" in relation.because


def test_a_name_that_everybody_has_relates_nothing() -> None:
    assert related(FERRY, ALL, frequency(*ALL) + Counter({"Norway": 90}), 200) == ()


def test_days_and_months_are_no_names() -> None:
    one, other = event(1, "Wednesday", "July"), event(2, "Wednesday", "July")
    assert related(one, [other], frequency(one, other), 200) == ()


@pytest.mark.parametrize(
    "name", ["April 2026", "Norway", "British", "By Tora Vik", "Permanent", "Wednesday 8"]
)
def test_neither_dates_nor_countries_nor_bylines_relate(name: str) -> None:
    one, other = event(1, name, "Vole 5"), event(2, name, "Halsa")
    assert related(one, [other], frequency(one, other), 200) == ()


def test_one_name_in_both_titles_relates() -> None:
    def titled(id_: int, title: str, *names: str) -> EventNames:
        return EventNames(id_, Counter(names), START, title=title)

    one = titled(1, "Orval 4.7 is out", "Orval", "Tora Vik", "Halsa")
    other = titled(2, "A candidate for Orval 4.8", "Orval", "Nils Aas", "Wisla")
    assert [r.event_id for r in related(one, [other], frequency(one, other), 9)] == [2]


def test_nearer_in_time_is_more_related() -> None:
    near, far = event(5, "Vole 5", "Orval", days=1), event(6, "Vole 5", "Orval", days=20)
    found = related(LAUNCH, [far, near], frequency(LAUNCH, near, far), 200)
    assert [relation.event_id for relation in found] == [5, 6]
    assert found[0].score > found[1].score


def test_an_event_is_not_related_to_itself_and_only_five_are_named() -> None:
    many = [event(i, "Vole 5", "Orval") for i in range(1, 12)]
    found = related(many[0], many, frequency(*many), 500)
    assert len(found) == 5
    assert all(relation.event_id != 1 for relation in found)


@given(st.permutations(ALL))
def test_all_at_once_gives_the_same_in_any_order(order: list[EventNames]) -> None:
    found = relate_all(order, frequency(*ALL), 200)
    assert found == {e.event_id: related(e, ALL, frequency(*ALL), 200) for e in ALL}


def test_what_a_roundup_puts_side_by_side_is_related() -> None:
    left = EventNames(1, Counter(["Vole 5", "Orval"]), START, "model release", "Vole 5 is out")
    right = EventNames(2, Counter(["Heron", "Skagen Lab"]), START, "model release", "Heron is out")
    other = EventNames(3, Counter(["Morvik", "Halsa"]), START, "outage", "Morvik is down")
    names = Counter(["Vole 5", "Orval", "Heron", "Skagen Lab", "Morvik", "Halsa"])
    week = EventNames(4, names, START + timedelta(days=2), "roundup", "The week in models")
    events = (left, right, other, week)
    found = relate_all(events, frequency(*events), 200)
    assert [relation.event_id for relation in found[1]] == [2]
    assert [relation.event_id for relation in found[2]] == [1]
    assert found[1][0].because == "“The week in models” tells of both"
    assert found[3] == ()
    assert {relation.event_id for relation in found[4]} == {1, 2, 3}
