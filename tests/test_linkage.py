"""Average linkage: the same as trying all pairs, whatever the numbering's scores."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.linkage import groups as linked

SCORES = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]),
    st.integers(1, 100).map(lambda percent: percent / 100),
)


def by_trying_all(
    count: int, scores: dict[tuple[int, int], float], threshold: float
) -> list[list[int]]:
    """The method as the textbook has it: join the two most alike groups, again and again."""
    found = [[position] for position in range(count)]
    while True:
        best = max(
            (
                (_mean(left, right, scores), -left[0], -right[0], left, right)
                for left, right in combinations(found, 2)
            ),
            default=None,
            key=lambda entry: entry[:3],
        )
        if best is None or best[0] < threshold:
            return sorted(sorted(group) for group in found)
        found = [group for group in found if group not in (best[3], best[4])]
        found.append(sorted(best[3] + best[4]))
        found.sort()


def _mean(left: list[int], right: list[int], scores: dict[tuple[int, int], float]) -> float:
    total = sum(scores.get((min(a, b), max(a, b)), 0.0) for a in left for b in right)
    return round(total / (len(left) * len(right)), 12)


def groups(count: int, pairs: list[tuple[int, int, float]], threshold: float) -> list[list[int]]:
    left, right = (np.array([pair[side] for pair in pairs], dtype=int) for side in (0, 1))
    return linked(count, left, right, np.array([score for _, _, score in pairs]), threshold)


# Thresholds that no mean of so few scores meets: at a tie, rounding would decide.
@given(SCORES, st.sampled_from([0.20013, 0.35017, 0.50019, 0.80011]))
def test_joins_what_is_alike_on_average(
    scores: dict[tuple[int, int], float], threshold: float
) -> None:
    found = groups(8, [(a, b, score) for (a, b), score in scores.items()], threshold)
    assert sorted(member for group in found for member in group) == list(range(8))
    for left, right in combinations(found, 2):
        assert _mean(left, right, scores) < threshold + 1e-9
    # Equal means may be joined in another order where rounding decides; without ties they agree.
    if len(set(scores.values())) == len(scores) and _no_ties(scores):
        assert found == by_trying_all(8, scores, threshold)


def _no_ties(scores: dict[tuple[int, int], float]) -> bool:
    sums = [sum(pair) for size in (1, 2, 3) for pair in combinations(scores.values(), size)]
    return len({round(total, 9) for total in sums}) == len(sums)


def test_a_chain_is_not_one_group() -> None:
    chain = [(0, 1, 0.5), (1, 2, 0.5), (2, 3, 0.5)]
    assert groups(4, chain, 0.4) == [[0, 1], [2, 3]]


def test_nothing_alike() -> None:
    assert groups(3, [], 0.1) == [[0], [1], [2]]
    assert groups(0, [], 0.1) == []
