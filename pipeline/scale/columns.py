"""What goes between the steps, as columns: stories with their readings, pairs, events.

A story is a row of STORY; `row` is its number in the order of URLs, by which all steps know it
(that is the numbering in which a local fold breaks ties). Comes in and goes out: Arrow tables, and
stories, readings and events as the rest of newsfold has them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import starmap
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.reading import Reading
from storage.models import Event, Figure, Match, Member, Sentence, Signal, Source, Story
from storage.readings import COLUMNS
from storage.rows import to_json
from storage.stories import row_of, story_of
from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    Row = Mapping[str, Any]

PLACE = ("file", "block", "line")  # where a line stands: the first one of an address counts
STORY = pa.schema(
    [
        ("url", pa.string()),
        ("file", pa.string()),
        ("block", pa.int64()),
        ("line", pa.int64()),
        ("broken", pa.string()),  # why the line is no story
        ("title", pa.string()),
        ("text", pa.string()),
        ("published", pa.string()),
        ("published_precision", pa.string()),
        ("language", pa.string()),
        ("first_seen", pa.string()),
        ("extra", pa.string()),
        ("source_id", pa.string()),
        ("source_name", pa.string()),
        ("source_home", pa.string()),
        ("rest", pa.string()),  # JSON: what else a page told of its story
    ]
)
_REST = ("sections", "summary", "authors", "updated", "image", "rubric", "comments",
         "canonical_claim", "text_from", "paywalled")  # fmt: skip
# What folding keeps of a story, but for what STORY has: its number, its URL and its source.
_KEPT = {
    "at": pa.float64(),
    "dated": pa.bool_(),
    "seen": pa.float64(),
    "out_by": pa.float64(),
    "claims_home": pa.bool_(),
    "content_hash": pa.string(),
    "marks": pa.binary(),
    "said": pa.string(),
    "sketch": pa.binary(),
}
READ = pa.schema(
    [
        *STORY,
        ("lines", pa.int64()),
        ("tongue", pa.string()),  # the language as folding has it: two letters
        *_KEPT.items(),
        ("roundup", pa.bool_()),
        ("part", pa.int64()),  # with place: where it stands in the order of URLs
        ("place", pa.int64()),
    ]
)
PAIR = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("total", pa.int64())])
BLOCK = pa.schema(  # a pair for a block, and what of it is the block's own
    [
        ("block", pa.int64()),
        *PAIR,
        ("left_own", pa.bool_()),
        ("right_own", pa.bool_()),
        ("left_size", pa.int64()),
        ("right_size", pa.int64()),
    ]
)
GROUP = pa.schema([("group", pa.int64()), ("root", pa.int64()), ("open", pa.bool_())])
_MEMBER = pa.struct(
    [
        ("story_id", pa.int64()),
        ("role", pa.string()),
        ("score", pa.float64()),
        ("through", pa.int64()),
        ("because", pa.string()),
        ("url", pa.string()),
        ("source", pa.string()),
        ("title", pa.string()),
        ("published", pa.string()),
        ("published_precision", pa.string()),
        ("copy_of", pa.int64()),
    ]
)
_SIGNAL = pa.struct([("name", pa.string()), ("weight", pa.float64()), ("words", pa.string())])
_MATCH = pa.struct(
    [
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("score", pa.float64()),
        ("signals", pa.list_(_SIGNAL)),
    ]
)
_FIGURE = pa.struct(
    [
        ("story_id", pa.int64()),
        ("key", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("shown", pa.string()),
        ("quote", pa.string()),
        ("sentence", pa.string()),
        ("about", pa.string()),
    ]
)
EVENT = pa.schema(
    [
        ("id", pa.int64()),
        ("title", pa.string()),
        ("headline_story", pa.int64()),
        ("first_published", pa.string()),
        ("last_published", pa.string()),
        ("first_source", pa.string()),
        ("language", pa.string()),
        ("category", pa.string()),
        ("category_because", pa.string()),
        ("tldr", pa.list_(pa.struct([("text", pa.string()), ("story_id", pa.int64())]))),
        ("independent", pa.int64()),
        ("comments", pa.int64()),
        ("source_count", pa.int64()),
        ("members", pa.list_(_MEMBER)),
        ("matches", pa.list_(_MATCH)),
        ("figures", pa.list_(_FIGURE)),
        ("names", pa.list_(pa.struct([("name", pa.string()), ("mentions", pa.int64())]))),
    ]
)


def table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def story(row: Row, story_id: int) -> Story:
    """The story of a row, as a database would give it back."""
    rest = json.loads(row["rest"]) if row["rest"] else _NO_REST
    return story_of({**rest, **{name: row[name] for name in _TOLD}, "id": story_id, "pruned": None})


_TOLD = ("url", "title", "text", "published", "published_precision", "language", "first_seen",
         "extra", "source_id")  # fmt: skip
_NO_REST: Row = {
    **dict.fromkeys(_REST), "sections": "[]", "summary": "", "authors": "[]", "text_from": "import"
}  # fmt: skip


def story_row(story: Story, source: Source, now: datetime) -> dict[str, Any]:
    """A story as a row of STORY, without the place where it stands. What the line of a file cannot
    tell (authors, sections and so on) is told together."""
    row = row_of(replace(story, first_seen=now), now)
    rest = {} if story.text_from == "import" else {name: row[name] for name in _REST}
    return {
        **{name: row[name] for name in STORY.names if name in row},
        "source_id": source.id,
        "source_name": source.name,
        "source_home": source.home,
        "rest": to_json(rest) if rest else None,
    }


def source(row: Row) -> Source:
    return Source(
        row["source_id"],
        row["source_name"],
        row["source_home"],
        row["language"],
        owner=row["source_name"],
    )


def kept(reading: Reading) -> dict[str, Any]:
    """The columns of a reading."""
    row = dict(zip(COLUMNS, reading, strict=True))
    told = {name: row[name] for name in _KEPT}
    return {**told, "tongue": reading.language, "roundup": reading.roundup}


def readings(columns: pa.Table, ids: Sequence[int]) -> Iterator[Reading]:
    """The readings of a table of READ or a part of its columns; what is not there is empty."""
    there = {
        "story_id": list(ids),
        "language": columns["tongue"].to_pylist(),
    }
    for name in COLUMNS:
        if name not in there:
            there[name] = (
                columns[name].to_pylist()
                if name in columns.column_names
                else [_EMPTY[name]] * len(columns)
            )
    return starmap(Reading, zip(*(there[name] for name in COLUMNS), strict=True))


_EMPTY: dict[str, Any] = {
    "at": 0.0,
    "dated": False,
    "seen": 0.0,
    "out_by": None,
    "source_id": "",
    "claims_home": False,
    "content_hash": "",
    "marks": b"",
    "said": "",
    "sketch": b"",
}


def reading(row: Row) -> Reading:
    """The reading of a whole row."""
    there = {"story_id": row["id"], "language": row["tongue"]}
    return Reading._make(there.get(name, row.get(name)) for name in COLUMNS)


def event_row(
    event: Event,
    matches: Sequence[Match],
    names: Mapping[str, int],
    source_count: int,
    stories: Mapping[int, Story],
    copy_of: Mapping[int, int],
) -> dict[str, Any]:
    """An event as a row of EVENT."""
    told = _told(event, (*_AS_THEY_ARE, "first_published", "last_published"))
    for name in ("first_published", "last_published"):
        told[name] = None if told[name] is None else told[name].isoformat()
    members = [
        {**_told(member, _OF_MEMBER), **_story_of_member(stories[member.story_id], copy_of)}
        for member in event.members
    ]
    return {
        **told,
        "members": members,
        "matches": [
            {**_told(match, _OF_MATCH), "signals": [_told(s, _OF_SIGNAL) for s in match.signals]}
            for match in matches
        ],
        "figures": [_told(figure, _OF_FIGURE) for figure in event.figures],
        "tldr": [_told(sentence, ("text", "story_id")) for sentence in event.tldr],
        "names": [{"name": name, "mentions": count} for name, count in names.items()],
        "source_count": source_count,
    }


def _story_of_member(story: Story, copy_of: Mapping[int, int]) -> dict[str, Any]:
    return {
        "url": story.url,
        "source": story.source_id,
        "title": story.title,
        "published": None if story.published is None else story.published.isoformat(),
        "published_precision": story.published_precision,
        "copy_of": copy_of.get(story.stored_id),
    }


def _told(thing: object, names: Iterable[str]) -> dict[str, Any]:
    """Fields by name, as they are: asdict() would copy each, and costs more than the rest."""
    return {name: getattr(thing, name) for name in names}


_OF_MEMBER = ("story_id", "role", "score", "through", "because")
_OF_MATCH = ("left", "right", "score")
_OF_SIGNAL = tuple(field.name for field in _SIGNAL)
_OF_FIGURE = tuple(field.name for field in _FIGURE)


def event(row: Row) -> Event:
    """The event of a row."""
    return Event(
        members=tuple(
            Member(m["story_id"], m["role"], m["score"], m["through"], m["because"])
            for m in row["members"]
        ),
        tldr=tuple(Sentence(**each) for each in row["tldr"]),
        figures=tuple(Figure(**each) for each in row["figures"]),
        first_published=from_iso(row["first_published"]),
        last_published=from_iso(row["last_published"]),
        **{name: row[name] for name in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    "id",
    "title",
    "headline_story",
    "first_source",
    "language",
    "category",
    "category_because",
    "independent",
    "comments",
)


def matches(row: Row) -> list[Match]:
    """The matches of the event of a row."""
    return [
        Match(m["left"], m["right"], m["score"], tuple(Signal(**each) for each in m["signals"]))
        for m in row["matches"]
    ]
