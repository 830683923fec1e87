"""Stories in files: JSON lines and CSV, plain or gzip, one story a line.

Comes in: a path. Goes out: rows with their line numbers, then stories. A line that cannot be
read is an error that names file, line and remedy; nothing is guessed and nothing half stored.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
import unicodedata
import zlib
from dataclasses import astuple, dataclass
from typing import IO, TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit

from storage.database import transaction
from storage.errors import FAILED, WRONG_CALL, NewsfoldError
from storage.models import Precision, Source, Story
from storage.sources import add_source
from storage.stories import save_story
from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

KNOWN = frozenset(
    ("url", "title", "text", "published", "published_precision", "source", "language", "event")
)
YEARS = range(1990, 2100)  # of the web's news; anything else is a mistake, and breaks arithmetic
EVERY = 1000  # lines between two words of progress
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")

_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
MAX_LINE = 20_000_000  # bytes; the longest book is shorter
MAX_TITLE, MAX_TEXT, MAX_NAME = 1000, 1_000_000, 200  # characters, as for crawled stories

Row = dict[str, Any]


class BrokenLineError(NewsfoldError):
    """One line that is no story: where, what, and what to do."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(
            f"{path}:{line}: {what}; mend the line, or leave such lines out with"
            " newsfold import --skip-broken. Nothing of this call was stored",
            FAILED,
        )
        self.what = what


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, in lines of files and records of archives. Where one call has an
    address twice, the first one counts."""

    new: int = 0
    changed: int = 0
    known: int = 0
    repeated: int = 0
    broken: int = 0
    skipped: int = 0  # records of archives that hold no story
    done: int = 0  # archives that an earlier call had read
    failed: int = 0  # archives that could not be read, or not to their end

    def __add__(self, other: ImportReport) -> ImportReport:
        return ImportReport(
            *(sum(pair) for pair in zip(astuple(self), astuple(other), strict=True))
        )


def import_files(
    db: Database,
    paths: Iterable[Path],
    *,
    now: datetime,
    canonical_url: Callable[[str], str],
    skip_broken: bool = False,
    progress: Callable[[str, int], None] = lambda name, line: None,
) -> ImportReport:
    """Store the stories of some files: all of them, or none when a line is broken.

    `canonical_url` gives a URL its identity. Running it again changes nothing.
    """
    counts = dict.fromkeys(("new", "changed", "known", "repeated", "broken"), 0)
    seen: set[str] = set()
    with transaction(db):
        for path in paths:
            for line, row in read_rows(path, broken=_skip(counts) if skip_broken else None):
                try:
                    story = story_from_row(row, path, line, canonical_url)
                except BrokenLineError:
                    if not skip_broken:
                        raise
                    counts["broken"] += 1
                    continue
                if story.url in seen:
                    counts["repeated"] += 1
                else:
                    seen.add(story.url)
                    add_source(db, source_of(row, story))
                    counts[save_story(db, story, now)] += 1
                if line % EVERY == 0:
                    progress(path.name, line)
    return ImportReport(**counts)


def read_rows(
    path: Path, broken: Callable[[BrokenLineError], None] | None = None
) -> Iterator[tuple[int, Row]]:
    """The lines of a file as dicts, with their numbers from 1.

    A broken line raises BrokenLineError, or is handed to `broken` where that is given. Raises
    NewsfoldError for a file that is not there or of no known kind.
    """
    check_file(path)
    is_json = path.name.removesuffix(".gz").endswith(_JSON_SUFFIXES)
    read = _read_json_lines if is_json else _read_csv
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with cast("IO[bytes]", opener(path, "rb")) as file:
            yield from read(path, file, broken or _raise)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise NewsfoldError(
            f"{path}: the gzip file is damaged ({error}); fetch it again. Nothing was imported"
        ) from error


def check_file(path: Path) -> None:
    """Raises NewsfoldError for a file that is not there or of no known kind."""
    if not path.name.removesuffix(".gz").endswith((*_JSON_SUFFIXES, ".csv", ".tsv")):
        raise NewsfoldError(
            f"{path}: unknown kind of file; give .jsonl, .csv, .tsv or .warc, plain or .gz",
            WRONG_CALL,
        )
    if not path.is_file():
        raise NewsfoldError(f"{path}: no such file", WRONG_CALL)


def _raise(error: BrokenLineError) -> None:
    raise error


def _skip(counts: dict[str, int]) -> Callable[[BrokenLineError], None]:
    def skip(error: BrokenLineError) -> None:
        counts["broken"] += 1

    return skip


def _read_json_lines(
    path: Path, file: IO[bytes], broken: Callable[[BrokenLineError], None]
) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(_lines(path, file), start=1):
        if not line.strip():
            continue
        try:
            yield number, row_of_line(line, path, number)
        except BrokenLineError as error:
            broken(error)


def row_of_line(line: bytes, path: Path, number: int) -> Row:
    """A line of JSON as a row. Raises BrokenLineError for what is none."""
    if len(line) > MAX_LINE:
        raise BrokenLineError(path, number, f"longer than {MAX_LINE:,} bytes")
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BrokenLineError(path, number, f"no JSON ({error})") from error
    if not isinstance(row, dict):
        raise BrokenLineError(path, number, "no JSON object")
    return row


def _lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, none of which may fill the memory (a packed one can)."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise NewsfoldError(
                f"{path}:{number}: longer than {MAX_LINE:,} bytes; is it one story a line? "
                "Nothing was stored"
            )
        yield line


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _read_csv(
    path: Path, file: IO[bytes], broken: Callable[[BrokenLineError], None]
) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(sys.maxsize)
    delimiter = "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","
    reader = csv.DictReader(_decoded(path, file, broken), delimiter=delimiter, strict=True)
    try:
        _check_columns(path, reader.fieldnames)
    except csv.Error as error:
        raise NewsfoldError(f"{path}:1: the header is no CSV ({error})", WRONG_CALL) from error
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The reader inside counts the line that it stumbled over, this one does not yet.
            broken(BrokenLineError(path, reader.reader.line_num, f"no CSV ({error})"))
            continue
        extra = row.pop(None, None)
        if extra:
            broken(BrokenLineError(path, reader.line_num, "more cells than columns"))
            continue
        yield reader.line_num, {key: value for key, value in row.items() if value}


def _decoded(
    path: Path, file: IO[bytes], broken: Callable[[BrokenLineError], None]
) -> Iterator[str]:
    for number, line in enumerate(_lines(path, file), start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            broken(BrokenLineError(path, number, "not UTF-8"))


def _check_columns(path: Path, columns: Iterable[str] | None) -> None:
    have = set(columns or ())
    if "url" not in have or not have & {"title", "text"}:
        raise NewsfoldError(
            f"{path}:1: the columns are {', '.join(sorted(have)) or 'missing'}; a header line "
            "with url and one of title, text is needed",
            WRONG_CALL,
        )


def story_from_row(
    row: Row, path: Path, line: int, canonical_url: Callable[[str], str] = str
) -> Story:
    """The story of a row. Raises BrokenLineError for one without url, or without title and text."""
    wanted = {key: _text(row, key, path, line) for key in KNOWN - {"event"}}
    if not wanted["url"]:
        raise BrokenLineError(path, line, "no url")
    if not wanted["title"] and not wanted["text"]:
        raise BrokenLineError(path, line, "neither title nor text")
    try:
        url = canonical_url(wanted["url"])
    except ValueError as error:
        raise BrokenLineError(path, line, f"no web address: {error}") from error
    published, precision = _published(wanted["published"], path, line)
    if published and wanted["published_precision"]:
        precision = _precision(wanted["published_precision"], path, line)
    return Story(
        url=url,
        title=" ".join(wanted["title"][:MAX_TITLE].split()),
        text=wanted["text"][:MAX_TEXT],
        published=published,
        published_precision=precision,
        source_id=slug(wanted["source"] or urlsplit(url).hostname or "unknown"),
        language=wanted["language"] or "en",
        text_from="import",
        extra={_clean(key): _clean_all(row[key]) for key in row if key not in KNOWN},
    )


def _text(row: Row, key: str, path: Path, line: int) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BrokenLineError(path, line, f"{key} is no text but {type(value).__name__}")
    return _clean(value)


def _clean(text: str) -> str:
    """Without characters that control a terminal or turn the direction of text."""
    return _CONTROL.sub("", text).strip()


def _clean_all(value: object) -> object:
    """The same for every string of a JSON value."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_clean_all(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean_all(item) for key, item in value.items()}
    return value


def _published(text: str, path: Path, line: int) -> tuple[datetime | None, Precision]:
    if not text:
        return None, "guessed"
    try:
        moment = from_iso(text)
    except (ValueError, OverflowError) as error:
        raise BrokenLineError(
            path, line, f"published is no ISO 8601 time: {text[:40]!r}"
        ) from error
    assert moment is not None
    if moment.year not in YEARS:
        raise BrokenLineError(path, line, f"published is in the year {moment.year}")
    # Midnight to the second is nearly always a date whose time nobody gave.
    is_day = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment, "day" if is_day else "minute"


def _precision(text: str, path: Path, line: int) -> Precision:
    if text not in get_args(Precision):
        raise BrokenLineError(
            path, line, f"published_precision is not minute, day or guessed: {text[:40]!r}"
        )
    return cast("Precision", text)


def source_of(row: Row, story: Story) -> Source:
    """The source of a story of a file, as far as its row tells of it."""
    host = urlsplit(story.url).hostname or ""
    name = _clean(str(row.get("source") or host))[:MAX_NAME]
    return Source(story.source_id, name, f"https://{host}/", story.language, owner=name)


def slug(name: str) -> str:
    """`Der Spiegel` gives `der-spiegel`; letters of any script stay."""
    plain = unicodedata.normalize("NFKC", name).lower().removeprefix("www.")
    return re.sub(r"[^\w]+|_", "-", plain).strip("-")[:80] or "unknown"
