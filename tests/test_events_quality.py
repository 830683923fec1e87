"""The quality of events on labelled sets does not fall below what it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.evaluate import evaluate
from tests.stories import MORNING

DATA = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
FLOORS = json.loads((Path(__file__).parent / "fixtures" / "event_floors.json").read_text("utf-8"))


@pytest.mark.parametrize("name", [name for name in FLOORS if name not in ("about", "look_alikes")])
def test_no_set_falls_below_its_floor(name: str) -> None:
    path = DATA / "events" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no labelled stories at {path.parent}")
    scores = evaluate(path, now=MORNING)
    for figure, floor in FLOORS[name].items():
        assert getattr(scores, figure).value >= floor
