"""Which events are news, and in which order: the parts of the formula one by one, then the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import prod
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.digest.choose import (
    FAST,
    SLOW,
    Contender,
    Report,
    Weights,
    _Page,
    _product,
    as_contender,
    best,
    choose,
    importance,
    parts_of,
    rank,
    share_of_news,
    usual_pace,
)
from pipeline.views import choose_events, contenders_of
from storage.database import in_memory, transaction
from storage.events import Saved, new_event_id, save_events
from storage.models import Event, Member, Related, Source, Story
from storage.period import Period
from storage.sources import save_source
from storage.stories import save_story, stories_by_id

if TYPE_CHECKING:
    from sqlite_utils import Database

NOW = datetime(2026, 4, 9, 8, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)
BROKE = datetime(2026, 4, 8, 16, 2, tzinfo=UTC)


def reports(*owners: str, role: str = "original", apart: float = 10) -> tuple[Report, ...]:
    """One report an owner, so many minutes apart."""
    return tuple(
        Report(f"{owner}-news", owner, role, BROKE + timedelta(minutes=apart * place))
        for place, owner in enumerate(owners)
    )


def event(id_: int, *owners: str, **fields: object) -> Contender:
    owners = owners or (f"owner{id_}", f"other{id_}")
    given: dict[str, object] = {
        "category": "product launch",
        "first_published": BROKE,
        "last_published": BROKE + timedelta(minutes=25),
        "reports": reports(*owners),
        "independent": len(owners),
    }
    return Contender(id=id_, **(given | fields))  # type: ignore[arg-type]


def order(*events: Contender, most: int = 20, weights: Weights | None = None) -> list[int]:
    return [one.contender.id for one in best(events, NOW, SINCE, most, weights or Weights())]


def part(name: str, one: Contender, *, weights: Weights | None = None) -> float:
    return parts_of(one, NOW, SINCE, weights or Weights(), usual=1.0)[name]


# --- the parts ------------------------------------------------------------------------------


def test_more_independent_sources_come_first() -> None:
    assert order(event(1, independent=2), event(2, independent=5)) == [2, 1]


def test_newer_comes_first() -> None:
    assert order(event(1, first_published=BROKE - timedelta(hours=5)), event(2)) == [2, 1]


def test_roundups_and_commentary_come_last() -> None:
    assert order(
        event(1, reports=reports("a", role="roundup"), category="roundup", independent=6),
        event(2, reports=reports("a", role="commentary"), category="opinion", independent=3),
        event(3, independent=1),
    ) == [3, 2, 1]


def test_what_is_over_or_not_yet_is_left_out() -> None:
    over = event(
        1, first_published=SINCE - timedelta(days=2), last_published=SINCE - timedelta(hours=1)
    )
    later = NOW + timedelta(days=300)
    assert order(over, event(2, first_published=later, last_published=later), event(3)) == [3]


def test_an_event_that_goes_on_stands_below_one_that_began() -> None:
    going_on = event(1, first_published=SINCE - timedelta(hours=1), last_published=NOW)
    assert order(going_on, event(2, first_published=SINCE)) == [2, 1]


def test_coverage_that_grows_fast_comes_first() -> None:
    owners = ("a", "b", "c", "d")
    slow = event(1, reports=reports(*owners, apart=180), independent=4)
    fast = event(2, reports=reports(*owners, apart=5), independent=4)
    assert order(slow, fast) == [2, 1]
    assert part("pace", fast) > 1 > part("pace", slow)


def test_pace_is_of_voices_alone() -> None:
    """Copies, and a second report of one owner, are no voices; one voice has no pace."""
    voices = reports("a", "b", apart=60)
    echo = Report("z-news", "z", "copy", BROKE + timedelta(minutes=1))
    again = Report("a-later", "a", "original", BROKE + timedelta(hours=9))
    of_two = event(1, reports=voices)
    assert usual_pace([of_two]) == 0.5
    assert usual_pace([replace(of_two, reports=(*voices, echo, again))]) == 0.5
    assert usual_pace([event(1, "a"), event(2, reports=(*reports("a"), echo))]) is None
    assert part("pace", event(1, "a")) == 1.0


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=30))
def test_pace_stays_within_its_bounds(minutes: list[int]) -> None:
    told = tuple(
        Report(str(at), str(at), "original", BROKE + timedelta(minutes=m))
        for at, m in enumerate(minutes)
    )
    assert SLOW <= part("pace", event(1, reports=told)) <= FAST


def test_a_source_of_more_weight_counts_for_more() -> None:
    heavy = Weights(sources={"a-news": 3.0})
    one, other = event(1, "a", "b"), event(2, "c", "d")
    assert order(other, one) == [1, 2]  # alike: the id decides
    assert order(event(2, "a", "b"), event(1, "c", "d"), weights=heavy) == [2, 1]
    assert part("weight", one) == part("weight", other, weights=heavy) == 1.0
    assert part("weight", one, weights=heavy) > 1.0


def test_what_only_muted_sources_tell_is_left_out() -> None:
    muted = Weights(sources={"a-news": 0.0, "b-news": 0.0})
    assert order(event(1, "a", "b"), event(2, "a", "c"), weights=muted) == [2]


def test_an_owner_weighs_once_whatever_its_sites() -> None:
    sites = (Report("x", "a", "original", BROKE), Report("y", "a", "original", BROKE))
    weights = Weights(sources={"x": 2.0, "y": 5.0})
    one = event(1, reports=sites, independent=1)
    alone = event(1, reports=(sites[1],), independent=1)
    assert part("weight", one, weights=weights) == part("weight", alone, weights=weights)


def test_the_reader_weighs_categories() -> None:
    weights = Weights(categories={"funding": 3.0})
    assert part("kind", event(1, category="funding"), weights=weights) == 3.0
    assert part("kind", event(1, category="outage"), weights=weights) == 1.1
    muted = Weights(categories={"funding": 0.0})
    assert order(event(1, category="funding"), event(2), weights=muted) == [2]


# --- the page -------------------------------------------------------------------------------


def test_one_saga_does_not_fill_the_page() -> None:
    chapters = [
        event(i, independent=4, related=frozenset({1, 2, 3} - {i}), category=f"kind {i}")
        for i in (1, 2, 3)
    ]
    assert order(*chapters, event(9, independent=3)) == [1, 9, 2, 3]


def test_one_category_takes_a_third_while_others_wait() -> None:
    many = [event(i, independent=9, category="lawsuit") for i in range(1, 10)]
    others = [event(20 + i, independent=3) for i in range(3)]
    assert order(*many, *others, most=6) == [1, 2, 20, 21, 3, 4]
    assert order(*many, most=6) == [1, 2, 3, 4, 5, 6]


def test_what_waits_but_is_hardly_news_does_not_go_first() -> None:
    many = [event(i, independent=9, category="lawsuit") for i in range(1, 6)]
    assert order(*many, event(9, "z", category="roundup"), most=4) == [1, 2, 3, 4]


def test_one_owner_takes_a_fifth_while_others_wait() -> None:
    alone = [event(i, "mill", category=f"kind {i}") for i in range(1, 10)]
    kinds = [event(20 + i, f"o{i}", category="roundup") for i in range(3)]
    assert order(*alone, *kinds, most=5)[:2] == [1, 2]
    others = [event(20 + i, f"o{i}", category=f"other kind {i}") for i in range(3)]
    older = [replace(one, first_published=BROKE - timedelta(hours=2)) for one in others]
    assert order(*alone, *older, most=5) == [1, 2, 20, 21, 22]


def test_what_is_passed_over_takes_no_room() -> None:
    saga = [event(1, independent=5, related=frozenset({2})), event(2, independent=4)]
    ranking = rank(saga, NOW, SINCE)
    assert next(ranking).contender.id == 1
    assert ranking.send(False).parts["saga"] == 1.0  # type: ignore[attr-defined]


def test_what_comes_back_stands_where_its_news_puts_it() -> None:
    big, small = event(1, independent=7), event(2, independent=2)
    ranking = rank([big, small], NOW, SINCE)
    assert next(ranking).contender.id == 1
    assert ranking.send(share_of_news(big, 1)).contender.id == 2
    back = next(ranking)
    assert (back.contender.id, back.parts["voices"], back.parts["news"]) == (1, 3.0, 1 / 3)
    assert next(ranking, None) is None


def test_the_parts_multiply_to_the_importance() -> None:
    (chosen,) = best([event(1)], NOW, SINCE)
    assert chosen.importance == pytest.approx(prod(chosen.parts.values()))
    assert set(parts_of(event(1), NOW, SINCE)) | {"saga", "room", "news"} == set(chosen.parts)


CONTENDERS = st.lists(
    st.builds(
        event,
        st.integers(1, 40),
        independent=st.integers(1, 5),
        category=st.sampled_from(["lawsuit", "funding", "outage"]),
        related=st.frozensets(st.integers(1, 40), max_size=3),
    ),
    unique_by=lambda one: one.id,
    max_size=12,
)


@given(CONTENDERS, st.randoms())
def test_the_order_of_the_events_does_not_matter(events: list[Contender], random: object) -> None:
    mixed = list(events)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert best(mixed, NOW, SINCE, 6) == best(events, NOW, SINCE, 6)


@given(CONTENDERS)
def test_each_place_goes_to_the_best_of_those_that_wait(events: list[Contender]) -> None:
    """The heap finds what looking at all of them for each place finds."""
    page, usual = _Page(6, events), usual_pace(events)
    waiting, expected = list(events), []
    while waiting and len(expected) < 6:
        scores = {
            one.id: _product({**parts_of(one, NOW, SINCE, usual=usual), **page.parts(one)})
            for one in waiting
        }
        first = min(waiting, key=lambda one: (-scores[one.id], one.id))
        waiting.remove(first)
        page.take(first)
        expected.append((first.id, scores[first.id]))
    chosen = best(events, NOW, SINCE, 6)
    assert [(one.contender.id, one.importance) for one in chosen] == expected


def test_whole_events_are_chosen_by_what_they_know() -> None:
    """As the front page does it: without sources, and so without pace and sole owners."""
    members = (Member(1), Member(2, "copy"), Member(3, "commentary"))
    whole = Event(7, "A title", 1, members, BROKE, BROKE, related=(Related(8, 0.3, ""),))
    other = replace(whole, id=8, related=(Related(9, 0.1, ""),), independent=3)
    chosen = choose([whole, other], NOW, SINCE)
    assert [one.event for one in chosen] == [other, whole]
    assert chosen[1].parts == importance(whole, NOW, SINCE) | {
        "saga": 0.6,
        "room": 1.0,
        "news": 1.0,
    }
    assert (chosen[1].parts["pace"], chosen[1].parts["weight"]) == (1.0, 1.0)
    assert chosen[1].parts["report"] == pytest.approx(0.8)
    assert as_contender(other).related == frozenset()


# --- from the database ----------------------------------------------------------------------


def save(db: Database, *told: tuple[str, str], related: tuple[Related, ...] = ()) -> int:
    """An event of stories, each of a source and in a role."""
    for source, _ in told:
        save_source(db, Source(source, source.title(), "https://x.example", "en", f"{source} Ltd"))
    members = []
    with transaction(db):
        count = db.execute("SELECT count(*) FROM stories").fetchone()[0]
        for source, role in told:
            url = f"https://{source}.example/{count}"
            save_story(db, Story(url, "A title", "A text", BROKE, "minute", source), NOW)
            (id_,) = db.execute("SELECT id FROM stories WHERE url = ?", (url,)).fetchone()
            members.append(Member(id_, role))  # type: ignore[arg-type]
        event_id = new_event_id(db, members[0].story_id)
        made = Event(
            event_id,
            stories_by_id(db, [members[0].story_id])[0].title,
            members[0].story_id,
            tuple(members),
            BROKE,
            BROKE,
            independent=sum(role == "original" for _, role in told),
        )
        save_events(db, [Saved(made, len(told), [], {})], NOW)
        for other in related:
            db.execute(
                "INSERT INTO related_events VALUES (?, ?, ?, '')",
                (event_id, other.event_id, other.score),
            )
    return event_id


def test_contenders_are_read_as_they_are_stored() -> None:
    db = in_memory()
    first = save(db, ("ada", "original"), ("ben", "copy"))
    second = save(db, ("cy", "original"), related=(Related(first, 0.8, ""),))
    save(db, ("di", "original"), related=(Related(first, 0.1, ""),))
    one, other, third = contenders_of(db, Period(SINCE, NOW))
    assert (one.id, other.id, other.related, third.related) == (first, second, {first}, set())
    assert [(r.source, r.owner, r.role, r.at) for r in one.reports] == [
        ("ada", "ada Ltd", "original", BROKE),
        ("ben", "ben Ltd", "copy", BROKE),
    ]


def test_a_period_can_be_narrowed() -> None:
    db = in_memory()
    one, other = save(db, ("ada", "original")), save(db, ("ben", "original"))
    db.execute("UPDATE events SET category = 'outage', language = 'de' WHERE id = ?", (one,))

    def ids(**wanted: tuple[str, ...]) -> list[int]:
        return [each.id for each in contenders_of(db, Period(SINCE, NOW, **wanted))]

    assert ids() == [one, other]
    assert ids(categories=("outage", "funding")) == ids(languages=("de",)) == [one]
    assert ids(sources=("ben",)) == [other]
    assert ids(sources=("ben",), languages=("de",)) == []


def test_what_is_chosen_comes_whole_and_the_rest_is_counted() -> None:
    db = in_memory()
    one = save(db, ("ada", "original"))
    big = save(db, ("ben", "original"), ("cy", "original"))
    chosen, left_out = choose_events(db, since=SINCE, now=NOW, most=1)
    assert ([choice.event.id for choice in chosen], left_out) == ([big], 1)
    assert len(chosen[0].event.members) == 2
    db.execute("UPDATE events SET not_an_event = 1 WHERE id = ?", (one,))
    assert len(contenders_of(db, Period(SINCE, NOW))) == 1
