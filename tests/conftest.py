"""What holds for all tests: no time limit for an example of a property, since machines differ, and
long files before short ones, so that no worker is left alone with one in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

LONG = (
    "test_extraction_quality",
    "test_demo",
    "test_run",
    "test_house",
    "test_events_quality",
    "test_package",
    "test_considerate",
    "test_faults",
    "test_crawl_ends",
    "test_entries",
    "test_extraction",
    "test_look_alikes",
    "test_folding",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))
