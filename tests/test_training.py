"""Training: the same weights again, signs kept, better than where it began; honest calibration."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate import Labelled, agreement, as_shipped
from pipeline.look_alikes import LookAlike
from pipeline.signals import NAMES
from pipeline.training import (
    AIM,
    STEPS,
    TRUST,
    Calibration,
    Compared,
    Model,
    Plan,
    Yardstick,
    calibration,
    compared,
    grouped,
    practice,
    start_model,
    thinned,
    train,
)
from pipeline.weights import same_event, shipped_weights
from tests.stories import made_stories, with_ids

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, Any]

QUICK = Plan(runs=2, steps=30, share=1.0)


def made_set(seed: int) -> Compared:
    """Forty rows in ten events: words agree within events, and in half of all other pairs; these
    are told apart by time alone."""
    random = np.random.default_rng(seed)
    left, right = np.triu_indices(40, 1)
    same = left // 4 == right // 4
    found = np.zeros((len(left), len(NAMES)), dtype=np.float32)
    alike = same | (random.random(len(left)) < 0.5)
    found[:, NAMES.index("words")] = 0.4 * alike + 0.05 * random.random(len(left))
    found[:, NAMES.index("days_apart")] = ~same
    return Compared(
        name=f"made {seed}",
        rows=40,
        left=left,
        right=right,
        found=found,
        place=np.arange(40),
        gold=np.arange(40) // 4,
        times=np.zeros(40),
    )


@pytest.fixture(scope="module")
def sets() -> list[Compared]:
    return [made_set(seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def model(sets: list[Compared]) -> Model:
    return train(sets, None, AIM, QUICK)


def test_the_same_seed_gives_the_same_weights(sets: list[Compared], model: Model) -> None:
    again = train(sets, None, AIM, QUICK)
    assert again.threshold == model.threshold
    assert again.weights.tolist() == model.weights.tolist()


def test_it_finds_what_tells_events_apart(sets: list[Compared], model: Model) -> None:
    yardstick, start = Yardstick(sets, None, AIM), start_model(AIM)
    asked_for = Model(
        start.weights + (model.weights - start.weights) / TRUST,
        start.threshold + (model.threshold - start.threshold) / TRUST,
    )
    assert yardstick.worth(asked_for) > yardstick.worth(start) + 0.02
    place = NAMES.index("days_apart")
    assert asked_for.weights[place] < model.weights[place] < start.weights[place]


def test_every_weight_has_the_sign_of_its_signal(model: Model) -> None:
    for name, step in STEPS.items():
        assert model.weights[NAMES.index(name)] * step >= 0
    assert {*STEPS, "words"} == set(NAMES)


def test_the_shipped_weights_have_the_signs_too() -> None:
    weights = shipped_weights()
    assert all(weights[name] * step >= 0 for name, step in STEPS.items())
    assert weights["words"] == 1


def test_a_signal_that_is_not_free_stays(sets: list[Compared]) -> None:
    held = train(sets, None, replace(AIM, free=frozenset({"days_apart"})), QUICK)
    moved = np.flatnonzero(held.weights != start_model(AIM).weights)
    assert moved.tolist() == [NAMES.index("days_apart")]


def test_groups_are_those_of_folding() -> None:
    stories = with_ids(made_stories())
    ids = [story.stored_id for story in stories]
    labelled = Labelled(stories, [story.url.rsplit("/", 1)[1] for story in stories], ids)
    shipped = Model(np.array([shipped_weights()[name] for name in NAMES]), same_event())
    found = {id_: n for n, group in enumerate(as_shipped(stories)) for id_ in group}
    agreed = agreement(
        [found[id_] for id_ in ids], grouped(compared("made", labelled), shipped).tolist()
    )
    assert agreed["bcubed_f1"] == 1


@given(st.integers(0, 2**32), st.floats(0.1, 0.5))
@settings(max_examples=10, deadline=None)
def test_a_part_of_a_set_keeps_its_pairs(seed: int, share: float) -> None:
    full = made_set(1)
    part = thinned(full, share, np.random.default_rng(seed))
    assert len(part.place) == part.rows == len(part.gold)
    assert len(part.left) == part.rows * (part.rows - 1) // 2
    assert (part.left < part.rows).all() and (part.right < part.rows).all()


def test_the_calibration_rises(sets: list[Compared], model: Model) -> None:
    told = calibration(model, sets)
    likely = [told.likelihood(score / 20) for score in range(21)]
    assert likely == sorted(likely)
    assert 0 <= likely[0] < 0.5 < likely[-1] <= 1


def test_the_shipped_calibration_rises() -> None:
    text = resources.files("pipeline").joinpath("weights.json").read_text("utf-8")
    stored = json.loads(text)["calibration"]
    told = Calibration(stored["slope"], stored["intercept"])
    assert told.slope > 0
    assert told.likelihood(0.1) < 0.5 < told.likelihood(0.9)


def test_look_alikes_that_nothing_compares_stay_apart() -> None:
    dam, _, _, phone, *_ = made_stories()
    same, other = (
        LookAlike("dam", True, (dam, made_stories()[1])),
        LookAlike("x", False, (dam, phone)),
    )
    pairs = practice([same, other])
    assert pairs.same.tolist() == [True, False]
    assert pairs.verdicts(Model(start_model(AIM).weights, 0.1)).tolist() == [True, False]
