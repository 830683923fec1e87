"""Pairs of stories that look alike, or do not: does folding tell them apart?

Comes in: lines with two stories and whether they tell of one happening. Goes out: for each kind
of pair, how often fold([a, b]) puts the two together, and rightly, with bootstrap intervals over
pairs. Nothing here tunes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.evaluate import RESAMPLES, Score, labelled_story, with_bounds, with_interval
from pipeline.folding import fold
from storage.errors import NewsfoldError
from storage.files import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from storage.files import Row as Line
    from storage.models import Story

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Two stories that look like one happening, or do not, and whether they are one."""

    kind: str
    same: bool
    stories: tuple[Story, Story]


@dataclass(frozen=True, slots=True)
class PairScores:
    """How the verdicts on pairs of one kind agree with the labels. Kinds whose pairs are all two
    happenings have no recall, and the other way round: what is wrong says it for them."""

    kind: str
    pairs: int
    same: int
    precision: Score
    recall: Score
    f1: Score
    wrong: int  # put together, but not one happening
    missed: int  # one happening, but not put together


def has_pairs(path: Path) -> bool:
    """Whether the lines of a file are pairs of stories, by its first line."""
    first = next(read_rows(path), None)
    return first is not None and {"a", "b", "same"} <= first[1].keys()


def read_pairs(path: Path) -> list[LookAlike]:
    """The pairs of a file: lines with `a` and `b`, stories, and `same`, true or false."""
    return [_pair(row, path, line) for line, row in read_rows(path)]


def _pair(row: Line, path: Path, line: int) -> LookAlike:
    is_pair = isinstance(row.get("a"), dict) and isinstance(row.get("b"), dict)
    if not is_pair or not isinstance(row.get("same"), bool):
        raise NewsfoldError(
            f"{path}:{line}: no pair; a line has two stories, a and b, and same: true or false"
        )
    left, right = (
        replace(labelled_story(row[side], path, line), id=id_)
        for id_, side in enumerate("ab", start=1)
    )
    return LookAlike(str(row.get("kind") or "any"), row["same"], (left, right))


def evaluate_pairs(path: Path, *, seed: int = 0) -> list[PairScores]:
    """Fold each pair by itself: are the two put together? Scores by kind, and of all in the end."""
    told = read_pairs(path)
    together = [len(fold(pair.stories).groups) == 1 for pair in told]
    return score_pairs(told, together, np.random.default_rng(seed))


def score_pairs(
    told: Sequence[LookAlike], together: Sequence[bool], random: np.random.Generator
) -> list[PairScores]:
    """Scores of verdicts, `together[i]` on `told[i]`, by kind; the last is of all."""
    same = np.array([pair.same for pair in told])
    verdicts = np.array(together)
    kinds = np.array([pair.kind for pair in told])
    chosen = [(kind, kinds == kind) for kind in dict.fromkeys(kinds.tolist())]
    chosen.append(("all", np.ones(len(told), dtype=bool)))
    return [_pair_scores(kind, same[of], verdicts[of], random) for kind, of in chosen]


def _pair_scores(
    kind: str, same: Array, together: Array, random: np.random.Generator
) -> PairScores:
    draws = random.integers(len(same), size=(RESAMPLES, len(same)))
    figures = [_verdicts(same, together), *(_verdicts(same[d], together[d]) for d in draws)]
    precision, recall, f1 = (with_bounds(part) for part in zip(*figures, strict=True))
    return PairScores(
        kind=kind,
        pairs=len(same),
        same=int(same.sum()),
        precision=precision,
        recall=recall,
        f1=f1,
        wrong=int((together & ~same).sum()),
        missed=int((same & ~together).sum()),
    )


def _verdicts(same: Array, together: Array) -> tuple[float, float, float]:
    both = float((same & together).sum())
    found, gold = float(together.sum()), float(same.sum())
    f1 = 2 * both / (found + gold) if found + gold else 1.0
    return both / found if found else 1.0, both / gold if gold else 1.0, f1


def pair_summary(name: str, scores: PairScores) -> dict[str, object]:
    """One short row for a table, with intervals."""
    return {
        "set": name.split(".")[0],
        "kind": scores.kind,
        "pairs": scores.pairs,
        "same": scores.same,
        "P": with_interval(scores.precision),
        "R": with_interval(scores.recall),
        "F1": with_interval(scores.f1),
        "wrong": scores.wrong,
        "missed": scores.missed,
    }
