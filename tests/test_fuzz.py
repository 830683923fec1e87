"""A small, seeded slice of the fuzz run (tests/benchmarks/fuzz.py), on our own documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import fuzz
from tests.benchmarks.fuzz import SHARES, Batch, OutOfBoundsError, batches, made_input, run_batch

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20261123
SLICE = {"feeds": 80, "sitemaps": 60, "sections": 60, "pages": 40, "urls": 300}


@pytest.fixture(autouse=True)
def own_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same inputs with and without the data sets."""
    monkeypatch.setenv("NEWSFOLD_DATA", str(tmp_path))
    fuzz._feeds.cache_clear()
    fuzz._pages.cache_clear()


@pytest.mark.parametrize("kind", SLICE)
def test_a_slice_does_no_harm(kind: str) -> None:
    outcomes, failures = run_batch(Batch(kind, SEED, 0, SLICE[kind]))
    assert failures == []
    assert outcomes.total() == SLICE[kind]
    assert len(outcomes) > 1  # some are spoilt, and some are still read


def test_an_input_comes_from_its_seed_alone() -> None:
    for kind in SHARES:
        made = [made_input(kind, SEED, 7) for _ in range(2)]
        assert made[0] == made[1] != made_input(kind, SEED, 8)


def test_a_run_reads_all_kinds_by_their_shares() -> None:
    total = dict.fromkeys(SHARES, 0)
    for batch in batches(10_000, SEED):
        total[batch.kind] += batch.count
    assert total == {kind: share * 100 for kind, share in SHARES.items()}


def test_harm_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(fuzz.READ, "urls", crash)  # type: ignore[arg-type]
    (failure,) = run_batch(Batch("urls", SEED, 3, 1))[1]
    assert (failure.kind, failure.index) == ("urls", 3)
    assert "ZeroDivisionError" in failure.what


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", "x" * 1001),
        ("title", "two\nlines"),
        ("text", "a bell \x07"),
        ("published", "2199-01-01T00:00:00Z"),
        ("published", "soon"),
        ("image", "javascript:alert(1)"),
    ],
)
def test_a_row_outside_its_bounds_is_seen(column: str, value: str) -> None:
    with pytest.raises(OutOfBoundsError):
        fuzz._look_at("stories", column, value, fuzz.BOUNDS["stories"])
