"""What feedparser's own test feeds expect, held against what our reader makes of them.

Comes in: the archive of the test feeds, each with `Expect: …`, a Python expression over what
feedparser returns, in a comment. Goes out: one Verdict a feed.

An Entry holds plain text where feedparser gives markup, so an expected value is brought to plain
text first (and taken as it stands, too, where the feed says that it is no markup). A feed without
an address of a story gives no entry; here each gets one, so that its other fields can be seen.
"""

from __future__ import annotations

import ast
import os
import re
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import feedparser

from crawlers import entries
from crawlers.characters import one_line
from crawlers.dates import read_moment
from crawlers.entries import About, FeedError, plain_text, read_about, read_entries
from storage.models import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
CORPUS = DATA / "feeds" / "feedparser.tar.gz"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8097/feed.xml"  # where feedparser's tests serve their feeds
MADE_UP = "http://a.example/"  # the address of an entry that has none

_PLAIN = re.compile(rb"""mode="base64"|type=["']text(/plain)?["']""")
_HEADER = re.compile(r"^Header:\s*([\w-]+):[ \t]*(.*?)\s*$", re.MULTILINE)


Take = Callable[[About, list[Entry]], Any]
# What part of an expectation asks: whether our reading agrees, and what it is.
Clause = Callable[[About, list[Entry]], tuple[bool, Any]]


class NotOursError(Exception):
    """The expectation is about something that neither an Entry nor an About has."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one feed: `agrees` is None where the expectation is not about our fields."""

    name: str
    expected: str
    agrees: bool | None
    ours: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """A way of reading feeds: entries, and what the feed says of itself."""

    entries: Callable[[bytes, str, str | None], list[Entry]]
    about: Callable[[bytes, str, str | None], About]


def _ours(body: bytes, url: str, content_type: str | None) -> list[Entry]:
    given = entries._feed_link
    numbers = iter(range(entries.MAX_ENTRIES * 10))

    def link(item: Any, base: str) -> str:
        return given(item, base) or f"{MADE_UP}{next(numbers)}"

    every = patch.object(entries, "_each_address_once", list)  # some list one address twice
    with patch.object(entries, "_feed_link", link), every:
        return read_entries(body, url, "feed", now=NOW, content_type=content_type)


OURS = Reader(_ours, read_about)


def feeds() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each test feed."""
    with tarfile.open(CORPUS) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and member.name.startswith("tests/"):
                yield member.name.removeprefix("tests/"), content.read()


def explained_differences() -> list[dict[str, Any]]:
    """The feeds that we read otherwise than feedparser's tests expect, and why."""
    path = Path(__file__).parent / "fixtures" / "feed_differences.toml"
    listed: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["difference"]
    return listed


def judge(name: str, body: bytes, reader: Reader = OURS) -> Verdict | None:
    """Whether our reading of a feed is what its comment expects; None where it expects nothing."""
    expected = expectation(body)
    if expected is None:
        return None
    headers = _headers(body)
    url = entries.absolute(URL, headers.get("content-location")) or URL
    return _verdict(name, expected, body, url, headers.get("content-type"), reader)


def _verdict(
    name: str, expected: str, body: bytes, url: str, content_type: str | None, reader: Reader
) -> Verdict:
    try:
        clauses = _clauses(expected, plain=bool(_PLAIN.search(body)))
    except (NotOursError, SyntaxError, ValueError):
        return Verdict(name, expected, None)
    if not clauses:
        return Verdict(name, expected, None)
    try:
        about = reader.about(body, url, content_type) if "feed" in expected else About()
        listed = reader.entries(body, url, content_type) if "entries" in expected else []
    except FeedError as error:
        return Verdict(name, expected, agrees=False, ours=(str(error),))
    try:
        results = [clause(about, listed) for clause in clauses]
    except IndexError:
        return Verdict(name, expected, agrees=False, ours=("no such entry",))
    agrees = all(good for good, _ in results)
    return Verdict(name, expected, agrees, tuple(got for _, got in results))


def expectation(body: bytes) -> str | None:
    """The expression of the comment, on one line."""
    text = _as_text(body)
    start = text.find("Expect:")
    if start < 0:
        return None
    said = text[start + len("Expect:") :]
    return " ".join(said[: said.find("-->")].split("\n")).strip()


def _as_text(body: bytes) -> str:
    for marker, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"<\x00\x00\x00", "utf-32-le"),
        (b"\x00\x00\x00<", "utf-32-be"),
        (b"<\x00", "utf-16-le"),
        (b"\x00<", "utf-16-be"),
        (b"\x4c\x6f\xa7\x94", "cp037"),
    ):
        if body.startswith(marker):
            return body.decode(encoding, "replace")
    return body.decode("latin-1")


def _headers(body: bytes) -> dict[str, str]:
    comment = _as_text(body).partition("-->")[0]
    return {name.lower(): value for name, value in _HEADER.findall(comment)}


def holds_for_the_parser(body: bytes) -> bool | None:
    """Whether the whole expectation, whatever it is about, holds for what feedparser makes of a
    feed on our way to it, markup cleaned and links resolved as it does by itself."""
    expected = expectation(body)
    if expected is None:
        return None
    headers = _headers(body)
    headers.setdefault("content-location", URL)
    parse = feedparser.parse
    with patch.object(
        feedparser,
        "parse",
        lambda stream, response_headers, **_: parse(
            stream, response_headers=response_headers | headers
        ),
    ):
        result = entries._parsed(body, headers.get("content-type"))
    may_call = {"__builtins__": {"len": len, "ord": ord, "locals": locals}}
    try:
        with patch.object(feedparser.FeedParserDict, "has_key", lambda self, key: key in self):
            return bool(eval(expected, may_call, dict(result)))
    except (KeyError, IndexError, AttributeError, NameError, TypeError):
        return False


# The expressions


def _clauses(expected: str, *, plain: bool) -> list[Clause]:
    """The parts of an expectation, how well-formed the feed is aside. Raises NotOursError when
    any of them is about something that we do not read."""
    tree = ast.parse(expected, mode="eval").body
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    single = (each for part in parts if not _is_about_form(part) for each in _each_equal(part))
    return [_clause(part, plain=plain) for part in single]


def _each_equal(part: ast.expr) -> list[ast.expr]:
    """`a == b == 'x'` as `a == 'x'` and `b == 'x'`."""
    if not isinstance(part, ast.Compare):
        return [part]
    if not all(isinstance(operator, ast.Eq) for operator in part.ops):
        raise NotOursError
    *fields, value = part.left, *part.comparators
    return [ast.Compare(field, [ast.Eq()], [value]) for field in fields]


def _is_about_form(part: ast.expr) -> bool:
    inner = part.operand if isinstance(part, ast.UnaryOp) else part
    return isinstance(inner, ast.Name) and inner.id == "bozo"


def _clause(part: ast.expr, *, plain: bool) -> Clause:
    if isinstance(part, ast.UnaryOp):
        asked = _asked_for(part.operand)
        return lambda about, listed: (not asked(about, listed), asked(about, listed))
    if isinstance(part, ast.Call):
        asked = _asked_for(part)
        return lambda about, listed: (bool(asked(about, listed)), asked(about, listed))
    if not isinstance(part, ast.Compare):
        raise NotOursError
    path, value = _path(part.left), _value(part.comparators[0])
    if path == ("len", "entries"):
        return lambda about, listed: (len(listed) == value, len(listed))
    take, bring = _field(path)
    wanted = (bring(value), one_line(value, 9999) if plain and bring is _text else bring(value))
    return lambda about, listed: (take(about, listed) in wanted, take(about, listed))


def _asked_for(call: ast.expr) -> Take:
    """The field that has_key asks for."""
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        raise NotOursError
    return _field((*_path(call.func.value), _value(call.args[0])))[0]


def _path(node: ast.expr) -> tuple[Any, ...]:
    """entries[0]['title'] as ('entries', 0, 'title')."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        return (*_path(node.value), node.attr)
    if isinstance(node, ast.Subscript):
        return (*_path(node.value), _value(node.slice))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return (node.func.id, *_path(node.args[0]))
    raise NotOursError


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.BinOp):  # texts in pieces
        return _value(node.left) + _value(node.right)
    return ast.literal_eval(node)


# The fields: how ours is taken, and how an expected value is brought to our form


def _text(value: str) -> str:
    return plain_text(value, entries.MAX_SUMMARY)


def _moment(value: Any) -> datetime:
    if isinstance(value, tuple):
        return datetime(*value[:6], tzinfo=UTC)
    moment = read_moment(value)
    assert moment is not None
    return moment.when


def _name(value: str) -> str:
    """An author without a mail address."""
    return plain_text(re.sub(r"\s*\(?\S+@\S+\)?", "", value) or value, entries.MAX_AUTHOR)


def _address(value: str) -> str | None:
    return entries.absolute(URL, value)


def _same(value: Any) -> Any:
    return value


_ENTRY_FIELDS: dict[tuple[Any, ...], tuple[str, Callable[[Any], Any]]] = {
    ("title",): ("title", _text),
    ("title_detail", "value"): ("title", _text),
    ("summary",): ("summary", _text),
    ("description",): ("summary", _text),
    ("summary_detail", "value"): ("summary", _text),
    ("content", 0, "value"): ("summary", _text),
    ("link",): ("url", _address),
    ("id",): ("guid", _same),
    ("guid",): ("guid", _same),
    ("author",): ("author", _name),
    ("author_detail", "name"): ("author", _name),
    ("language",): ("language", _same),
    ("title_detail", "language"): ("language", _same),
    ("slash_comments",): ("comments", int),
    **{
        (f"{name}{end}",): ("published", _moment)
        for name in ("published", "updated", "created", "date")
        for end in ("", "_parsed")
    },
}
_FEED_FIELDS: dict[tuple[Any, ...], tuple[str, Callable[[Any], Any]]] = {
    ("title",): ("title", _text),
    ("title_detail", "value"): ("title", _text),
    ("link",): ("home", _address),
    ("language",): ("language", _same),
}


def _field(path: tuple[Any, ...]) -> tuple[Take, Callable[[Any], Any]]:
    if path[0] == "feed" and path[1:] in _FEED_FIELDS:
        name, bring = _FEED_FIELDS[path[1:]]
        return (lambda about, listed: getattr(about, name)), bring
    if path[0] == "entries" and path[2:] in _ENTRY_FIELDS:
        number = path[1]
        name, bring = _ENTRY_FIELDS[path[2:]]
        return (lambda about, listed: getattr(listed[number], name)), bring
    raise NotOursError
