"""What holds for all tests: no time limit for an example of a property, since machines differ, and
long files before short ones, so that no worker is left alone with one in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from pipeline.fold_pass import fold_pass
from storage.database import create_or_open
from tests.browser import CHROMIUM, FLAGS
from tests.stories import MORNING, made_stories, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Those that mostly wait between those that mostly work.
LONG = (
    "test_run",
    "test_folding",
    "test_considerate",
    "test_archives",
    "test_crawl_ends",
    "test_demo",
    "test_robots",
    "test_site",
    "test_shared",
    "test_entries",
    "test_crawl_manners",
    "test_articles",
    "test_hostile_web",
    "test_cli",
    "test_prune",
    "test_extraction",
    "test_house",
    "test_faults",
    "test_extraction_quality",
    "test_web_browser",
    "test_events_quality",
    "test_summaries_quality",
    "test_scale",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of the made-up stories, folded: an event for each happening."""
    path = tmp_path / "news.db"
    db = create_or_open(path)
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    db.close()
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # most tests do without it

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def newsfold(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Call the command line; exit code, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        from pipeline.cli import main  # most tests do without it

        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
