"""Events, members and stories into files: JSON lines, CSV or Parquet, for other tools.

Comes in: a database, a Filter and the name of a file, whose suffix says the form. Goes out: the
file, whole or not at all: it is written beside its place and moved there when it is complete. Rows
are written as they are read, so that the memory does not grow with them.

A line of a story is what `newsfold import` takes: export and import give the same stories.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from pipeline.output import write_csv
from storage.asking import EXPORTED, each_row
from storage.errors import WRONG_CALL, NewsfoldError
from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlite_utils import Database

    from storage.asking import Exported, Filter

Form = Literal["jsonl", "csv", "tsv", "parquet"]
Row = dict[str, Any]

STDOUT = "-"
AT_ONCE = 5_000  # rows of a group in a Parquet file
_SUFFIXES: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What goes where, and in which form."""

    name: str  # of the file, or -
    what: Exported
    form: Form
    packed: bool = False  # by gzip


def target(name: str, what: Exported | None, form: Form | None) -> Target:
    """Read a file's name: `april-stories.jsonl.gz`. Raises NewsfoldError where it does not say
    what or how, and nothing else does."""
    plain = Path(name).name.lower()
    packed = plain.endswith(".gz")
    suffix = Path(plain.removesuffix(".gz")).suffix
    chosen = form or ("jsonl" if name == STDOUT else _SUFFIXES.get(suffix))
    if chosen is None:
        raise NewsfoldError(
            f"{name}: unknown kind of file; give {', '.join(_SUFFIXES)}, or say it with --to",
            WRONG_CALL,
        )
    if packed and chosen == "parquet":
        raise NewsfoldError(f"{name}: a Parquet file is packed already; leave out .gz", WRONG_CALL)
    named = [each for each in EXPORTED if each in plain]
    if what is None and len(named) != 1:
        raise NewsfoldError(
            f"{name}: events, members or stories? Name the file so (events.csv), or say --what",
            WRONG_CALL,
        )
    return Target(name, what or named[0], chosen, packed)


def export(db: Database, wanted: Filter, to: Target, limit: int | None = None) -> int:
    """Write what is asked for; how many rows that were. Raises NewsfoldError for a place that
    cannot be written to, or Parquet without what it needs."""
    write = _WRITERS[to.form]
    if to.form == "parquet":
        _arrow()
    rows = _counted(islice(each_row(db, to.what, wanted), limit))
    with _opened(to) as file:
        write(file, rows, to.what)
    return rows.count


class _counted:  # noqa: N801 - a function to those who use it
    """Rows as they pass, and how many there were."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


@contextmanager
def _opened(to: Target) -> Iterator[IO[bytes]]:
    """The file to write into; it takes its place only when all has gone well."""
    if to.name == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(to.name)
    if not path.parent.is_dir():
        raise NewsfoldError(f"{path}: there is no folder {path.parent}", WRONG_CALL)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            if to.packed:
                # Without a name and a time in it the same rows give the same bytes.
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as inside:
                    yield cast("IO[bytes]", inside)
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _as_text(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def _write_json_lines(file: IO[bytes], rows: Iterable[Row], what: Exported) -> None:
    with _as_text(file) as text:
        for row in rows:
            extra = row.pop("extra", None) or {}
            text.write(json.dumps({**extra, **row}, ensure_ascii=False) + "\n")


def _write_separated(delimiter: str) -> Callable[[IO[bytes], Iterable[Row], Exported], None]:
    def write(file: IO[bytes], rows: Iterable[Row], what: Exported) -> None:
        with _as_text(file) as text:
            write_csv(text, map(_without_extra, rows), delimiter, _columns(what))

    return write


def _write_parquet(file: IO[bytes], rows: Iterable[Row], what: Exported) -> None:
    arrow, parquet = _arrow()
    types = {
        "text": arrow.string(),
        "number": arrow.int64(),
        "score": arrow.float64(),
        "time": arrow.timestamp("ms", tz="UTC"),
        "list": arrow.list_(arrow.string()),
    }
    schema = arrow.schema(
        [(name, types[kind]) for name, kind in EXPORTED[what].items() if name != "extra"]
    )
    times = [name for name, kind in EXPORTED[what].items() if kind == "time"]
    told = iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while group := list(islice(told, AT_ONCE)):
            for row in group:
                row.update((name, from_iso(row[name])) for name in times)
            writer.write_batch(arrow.RecordBatch.from_pylist(group, schema=schema))


def _arrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise NewsfoldError(
            "Parquet needs pyarrow; install it with: pip install 'newsfold[parquet]'"
        ) from error


def _without_extra(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "extra"}


def _columns(what: Exported) -> Sequence[str]:
    return [name for name in EXPORTED[what] if name != "extra"]


_WRITERS: dict[Form, Callable[[IO[bytes], Iterable[Row], Exported], None]] = {
    "jsonl": _write_json_lines,
    "csv": _write_separated(","),
    "tsv": _write_separated("\t"),
    "parquet": _write_parquet,
}
