"""What an analyst's corrections say about the threshold: `newsfold tune`.

    corrections -> pairs of stories, one event or two -> folded as if nobody had said a word,
    at many thresholds -> how often each is right -> a threshold that is clearly better, if any

Comes in: a database. Goes out: scores with intervals, and a proposal. It changes nothing; the
command line writes a threshold down when it is told to.

Corrections are made where folding was wrong, so their pairs are the hard ones: the scores say how
well these are done, not how well all are. A threshold is proposed only when it is right more often
on resamples of the corrections, too; what it would do to all other events, a trial tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.configuration import read_configuration
from pipeline.embedders import configured
from pipeline.embeddings import meaning_of
from pipeline.evaluate import RESAMPLES, Score, with_bounds, with_interval
from pipeline.folding import TOO_WEAK, fold_readings
from pipeline.reading import read_all
from pipeline.weights import same_event
from storage.corrections import corrections_that_hold
from storage.events import known_groups
from storage.stories import stories_by_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Correction

    Array = np.ndarray[Any, Any]

FEWEST = 10  # corrections; fewer say too little
STEP = 0.01
GRID = tuple(round(TOO_WEAK + STEP * number, 2) for number in range(37))  # .14 to .50
MOST_PAIRS = 200  # of one correction; it counts once, however many it names
SURE = 0.95  # of the resamples in which a threshold must be the better one


@dataclass(frozen=True, slots=True)
class Labelled:
    """Two stories, whether an analyst says that they are one event, and what the pair counts: those
    of one correction count 1 together."""

    left: int
    right: int
    same: bool
    correction: int
    weight: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How often folding at a threshold is right about the pairs."""

    threshold: float
    precision: Score
    recall: Score
    f1: Score
    right: Score


@dataclass(frozen=True, slots=True)
class Tuned:
    """What corrections say. `proposed` is None when they are too few, or none is clearly better;
    `why` says which."""

    corrections: int
    same: int
    apart: int
    now: Tried | None
    best: Tried | None
    proposed: float | None
    why: str


def tune(db: Database, database: Path, *, seed: int = 0) -> Tuned:
    """Score the threshold in use on the user's own corrections, and look for a better one."""
    pairs = labelled_pairs(corrections_that_hold(db))
    made = len({pair.correction for pair in pairs})
    same = sum(pair.same for pair in pairs)
    if not pairs:
        return Tuned(made, 0, 0, None, None, None, "there are no corrections to learn from")
    embedding = configured(database)
    current = read_configuration(database).fold.threshold or same_event(embedding is not None)
    thresholds = sorted({*GRID, current})
    right = _verdicts(db, database, pairs, thresholds)
    tried = score_thresholds(pairs, thresholds, right, np.random.default_rng(seed))
    now = tried[thresholds.index(current)]
    best = max(tried, key=lambda each: (each.right.value, -abs(each.threshold - current)))
    proposed, why = propose(pairs, thresholds, right, now, best, np.random.default_rng(seed))
    return Tuned(made, same, len(pairs) - same, now, best, proposed, why)


def labelled_pairs(corrections: Sequence[Correction]) -> list[Labelled]:
    """The pairs that corrections speak of: together, and apart from each other."""
    found = []
    for correction in corrections:
        together, apart = (sorted(correction.part(name)) for name in ("together", "apart"))
        alone = sorted(correction.part("alone"))
        pairs = [(left, right, True) for left, right in combinations(together, 2)]
        pairs += [(left, right, False) for left, right in product(together, apart)]
        pairs += [(left, right, False) for left, right in combinations(alone, 2)]
        chosen = pairs[:: len(pairs) // MOST_PAIRS + 1]
        found += [
            Labelled(left, right, same, correction.id, 1 / len(chosen))
            for left, right, same in chosen
        ]
    return found


def _verdicts(
    db: Database, database: Path, pairs: Sequence[Labelled], thresholds: Sequence[float]
) -> Array:
    """For each threshold (row) and pair (column): does folding put the two together? The stories
    are folded with all others of their events, as if nothing had been corrected."""
    named = {id_ for pair in pairs for id_ in (pair.left, pair.right)}
    beside = {id_ for ids in known_groups(db, named).values() for id_ in ids}
    readings = list(read_all(stories_by_id(db, named | beside)))
    embedding = configured(database)
    meaning = meaning_of(db, readings, embedding, keep=False) if embedding else None
    rows = []
    for threshold in thresholds:
        folded = fold_readings(readings, meaning=meaning, threshold=threshold)
        group_of = {id_: n for n, group in enumerate(folded.groups) for id_ in group.story_ids}
        rows.append([group_of[pair.left] == group_of[pair.right] for pair in pairs])
    return np.array(rows)


def score_thresholds(
    pairs: Sequence[Labelled],
    thresholds: Sequence[float],
    together: Array,
    random: np.random.Generator,
) -> list[Tried]:
    """Scores with bootstrap intervals over corrections, which are drawn whole."""
    same = np.array([pair.same for pair in pairs])
    weights = [_weights(pairs), *_resampled(pairs, random)]
    found = []
    for threshold, verdicts in zip(thresholds, together, strict=True):
        figures = [_figures(same, verdicts, each) for each in weights]
        parts = (with_bounds(part) for part in zip(*figures, strict=True))
        found.append(Tried(threshold, *parts))
    return found


def propose(
    pairs: Sequence[Labelled],
    thresholds: Sequence[float],
    together: Array,
    now: Tried,
    best: Tried,
    random: np.random.Generator,
) -> tuple[float | None, str]:
    """The best threshold when it is better in nearly all resamples; why, or why not."""
    made = len({pair.correction for pair in pairs})
    if made < FEWEST:
        return None, f"{made} corrections say too little; {FEWEST} are the least"
    if len({pair.same for pair in pairs}) < 2:
        return None, "the corrections only join, or only part: any such threshold would fit them"
    if best.right.value <= now.right.value:
        return None, f"none is right more often than {now.threshold:g}"
    same = np.array([pair.same for pair in pairs])
    before, after = (
        together[list(thresholds).index(each.threshold)] == same for each in (now, best)
    )
    gain = after.astype(float) - before
    share = float(np.mean([gain @ weights > 0 for weights in _resampled(pairs, random)]))
    told = f"{best.threshold:g} is right more often than {now.threshold:g} in {share:.0%} of"
    told += f" {RESAMPLES} resamples"
    return (best.threshold, told) if share >= SURE else (None, f"{told}; {SURE:.0%} are asked for")


def _weights(pairs: Sequence[Labelled]) -> Array:
    return np.array([pair.weight for pair in pairs])


def _resampled(pairs: Sequence[Labelled], random: np.random.Generator) -> Iterator[Array]:
    """The weights of the pairs in resamples of whole corrections."""
    weights = _weights(pairs)
    made, number = np.unique([pair.correction for pair in pairs], return_inverse=True)
    for _ in range(RESAMPLES):
        drawn = np.bincount(random.integers(len(made), size=len(made)), minlength=len(made))
        yield weights * drawn[number]


def _figures(same: Array, together: Array, weights: Array) -> tuple[float, float, float, float]:
    """Precision, recall and F1 of "one event", and the share of verdicts that are right."""
    both = float(weights[same & together].sum())
    found, gold = float(weights[together].sum()), float(weights[same].sum())
    f1 = 2 * both / (found + gold) if found + gold else 1.0
    right = float(weights[same == together].sum()) / float(weights.sum())
    return both / found if found else 1.0, both / gold if gold else 1.0, f1, right


def as_rows(tuned: Tuned) -> list[dict[str, object]]:
    """The threshold in use and the best one, for a table."""
    told = (("in use", tuned.now), ("best", tuned.best))
    return [
        {
            "threshold": f"{each.threshold:g} ({name})",
            "right": with_interval(each.right),
            "P": with_interval(each.precision),
            "R": with_interval(each.recall),
            "F1": with_interval(each.f1),
        }
        for name, each in told
        if each is not None
    ]
