"""What stands around a text but is none of it: blocks come in, blocks without it go out.

At the top: the headline again and the short lines before it, the rubric, the byline, the date
line, the name of the site. At the end: links in brackets, where to write to, what a reader may
still read for free. A byline and a date line also say who wrote it, and when. Only short blocks
are looked at, and only near the top and at the very end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawlers.authors import BY, NO_NAME
from crawlers.characters import letters
from crawlers.dates import ZONES, is_relative, month_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from crawlers.blocks import Block

NEAR_TOP = 400  # characters of text; a headline and a summary stand before most bylines
MAX_LINE = 150  # characters; longer ones say something
MAX_RUBRIC = 60
MAX_TAIL_BLOCKS = 3
MAX_NAME_WORDS = 5

PIECES = re.compile(r"\s+[/|·•–—-]\s+|\s*[|•\n]\s*")
DATE_WORDS = (
    "january february march april may june july august september october november december "
    "januar februar märz mai juni juli oktober dezember "
    "jan feb mar apr jun jul aug sep sept oct okt nov dec dez "
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs "
    "fri sat sun montag dienstag mittwoch donnerstag freitag samstag sonntag "
    "am pm a m p uhr at on um den vom utc gmt z"
)
SENT = re.compile(
    r"^(?:(?:first |last )?(?:sent|published|posted|updated|modified)|veröffentlicht|aktualisiert|"
    r"stand)\b(?:\s+(?:on|at|am))?\s*:?\s*",
    re.IGNORECASE,
)
UPDATED = re.compile(r"(?:last )?(?:updated|modified)\b|aktualisiert\b|stand\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")
DAY_OR_TIME = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}:\d\d")
DATES = frozenset(DATE_WORDS.split()) | {zone.lower() for zone in ZONES} | month_names()
POST = re.compile(
    r",?\s+(?:(?:chief|senior|staff|political|special|foreign|technology|tech|science|business|"
    r"security|contributing|associated?)\s+)*"
    r"(?:writer|reporter|correspondent|editor|columnist|contributor)$",
    re.IGNORECASE,
)
PARTICLES = frozenset(
    {"and", "und", "von", "van", "de", "der", "den", "di", "da", "la", "le", "al"}
)

LINKS = re.compile(r"\[[^\[\]]+\|[^\[\]]+\]")
TAIL = re.compile(
    r"\w@[\w-]+\.\w|\bfree (?:articles|stories)\b.*\b(?:month|week|left|remaining)\b"
    r"|^\W*(?:sign up|subscribe|log in|follow us|share this)\b"
    r"|^\((?:additional )?(?:reporting|writing|editing) (?:by|in)\b.*\)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a page calls itself, as `letters`."""

    titles: frozenset[str]
    names: frozenset[str]  # of authors, rubrics and the site
    imprint: frozenset[str] = frozenset()  # what speaks of the site, below a rule at the end


@dataclass(frozen=True, slots=True)
class Bare:
    """Blocks without furniture, and what it said."""

    blocks: tuple[Block, ...]
    bylines: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def without_furniture(blocks: Sequence[Block], labels: Labels) -> Bare:
    """The blocks that are text."""
    start = _after_headline(blocks, labels)
    kept: list[Block] = []
    dropped = [text for _, text in blocks[:start]]
    length = 0
    for block in blocks[start:]:
        if length <= NEAR_TOP and _is_furniture(block, labels):
            dropped.append(block[1])
        else:
            length += len(block[1])
            kept.append(block)
    lines = (text for text in dropped if letters(text) not in labels.titles)
    said = [piece for text in lines for piece in _pieces(text)]
    return Bare(
        blocks=tuple(_without_tail(kept, labels)),
        bylines=tuple(filter(None, map(_author, said))),
        dates=tuple(_day_and_time(said)),
    )


def date_lines(texts: Iterable[str]) -> Iterator[str]:
    """What those of the texts that are date lines say of the publication."""
    return _day_and_time(piece for text in texts for piece in _pieces(text))


def _day_and_time(pieces: Iterable[str]) -> Iterator[str]:
    """What date lines say of the publication."""
    for piece in pieces:
        if _is_date(piece) and not UPDATED.match(piece):
            yield SENT.sub("", piece)


def _after_headline(blocks: Sequence[Block], labels: Labels) -> int:
    """Where the text goes on when it begins with its headline, but for short lines before it."""
    before = 0
    for number, (_, text) in enumerate(blocks):
        if letters(text) in labels.titles:
            return number + 1
        before += len(text)
        if len(text) > MAX_RUBRIC or before > MAX_LINE:
            break
    return 0


def _pieces(text: str) -> Iterator[str]:
    """The parts of a line: "Technology | By Ada Quill on 3 April 2026" has three."""
    for piece in PIECES.split(text):
        if piece.strip():
            yield from _author_and_date(piece.strip())


def _author_and_date(piece: str) -> tuple[str, ...]:
    """ "By Ada Quill on 3 April" and "Sent on 3 April by Ada Quill" in two."""
    for space in re.finditer(r",?\s+", piece):
        left, right = piece[: space.start()], piece[space.end() :]
        if (BY.match(piece) and _is_date(right)) or (BY.match(right) and _is_date(left)):
            return (left, right)
    return (piece,)


def _is_furniture(block: Block, labels: Labels) -> bool:
    is_heading, text = block
    if letters(text) in labels.titles | labels.names:
        return True
    if is_heading or len(text) > MAX_LINE:
        return False
    kinds = {_kind(piece, labels) for piece in _pieces(text)}
    return "" not in kinds and bool(kinds & {"name", "author", "date"})


def _kind(piece: str, labels: Labels) -> str:
    """What a part of a line is; empty for text."""
    if letters(piece) in labels.names:
        return "name"
    if _author(piece):
        return "author"
    if _is_date(piece):
        return "date"
    if BY.match(piece):
        return "by"  # the editors, our newsroom
    return "number" if letters(piece).isdigit() else ""


def _is_date(piece: str) -> bool:
    rest = SENT.sub("", piece)
    if is_relative(rest):
        return True
    if not DAY_OR_TIME.search(rest) or rest.strip(" .,").isdigit():
        return False
    return all(word.lower() in DATES for word in WORD.findall(rest))


def _author(piece: str) -> str:
    """Who a byline names: "By Ada Quill", "Ada Quill, staff writer"; empty when it names nobody."""
    name = POST.sub("", BY.sub("", piece))
    return name if name != piece and _is_name(name) else ""


def _is_name(text: str) -> bool:
    words = text.replace(",", " ").replace("&", " and ").split()
    if not 2 <= len(words) <= 2 * MAX_NAME_WORDS or NO_NAME.search(text) or text[-1] in ".?!:":
        return False
    return all(word[0].isupper() or word.lower() in PARTICLES for word in words)


def _without_tail(blocks: list[Block], labels: Labels) -> list[Block]:
    for _ in range(MAX_TAIL_BLOCKS):
        if len(blocks) < 2 or not _is_tail(blocks[-1][1], labels):
            break
        blocks = blocks[:-1]
    return blocks


def _is_tail(text: str, labels: Labels) -> bool:
    if len(text) > MAX_LINE:
        return False
    return bool(TAIL.search(text) or LINKS.fullmatch(text)) or letters(text) in labels.imprint
