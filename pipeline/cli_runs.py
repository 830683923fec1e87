"""`newsfold runs …`: the passes over a database, and what two of them group differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pipeline.filters import DATABASE
from pipeline.output import output_options, print_rows, say
from storage.database import open_existing
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.regrouped import Difference

ID = click.IntRange(1, 2**63 - 1)
TITLES = 3  # of an event that a row of the table shows


@click.group()
def runs() -> None:
    """The passes over a database: list, diff."""


@runs.command("list")
@DATABASE
@click.option("--verb", help="Only these, such as run or fold.")
@click.option("-n", "limit", type=ID, default=20, show_default=True, help="At most so many.")
@output_options
def list_(database: Path, verb: str | None, limit: int, form: str | None) -> None:
    """Passes, the latest first: what each did, how long it took, what failed."""
    from storage.runs import run_rows

    print_rows(
        run_rows(open_existing(database), verb, limit),
        form,
        columns={
            "id": "id",
            "verb": "verb",
            "started": "started",
            "seconds": "seconds",
            "exit": "exit_code",
            "stopped": "stopped",
            "settings": "configuration",
        },
    )


@runs.command()
@DATABASE
@click.argument("before", type=ID)
@click.argument("after", type=ID)
@output_options
def diff(database: Path, before: int, after: int, form: str | None) -> None:
    """What two passes group differently, event by event: as it stood when each had ended.

    A trial (newsfold fold --dry-run) counts as if it had been kept; its new events have numbers
    below zero. Stories that only one of them knew are no difference.

    \b
    newsfold runs list news.db -t
    newsfold runs diff news.db 41 57 -t
    """
    print_differences(open_existing(database), before, after, form)


def print_differences(db: Database, before: int, after: int, form: str | None) -> None:
    """Those of two passes; a trial is held against what it was tried on by naming it twice."""
    from pipeline.regrouped import differences
    from storage.history import grouping_after, grouping_before

    _must_be_there(db, before, after)
    old = grouping_before(db, before) if before == after else grouping_after(db, before)
    found = differences(old, grouping_after(db, after))
    rows = _rows(db, found)
    if form == "table":
        print_rows([_short(row) for row in rows], form)
    else:
        print_rows(rows, form)
    say(_summary(found))


def _must_be_there(db: Database, *run_ids: int) -> None:
    for run_id in run_ids:
        if db.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
            raise NewsfoldError(
                f"there is no pass {run_id}; see them with: newsfold runs list NEWS.DB -t",
                WRONG_CALL,
            )


def _rows(db: Database, found: list[Difference]) -> list[dict[str, Any]]:
    from storage.stories import titles_of

    ids = {id_ for each in found for _, stories in each.before for id_ in stories}
    titles = titles_of(db, ids)

    def told(side: tuple[tuple[int, tuple[int, ...]], ...]) -> list[dict[str, Any]]:
        return [
            {"event": event, "stories": [{"id": id_, "title": titles[id_]} for id_ in stories]}
            for event, stories in side
        ]

    return [
        {"kind": each.kind, "before": told(each.before), "after": told(each.after)}
        for each in found
    ]


def _short(row: dict[str, Any]) -> dict[str, str]:
    """`split | 17: A, B, C | 17: A, B; 90: C`."""
    return {"kind": row["kind"]} | {side: _named(row[side]) for side in ("before", "after")}


def _named(side: list[dict[str, Any]]) -> str:
    told = []
    for event in side:
        titles = [story["title"] for story in event["stories"]]
        more = f" and {len(titles) - TITLES} more" if len(titles) > TITLES else ""
        told.append(f"{event['event']}: {', '.join(titles[:TITLES])}{more}")
    return "; ".join(told)


def _summary(found: list[Difference]) -> str:
    if not found:
        return "nothing is grouped differently"
    kinds = [each.kind for each in found]
    told = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(sorted(kinds))]
    return f"{len(found)} differences ({', '.join(told)})"
