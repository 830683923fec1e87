"""TL;DRs come nearer to what people wrote than lead-3 and LexRank do, on labelled events.

All events are scored by benchmarks/summaries.py; here is every second one of the sets whose
reports are whole texts. The floors are in fixtures/enrich/floors.json.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.summaries import MEASURES, WAYS, data, held_out_leads, scored

FLOORS = json.loads(
    (Path(__file__).parent / "fixtures" / "enrich" / "floors.json").read_text("utf-8")
)["summaries"]


@pytest.mark.long
def test_tldrs_stay_ahead_of_lead_3_and_lexrank() -> None:
    pytest.importorskip("rouge_score")
    if not (data() / "events").is_dir():
        pytest.skip("no labelled events here: NEWSFOLD_DATA")
    cases = [case for name in FLOORS["sets"] for case in islice(held_out_leads(name), 0, None, 2)]
    means = {way: np.mean(scored(cases, way), axis=0) for way in WAYS}
    for at, measure in enumerate(MEASURES):
        assert means["newsfold"][at] >= FLOORS[measure], measure
        assert means["newsfold"][at] > max(means["lead-3"][at], means["LexRank"][at]), measure
