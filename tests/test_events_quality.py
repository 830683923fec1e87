"""The quality of events on labelled sets does not fall below what it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluate import evaluate, read_labelled, score
from pipeline.fold_pass import fold_pass
from storage.database import in_memory
from tests.stories import MORNING, stored

DATA = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
FLOORS = json.loads((Path(__file__).parent / "fixtures" / "event_floors.json").read_text("utf-8"))


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in FLOORS if name not in ("about", "look_alikes")])
def test_no_set_falls_below_its_floor(name: str) -> None:
    path = DATA / "events" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no labelled stories at {path.parent}")
    scores = evaluate(path, now=MORNING)
    for figure, floor in FLOORS[name].items():
        assert getattr(scores, figure).value >= floor


@pytest.mark.long
def test_passes_find_nearly_the_same_events_as_one_batch() -> None:
    path = DATA / "events" / "gnews.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no labelled stories at {path.parent}")
    labelled = read_labelled(path, now=MORNING)
    in_time = sorted(labelled.stories, key=lambda story: story.appeared)
    db = in_memory()
    for start in range(0, len(in_time), 60):
        stored(db, in_time[start : start + 60])
        fold_pass(db, now=lambda: MORNING)
    event_of = dict(
        db.execute("SELECT url, event_id FROM event_stories JOIN stories ON id = story_id")
    )
    url_of = {story.id: story.url for story in labelled.stories}
    streamed = score(
        labelled.gold,
        [event_of[url_of[id_]] for id_ in labelled.story_ids],
        np.random.default_rng(0),
    )
    batch = evaluate(path, now=MORNING)
    assert abs(streamed.bcubed_f1.value - batch.bcubed_f1.value) <= 0.01
