"""What would have kept a story out of its event.

Comes in: the stored match through which it came in, and the threshold. Goes out: the fewest
signals without which the score falls below the threshold. Pure: nothing is compared again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.models import Match, Signal


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Without these signals the score would be `score`, below the threshold. None of them: the
    match lies below it as it is, and other members drew the story in."""

    without: tuple[Signal, ...]
    score: float
    threshold: float


def kept_out(match: Match, threshold: float) -> KeptOut:
    """The fewest signals that the story hangs on; of equally few, those that weigh most."""
    score = match.score
    weight = sum(signal.weight for signal in match.signals)  # beyond 1 a score does not grow
    without: list[Signal] = []
    agreeing = sorted((s for s in match.signals if s.weight > 0), key=lambda s: -s.weight)
    for signal in agreeing:
        if score < threshold:
            break
        without.append(signal)
        weight -= signal.weight
        score = round(min(max(weight, 0.0), 1.0), 4)
    return KeptOut(tuple(without), score, threshold)


def in_words(kept: KeptOut) -> str:
    """The same for people."""
    if not kept.without:
        return f"{kept.score:.2f} is below {kept.threshold:.2f}: other members drew it in"
    said = " and without: ".join(signal.words for signal in kept.without)
    return f"kept out without: {said} ({kept.score:.2f}, {kept.threshold:.2f} is needed)"
