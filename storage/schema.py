"""The schema as a page: made from the comments that the tables themselves carry.

Comes in: a database. Goes out: Markdown (docs/schema.md). A table or column without a comment is
an error, so that the page cannot fall behind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

_ABOUT = re.compile(r"\(\s*-- (.+?)\n((?:\s*-- .+\n)*)")
_COLUMN = re.compile(r"^\s*(\w+) (.+?),?\s*(?:-- (.+))?$")
_ADDED = re.compile(r",\s*(\w+ [^/\n]+?) /\* (.+?) \*/\)?")  # where ALTER TABLE put it
_CONSTRAINTS = ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK")
# What these words would say is always the same.
_PLAIN = {
    "id": "number of the row",
    "event_id": "the event",
    "story_id": "the story",
    "related_id": "the other event",
    "right_story": "the larger id",
    "started": "when it began",
}


def tables(db: Database) -> dict[str, str]:
    """The tables that newsfold made, with their SQL, in the order of their making."""
    rows = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE '!_%' ESCAPE '!'"
        " ORDER BY rowid"
    ).fetchall()
    indexes = [name for name, sql in rows if sql.startswith("CREATE VIRTUAL")]
    theirs = (*indexes, *(f"{name}_" for name in indexes))  # the tables that they keep
    return {name: sql for name, sql in rows if not name.startswith(theirs)}


def tables_markdown(db: Database) -> str:
    """One section a table: what it holds, and a line a column. Raises ValueError for one
    without a word."""
    return "\n".join(_section(name, sql) for name, sql in tables(db).items())


def _section(name: str, sql: str) -> str:
    about = _ABOUT.search(sql)
    if about is None:
        raise ValueError(f"table {name} lacks a comment")
    words = " ".join(line.strip(" -") for line in about.group(0).lstrip("( \n").splitlines())
    lines = [f"### {name}", "", words, "", "| column | type | what it is |"]
    lines.append("|---|---|---|")
    columns = _ADDED.sub("", sql[about.end() :]).splitlines()
    columns += [f"{definition}, -- {comment}" for definition, comment in _ADDED.findall(sql)]
    for line in columns:
        column = _COLUMN.match(line)
        if column is None or column.group(1) in _CONSTRAINTS:
            continue
        lines.append(_row(name, *column.groups()))
    return "\n".join([*lines, ""])


def _row(table: str, column: str, definition: str, comment: str | None) -> str:
    about = comment or _PLAIN.get(column)
    if about is None:
        raise ValueError(f"column {table}.{column} lacks a comment")
    kind = definition.split()[0].rstrip(",")
    reference = re.search(r"REFERENCES (\w+)", definition)
    if reference:
        about += f" ({reference.group(1)})"
    optional = "" if "NOT NULL" in definition or "PRIMARY KEY" in definition else ", may be null"
    return f"| `{column}` | {kind.lower()}{optional} | {about} |"
