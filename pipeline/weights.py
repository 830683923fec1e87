"""The trained weights: what each signal adds to a score, and the score that makes an event.

Comes in: the files that training.py makes. Goes out: numbers. It imports nothing heavy: who only
wants to know a threshold need not load what compares stories.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

MEANING_NAMES = ("meaning", "other_language")  # signals that only stories with vectors have
FILES = {False: "weights.json", True: "weights_embedding.json"}  # without vectors, and with them


def shipped_weights(embedded: bool = False) -> dict[str, float]:
    """What each signal adds to a score; `embedded`: where the stories have vectors."""
    weights: dict[str, float] = _model(embedded)["weights"]
    return weights


def same_event(embedded: bool = False) -> float:
    """The threshold: an event's stories are alike by this much on average."""
    threshold: float = _model(embedded)["threshold"]
    return threshold


@cache
def _model(embedded: bool) -> dict[str, Any]:
    text = resources.files("pipeline").joinpath(FILES[embedded]).read_text("utf-8")
    model: dict[str, Any] = json.loads(text)
    return model
