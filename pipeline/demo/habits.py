"""How each source of the demo publishes: sources.toml joined with habits.toml.

In: the two files. Out: one `Habit` a source. It knows nothing of stories.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from storage.errors import NewsfoldError
from storage.models import Feed, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Habit:
    """How one source lists its stories, and what its pages look like."""

    source: Source
    feed: str
    page: str
    path: str
    tagline: str
    metadata: tuple[str, ...] = ()
    utc_offset: int = 0
    zone_name: str = "UTC"
    canonical: bool = True
    comments: bool = False
    full_text: bool = False
    charset: str = "utf-8"
    curly: bool = False
    forbidden: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        return urlsplit(self.source.home).netloc

    @property
    def zone(self) -> timezone:
        return timezone(timedelta(hours=self.utc_offset), self.zone_name)

    @property
    def feed_url(self) -> str:
        return self.source.feeds[0].url

    def url(self, path: str) -> str:
        return urljoin(self.source.home, path)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def _source(row: Mapping[str, Any]) -> Source:
    feeds = tuple(Feed(source_id=row["id"], **feed) for feed in row["feeds"])
    return Source(**{**row, "feeds": feeds})


def _habit(source: Source, row: Mapping[str, Any]) -> Habit:
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return Habit(source, **{**row, **lists})


@cache
def load_habits() -> dict[str, Habit]:
    """The habit of every source of the demo, by source id, in the order of sources.toml."""
    rows = _read("habits.toml")
    sources = [_source(row) for row in _read("sources.toml")["source"]]
    if unlike := {source.id for source in sources} ^ rows.keys():
        raise NewsfoldError(f"sources.toml and habits.toml differ in: {', '.join(sorted(unlike))}")
    return {source.id: _habit(source, rows[source.id]) for source in sources}
