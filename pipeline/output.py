"""Rows to standard output, words to standard error: one shared way for every verb.

Lists are JSON by default; --nl, --csv, --tsv and --table choose another form (as in
sqlite-utils). Nothing else writes to standard output.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click
from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

P = ParamSpec("P")
R = TypeVar("R")

CELL = 60  # characters of a table's cell where the terminal tells no width

_FORMS = {
    "nl": ("--nl", "One JSON object a line."),
    "csv": ("--csv", "CSV with a header line."),
    "tsv": ("--tsv", "Tab-separated values with a header line."),
    "table": ("-t", "A table for people."),
}


def output_options(command: Callable[P, R]) -> Callable[P, R]:
    """The shared options; the verb gets the chosen form as `form`."""
    for form, (flag, text) in reversed(_FORMS.items()):
        flags = (flag, "--table") if form == "table" else (flag,)
        command = click.option(*flags, "form", flag_value=form, help=text)(command)
    return command


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    form: str | None,
    *,
    columns: Sequence[str] | None = None,
) -> None:
    """Print rows as JSON, or in the chosen form. `columns` are those that a table shows."""
    if form == "table":
        click.echo(_table(rows, columns))
    elif form in ("csv", "tsv"):
        _write_csv(rows, "," if form == "csv" else "\t")
    elif form == "nl":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        click.echo(f"[{lines}]")


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def say(words: str) -> None:
    """A word about the work, for people: to standard error."""
    click.echo(words, err=True)


def _write_csv(rows: Sequence[Mapping[str, Any]], delimiter: str) -> None:
    if not rows:
        return
    writer = csv.DictWriter(sys.stdout, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _flat(value) for key, value in row.items()})


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None) -> str:
    shown = list(columns or (rows[0] if rows else ()))
    cells = [[_cell(row.get(column)) for column in shown] for row in rows]
    _fit(cells, shown)
    return str(tabulate(cells, headers=shown, tablefmt="simple", disable_numparse=True))


def _cell(value: object) -> str:
    text = "" if value is None else str(_flat(value))
    return " ".join(text.split())


def _fit(cells: list[list[str]], headers: Sequence[str]) -> None:
    """Shorten the longest column so that a row fits the terminal's width."""
    if not cells:
        return
    widths = [max(len(header), *(len(row[i]) for row in cells)) for i, header in enumerate(headers)]
    widest = widths.index(max(widths))
    others = sum(widths) - widths[widest] + 2 * (len(widths) - 1)
    room = shutil.get_terminal_size((others + CELL, 24)).columns - others
    room = max(room, 20)
    for row in cells:
        if len(row[widest]) > room:
            row[widest] = row[widest][: room - 1].rstrip() + "…"
