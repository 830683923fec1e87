"""Rows to standard output, words to standard error: one shared way for every verb.

Lists are JSON by default; --nl, --csv, --tsv and --table choose another form (as in
sqlite-utils). Nothing else writes to standard output.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

P = ParamSpec("P")
R = TypeVar("R")

WITHOUT_TERMINAL = 10_000  # columns: what is piped into something is not cut
TABULATE_PADS = 2  # characters that tabulate keeps free beside a heading
NARROWEST = 12  # characters; a column that is cut further says nothing
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

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
    rows: Iterable[Mapping[str, Any]],
    form: str | None,
    *,
    columns: Mapping[str, str] | None = None,
    header: Sequence[str] = (),
) -> None:
    """Print rows as JSON, or in the chosen form, one by one as they come. `columns` are those that
    a table shows: the heading of each, and the key of its values. `header` are the columns of a
    CSV file without rows."""
    if form == "table":
        click.echo(_table(list(rows), columns))
    elif form in ("csv", "tsv"):
        write_csv(sys.stdout, rows, "," if form == "csv" else "\t", header)
    elif form == "nl":
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("[")
        for number, row in enumerate(rows):
            sys.stdout.write((",\n " if number else "") + json.dumps(row, ensure_ascii=False))
        sys.stdout.write("]\n")


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def say(words: str) -> None:
    """A word about the work, for people: to standard error."""
    click.echo(words, err=True)


@dataclass(frozen=True, slots=True)
class Voice:
    """What a long verb tells: `say` how it goes, `warn` of what went wrong. A quiet one only
    warns, so that a scheduler sends no mail while all is well."""

    quiet: bool = False

    def say(self, words: str) -> None:
        if not self.quiet:
            say(words)

    def warn(self, words: str) -> None:
        say(words)


def write_csv(
    file: TextIO, rows: Iterable[Mapping[str, Any]], delimiter: str, header: Sequence[str] = ()
) -> None:
    """Rows under a header line of the first one's keys; without any, of `header`."""
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            writer.writerow(row)
        writer.writerow(map(_flat, row.values()))
    if writer is None and header:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerow(header)


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | None) -> str:
    from tabulate import tabulate  # most calls print no table, and start sooner without

    shown = columns or {key: key for key in (rows[0] if rows else ())}
    cells = [[_cell(row.get(key)) for key in shown.values()] for row in rows]
    _fit(cells, list(shown))
    return str(tabulate(cells, headers=list(shown), tablefmt="simple", disable_numparse=True))


def _cell(value: object) -> str:
    from pipeline.text import visible  # its patterns take a while, and only a table needs them

    text = "" if value is None else " ".join(visible(str(_flat(value))).split())
    return f"{text[:10]} {text[11:16]}" if _TIME.fullmatch(text) else text


def _fit(cells: list[list[str]], headers: Sequence[str]) -> None:
    """Shorten the widest columns until a row fits the terminal's width."""
    room = shutil.get_terminal_size((WITHOUT_TERMINAL, 24)).columns - 2 * (len(headers) - 1)
    heads = [len(header) + TABULATE_PADS for header in headers]
    widths = [max([head, *(len(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    limits = list(widths)
    while sum(limits) > room and max(limits) > NARROWEST:
        limits[limits.index(max(limits))] -= 1
    for row in cells:
        for i, limit in enumerate(limits):
            if len(row[i]) > limit:
                row[i] = row[i][: limit - 1].rstrip() + "…"
