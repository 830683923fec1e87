"""Where weights.json comes from: labelled stories in, the weight of every signal out.

    python -m pipeline.training --data DIR     trains on all sets and writes weights.json
                      --embedding MODEL        with the signals of meaning: weights_embedding.json

Comes in: labelled sets and pairs of look-alikes. Goes out: weights, threshold, calibration. What
happens on the way:

    stories -> copies, candidates, signals: as in folding.py, once a set
                    └──> weights -> scores -> average linkage -> B-cubed and pairwise F1
                           ^                                              │
                           └── a small change, kept where the sets agree ─┘

The weights are chosen for the groups that they make (a seeded (1+1) evolution: Rechenberg, 1973),
not for the pairs: pairs are spread so unevenly over the sets that a model of pairs folds worse
(docs/quality.md has the figures). A signal that agrees never counts against, one that clashes
never in favour, and each weight has its price. The calibration (Platt, 1999) is for people alone:
it says how likely a pair of a score is to be one happening. Nothing here is used while folding.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from tabulate import tabulate

from pipeline.candidates import candidates
from pipeline.copies import originals
from pipeline.embedders import load
from pipeline.embeddings import Meaning, made_of
from pipeline.evaluate import Row, agreement, mean, read_labelled, score, summary
from pipeline.folding import TOO_WEAK, WINDOW
from pipeline.look_alikes import read_pairs
from pipeline.reading import read_all
from pipeline.reference import reference
from pipeline.signals import ALL_NAMES, NAMES, values
from pipeline.weights import FILES
from pipeline.window import window
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.embeddings import Embedder
    from pipeline.evaluate import Folder, Labelled, Scores
    from pipeline.look_alikes import LookAlike
    from pipeline.window import Window
    from storage.models import Story

    Array = np.ndarray[Any, Any]

SETS = ("uci_dev", "ecbplus_train", "allsides", "wikinews", "scoop_ai", "gnews")
TRUST = 0.5  # of what the sets ask for; sets that were left out do worse with all of it
NEGLIGIBLE = 0.015  # a smaller weight is none: it moves no story and costs time with every pair
AT_ONCE = 200  # rows in one call of the linkage, if more than one component
HERE = Path(__file__).parents[1]
DATA = Path(os.environ.get("NEWSFOLD_DATA", HERE.parent / "shared" / "data"))
PRACTICE = HERE / "tests" / "fixtures" / "look_alikes" / "practice.jsonl"

# What one step of the evolution is for each signal, with the sign that its weight has: positive
# for what agrees, negative for what clashes. `words` is the measure of all others and stays at 1.
STEPS = {
    "headlines": 0.1,
    "short": 0.05,
    "same_headline": 0.1,
    "rare_names": 0.03,
    "numbers": 0.02,
    "amounts": 0.05,
    "other_amounts": -0.05,
    "same_day": 0.05,
    "other_day": -0.06,
    "remembered_day": -0.05,
    "same_version": 0.04,
    "other_version": -0.1,
    "sibling": -0.1,
    "same_step": 0.03,
    "other_step": -0.06,
    "other_parties": -0.08,
    "same_source": -0.08,
    "days_apart": -0.08,
    "undated": -0.04,
}
STEPS_OF_MEANING = {"meaning": 0.1, "other_language": 0.1}  # where there are vectors


# Where every training begins, and what it is pulled to: set by hand while looking at all six sets.
START = (
    0.22,
    {
        "words": 1.0,
        "short": 0.05,
        "same_headline": 0.15,
        "numbers": 0.02,
        "other_version": -0.15,
        "days_apart": -0.08,
        "undated": -0.04,
        "other_language": 0.5,  # where there are vectors; no set tells of a thing in two languages
    },
)


@dataclass(frozen=True)
class Model:
    """What decides: the weight of each signal, in the order of NAMES, and the threshold."""

    weights: Array
    threshold: float

    def scores(self, found: Array) -> Array:
        """As signals.score(), for many weights in a row."""
        scores: Array = np.round(np.clip(found @ self.weights, 0.0, 1.0), 4)
        return scores


@dataclass(frozen=True)
class Compared:
    """A labelled set with all that does not depend on weights.

    Pairs of rows with the values of their signals; for each labelled line its gold event and the
    row of its story (a copy stands where its original is).
    """

    name: str
    rows: int
    left: Array
    right: Array
    found: Array
    place: Array
    gold: Array
    times: Array  # of the rows, seconds; NaN for the undated


def compared(name: str, labelled: Labelled, embedder: Embedder | None = None) -> Compared:
    """Compare the stories of a labelled set."""
    side_by_side, row = _side_by_side(labelled.stories, _meaning(labelled.stories, embedder))
    left, right = _pairs(side_by_side)
    return Compared(
        name=name,
        rows=len(side_by_side),
        left=left,
        right=right,
        found=values(side_by_side, left, right).astype(np.float32),
        place=np.array([row[story] for story in labelled.story_ids]),
        gold=np.unique(np.array(labelled.gold, dtype=str), return_inverse=True)[1],
        times=side_by_side.times,
    )


def _meaning(stories: Sequence[Story], embedder: Embedder | None) -> Meaning | None:
    return None if embedder is None else Meaning(made_of(stories, embedder))


def _side_by_side(
    stories: Sequence[Story], meaning: Meaning | None
) -> tuple[Window, dict[int, int]]:
    """The originals as a window, and the row of each story by its id."""
    readings = sorted(read_all(stories), key=lambda reading: reading.url)
    copy_of = originals(readings)
    side_by_side = window([r for r in readings if r.id not in copy_of], meaning)
    row = {reading.id: place for place, reading in enumerate(side_by_side.readings)}
    return side_by_side, {r.id: row[copy_of.get(r.id, r.id)] for r in readings}


def _pairs(side_by_side: Window) -> tuple[Array, Array]:
    rows = np.flatnonzero(~side_by_side.roundups)
    none = np.array([], dtype=np.int64)
    found = list(candidates(side_by_side, rows, none, WINDOW.total_seconds()))
    left, right = (np.concatenate([none, *(block[side] for block in found)]) for side in (0, 1))
    return left.astype(np.int64), right.astype(np.int64)


def thinned(full: Compared, share: float, random: np.random.Generator) -> Compared:
    """A part of a set: some of its stories, drawn at random, with their pairs."""
    kept = random.random(full.rows) < share
    new = np.cumsum(kept) - 1
    pairs = kept[full.left] & kept[full.right]
    lines = kept[full.place]
    return replace(
        full,
        rows=int(kept.sum()),
        left=new[full.left[pairs]],
        right=new[full.right[pairs]],
        found=full.found[pairs],
        place=new[full.place[lines]],
        gold=full.gold[lines],
        times=full.times[kept],
    )


def grouped(part: Compared, model: Model) -> Array:
    """For each labelled line the number of the group that its story falls into."""
    scores = model.scores(part.found)
    kept = scores >= TOO_WEAK
    left, right, scores = part.left[kept], part.right[kept], scores[kept]
    strong = scores >= model.threshold
    graph = sparse.coo_matrix(
        (np.ones(int(strong.sum())), (left[strong], right[strong])), shape=(part.rows, part.rows)
    )
    count, component = connected_components(graph, directed=False)
    inside = component[left] == component[right]
    left, right, scores = left[inside], right[inside], scores[inside]
    size = np.bincount(component, minlength=count)
    alike = np.bincount(component[left[scores >= model.threshold]], minlength=count)
    torn = alike < size * (size - 1) // 2  # may fall apart; the others stay whole
    group = component.astype(np.int64)
    used = count
    for some in _batches(np.flatnonzero(torn), size):
        chosen = np.zeros(count, dtype=bool)
        chosen[some] = True
        rows = np.flatnonzero(chosen[component])
        pairs = chosen[component[left]]
        ends = (np.searchsorted(rows, left[pairs]), np.searchsorted(rows, right[pairs]))
        group[rows] = used + _linked(len(rows), *ends, scores[pairs], model.threshold)
        used += len(rows) + 1
    placed: Array = group[part.place]
    return placed


def _batches(components: Array, size: Array) -> list[Array]:
    """Components that are linked at once: a call costs more than a few small ones."""
    if not len(components):
        return []
    total = np.cumsum(size[components])
    return np.split(components, np.flatnonzero(np.diff(total // AT_ONCE)) + 1)


def _linked(count: int, left: Array, right: Array, scores: Array, threshold: float) -> Array:
    """Average linkage as in linkage.py, over all pairs at once: here parts are small."""
    upper = np.ones(count * (count - 1) // 2)  # distances, of one half of the square
    low, high = np.minimum(left, right), np.maximum(left, right)
    upper[count * low - low * (low + 1) // 2 + high - low - 1] = 1.0 - scores
    tree = scipy_linkage(upper, "average")
    found: Array = fcluster(tree, 1.0 - threshold + 1e-9, "distance")
    return found


@dataclass(frozen=True)
class Practice:
    """Look-alikes in numbers: the signals of each pair, whether the two are one happening, and
    whether folding compares them at all; and pairs of stories of different look-alikes, which
    tell of the same kind of things, and never of one happening."""

    found: Array
    same: Array
    near: Array
    strangers: Array

    def verdicts(self, model: Model) -> Array:
        together: Array = self.near & (model.scores(self.found) >= model.threshold)
        return together


def practice(pairs: Sequence[LookAlike], embedder: Embedder | None = None) -> Practice:
    """Compare the stories of look-alikes."""
    stories = [story for pair in pairs for story in pair.stories]
    readings = list(read_all(replace(story, id=id_) for id_, story in enumerate(stories)))
    side_by_side = window(readings, _meaning(stories, embedder))
    left, right = _pairs(side_by_side)
    partners = left // 2 == right // 2
    near = np.zeros(len(pairs), dtype=bool)
    near[left[partners] // 2] = True
    first = 2 * np.arange(len(pairs))
    return Practice(
        found=values(side_by_side, first, first + 1).astype(np.float32),
        same=np.array([pair.same for pair in pairs]),
        near=near,
        strangers=values(side_by_side, left[~partners], right[~partners]).astype(np.float32),
    )


@dataclass(frozen=True)
class Aim:
    """What a training is after, and how hard."""

    look_alikes: float = 0.5  # a share as if they were so much of a set
    price: float = 0.02  # of a weight, in steps away from the start, on average over weights
    start: tuple[float, Mapping[str, float]] = START
    names: tuple[str, ...] = NAMES
    free: frozenset[str] = frozenset(NAMES[1:])


@dataclass(frozen=True)
class Yardstick:
    """What a model is worth."""

    sets: Sequence[Compared]
    pairs: Practice | None
    aim: Aim

    def worth(self, model: Model) -> float:
        """What is maximised: the mean over sets of B-cubed and pairwise F1, with a share for the
        look-alikes, less the price of the weights."""
        total = _reached(model, self.sets)
        if self.pairs is not None:
            total += self.aim.look_alikes / len(self.sets) * _told_apart(model, self.pairs)
        return total - _price(model, self.aim)


def _reached(model: Model, sets: Sequence[Compared]) -> float:
    figures = [agreement(part.gold.tolist(), grouped(part, model).tolist()) for part in sets]
    return float(np.mean([(each["bcubed_f1"] + each["pairwise_f1"]) / 2 for each in figures]))


def _told_apart(model: Model, pairs: Practice) -> float:
    """F of the verdicts, where a wrong one counts double (F0.5), less the share of strangers that
    would be put together."""
    verdicts = pairs.verdicts(model)
    right = float((verdicts & pairs.same).sum())
    f = 1.25 * right / max(1.0, float(verdicts.sum() + 0.25 * pairs.same.sum()))
    strangers = model.scores(pairs.strangers) >= model.threshold
    return f - float(strangers.mean())


def _price(model: Model, aim: Aim) -> float:
    at_start = start_model(aim)
    steps = np.array([abs(_step(name)) for name in aim.names[1:]])
    moved = np.abs(model.weights - at_start.weights)[1:] / steps
    return aim.price * float(moved.mean())


AIM = Aim()
WITH_MEANING = Aim(names=ALL_NAMES, free=AIM.free | {"meaning"})


def start_model(aim: Aim) -> Model:
    threshold, weights = aim.start
    return Model(np.array([weights.get(name, 0.0) for name in aim.names]), threshold)


def evolve(
    sets: Sequence[Compared],
    pairs: Practice | None,
    aim: Aim,
    *,
    steps: int,
    random: np.random.Generator,
    progress: Callable[[str], None] = lambda words: None,
) -> Model:
    """Change one to three of weights and threshold at a time; keep what is worth more."""
    yardstick = Yardstick(sets, pairs, aim)
    best = start_model(aim)
    reached = yardstick.worth(best)
    for step in range(steps):
        pace = 0.8 if step < steps / 2 else 0.35
        tried = _changed(best, aim, pace, random)
        found = yardstick.worth(tried)
        if found > reached + 1e-5:
            best, reached = tried, found
        if step % 100 == 99:
            progress(f"step {step + 1} of {steps}: {reached:.4f}")
    return best


def _step(name: str) -> float:
    return STEPS[name] if name in STEPS else STEPS_OF_MEANING[name]


def _changed(model: Model, aim: Aim, pace: float, random: np.random.Generator) -> Model:
    weights, threshold = model.weights.copy(), model.threshold
    places = [place for place, name in enumerate(aim.names) if name in aim.free]
    choices = np.array([*places, 0, 0])  # 0, the place of `words`, stands for the threshold
    for place in random.choice(choices, min(int(random.integers(1, 4)), len(choices)), False):
        if place == 0:
            threshold = float(np.clip(threshold + random.normal() * 0.02, 0.05, 0.6))
            continue
        step = _step(aim.names[place])
        weights[place] += random.normal() * abs(step) * pace
        if random.random() < 0.15:
            weights[place] = aim.start[1].get(aim.names[place], 0.0)
        weights[place] = max(weights[place], 0.0) if step > 0 else min(weights[place], 0.0)
    return Model(weights, threshold)


@dataclass(frozen=True)
class Calibration:
    """How likely a pair is one happening: 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float

    def likelihood(self, score: float) -> float:
        return 1 / (1 + math.exp(-(self.slope * score + self.intercept)))


def calibration(model: Model, sets: Sequence[Compared]) -> Calibration:
    """Fit the pairs of all sets that folding keeps, each set weighing the same."""
    scores, same, weights = [], [], []
    for part in sets:
        scored, is_same = _judged(model, part)
        scores.append(scored)
        same.append(is_same)
        weights.append(np.full(len(scored), 1 / max(1, len(scored))))
    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(
        np.concatenate(scores)[:, None],
        np.concatenate(same),
        sample_weight=np.concatenate(weights) * 1e4,
    )
    return Calibration(max(0.0, float(fitted.coef_[0, 0])), float(fitted.intercept_[0]))


def _judged(model: Model, part: Compared) -> tuple[Array, Array]:
    """The scores of labelled pairs, and whether each is one happening."""
    event = np.full(part.rows, -1)
    event[part.place[::-1]] = part.gold[::-1]  # the first line of a story counts
    scores = model.scores(part.found)
    kept = (scores >= TOO_WEAK) & (event[part.left] >= 0) & (event[part.right] >= 0)
    return scores[kept], event[part.left[kept]] == event[part.right[kept]]


@dataclass(frozen=True)
class Plan:
    """How a training goes: so many evolutions, each on a part of the stories of every set, and
    the mean of what they find."""

    runs: int = 4
    steps: int = 300
    share: float = 0.7  # of the stories of a set, drawn at random for each run
    most: int = 1000  # stories of a set in a run: bounds the time
    seed: int = 7


def train(
    sets: Sequence[Compared],
    pairs: Practice | None,
    aim: Aim,
    plan: Plan,
    progress: Callable[[str], None] = lambda words: None,
) -> Model:
    """From the start towards the mean of several evolutions, as far as these can be trusted: one
    alone fits its sets too closely, and so does their mean (docs/quality.md)."""
    found: list[Model] = []
    for run in range(plan.runs):
        random = np.random.default_rng([plan.seed, run])
        parts = [thinned(p, min(plan.share, plan.most / p.rows), random) for p in sets]
        found.append(
            evolve(
                parts,
                pairs,
                aim,
                steps=plan.steps,
                random=random,
                progress=_prefixed(progress, f"run {run + 1} of {plan.runs}, "),
            )
        )
    start = start_model(aim)
    weights = np.stack([model.weights for model in found]).mean(axis=0)
    threshold = float(np.mean([model.threshold for model in found]))
    weights = np.round(start.weights + TRUST * (weights - start.weights), 3)
    asked_for = np.isin(aim.names, list(STEPS_OF_MEANING))  # who names a model wants it to count
    weights[(np.abs(weights) < NEGLIGIBLE) & ~asked_for] = 0.0
    return Model(weights, round(start.threshold + TRUST * (threshold - start.threshold), 3))


def _prefixed(progress: Callable[[str], None], words: str) -> Callable[[str], None]:
    return lambda more: progress(words + more)


@dataclass(frozen=True)
class Material:
    """What there is to train with: the stories of each set, the same compared, look-alikes."""

    labelled: Mapping[str, Labelled]
    sets: Sequence[Compared]
    pairs: Practice | None


def material(
    data: Path,
    look_alikes: Path | None,
    names: Sequence[str] = SETS,
    embedder: Embedder | None = None,
) -> Material:
    """Read and compare all sets. Raises NewsfoldError for one that is not there."""
    now = utc_now()
    labelled = {
        name: read_labelled(data / "events" / f"{name}.jsonl.gz", now=now) for name in names
    }
    return Material(
        labelled=labelled,
        sets=[compared(name, each, embedder) for name, each in labelled.items()],
        pairs=practice(read_pairs(look_alikes), embedder) if look_alikes else None,
    )


def leave_one_out(
    given: Material, aim: Aim, plan: Plan, progress: Callable[[str], None]
) -> tuple[list[Row], list[Model]]:
    """Each set scored with weights of a training that never saw it, and these weights."""
    rows, models = [], []
    for held in given.sets:
        others = [part for part in given.sets if part is not held]
        told = _prefixed(progress, f"without {held.name}: ")
        model = train(others, given.pairs, aim, plan, told)
        rows.append(Row(held.name, "leave one out", scored(held, model)))
        models.append(model)
    return [*rows, Row("mean", "leave one out", mean([row.scores for row in rows]))], models


def scored(part: Compared, model: Model) -> Scores:
    """The scores of a set, as evaluate gives them."""
    return score(part.gold.tolist(), grouped(part, model).tolist(), np.random.default_rng(0))


def as_json(
    model: Model, told: Calibration, plan: Plan, sets: Sequence[str], embedding: str | None = None
) -> str:
    """The content of weights.json, or of weights_embedding.json."""
    command = "python -m pipeline.training" + (f" --embedding {embedding}" if embedding else "")
    content = {
        "about": "What each signal adds to the score of two stories; average linkage at the"
        " threshold makes events. docs/quality.md says how well, and what was looked at.",
        "made_by": {
            "command": command,
            "sets": list(sets),
            "plan": asdict(plan),
            "date": f"{utc_now():%Y-%m-%d}",
        },
        "threshold": model.threshold,
        "weights": dict(zip(ALL_NAMES, model.weights.tolist(), strict=False)),
        "calibration": {
            "about": "A pair of score s is one happening with the likelihood 1 / (1 + exp(-(slope"
            " * s + intercept))), fitted over pairs of the same sets (each weighing the same):"
            " for people to read, and too hopeful for other news. It decides nothing.",
            "slope": round(told.slope, 3),
            "intercept": round(told.intercept, 3),
        },
    }
    return json.dumps(content, indent=2) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    plan = Plan(seed=options.seed)
    embedder = load(options.embedding) if options.embedding else None
    aim = WITH_MEANING if embedder else AIM
    given = material(options.data, options.look_alikes, embedder=embedder)
    if options.leave_one_out:
        rows, models = leave_one_out(given, aim, plan, _say)
        told = [{"set": row.name, **asdict(row.scores)} for row in rows]
        weights = [_told(model) for model in models]
        if options.to:
            options.to.write_text(json.dumps({"rows": told, "models": weights}, indent=1) + "\n")
    else:
        model = train(given.sets, given.pairs, aim, plan, _say)
        told_apart = calibration(model, given.sets)
        target = options.to or Path(__file__).with_name(FILES[embedder is not None])
        content = as_json(model, told_apart, plan, SETS, options.embedding)
        target.write_text(content, "utf-8")
        rows = [Row(part.name, "in-sample", scored(part, model)) for part in given.sets]
        rows.append(Row("mean", "in-sample", mean([row.scores for row in rows])))
    rows += evaluate_with(reference, given.labelled) if options.reference else []
    print(tabulate([{"by": r.by, **summary(r.name, r.scores)} for r in rows], headers="keys"))


def evaluate_with(folded: Folder, labelled: Mapping[str, Labelled]) -> list[Row]:
    rows = [Row(name, "reference", each.score(folded)) for name, each in labelled.items()]
    return [*rows, Row("mean", "reference", mean([row.scores for row in rows]))]


def _told(model: Model) -> dict[str, float]:
    weights = {name: w for name, w in zip(ALL_NAMES, model.weights.tolist(), strict=False) if w}
    return {"threshold": model.threshold, **weights}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with events/*.jsonl.gz")
    parser.add_argument("--look-alikes", type=Path, default=PRACTICE, help="pairs to practise on")
    parser.add_argument("--embedding", help="a model, as in newsfold.toml")
    parser.add_argument("--leave-one-out", action="store_true", help="train without each set")
    parser.add_argument("--reference", action="store_true", help="its rows, too")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--to", type=Path, help="the file to write")
    return parser.parse_args(arguments)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
