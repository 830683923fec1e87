"""What would have kept a story out: the fewest signals, and what is left without them."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kept_out import in_words, kept_out
from storage.models import Match, Signal

LIMIT = 0.22


def matched(*weights: float) -> Match:
    signals = tuple(Signal(f"s{i}", weight, f"reason {i}") for i, weight in enumerate(weights))
    return Match(1, 2, round(min(1.0, max(0.0, sum(weights))), 4), signals)


@pytest.mark.parametrize(
    ("weights", "without", "left"),
    [
        ((0.4, 0.02, -0.1), ["s0"], 0.0),
        ((0.1, 0.15, 0.02), ["s1"], 0.12),
        ((0.3, 0.3, 0.1), ["s0", "s1"], 0.1),
        ((1.0, 0.9), ["s0", "s1"], 0.0),  # what lies beyond 1 holds nothing
        ((0.25, -0.1), [], 0.15),  # others drew it in
    ],
)
def test_the_fewest_signals(weights: tuple[float, ...], without: list[str], left: float) -> None:
    found = kept_out(matched(*weights), LIMIT)
    assert [signal.name for signal in found.without] == without
    assert found.score == pytest.approx(left)


@given(st.lists(st.integers(-50, 100).map(lambda n: n / 100), min_size=1, max_size=6))
def test_no_fewer_would_do(weights: list[float]) -> None:
    match = matched(*weights)
    found = kept_out(match, LIMIT)
    assert found.score < LIMIT
    for fewer in range(len(found.without)):
        for chosen in combinations(range(len(weights)), fewer):
            left = sum(w for i, w in enumerate(weights) if i not in chosen)
            assert round(min(1.0, left), 4) >= LIMIT


def test_it_is_said_in_words() -> None:
    assert in_words(kept_out(matched(0.3, 0.3), LIMIT)) == (
        "kept out without: reason 0 and without: reason 1 (0.00, 0.22 is needed)"
    )
    assert in_words(kept_out(matched(0.1), LIMIT)) == "0.10 is below 0.22: other members drew it in"
