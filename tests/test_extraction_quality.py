"""Pages are read no worse than they were: a sample of the labelled sets, held to floors.

The floors are in fixtures/extraction_floors.json; raising one is a commit with its figure. All
pages of the sets are read by benchmarks/extraction.py.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from benchmarks.extraction import READERS, data_folder, ours, read_set, score

FLOORS = json.loads(
    (Path(__file__).parent / "fixtures" / "extraction_floors.json").read_text("utf-8")
)

pytestmark = pytest.mark.skipif(
    not (data_folder() / "extraction").is_dir(), reason="no labelled pages here: NEWSFOLD_DATA"
)


@pytest.mark.parametrize("name", sorted(FLOORS["sets"]))
def test_no_field_falls_below_its_floor(name: str) -> None:
    pages = read_set(name, every=FLOORS["every"])
    shares = score(pages, ours).shares
    low = [
        f"{field}: {shares[field]:.3f} is below {floor}"
        for field, floor in FLOORS["sets"][name].items()
        if shares[field] < floor
    ]
    assert not low, f"{name}, {len(pages)} pages:\n" + "\n".join(low)


def test_text_is_level_with_trafilatura_alone() -> None:
    logging.disable(logging.CRITICAL)
    try:
        pages = [page for name in FLOORS["sets"] for page in read_set(name, every=12)]
        own, other = (score(pages, read).shares["text"] for read in READERS.values())
    finally:
        logging.disable(logging.NOTSET)
    assert own >= other - FLOORS["below_trafilatura"]
