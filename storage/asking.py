"""Which events and stories are asked for, and their rows.

Comes in: a Filter. Goes out: rows of events or of stories, one by one. Each way of asking walks an
index in the order that is asked for, or looks at the few rows that another one names; a plain
question never sorts a million.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from storage.errors import WRONG_CALL, NewsfoldError
from storage.rows import marks
from storage.search import MOST_RANKED, search_for, snippets
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlite_utils import Database

    from storage.search import Search

FEW = 5_000  # rows; so many are looked up and sorted within some milliseconds
LIKE_IT = 5  # names that are proposed for one that is not there

EVENT_COLUMNS = (
    "id",
    "first_published",
    "last_published",
    "category",
    "title",
    "tldr",
    "first_source",
    "story_count",
    "source_count",
    "independent_count",
    "comments",
    "language",
    "headline_story",
    "category_because",
    "updated_at",
)
STORY_COLUMNS = (
    "id",
    "url",
    "source_id",
    "title",
    "published",
    "published_precision",
    "first_seen",
    "language",
    "event_id",
    "role",
    "copy_of",
    "comments",
)
_TIME = "coalesce(s.published, s.first_seen)"
_ORDERS = {
    (
        "events",
        "rank",
    ): "e.independent_count DESC, e.source_count DESC, e.last_published DESC, e.id",
    ("events", "latest"): "e.last_published DESC, e.id DESC",
    ("events", "oldest"): "e.last_published, e.id",
    ("events", "relevance"): "r.rank, e.id DESC",
    ("stories", "latest"): f"{_TIME} DESC, s.id DESC",
    ("stories", "oldest"): f"{_TIME}, s.id",
    ("stories", "relevance"): "r.rank, s.id DESC",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; what is left out does not restrict. `until` is not included."""

    since: datetime | None = None
    until: datetime | None = None
    category: str | None = None
    source: str | None = None
    name: str | None = None
    search: str | None = None
    min_sources: int = 1
    language: str | None = None
    sort: str | None = None
    everything: bool = False  # also what an analyst has called no event


@dataclass(slots=True)
class _Query:
    """The parts of a statement: conditions with their parameters."""

    conditions: list[str]
    parameters: list[object]

    def add(self, condition: str, *parameters: object) -> None:
        self.conditions.append(condition)
        self.parameters += parameters

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions) or "1"


def check_filter(db: Database, wanted: Filter) -> Filter:
    """The same with category and name spelled as they are stored. Raises NewsfoldError for one, or
    a source, that is not there: nothing found should mean that nothing happened."""
    if wanted.sort == "relevance" and wanted.search is None:
        raise NewsfoldError(
            "only what a search finds has a relevance; add --search WORDS, or sort otherwise",
            WRONG_CALL,
        )
    if wanted.source is not None:
        _check_source(db, wanted.source)
    category = None if wanted.category is None else _category(db, wanted.category)
    name = None if wanted.name is None else _name(db, wanted.name)
    return replace(wanted, category=category, name=name)


def _check_source(db: Database, source: str) -> None:
    if db.execute("SELECT 1 FROM sources WHERE id = ?", (source,)).fetchone():
        return
    known = [row[0] for row in db.execute("SELECT id FROM sources")]
    near = get_close_matches(source.lower(), known, LIKE_IT)
    raise NewsfoldError(
        f"no source is called {source!r}{_meant(near)}; see: newsfold sources list", WRONG_CALL
    )


def _category(db: Database, category: str) -> str:
    categories = _different(db, "events", "category")
    spelled = {each.casefold(): each for each in categories}
    if category.casefold() not in spelled:
        raise NewsfoldError(
            f"no event is of category {category!r}; there are: {', '.join(categories)}", WRONG_CALL
        )
    return spelled[category.casefold()]


def _name(db: Database, name: str) -> str:
    if db.execute("SELECT 1 FROM event_names WHERE name = ?", (name,)).fetchone():
        return name
    like = "%" + name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    near = [
        row[0]
        for row in db.execute(
            "SELECT name FROM event_names WHERE name LIKE ? ESCAPE '\\' GROUP BY name"
            " ORDER BY name <> ? COLLATE NOCASE, count(*) DESC, name LIMIT ?",
            (like, name, LIKE_IT),
        )
    ]
    if near and near[0].casefold() == name.casefold():
        return str(near[0])
    raise NewsfoldError(
        f"no event uses the name {name!r}{_meant(near)}; find words in texts with: --search",
        WRONG_CALL,
    )


def _meant(near: Iterable[str]) -> str:
    listed = ", ".join(near)
    return f"; did you mean {listed}?" if listed else ""


def list_events(db: Database, wanted: Filter, limit: int) -> Iterator[dict[str, Any]]:
    """Rows of `events`; with `search` each has a snippet. By default most independent sources come
    first, then the latest; of a search, what fits best."""
    found = None if wanted.search is None else search_for(db, "events", wanted.search)
    sort = wanted.sort or ("relevance" if found else "rank")
    few = wanted.name is not None or (wanted.since is not None and _are_few(db, wanted.since))
    query = _event_conditions(db, wanted, few=few, walks=sort == "rank" and not (few or found))
    columns = ", ".join(f"e.{column}" for column in EVENT_COLUMNS)
    order = ("+" if few and found is None else "") + _ORDERS["events", sort]
    return _rows(db, columns, "events AS e", "e.id", query, found, order, limit)


def list_stories(db: Database, wanted: Filter, limit: int) -> Iterator[dict[str, Any]]:
    """Rows of `stories` without their text, with event and role; with `search` each has a snippet.
    By default the latest come first; of a search, what fits best."""
    found = None if wanted.search is None else search_for(db, "stories", wanted.search)
    sort = wanted.sort or ("relevance" if found else "latest")
    query = _story_conditions(db, wanted)
    columns = ", ".join(
        f"m.{column}" if column in ("event_id", "role") else f"s.{column}"
        for column in STORY_COLUMNS
    )
    tables = "stories AS s LEFT JOIN event_stories AS m ON m.story_id = s.id"
    if wanted.category is not None or wanted.min_sources > 1:
        tables += " LEFT JOIN events AS e ON e.id = m.event_id"
    return _rows(db, columns, tables, "s.id", query, found, _ORDERS["stories", sort], limit)


def _rows(
    db: Database,
    columns: str,
    tables: str,
    id_: str,
    query: _Query,
    found: Search | None,
    order: str,
    limit: int,
) -> Iterator[dict[str, Any]]:
    if found is None:
        yield from db.query(
            f"SELECT {columns} FROM {tables} WHERE {query.where} ORDER BY {order} LIMIT ?",
            (*query.parameters, limit),
        )
        return
    matching = f"{found.index} AS f" + (f" CROSS JOIN {tables}" if query.conditions else "")
    query.add(f"{found.index} MATCH ?", found.expression)
    if len(query.conditions) > 1:
        query.add(f"{id_} = f.rowid")
    rows = list(
        db.query(
            f"SELECT {columns} FROM (SELECT f.rowid AS id, {found.rank} AS rank FROM {matching}"
            f" WHERE {query.where} ORDER BY f.rowid DESC LIMIT {MOST_RANKED}) AS r"
            f" CROSS JOIN {tables} WHERE {id_} = r.id ORDER BY {order} LIMIT ?",
            (*query.parameters, limit),
        )
    )
    told = snippets(db, found, (row["id"] for row in rows))
    for row in rows:
        yield {**row, "snippet": told.get(row["id"], "")}


def _event_conditions(db: Database, wanted: Filter, *, few: bool, walks: bool) -> _Query:
    """A `+` before a column keeps SQLite from its index. Many rows are found along the ranks, in
    the order that they are listed in (`walks`); `few` are looked up, then sorted."""
    query = _Query([], [])
    plus = "+" if walks else ""
    if wanted.min_sources > 1:
        query.add("e.independent_count >= ?", wanted.min_sources)
    if wanted.since is not None:
        query.add(f"{plus}e.last_published >= ?", to_iso(wanted.since))
    if wanted.until is not None:
        query.add("+e.first_published < ?", to_iso(wanted.until))
    if wanted.category is not None:
        query.add(f"{plus}e.category = ?", wanted.category)
    if wanted.name is not None:
        query.add("e.id IN (SELECT event_id FROM event_names WHERE name = ?)", wanted.name)
    if wanted.source is not None and few:
        query.add(
            "EXISTS (SELECT 1 FROM event_sources AS c WHERE c.event_id = e.id AND c.source_id = ?)",
            wanted.source,
        )
    elif wanted.source is not None:
        query.add(
            "+e.id IN (SELECT event_id FROM event_sources WHERE source_id = ?)", wanted.source
        )
    _add_language(db, query, "+e.language", wanted.language)
    if not wanted.everything:
        query.add("+e.not_an_event = 0")
    return query


def _are_few(db: Database, since: datetime) -> bool:
    rows = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM events WHERE last_published >= ? LIMIT ?)",
        (to_iso(since), FEW),
    )
    return int(rows.fetchone()[0]) < FEW


def _story_conditions(db: Database, wanted: Filter) -> _Query:
    query = _Query([], [])
    if wanted.since is not None:
        query.add(f"{_TIME} >= ?", to_iso(wanted.since))
    if wanted.until is not None:
        query.add(f"{_TIME} < ?", to_iso(wanted.until))
    if wanted.source is not None:
        query.add("s.source_id = ?", wanted.source)
    if wanted.category is not None:
        query.add("e.category = ?", wanted.category)
    if wanted.min_sources > 1:
        query.add("e.independent_count >= ?", wanted.min_sources)
    if wanted.name is not None:
        query.add(
            "s.id IN (SELECT o.story_id FROM event_names AS n JOIN event_stories AS o"
            " ON o.event_id = n.event_id WHERE n.name = ?)",
            wanted.name,
        )
    _add_language(db, query, "s.language", wanted.language)
    return query


def _add_language(db: Database, query: _Query, column: str, language: str | None) -> None:
    """`pt` asks for pt-BR, too; `pt-BR` only for itself."""
    if language is None:
        return
    asked, stored = language.lower(), _different(db, "stories", "language")
    chosen = [
        each for each in stored if each.lower() == asked or each.lower().startswith(f"{asked}-")
    ]
    if not chosen:
        raise NewsfoldError(
            f"nothing is in the language {language!r}; there are: {', '.join(stored)}", WRONG_CALL
        )
    query.add(f"{column} IN ({marks(chosen)})", *chosen)


def _different(db: Database, table: str, column: str) -> list[str]:
    """The different values of a column that an index begins with, jumping from one to the next."""
    rows = db.execute(
        f"WITH RECURSIVE v(x) AS (SELECT min({column}) FROM {table} UNION ALL"
        f" SELECT (SELECT min({column}) FROM {table} WHERE {column} > x) FROM v"
        " WHERE x IS NOT NULL) SELECT x FROM v WHERE x IS NOT NULL"
    )
    return [row[0] for row in rows]


Exported = Literal["events", "members", "stories"]

# The columns of an export, each with its kind. A story is told as `newsfold import` takes it.
EXPORTED: dict[Exported, dict[str, str]] = {
    "events": {
        "id": "number",
        "title": "text",
        "tldr": "text",
        "category": "text",
        "category_because": "text",
        "language": "text",
        "first_published": "time",
        "last_published": "time",
        "first_source": "text",
        "story_count": "number",
        "source_count": "number",
        "independent_count": "number",
        "comments": "number",
        "updated_at": "time",
        "url": "text",
        "names": "list",
        "sources": "list",
    },
    "members": {
        "event_id": "number",
        "story_id": "number",
        "url": "text",
        "source": "text",
        "title": "text",
        "published": "time",
        "published_precision": "text",
        "role": "text",
        "score": "score",
        "through": "text",
        "because": "text",
    },
    "stories": {
        "url": "text",
        "title": "text",
        "text": "text",
        "published": "time",
        "published_precision": "text",
        "source": "text",
        "language": "text",
        "event": "text",
        "extra": "json",
    },
}
_MADE = {  # how a column is made that is not simply there
    ("events", "url"): "(SELECT s.url FROM stories AS s WHERE s.id = e.headline_story)",
    ("events", "names"): "(SELECT json_group_array(name) FROM (SELECT name FROM event_names"
    " WHERE event_id = e.id ORDER BY mentions DESC, name))",
    ("events", "sources"): "(SELECT json_group_array(source_id) FROM (SELECT source_id"
    " FROM event_sources WHERE event_id = e.id ORDER BY published, source_id))",
    ("members", "event_id"): "m.event_id",
    ("members", "story_id"): "m.story_id",
    ("members", "source"): "s.source_id",
    ("members", "role"): "m.role",
    ("members", "score"): "m.score",
    ("members", "because"): "m.because",
    ("members", "through"): "(SELECT t.url FROM stories AS t WHERE t.id = m.through_story)",
    ("stories", "source"): "s.source_id",
    ("stories", "event"): "CAST(m.event_id AS TEXT)",
}
_EXPORT_FROM = {
    "events": "events AS e",
    "members": "events AS e CROSS JOIN event_stories AS m ON m.event_id = e.id"
    " CROSS JOIN stories AS s ON s.id = m.story_id",
    "stories": "stories AS s LEFT JOIN event_stories AS m ON m.story_id = s.id"
    " LEFT JOIN events AS e ON e.id = m.event_id",
}
_EXPORT_ORDER = {"events": "e.id", "members": "e.id, m.story_id", "stories": "s.id"}


def each_row(db: Database, what: Exported, wanted: Filter) -> Iterator[dict[str, Any]]:
    """All events, members of events or stories that are asked for, by id, as they are exported."""
    row = "s" if what == "stories" else "e"
    made = _story_conditions if what == "stories" else _all_event_conditions
    query = made(db, wanted)
    if wanted.search is not None:
        found = search_for(db, "stories" if what == "stories" else "events", wanted.search)
        query.add(
            f"{row}.id IN (SELECT rowid FROM {found.index} WHERE {found.index} MATCH ?)",
            found.expression,
        )
    alias = "e" if what == "events" else "s"
    columns = ", ".join(
        f"{_MADE.get((what, name), f'{alias}.{name}')} AS {name}" for name in EXPORTED[what]
    )
    rows = db.query(
        f"SELECT {columns} FROM {_EXPORT_FROM[what]} WHERE {query.where}"
        f" ORDER BY {_EXPORT_ORDER[what]}",
        query.parameters,
    )
    packed = [name for name, kind in EXPORTED[what].items() if kind in ("list", "json")]
    return ({**row, **{name: json.loads(row[name]) for name in packed}} for row in rows)


def _all_event_conditions(db: Database, wanted: Filter) -> _Query:
    return _event_conditions(db, wanted, few=True, walks=False)
