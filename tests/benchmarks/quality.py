"""How good the events are: ours, trained without the set, and the reference, in one run.

    python -m tests.benchmarks.quality                  the tables of docs/quality.md
    python -m tests.benchmarks.quality --errors         where the wrong and missed pairs come from
    python -m tests.benchmarks.quality --pair-models    what was tried instead, and refused
    python -m tests.benchmarks.quality --trade          look-alikes against the six sets

Comes in: the labelled sets (--data, or NEWSFOLD_DATA). Goes out: tables. The rows "leave one out"
come from leave_one_out.json beside this file, which is made by

    python -m pipeline.training --leave-one-out --to tests/benchmarks/leave_one_out.json

"in-sample" are the shipped weights, trained on these very sets: no promise for other news.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from tabulate import tabulate

from pipeline.evaluate import (
    FIGURES,
    Row,
    Score,
    Scores,
    agreement,
    as_shipped,
    evaluate_all,
    summary,
)
from pipeline.folding import WINDOW
from pipeline.look_alikes import evaluate_pairs, pair_summary, read_pairs
from pipeline.reference import reference
from pipeline.signals import NAMES
from pipeline.training import (
    AIM,
    DATA,
    PRACTICE,
    SETS,
    Compared,
    Model,
    Plan,
    grouped,
    material,
    practice,
    scored,
    thinned,
    train,
)
from pipeline.weights import same_event, shipped_weights
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Array = np.ndarray[Any, Any]

LEFT_OUT = Path(__file__).with_name("leave_one_out.json")
TEST = PRACTICE.with_name("test.jsonl")
MOST_PAIRS = 10_000  # of a set, for models of pairs
PAIR_MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: LogisticRegression(max_iter=300),
    "boosting": lambda: HistGradientBoostingClassifier(
        max_iter=120, max_leaf_nodes=12, min_samples_leaf=200, random_state=0
    ),
}
PAIR_WAYS = (("logistic", "probability"), ("logistic", "log-odds"), ("boosting", "probability"))
SHORT = Plan(runs=2, steps=200)  # of the trainings of --trade
SHARES = (0.0, 0.5, 3.0, 10.0, 40.0)  # of the look-alikes in what a training aims at


def shipped() -> Model:
    weights = shipped_weights()
    return Model(np.array([weights[name] for name in NAMES]), same_event())


def left_out() -> list[Row]:
    """The stored rows of the last leave-one-out training."""
    told = json.loads(LEFT_OUT.read_text("utf-8"))["rows"] if LEFT_OUT.exists() else []
    return [Row(row.pop("set"), "leave one out", _scores(row)) for row in told]


def _scores(told: dict[str, Any]) -> Scores:
    read: dict[str, Any] = {k: Score(**v) if k in FIGURES else v for k, v in told.items()}
    return Scores(**read)


def errors(part: Compared, model: Model) -> dict[str, object]:
    """Pairs of stories (each address once, copies with their originals), by what went wrong."""
    rows, first = np.unique(part.place, return_index=True)
    gold, found = part.gold[first], grouped(part, model)[first]
    scores = np.full((part.rows, part.rows), -1.0, dtype=np.float32)  # -1: never compared
    scores[part.left, part.right] = model.scores(part.found)
    scores = np.maximum(scores, scores.T)[np.ix_(rows, rows)]
    upper = np.triu(np.ones(scores.shape, dtype=bool), 1)
    same, together = gold[:, None] == gold[None], found[:, None] == found[None]
    missed, wrong = upper & same & ~together, upper & ~same & together
    times = part.times[rows]
    far = np.abs(times[:, None] - times[None]) > WINDOW.total_seconds()
    alike = scores >= model.threshold
    kinds = {
        "missed: over 4 days apart": missed & far,
        "missed: never compared": missed & ~far & (scores < 0),
        "missed: score under threshold": missed & ~far & (scores >= 0) & ~alike,
        "missed: alike, kept apart": missed & alike,
        "wrong: alike": wrong & alike,
        "wrong: drawn in by others": wrong & ~alike,
    }
    return {"set": part.name, **{kind: int(which.sum()) for kind, which in kinds.items()}}


def trade(data: Path) -> Iterator[dict[str, object]]:
    """What more weight for the look-alikes does to the six sets, and to look-alikes not seen."""
    given = material(data, PRACTICE)
    unseen = practice(read_pairs(TEST))
    for share in SHARES:
        model = train(given.sets, given.pairs, replace(AIM, look_alikes=share), SHORT)
        reached = [scored(part, model) for part in given.sets]
        yield {
            "share": share,
            "B3 F1": f"{np.mean([each.bcubed_f1.value for each in reached]):.3f}",
            "pair F1": f"{np.mean([each.pairwise_f1.value for each in reached]):.3f}",
            "practice P/R/F1": _verdicts(given.pairs, model),
            "test P/R/F1": _verdicts(unseen, model),
        }


def _verdicts(pairs: Any, model: Model) -> str:
    together = pairs.verdicts(model)
    right, found, gold = (int(v.sum()) for v in (together & pairs.same, together, pairs.same))
    return f"{right / max(1, found):.2f}/{right / gold:.2f}/{2 * right / (found + gold):.2f}"


def tables(data: Path) -> None:
    paths = [data / "events" / f"{name}.jsonl.gz" for name in SETS]
    ways = {"in-sample": as_shipped, "reference": reference}
    rows = left_out() + evaluate_all(paths, now=utc_now(), ways=ways)
    _print([{"by": row.by, **summary(row.name, row.scores)} for row in rows])
    for path in (PRACTICE, TEST):
        _print([pair_summary(path.name, scores) for scores in evaluate_pairs(path)])


def pair_models(data: Path) -> Iterator[dict[str, object]]:
    """What was tried and refused: a model of pairs, trained without the set, and average linkage
    on its probability or its log-odds, at the threshold that is best for the other sets."""
    sets = material(data, None).sets
    for name, link in PAIR_WAYS:
        found = [_pair_model(part, sets, PAIR_MODELS[name], link) for part in sets]
        told = {part.name: f"{b:.3f} / {p:.3f}" for part, (b, p) in zip(sets, found, strict=True)}
        means = np.mean(found, axis=0)
        row: dict[str, object] = {
            "model": f"{name}, {link}",
            **told,
            "mean": f"{means[0]:.3f} / {means[1]:.3f}",
        }
        print(row, file=sys.stderr, flush=True)
        yield row


def _pair_model(
    held: Compared, sets: Sequence[Compared], make: Callable[[], Any], link: str
) -> tuple[float, float]:
    others = [part for part in sets if part is not held]
    found, same, weights = zip(*map(_pairs_of, others), strict=True)
    fitted = make()
    step = {"sample_weight": np.concatenate(weights)}
    fitted.fit(np.concatenate(found), np.concatenate(same), **step)
    parts = [thinned(p, min(1.0, 700 / p.rows), np.random.default_rng(0)) for p in others]
    seen = [_by_odds(part, fitted.decision_function(part.found), link) for part in parts]
    reached = [
        (sum(sum(_reached(part, threshold)) for part in seen), threshold)
        for threshold in (0.35, 0.45, 0.55, 0.65, 0.75)
    ]
    return _reached(_by_odds(held, fitted.decision_function(held.found), link), max(reached)[1])


def _by_odds(part: Compared, odds: Array, link: str) -> Compared:
    """The set with one signal: the odds as a score from 0 to 1, since what is not compared
    counts as 0."""
    scores = 1 / (1 + np.exp(-odds)) if link == "probability" else np.clip((odds + 6) / 12, 0, 1)
    return replace(part, found=scores[:, None].astype(np.float32))


def _reached(part: Compared, threshold: float) -> tuple[float, float]:
    figures = agreement(part.gold.tolist(), grouped(part, Model(np.ones(1), threshold)).tolist())
    return figures["bcubed_f1"], figures["pairwise_f1"]


def _pairs_of(part: Compared) -> tuple[Array, Array, Array]:
    """Pairs of a set, at most so many; both verdicts weigh the same in each set."""
    event = np.zeros(part.rows, dtype=np.int64)
    event[part.place] = part.gold
    chosen = np.random.default_rng(0).permutation(len(part.left))[:MOST_PAIRS]
    same = event[part.left[chosen]] == event[part.right[chosen]]
    weights = np.where(same, 1 / max(1, same.sum()), 1 / max(1, (~same).sum()))
    return part.found[chosen], same, weights * 1e4


def _print(rows: Sequence[dict[str, object]]) -> None:
    print(tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True), end="\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--pair-models", action="store_true")
    parser.add_argument("--trade", action="store_true")
    options = parser.parse_args()
    if options.errors:
        model = shipped()
        _print([errors(part, model) for part in material(options.data, None).sets])
    elif options.pair_models:
        _print(list(pair_models(options.data)))
    elif options.trade:
        _print(list(trade(options.data)))
    else:
        tables(options.data)


if __name__ == "__main__":
    main()
