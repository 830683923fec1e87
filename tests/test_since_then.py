"""What is new of an event since it was told: a table of cases, and that nothing is told twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.details import _vocabulary, steps_told
from pipeline.digest.since_then import News, Now, Told, _steps, news_since, union, words_for

FILED, DECIDED, APPEALED = (("lawsuit", step) for step in ("filed", "decided", "appealed"))
NINE, TEN, ABOUT = "EUR 9000000", "EUR 10000000", "EUR 9100000"

BEFORE = Told(frozenset({1, 2}), frozenset({NINE}), frozenset({"ada", "ben"}), frozenset({FILED}))


def now(
    *fresh: int,
    figures: dict[frozenset[str], set[int]] | None = None,
    voices: dict[str, set[int]] | None = None,
    steps: dict[tuple[str, str], set[int]] | None = None,
) -> Now:
    """The event of BEFORE with more stories."""
    told = {"ada": {1}, "ben": {2}}
    return Now(
        frozenset({1, 2, *fresh}),
        {key: frozenset(ids) for key, ids in (figures or {frozenset({NINE}): {1}}).items()},
        {owner: frozenset(ids) for owner, ids in (told | (voices or {})).items()},
        {step: frozenset(ids) for step, ids in ({FILED: {1, 2}} | (steps or {})).items()},
    )


def figures(*keys: str, of: int = 3) -> dict[frozenset[str], set[int]]:
    return {frozenset({NINE}): {1}, frozenset(keys): {of}}


THREE_MORE = {"cy": {3}, "di": {4}, "eve": {5}}

CASES: dict[str, tuple[Now, News | None]] = {
    "nothing has changed": (now(), None),
    "a story that says nothing new": (now(3, voices={"cy": {3}}), None),
    "a new figure": (
        now(3, figures=figures(TEN), voices={"cy": {3}}),
        News(figures=frozenset({frozenset({TEN})})),
    ),
    "a new figure that one of three new reports gives": (
        now(3, 4, 5, figures=figures(TEN), voices={"ada": {1, 3}, "ben": {2, 4}, "cy": {5}}),
        None,
    ),
    "a new figure in a copy": (now(3, figures=figures(TEN)), None),
    "a figure that was told, in a new story": (
        now(3, figures=figures(NINE), voices={"cy": {3}}),
        None,
    ),
    "a figure that only rounds one that was told": (
        now(3, figures=figures(ABOUT, NINE), voices={"cy": {3}}),
        None,
    ),
    "a figure that was read in an old story": (now(3, figures=figures(TEN, of=2)), None),
    "two more voices": (now(3, 4, voices={"cy": {3}, "di": {4}}), None),
    "three more voices": (
        now(3, 4, 5, voices=THREE_MORE),
        News(voices=frozenset({"cy", "di", "eve"})),
    ),
    "three more stories of the same owners": (now(3, 4, 5, voices={"ada": {1, 3, 4, 5}}), None),
    "a lawsuit that is decided": (
        now(3, voices={"cy": {3}}, steps={DECIDED: {3}}),
        News(steps=frozenset({DECIDED})),
    ),
    "a verdict that one of three new reports tells": (
        now(3, 4, 5, voices={"ada": {1, 3}, "ben": {2, 4}, "cy": {5}}, steps={DECIDED: {5}}),
        None,
    ),
    "a verdict that a copy tells": (now(3, steps={DECIDED: {3}}), None),
    "a verdict that stood in the old stories": (now(steps={DECIDED: {1}}), None),
    "another affair": (now(3, voices={"cy": {3}}, steps={("outage", "down"): {3}}), None),
    "a step that leads nowhere": (now(3, voices={"cy": {3}}, steps={("deal", "stake"): {3}}), None),
    "all at once": (
        now(
            *(3, 4, 5),
            figures={frozenset({TEN}): {3, 4}},
            voices=THREE_MORE,
            steps={DECIDED: {3, 4}},
        ),
        News(frozenset({frozenset({TEN})}), frozenset(THREE_MORE), frozenset({DECIDED})),
    ),
}


@pytest.mark.parametrize(("there", "news"), CASES.values(), ids=CASES)
def test_what_is_new(there: Now, news: News | None) -> None:
    assert news_since([BEFORE], there) == news


def test_a_step_back_is_no_news() -> None:
    told = Told(frozenset({1, 2}), voices=frozenset({"ada"}), steps=frozenset({FILED, APPEALED}))
    there = now(3, voices={"cy": {3}}, steps={DECIDED: {3}})
    assert news_since([told], there) is None


def test_as_many_voices_as_there_were() -> None:
    told = Told(frozenset({1, 2}), voices=frozenset({f"old{i}" for i in range(5)}))
    more = {f"new{i}": {10 + i} for i in range(4)}
    assert news_since([told], now(*range(10, 14), voices=more)) is None
    more["new4"] = {14}
    assert news_since([told], now(*range(10, 15), voices=more)) is not None


# Whatever comes, in whatever order

OWNERS = st.sampled_from(["ada", "ben", "cy", "di", "eve", "flo", "gus"])
IDS = st.integers(1, 12)
KEYS = st.frozensets(st.sampled_from([f"USD {n}" for n in range(8)]), min_size=1, max_size=2)
ALL_STEPS = st.sampled_from(
    [(affair, step) for affair, steps in _steps().items() for step in steps]
)
SOME = st.frozensets(IDS, min_size=1, max_size=4)
NOWS = st.builds(
    Now,
    st.frozensets(IDS, max_size=12),
    st.dictionaries(KEYS, SOME, max_size=5),
    st.dictionaries(OWNERS, SOME, max_size=7),
    st.dictionaries(ALL_STEPS, SOME, max_size=5),
    KEYS,
)


@given(st.lists(NOWS, max_size=4))
def test_nothing_is_new_right_after_it_was_told(states: list[Now]) -> None:
    for there in states:
        assert news_since([one.told for one in states], there) is None


@given(st.lists(NOWS, min_size=2, max_size=8))
def test_nothing_is_told_twice_however_the_event_goes_on(states: list[Now]) -> None:
    told, said = [states[0].told], [News()]
    for _, there in pairwise(states):
        news = news_since(told, there)
        if news is not None:
            for earlier in said:
                assert not earlier.figures & news.figures
                assert not earlier.voices & news.voices
                assert not earlier.steps & news.steps
            assert not news.voices & union(told).voices
            assert not {key for keys in news.figures for key in keys} & union(told).figures
            said.append(news)
            told.append(there.told)


@given(st.lists(st.builds(lambda one: one.told, NOWS), max_size=5), NOWS, st.randoms())
def test_the_order_of_what_was_told_does_not_matter(
    told: list[Told], there: Now, random: object
) -> None:
    """Nor whether it was told at once, as when two events that were told have become one."""
    mixed = list(told)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert news_since(mixed, there) == news_since(told, there) == news_since([union(told)], there)


# The words


def test_every_step_is_one_that_stories_tell() -> None:
    affairs = _vocabulary()["affairs"]
    for affair, steps in _steps().items():
        assert set(steps) <= set(affairs[affair])
        assert all(words_for((affair, step)) for step in steps)


def test_a_headline_tells_the_step_before_the_lead_does() -> None:
    assert steps_told("Jury rules against Morvik", "Ada sued Morvik in March.") == {DECIDED}
    assert steps_told("Morvik and Ada", "Ada sued Morvik in March.") == {FILED}
