"""Every signal: where two stories agree, where they clash, and that it has no direction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.embeddings import Meaning, content_hash, embedded_words
from pipeline.reading import read, read_all
from pipeline.reasons import match
from pipeline.signals import (
    ALL_NAMES,
    DAY,
    MOST_NAMES,
    MOST_NUMBERS,
    NAMES,
    PAIRS_AT_ONCE,
    SIGNALS,
    UNLIKE,
    cosines,
    score,
    values,
)
from pipeline.weights import same_event, shipped_weights
from pipeline.window import window
from storage.models import Story
from tests.stories import MORNING, made_stories, story, with_ids

STORIES = with_ids(made_stories())
Both = tuple[Story, Story]


def told(left: str, right: str, *, days: float = 0, language: str = "en") -> Both:
    """Two stories; of each the title, then perhaps a text after a bar."""
    (one, text), (two, more) = (tuple((each + "|").split("|")[:2]) for each in (left, right))
    later = MORNING + timedelta(days=days)
    return (
        story("https://a.example/1", one, text, language=language),
        story("https://b.example/2", two, more, published=later, language=language),
    )


def found(pair: Both, meaning: Meaning | None = None) -> dict[str, float]:
    side_by_side = window(list(read_all(with_ids(list(pair)))), meaning)
    row = values(side_by_side, np.array([0]), np.array([1]))[0]
    return dict(zip(ALL_NAMES, row.tolist(), strict=False))


def meant(pair: Both, cosine: float, *, multilingual: bool = False) -> Meaning:
    """As if a model found the two so alike."""
    vectors = ((1.0, 0.0), (cosine, (1 - cosine * cosine) ** 0.5))
    hashes = (content_hash(embedded_words(each)) for each in pair)
    told_by = {h: np.array(v, np.float32) for h, v in zip(hashes, vectors, strict=True)}
    return Meaning(told_by, multilingual)


DAM = "Brankwell dam closed after crack is found"
PARK = "Snowy owl seen in city park"
LONG = "Engineers closed the Brankwell dam in the valley after divers found a crack in its wall"
OTHER = "Judges in Osterhaven let the ferry company Merriden keep its licence for the island"

# signal -> stories in which it speaks, and stories in which it is silent
SPEAKS: dict[str, tuple[Both, Both]] = {
    "words": (told(DAM, "Crack shuts Brankwell dam"), told(DAM, PARK)),
    "headlines": (told(f"{DAM}|The valley is alarmed.", f"Valley alarmed|{DAM}"), told(DAM, PARK)),
    "short": (told(DAM, PARK), told(DAM, f"{DAM}|{LONG}. {OTHER}. A snowy owl looked on.")),
    "same_headline": (told(DAM, DAM.upper()), told(DAM, "Brankwell dam closed after flood came")),
    "rare_names": (
        told(f"Alarm|{LONG}. Brankwell waits.", f"A crack|{LONG}. Brankwell packs."),
        told(f"Alarm|{LONG}.", f"A ferry|{OTHER}."),
    ),
    "numbers": (told("The crack is 437 long", "It is 437"), told("It is 437", "It is 438")),
    "amounts": (
        told("Merriden pays $5.1 billion", "A price of 5 billion dollars"),
        told("Merriden pays $5.1 billion", "A price of 7 billion dollars"),
    ),
    "other_amounts": (
        told("Merriden pays $5 billion", "A price of 7 billion dollars"),
        told("Merriden pays $5 billion", "It grew by 7 percent"),
    ),
    "same_day": (
        told("The dam failed on Monday", "A dam failed on April 6"),
        told("The dam failed on Monday", "A dam failed on Tuesday"),
    ),
    "other_day": (
        told("The dam failed on Monday", "The dam failed on Tuesday"),
        told("The dam failed on Monday", "The dam failed"),
    ),
    "remembered_day": (
        told(
            "The dam failed on Monday|It was shut.",
            "The dam failed on Tuesday|" + "It was shut by people who said so. " * 12 + "On"
            " Monday it had held.",
        ),
        told("The dam failed on Monday", "The dam failed on Tuesday"),
    ),
    "same_version": (told("Quill 5 is here", "See the Quill 5"), told("Quill 5", "Quill 6")),
    "other_version": (told("Quill 5 is here", "See the Quill 6"), told("Quill 5", "Tolva 6")),
    "sibling": (
        told("Tolvane shows the Quill mini", "Tolvane shows the Quill max"),
        told("Tolvane shows the Quill mini", "Tolvane shows the Quill"),
    ),
    "same_step": (
        told("Calder sues Merriden", "Merriden sued by Calder"),
        told("Calder sues Merriden", "Merriden wins against Calder"),
    ),
    "other_step": (
        told("Calder sues Merriden", "Calder settles with Merriden"),
        told("Calder sues Merriden", "Calder raises $5 million"),
    ),
    "other_parties": (
        told("Merriden keeps the licence", "Calder keeps the licence"),
        told("Merriden keeps the licence", "Calder loses it to Merriden"),
    ),
    "days_apart": (told(DAM, DAM, days=3), told(DAM, DAM)),
}
BY_HAND: dict[str, tuple[Both, Both]] = {
    "same_source": (
        tuple(replace(each, source_id="a") for each in told(DAM, PARK)),  # type: ignore[dict-item]
        told(DAM, PARK),
    ),
    "undated": (
        (told(DAM, DAM)[0], replace(told(DAM, DAM)[1], published=None)),
        told(DAM, DAM),
    ),
}
ALL = SPEAKS | BY_HAND


def test_every_signal_is_tried() -> None:
    assert list(NAMES) == [signal.__name__ for signal in SIGNALS]
    assert set(ALL) == set(NAMES)


@pytest.mark.parametrize("name", ALL)
def test_a_signal_speaks_where_it_should_and_is_silent_where_not(name: str) -> None:
    speaks, silent = ALL[name]
    assert found(speaks)[name] > found(silent)[name]
    if name != "words":
        assert found(silent)[name] == pytest.approx(0, abs=0.3 if name == "headlines" else 0)


@pytest.mark.parametrize("name", ALL)
def test_a_signal_has_no_direction(name: str) -> None:
    for left, right in ALL[name]:
        assert found((left, right)) == pytest.approx(found((right, left)))


@given(st.sampled_from(STORIES), st.sampled_from(STORIES), st.floats(0, 1))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
def test_nor_has_a_score(left: Story, right: Story, cosine: float) -> None:
    if left == right:
        return
    for meaning in (None, meant((left, right), cosine)):
        one = match(read(left), read(right), meaning)
        assert one == match(read(right), read(left), meaning)
        assert 0 <= one.score <= 1
        weights = sum(signal.weight for signal in one.signals)
        assert one.score == pytest.approx(min(max(weights, 0), 1), abs=2e-3)


# What single signals promise


def test_the_same_words_are_wholly_alike() -> None:
    assert found(told(DAM, DAM))["words"] == pytest.approx(1, abs=1e-3)
    assert found(told(DAM, PARK))["words"] < 0.1


def test_a_short_headline_can_be_the_same_by_chance() -> None:
    assert found(told("Live updates today", "Live updates today"))["same_headline"] == 0
    swapped = told(DAM, "After crack is found Brankwell dam closed")
    assert found(swapped)["same_headline"] == 1


def test_tables_of_numbers_and_lists_of_names_count_only_so_much() -> None:
    table = "Scores|" + " ".join(str(number) for number in range(100, 140))
    assert found(told(table, table))["numbers"] == MOST_NUMBERS
    names = "The list|We met " + ", ".join(f"Vorn{a}{b}ak" for a in "aeiou" for b in "bdgk") + "."
    assert found(told(names, names))["rare_names"] == MOST_NAMES


def test_years_and_single_digits_are_no_numbers() -> None:
    assert found(told("In 2026 there were 7", "By 2026 came 7"))["numbers"] == 0


def test_a_rounded_amount_is_the_same_amount() -> None:
    near = told("It cost $1.04 billion", "It cost $1 billion")
    far = told("It cost $1.3 billion", "It cost $1 billion")
    assert (found(near)["amounts"], found(near)["other_amounts"]) == (1, 0)
    assert (found(far)["amounts"], found(far)["other_amounts"]) == (0, 1)


def test_an_amount_told_further_down_is_no_clash() -> None:
    left = "Merriden pays $5 billion|It was dear."
    right = "Deal of 7 billion dollars|" + "It was dear, as many said. " * 20 + "Merriden had $5bn."
    assert found(told(left, right))["other_amounts"] == 0


def test_two_of_one_kind_of_affair_and_step_agree() -> None:
    values_ = found(told("Calder sues Merriden", "Calder sues Merriden"))
    assert (values_["same_step"], values_["other_step"]) == (1, 0)


def test_time_grows_ever_more_slowly() -> None:
    values_ = [found(told(DAM, DAM, days=days))["days_apart"] for days in (0, 1, 2, 3)]
    assert values_ == sorted(values_)
    assert values_[1] - values_[0] > values_[3] - values_[2] > 0
    assert values_[1] == pytest.approx(np.log1p(timedelta(days=1).total_seconds() / DAY))


def test_the_undated_are_at_no_distance() -> None:
    pair = (told(DAM, DAM)[0], replace(told(DAM, DAM)[1], published=None))
    assert found(pair)["days_apart"] == 0


def test_parties_are_told_apart_within_a_language_only() -> None:
    left, right = told("Merriden keeps the licence", "Calder keeps the licence")
    assert found((left, right))["other_parties"] == 1
    assert found((left, replace(right, language="de")))["other_parties"] == 0


def test_figures_are_the_same_in_every_language() -> None:
    left = story("https://a.example/1", "Merriden pays $5 billion on Monday for Quill 5 and 437")
    right = story(
        "https://b.example/2", "Merriden zahlt am Montag $5 Milliarden für Quill 5 und 437",
        language="de",
    )  # fmt: skip
    values_ = found((left, right))
    assert values_["words"] == 0
    for name in ("amounts", "same_day", "same_version", "numbers"):
        assert values_[name] == 1, name
    for name in ("other_amounts", "other_day", "other_version"):
        assert values_[name] == 0, name


# Meaning


def test_meaning_counts_from_a_floor_on() -> None:
    pair = told(DAM, PARK)
    for cosine in (-0.4, 0.0, UNLIKE - 0.01):
        assert found(pair, meant(pair, cosine))["meaning"] == 0
    assert found(pair, meant(pair, (1 + UNLIKE) / 2))["meaning"] == pytest.approx(0.5, abs=1e-3)
    assert found(pair, meant(pair, 1.0))["meaning"] == pytest.approx(1, abs=1e-3)


def test_without_vectors_there_is_no_such_signal() -> None:
    assert "meaning" not in found(told(DAM, PARK))
    assert found(told(DAM, PARK), Meaning({}))["meaning"] == 0


def test_meaning_changes_no_other_signal() -> None:
    pair = told(DAM, PARK)
    with_it = found(pair, meant(pair, 0.9))
    assert {name: with_it[name] for name in NAMES} == found(pair)


def test_meaning_stands_in_for_words_across_languages() -> None:
    left, right = told(DAM, PARK)
    abroad = (left, replace(right, language="de"))
    many, one = (meant(abroad, 0.9, multilingual=each) for each in (True, False))
    assert found(abroad, many)["other_language"] == found(abroad, many)["meaning"] > 0
    assert found(abroad, one)["other_language"] == 0
    assert found((left, right), meant((left, right), 0.9))["other_language"] == 0


# The model


@pytest.mark.parametrize("embedded", [False, True])
def test_the_model_weighs_every_signal(embedded: bool) -> None:
    names = ALL_NAMES if embedded else NAMES
    weights = shipped_weights(embedded)
    assert set(weights) == set(names)
    assert weights["words"] > 0
    assert 0 < same_event(embedded) < 1
    for name in ("other_amounts", "other_day", "remembered_day", "other_version", "sibling"):
        assert weights[name] <= 0, name


def test_a_score_is_the_weighed_sum_between_nought_and_one() -> None:
    values_ = np.zeros((3, len(NAMES)))
    values_[:, NAMES.index("words")] = (0.5, 2.0, -1.0)
    weights = dict.fromkeys(NAMES, 0.0) | {"words": 1.0}
    assert score(values_, weights).tolist() == [0.5, 1.0, 0.0]


def test_pairs_at_once_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    side_by_side = window(list(read_all(STORIES)))
    left, right = np.triu_indices(len(STORIES), 1)
    assert len(left) < PAIRS_AT_ONCE
    whole = values(side_by_side, left, right)
    monkeypatch.setattr("pipeline.signals.PAIRS_AT_ONCE", 5)
    assert (values(side_by_side, left, right) == whole).all()


def test_cosines_are_those_of_the_signal_in_any_order() -> None:
    side_by_side = window(list(read_all(STORIES)))
    left, right = np.triu_indices(len(STORIES), 1)
    shuffled = np.random.default_rng(3).permutation(len(left))
    one, two = right[shuffled], left[shuffled]
    told_ = values(side_by_side, left, right)
    assert cosines(side_by_side, one, two) == pytest.approx(told_[shuffled, 0], abs=1e-6)
    assert len(cosines(side_by_side, left[:0], right[:0])) == 0
    again = values(side_by_side, left, right, cosine=cosines(side_by_side, left, right))
    assert again == pytest.approx(told_, abs=1e-6)
