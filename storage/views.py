"""The views that analysts can rely on: views.sql, made in a database and told in a page.

Comes in: a database. Goes out: the views of views.sql in it, made anew where they differ; and
their words, columns and examples, which they carry as comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

_VIEW = re.compile(r"^CREATE VIEW (\w+) AS\n((?:--[^\n]*\n)+)(.*?);$", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r" AS (\w+),? -- (.+)$", re.MULTILINE)
_EXAMPLE = "Example: "


@dataclass(frozen=True, slots=True)
class Example:
    """A query for example, and what it answers."""

    about: str
    sql: str


@dataclass(frozen=True, slots=True)
class View:
    """A view: the statement that makes it, and what it says of itself."""

    name: str
    sql: str
    about: str
    columns: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]


@cache
def shipped_views() -> tuple[View, ...]:
    """The views of views.sql, in its order."""
    text = files("storage").joinpath("views.sql").read_text("utf-8")
    return tuple(_view(found) for found in _VIEW.finditer(text))


def _view(found: re.Match[str]) -> View:
    name, words, select = found.groups()
    about: list[str] = []
    examples: list[list[str]] = []
    for line in (line.removeprefix("--") for line in words.splitlines()):
        if line.startswith(f" {_EXAMPLE}"):
            examples.append([line.removeprefix(f" {_EXAMPLE}")])
        elif examples:
            examples[-1].append(line.removeprefix("   "))
        else:
            about.append(line.strip())
    return View(
        name,
        found.group(0).removesuffix(";"),
        " ".join(about),
        tuple(_COLUMN.findall(select)),
        tuple(Example(told[0], "\n".join(told[1:])) for told in examples),
    )


def has_views(db: Database) -> bool:
    """Whether the views of a database are those of views.sql."""
    stored = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall())
    return all(stored.get(view.name) == view.sql for view in shipped_views())


def drop_views(db: Database) -> None:
    for view in shipped_views():
        db.execute(f"DROP VIEW IF EXISTS {view.name}")


def make_views(db: Database) -> None:
    for view in shipped_views():
        db.execute(view.sql)


def views_markdown() -> str:
    """One section a view: what it tells, a line a column, and queries for example."""
    return "\n".join(_section(view) for view in shipped_views())


def _section(view: View) -> str:
    lines = [f"### {view.name}", "", view.about, "", "| column | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in view.columns]
    for example in view.examples:
        lines += ["", f"{example.about[0].upper()}{example.about[1:]}:", "", "```sql"]
        lines += [example.sql, "```"]
    return "\n".join([*lines, ""])
