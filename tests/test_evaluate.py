"""Scores: the known answers of the literature's definitions, and their bounds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import pair_confusion_matrix

from pipeline.cli import cli
from pipeline.evaluate import evaluate, evaluate_all, mean, score
from storage.errors import NewsfoldError
from tests.stories import MORNING, made_stories

if TYPE_CHECKING:
    from pathlib import Path

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30)


def scored(gold: list[object], found: list[object]) -> dict[str, float]:
    scores = score(gold, found, np.random.default_rng(0))  # type: ignore[arg-type]
    return {
        name: getattr(scores, name).value
        for name in ("bcubed_precision", "bcubed_recall", "pairwise_f1", "adjusted_rand")
    }


def test_the_example_of_bagga_and_baldwin() -> None:
    """Their figure: 1-5, 6-7, 8-12 in truth; 1-5 and 6-12 as answered."""
    gold = [1] * 5 + [2] * 2 + [3] * 5
    found = [1] * 5 + [2] * 7
    got = scored(list(gold), list(found))
    assert got["bcubed_precision"] == pytest.approx(0.7619, abs=1e-4)
    assert got["bcubed_recall"] == 1


@pytest.mark.long
@given(LABELS)
@settings(max_examples=30, deadline=None)
def test_agrees_with_scikit_learn(labels: list[tuple[int, int]]) -> None:
    gold, found = (list(part) for part in zip(*labels, strict=True))
    got = scored(list(gold), list(found))
    assert got["adjusted_rand"] == pytest.approx(adjusted_rand_score(gold, found), abs=1e-4)
    (_, wrong), (missed, right) = pair_confusion_matrix(gold, found)
    expected = 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1
    assert got["pairwise_f1"] == pytest.approx(expected, abs=1e-4)


@given(LABELS)
@settings(max_examples=20, deadline=None)
def test_intervals_hold_and_a_perfect_answer_is_one(labels: list[tuple[int, int]]) -> None:
    gold = [label for label, _ in labels]
    perfect = score(gold, [f"e{label}" for label in gold], np.random.default_rng(0))
    for name in ("bcubed_f1", "pairwise_f1", "adjusted_rand"):
        figure = getattr(perfect, name)
        assert (figure.low, figure.value, figure.high) == (1, 1, 1)
    assert (perfect.wrong_pairs, perfect.missed_pairs) == (0, 0)


def test_a_labelled_file(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    rows = [
        {
            "url": each.url,
            "title": each.title,
            "text": each.text,
            "published": "2026-04-08T09:00:00Z",
            "event": each.url.rsplit("/", 1)[1],
        }
        for each in made_stories()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    scores = evaluate(path, now=MORNING)
    assert (scores.stories, scores.gold_events, scores.found_events) == (8, 4, 4)
    assert scores.bcubed_f1.value == 1
    assert evaluate(path, now=MORNING) == scores


def gold_file(path: Path) -> Path:
    rows = [
        {"url": each.url, "title": each.title, "text": each.text, "event": each.url[-3:]}
        for each in made_stories()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_several_files_have_a_mean(tmp_path: Path) -> None:
    paths = [gold_file(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    said: list[str] = []
    one, two, both = evaluate_all(paths, now=MORNING, progress=said.append)
    assert (one.name, two.name, both.name) == ("one.jsonl", "two.jsonl", "mean")
    assert both.scores.stories == one.scores.stories + two.scores.stories
    assert both.scores.bcubed_f1.value == pytest.approx(one.scores.bcubed_f1.value)
    assert said[0] == "one.jsonl: read"


def test_the_mean_is_surer_than_its_parts() -> None:
    gold, found = [1, 1, 2, 2, 3, 3], [1, 1, 2, 3, 3, 3]
    once = score(gold, found, np.random.default_rng(0))
    figure, of_four = once.bcubed_f1, mean([once] * 4).bcubed_f1
    assert of_four.value == figure.value
    assert figure.value - of_four.low == pytest.approx((figure.value - figure.low) / 2, abs=1e-3)


def test_the_reference_stands_beside(tmp_path: Path) -> None:
    path = gold_file(tmp_path / "gold.jsonl")
    answer = CliRunner().invoke(cli, ["evaluate", str(path), "--reference"])
    rows = json.loads(answer.stdout)
    assert [(row["set"], row["by"]) for row in rows] == [
        ("gold.jsonl", "newsfold"),
        ("gold.jsonl", "reference"),
    ]
    assert "read" in answer.stderr


def test_a_file_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text('{"url": "https://a.example/", "title": "x"}\n', "utf-8")
    with pytest.raises(NewsfoldError, match="no line has an event"):
        evaluate(path, now=MORNING)
