"""Gold labels in, scores with intervals out.

Comes in: labelled stories. Goes out: how well fold() agrees with the labels: B-cubed (Bagga and
Baldwin, 1998), pairs, adjusted Rand (Hubert and Arabie, 1985), wrong merges apart from missed
ones, each with a bootstrap interval over gold events. It folds with the very function that a
pass uses; nothing here tunes anything. Pairs with a verdict are in look_alikes.py.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.folding import fold
from storage.database import in_memory
from storage.errors import NewsfoldError
from storage.files import read_rows, story_from_row
from storage.models import Source
from storage.sources import add_source
from storage.stories import save_story, waiting_stories

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from storage.files import Row as Line
    from storage.models import Story

    Array = np.ndarray[Any, Any]
    Folder = Callable[[Sequence[Story]], Iterable[Iterable[int]]]

RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles
COUNTS = ("stories", "gold_events", "found_events", "wrong_pairs", "missed_pairs")
FIGURES = (
    "bcubed_precision",
    "bcubed_recall",
    "bcubed_f1",
    "pairwise_precision",
    "pairwise_recall",
    "pairwise_f1",
    "adjusted_rand",
)


@dataclass(frozen=True, slots=True)
class Score:
    """A figure with the 95 % interval of its bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """How two ways to group the same stories agree. All but the counts are from 0 to 1
    (adjusted Rand can be below 0)."""

    stories: int
    gold_events: int
    found_events: int
    bcubed_precision: Score
    bcubed_recall: Score
    bcubed_f1: Score
    pairwise_precision: Score
    pairwise_recall: Score
    pairwise_f1: Score
    adjusted_rand: Score
    wrong_pairs: int  # put together, but not one happening
    missed_pairs: int  # one happening, but not put together


@dataclass(frozen=True, slots=True)
class Labelled:
    """Stories that are folded, and the labelled lines: the gold event and the story of each."""

    stories: list[Story]
    gold: list[str]
    story_ids: list[int]

    def score(self, folded: Folder, seed: int = 0) -> Scores:
        """How well a way to fold (stories to groups of their ids) agrees with the labels."""
        found = {id_: number for number, ids in enumerate(folded(self.stories)) for id_ in ids}
        random = np.random.default_rng(seed)
        return score(self.gold, [found[id_] for id_ in self.story_ids], random)


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one set, and what folded it."""

    name: str
    by: str
    scores: Scores


def evaluate_all(
    paths: Sequence[Path],
    *,
    now: datetime,
    seed: int = 0,
    ways: Mapping[str, Folder] | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> list[Row]:
    """Score each file with each way to fold (by its name; none given: as shipped); of several
    files also the mean."""
    chosen = ways or {"newsfold": as_shipped}
    rows: list[Row] = []
    for path in paths:
        progress(f"{path.name}: read")
        labelled = read_labelled(path, now=now)
        for by, folded in chosen.items():
            progress(f"{path.name}: fold {len(labelled.stories)} stories ({by})")
            rows.append(Row(path.name, by, labelled.score(folded, seed)))
    if len(paths) > 1:
        for by in chosen:
            rows.append(Row("mean", by, mean([row.scores for row in rows if row.by == by])))
    return rows


def evaluate(path: Path, *, now: datetime, seed: int = 0) -> Scores:
    """Fold the labelled stories of a file and score the result.

    Lines without an `event` are folded with the others but not scored. Raises NewsfoldError when
    no line has a label.
    """
    return evaluate_all([path], now=now, seed=seed)[0].scores


def as_shipped(stories: Sequence[Story]) -> list[list[int]]:
    """The groups of fold(), each as the ids of its stories."""
    return [sorted(group.story_ids) for group in fold(stories).groups]


def read_labelled(path: Path, *, now: datetime) -> Labelled:
    """The stories of a file with their labels. Raises NewsfoldError when no line has one."""
    db = in_memory()
    labels: list[tuple[str, str]] = []
    seen: set[str] = set()
    for line, row in read_rows(path):
        story = labelled_story(row, path, line)
        if story.url not in seen:  # as in an import: the first line of an address counts
            seen.add(story.url)
            add_source(db, Source(story.source_id, story.source_id, "", story.language, ""))
            save_story(db, story, now)
        if row.get("event"):
            labels.append((story.url, str(row["event"])))
    if not labels:
        raise NewsfoldError(
            f"{path}: no line has an event; give each labelled story a key like "
            '"event": "muse-spark-release"'
        )
    stories = waiting_stories(db)
    id_of = {story.url: story.id or 0 for story in stories}
    return Labelled(stories, [event for _, event in labels], [id_of[url] for url, _ in labels])


def labelled_story(row: Line, path: Path, line: int) -> Story:
    """The story of a row, its source its own where none is named."""
    story = story_from_row(row, path, line)
    if row.get("source"):
        return story
    return replace(story, source_id=story.url)  # nobody knows whose other stories it wrote


def with_bounds(figures: Sequence[float]) -> Score:
    """The first is the figure itself, the others are those of its resamples."""
    low, high = np.percentile(figures[1:], INTERVAL)
    return Score(round(figures[0], 4), round(float(low), 4), round(float(high), 4))


def agreement(gold: Sequence[Hashable], found: Sequence[Hashable]) -> dict[str, float]:
    """The figures of a grouping without their intervals: many a second."""
    return _figures(_count(gold, found), np.ones(len(gold)))


def score(
    gold: Sequence[Hashable], found: Sequence[Hashable], random: np.random.Generator
) -> Scores:
    """Scores of a grouping; `gold[i]` and `found[i]` name the groups of story i."""
    counted = _count(gold, found)
    drawn = _resample(counted, gold, random)
    values = _figures(counted, np.ones(len(gold)))
    spread = [_figures(counted, weights) for weights in drawn]
    scored = {
        name: with_bounds([value, *(sample[name] for sample in spread)])
        for name, value in values.items()
    }
    return Scores(
        stories=len(gold),
        gold_events=len(set(gold)),
        found_events=len(set(found)),
        wrong_pairs=int((counted.in_found - counted.in_both).sum() // 2),
        missed_pairs=int((counted.in_gold - counted.in_both).sum() // 2),
        **scored,
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """For each story: how many others are in its gold event, its found event, and both."""

    in_gold: Array
    in_found: Array
    in_both: Array


def _count(gold: Sequence[Hashable], found: Sequence[Hashable]) -> _Counted:
    golds, founds = Counter(gold), Counter(found)
    both = Counter(zip(gold, found, strict=True))
    return _Counted(
        np.array([golds[g] for g in gold]) - 1,
        np.array([founds[f] for f in found]) - 1,
        np.array([both[pair] for pair in zip(gold, found, strict=True)]) - 1,
    )


def _resample(
    counted: _Counted, gold: Sequence[Hashable], random: np.random.Generator
) -> list[Array]:
    """How often each story counts in each resample: whole gold events are drawn, since the
    stories of one event are not independent."""
    number = {event: position for position, event in enumerate(dict.fromkeys(gold))}
    event_of = np.array([number[event] for event in gold])
    return [
        np.bincount(random.integers(len(number), size=len(number)), minlength=len(number))[event_of]
        for _ in range(RESAMPLES)
    ]


def _figures(counted: _Counted, weights: Array) -> dict[str, float]:
    precision = float(np.average((counted.in_both + 1) / (counted.in_found + 1), weights=weights))
    recall = float(np.average((counted.in_both + 1) / (counted.in_gold + 1), weights=weights))
    both, found, gold = (
        float(part @ weights) / 2 for part in (counted.in_both, counted.in_found, counted.in_gold)
    )
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": _harmonic(precision, recall),
        "pairwise_precision": both / found if found else 1.0,
        "pairwise_recall": both / gold if gold else 1.0,
        "pairwise_f1": 2 * both / (found + gold) if found + gold else 1.0,
        "adjusted_rand": _adjusted_rand(both, found, gold, float(weights.sum())),
    }


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _adjusted_rand(both: float, found: float, gold: float, stories: float) -> float:
    pairs = stories * (stories - 1) / 2
    if not pairs:
        return 1.0
    expected = found * gold / pairs
    best = (found + gold) / 2
    return (both - expected) / (best - expected) if best != expected else 1.0


def mean(all_scores: Sequence[Scores]) -> Scores:
    """The mean over sets, each counting the same; counts are sums. The interval takes the sets
    as independent of each other."""
    counts: dict[str, Any] = {
        name: sum(getattr(each, name) for each in all_scores) for name in COUNTS
    }
    figures: dict[str, Any] = {
        name: _mean([getattr(each, name) for each in all_scores]) for name in FIGURES
    }
    return Scores(**counts, **figures)


def _mean(scores: Sequence[Score]) -> Score:
    value = sum(score.value for score in scores) / len(scores)
    below = math.hypot(*(score.value - score.low for score in scores)) / len(scores)
    above = math.hypot(*(score.high - score.value for score in scores)) / len(scores)
    return Score(round(value, 4), round(value - below, 4), round(value + above, 4))


def summary(name: str, scores: Scores) -> dict[str, object]:
    """One short row for a table; F1 with its interval."""
    return {
        "set": name.split(".")[0],
        "stories": scores.stories,
        "events": scores.gold_events,
        "found": scores.found_events,
        "B3 P": f"{scores.bcubed_precision.value:.3f}",
        "B3 R": f"{scores.bcubed_recall.value:.3f}",
        "B3 F1": with_interval(scores.bcubed_f1),
        "pair P": f"{scores.pairwise_precision.value:.3f}",
        "pair R": f"{scores.pairwise_recall.value:.3f}",
        "pair F1": with_interval(scores.pairwise_f1),
        "ARI": with_interval(scores.adjusted_rand),
        "wrong": scores.wrong_pairs,
        "missed": scores.missed_pairs,
    }


def with_interval(score: Score) -> str:
    """As printed in tables."""
    return f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})"
