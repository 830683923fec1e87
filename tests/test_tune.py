"""Tuning: the user's corrections as labelled pairs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline import correct
from pipeline.cli import cli
from pipeline.configuration import read_configuration, write_threshold
from pipeline.tune import Labelled, labelled_pairs, propose, score_thresholds, tune
from storage.corrections import corrections_that_hold
from storage.database import create_or_open
from storage.errors import NewsfoldError
from tests.test_corrections import ADA, event_of, members

if TYPE_CHECKING:
    from pathlib import Path


def pairs_of(*told: tuple[bool, int]) -> list[Labelled]:
    """A correction with one pair each: same or not, so many times."""
    kinds = [same for same, times in told for _ in range(times)]
    return [Labelled(2 * n, 2 * n + 1, same, n, 1.0) for n, same in enumerate(kinds)]


def test_a_correction_becomes_pairs_that_count_as_one(database: Path) -> None:
    db = create_or_open(database)
    first, *others = members(db, "dam")
    correct.split(database, event_of(db, "dam"), [first], **ADA)
    correct.merge(database, [event_of(db, "court"), event_of(db, "phone")], **ADA)
    pairs = labelled_pairs(corrections_that_hold(db))
    apart = [(pair.left, pair.right) for pair in pairs if not pair.same]
    assert apart == [(first, other) for other in others]
    merged = [pair for pair in pairs if pair.correction == 2]
    assert len(merged) == 6  # of four stories
    assert sum(pair.weight for pair in merged) == pytest.approx(1)
    assert {pair.same for pair in merged} == {True}


def test_scores_are_those_of_folding_without_the_corrections(database: Path) -> None:
    db = create_or_open(database)
    correct.merge(database, [event_of(db, "court"), event_of(db, "phone")], **ADA)
    tuned = tune(db, database)
    assert tuned.now is not None
    # Two of its six pairs are one event by themselves: the two of the court, and of the phone.
    assert tuned.now.recall.value == pytest.approx(2 / 6, abs=0.001)
    assert tuned.now.precision.value == 1
    assert (tuned.proposed, tuned.why) == (None, "1 corrections say too little; 10 are the least")


def test_without_corrections_there_is_nothing_to_learn(database: Path) -> None:
    told = CliRunner().invoke(cli, ["tune", str(database)])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["now"] is None
    assert "no corrections" in told.stderr
    refused = CliRunner().invoke(cli, ["tune", str(database), "--apply"])
    assert isinstance(refused.exception, NewsfoldError)
    assert not (database.parent / "newsfold.toml").exists()


@pytest.mark.parametrize(
    ("told", "verdicts", "proposed"),
    [
        # At .2 all are put together, at .3 only those that are one event.
        (((True, 10), (False, 10)), ([True] * 20, [True] * 10 + [False] * 10), 0.3),
        # One of twenty more is no more than chance.
        (((True, 10), (False, 10)), ([True] * 20, [True] * 19 + [False]), None),
        (((True, 20),), ([False] * 20, [True] * 20), None),
        (((True, 3), (False, 3)), ([True] * 6, [True] * 3 + [False] * 3), None),
    ],
)
def test_a_threshold_is_proposed_when_it_is_clearly_better(
    told: tuple[tuple[bool, int], ...],
    verdicts: tuple[list[bool], list[bool]],
    proposed: float | None,
) -> None:
    pairs, thresholds, right = pairs_of(*told), [0.2, 0.3], np.array(verdicts)
    now, best = score_thresholds(pairs, thresholds, right, np.random.default_rng(0))
    found, why = propose(pairs, thresholds, right, now, best, np.random.default_rng(0))
    assert found == proposed
    assert why


def test_a_threshold_is_written_beside_what_stands_there(database: Path) -> None:
    file = database.parent / "newsfold.toml"
    file.write_text("# ours\n[run]\ntime = '5m' # short\n")
    write_threshold(database, 0.31)
    assert file.read_text() == ("# ours\n[run]\ntime = '5m' # short\n\n[fold]\nthreshold = 0.31\n")
    write_threshold(database, 0.3)
    assert read_configuration(database).fold.threshold == 0.3
    file.write_text("[fold]\nthreshold = 2.0\n")
    with pytest.raises(NewsfoldError, match="between 0 and 1"):
        write_threshold(database, 0.3)
