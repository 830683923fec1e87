"""What is done story by story, pair by pair and event by event, whatever engine carries it out.

Comes in and goes out: Arrow tables (columns.py). What happens on the way:

    lines -> stories -> readings -> copies ──────────────┐
                            └─> scores of a task (plan.py) -> links settled by block -> events

Each step is a pure function that calls the very functions of a local fold, so that it may be done
anywhere, and done again where a worker has died. Nothing is read or stored here.
"""

from __future__ import annotations

from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipeline.copies import originals
from pipeline.enrich.describe import describe_with_names
from pipeline.folding import fold_readings, scores_between
from pipeline.linkage import in_billionths, settled
from pipeline.reading import read_all
from pipeline.scale import columns
from storage.errors import NewsfoldError
from storage.files import BrokenLineError, row_of_line, source_of, story_from_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from pipeline.reading import Reading
    from storage.files import Row
    from storage.models import Source, Story

    Array = np.ndarray[Any, Any]
    # Of each record a story with its source, or why it holds none.
    ReadArchive = Callable[[Path, datetime], Iterator[tuple[Story, Source] | str]]

STORIES_AT_ONCE = 200  # of an archive, in a table


def stories_of_lines(
    lines: pa.Table, canonical_url: Callable[[str], str], now: datetime
) -> pa.Table:
    """Lines of JSON (`told`, bytes), each with the `place` where it stands, as stories by the
    rules of `newsfold import`. A broken line keeps its place and says why."""
    stories = (
        _story_row(line["place"], partial(row_of_line, line["told"], number=0), canonical_url, now)
        for line in lines.to_pylist()
        if line["told"] and line["told"].strip()
    )
    return columns.table(list(stories), columns.STORY)


def stories_of_rows(rows: pa.Table, canonical_url: Callable[[str], str], now: datetime) -> pa.Table:
    """The same for rows of Parquet (`told`, with their columns)."""
    stories = (
        _story_row(row["place"], partial(_row_of_columns, row["told"]), canonical_url, now)
        for row in rows.to_pylist()
    )
    return columns.table(list(stories), columns.STORY)


def _row_of_columns(told: Row, path: Path) -> Row:
    return {key: _plain(value) for key, value in told.items() if value is not None}


def _plain(value: Any) -> Any:
    """A value as JSON has it: times in words."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _story_row(
    at: Row, read_row: Callable[[Path], Row], canonical_url: Callable[[str], str], now: datetime
) -> Row:
    path = Path(at["file"])
    try:
        row = read_row(path)
        story = story_from_row(row, path, 0, canonical_url)
    except BrokenLineError as error:
        return _no_story(at, error.what)
    return {**at, **columns.story_row(story, source_of(row, story), now)}


def stories_of_archives(
    paths: pa.Table, read_archive: ReadArchive, now: datetime
) -> Iterator[pa.Table]:
    """WARC files (`told`, their paths) as stories, by the rules of `newsfold import`; records that
    are none keep their places and say why."""
    for told in paths["told"].to_pylist():
        path = Path(told)
        rows = (
            _archive_row({"file": path.as_uri(), "block": 0, "line": number}, found, now)
            for number, found in enumerate(read_archive(path, now))
        )
        while some := list(islice(rows, STORIES_AT_ONCE)):
            yield columns.table(some, columns.STORY)


def _archive_row(at: Row, found: tuple[Story, Source] | str, now: datetime) -> Row:
    if isinstance(found, str):
        return _no_story(at, found)
    return {**at, **columns.story_row(*found, now)}


def _no_story(at: Row, why: str) -> Row:
    # No story has such an address, so that each broken line is one by itself.
    return {"url": "\0".join(map(str, ("", *at.values()))), "broken": why, **at}


def read(stories: Iterable[pa.RecordBatch], part: int) -> Iterator[pa.Table]:
    """Stories in the order of their URLs with what folding keeps of each; `part` is the number of
    this stretch of them."""
    places = count()
    for batch in stories:
        rows = batch.to_pylist()
        sound = [row for row in rows if row["broken"] is None]
        made = {
            reading.id: reading
            for reading in read_all(columns.story(row, id_) for id_, row in enumerate(sound))
        }
        yield columns.table(
            [
                {**row, **columns.kept(made[id_]), "part": part, "place": next(places)}
                for id_, row in enumerate(sound)
            ],
            columns.READ,
        )


def copies(told: pa.Table) -> dict[int, int]:
    """Row of a copy -> row of the story whose text it carries; all sketches at once."""
    rows = told["row"].to_pylist()
    return originals(columns.readings(told, rows))


def compare(told: pa.Table, with_each_other: bool) -> pa.Table:
    """The alike pairs of a task: of its `own` stories with the others, and with each other."""
    rows = told["row"].to_numpy()
    own = told["own"].to_numpy(zero_copy_only=False)
    held: list[Reading] = list(columns.readings(told, rows.tolist()))
    left, right, scores = scores_between(held, set(rows[own].tolist()), set(rows[~own].tolist()))
    if not with_each_other:
        across = ~(np.isin(left, rows[own]) & np.isin(right, rows[own]))
        left, right, scores = left[across], right[across], scores[across]
    total = in_billionths(scores).astype(np.int64)
    return pa.table([left, right, total], schema=columns.PAIR)


def link(pairs: pa.Table, threshold: float) -> pa.Table:
    """What one block can tell of its own groups from all pairs that they have."""
    groups, places = np.unique(
        np.concatenate([pairs["left"].to_numpy(), pairs["right"].to_numpy()]), return_inverse=True
    )
    left, right = np.split(places, 2)
    own = np.zeros(len(groups), dtype=bool)
    sizes = np.zeros(len(groups), dtype=np.int64)
    for side, end in (("left", left), ("right", right)):
        own[end] = pairs[f"{side}_own"].to_numpy(zero_copy_only=False)
        sizes[end] = pairs[f"{side}_size"].to_numpy()
    root, is_open = settled(sizes, left, right, pairs["total"].to_numpy(), threshold, own)
    found = [groups[own], groups[root[own]], is_open[own]]
    return pa.table(found, schema=columns.GROUP)


def describe(told: pa.Table, sources: Mapping[str, Source], threshold: float | None) -> pa.Table:
    """The events of whole groups. They are folded by themselves once more, which gives each member
    its reason, and must give the groups that were found among all stories."""
    rows = told.to_pylist()
    ids = [row["id"] for row in rows]
    event_of = {row["id"]: row["event"] for row in rows}
    copy_of = {row["id"]: row["copy_of"] for row in rows if row["copy_of"] is not None}
    folded = fold_readings(list(columns.readings(told, ids)), threshold=threshold, copy_of=copy_of)
    stories = {row["id"]: columns.story(row, row["id"]) for row in rows}
    names = frozenset(source.name for source in sources.values())
    described = []
    for group in folded.groups:
        [event_id, *others] = {event_of[id_] for id_ in group.story_ids}
        if others:
            raise NewsfoldError(f"events {event_id} and {others[0]} fold otherwise by themselves")
        event, mentions = describe_with_names(event_id, group, stories, copy_of, sources, names)
        matches = [b.match for b in group.belongings if b.match is not None]
        voices = len({stories[id_].source_id for id_ in group.story_ids})
        described.append(columns.event_row(event, matches, mentions, voices, stories, copy_of))
    if len(described) != len(set(event_of.values())):
        raise NewsfoldError("events fall apart when they are folded by themselves")
    return columns.table(described, columns.EVENT)
