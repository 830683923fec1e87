"""Pages are read no worse than they were: a sample of the labelled sets, held to floors.

The floors are in fixtures/extraction_floors.json; raising one is a commit with its figure. All
pages of the sets are read by benchmarks/extraction.py.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.extraction import READERS, data_folder, read_set, score

if TYPE_CHECKING:
    from benchmarks.extraction import Score

    from tests.benchmarks.peers.extractors import Reader

FLOORS = json.loads(
    (Path(__file__).parent / "fixtures" / "extraction_floors.json").read_text("utf-8")
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (data_folder() / "extraction").is_dir(), reason="no labelled pages here: NEWSFOLD_DATA"
    ),
]


OURS = replace(READERS["newsfold"], read=cache(READERS["newsfold"].read))
MADE = frozenset({"twin", "bare"})  # addresses that are read in further rounds
WITHOUT_MADE = replace(OURS, fields=OURS.fields - MADE)


def scored(name: str, reader: Reader, pages: int = 1) -> Score:
    """On the sample, or on every so many-th of its pages."""
    logging.disable(logging.CRITICAL)
    try:
        return score(name, read_set(name, every=pages * FLOORS["every"]), reader)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", sorted(FLOORS["sets"]))
def test_no_field_falls_below_its_floor(name: str) -> None:
    found = scored(name, WITHOUT_MADE)
    floors = FLOORS["sets"][name]
    assert set(floors) == set(found.shares)  # every field that the set has gold for has its floor
    low = [
        f"{field}: {found.shares[field]:.3f} is below {floor}"
        for field, floor in floors.items()
        if found.shares[field] < floor
    ]
    assert not low, f"{name}, {found.counts['text']} pages:\n" + "\n".join(low)


@pytest.mark.parametrize("name", sorted(FLOORS["sets"]))
def test_the_address_is_found_behind_twins_and_without_claims(name: str) -> None:
    floors = FLOORS["made addresses"]
    made = replace(OURS, fields=MADE | {"address"})
    found = score(name, read_set(name, every=floors["every"]), made)
    assert set(found.shares) >= MADE
    assert all(found.shares[field] >= floors[field] for field in MADE), found.shares


@pytest.mark.parametrize("name", sorted(FLOORS["sets"]))
def test_no_field_falls_behind_trafilatura_alone(name: str) -> None:
    alone = replace(READERS["trafilatura"], fields=READERS["trafilatura"].fields - MADE)
    own, other = (scored(name, reader, 2) for reader in (WITHOUT_MADE, alone))
    behind = [
        f"{field}: {own.shares[field]:.4f} against {share:.4f}"
        for field, share in other.shares.items()
        if own.shares[field] < share
    ]
    assert not behind, f"{name}:\n" + "\n".join(behind)
