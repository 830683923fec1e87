"""Full-text search: what somebody types, and the stories or events that it finds.

Comes in: words as a person types them. Goes out: an expression for one of the indexes (see
migration 0011_search), ids with their ranks, and snippets. What is typed is never taken for FTS5's
own language: every term is quoted. It may say "two words" (side by side), begin* (beginnings) and
-without (not these).

Words of scripts without spaces are found by runs of three letters; one or two of these are looked
up among the runs that there are.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from storage.errors import WRONG_CALL, NewsfoldError
from storage.migrations import WORD_TOKENIZER
from storage.rows import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

Table = Literal["stories", "events"]

MAX_TERMS = 20  # of one search; more than anybody types
MOST_RANKED = 2_000  # of the latest that match; a word of every other story need not rank them all
MOST_RUNS = 2_000  # of three letters that begin with one or two; the rarer ones fall away
RUNS_TO_RANK = 50  # a rank asks each of them for its number of stories
RUN = 3  # letters
SNIPPET = 24  # words
AROUND = 40  # letters before what was found, and twice as many after it

_TERM = re.compile(r'(-?)(?:"([^"]*)"|([^\s"]+))(\*?)')
_QUOTES = str.maketrans("“”„«»\0", '""""" ')
# As in migration 0011_search: Thai, Lao, Burmese, Khmer, kana, ideographs.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_HANGUL = re.compile("[\uac00-\ud7af]$")  # Korean words end in particles
# What a word weighs where it stands: in the title, the text, the summary.
_WEIGHTS = {"stories": "8.0, 1.0, 2.0", "events": "4.0, 1.0"}
_TEXTS = {"stories": ("text", "summary", "title"), "events": ("tldr", "title")}


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must stand side by side; the last of them may only begin so."""

    text: str
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """An index and what to ask it, ready for `WHERE index MATCH expression`."""

    table: Table
    index: str
    expression: str
    rank: str  # an SQL expression, the best first; by age where ranking would take too long
    terms: tuple[Term, ...]


def terms_of(words: str) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """What must be there, and what must not. Raises NewsfoldError when nothing must be."""
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for minus, quoted, plain, star in _TERM.findall(words.translate(_QUOTES)):
        text = " ".join((quoted or plain.rstrip("*")).split())
        if not any(unicodedata.category(letter)[0] in "LN" for letter in text):
            continue
        begins = bool(star) or plain.endswith("*") or bool(_HANGUL.search(text))
        (unwanted if minus else wanted).append(Term(text, begins))
    if not wanted:
        raise NewsfoldError(
            f"nothing to look for in {words!r}; give words, such as: 'quantum chip -phone'",
            WRONG_CALL,
        )
    return tuple(wanted[:MAX_TERMS]), tuple(unwanted[:MAX_TERMS])


def search_for(db: Database, table: Table, words: str) -> Search:
    """What to ask for these words. Raises NewsfoldError when there are none."""
    wanted, unwanted = terms_of(words)
    unspaced = any(_UNSPACED.search(term.text) for term in wanted)
    index = f"{table}_unspaced" if unspaced else f"{table}_search"
    rank = f"bm25({index}, {_WEIGHTS[table]})"
    if unspaced:
        runs = [_runs(db, index, term) for term in (*wanted, *unwanted)]
        if sum(map(len, runs)) > RUNS_TO_RANK:
            rank = "-f.rowid"
        asked = ["(" + " OR ".join(map(_quoted, each)) + ")" for each in runs]
    else:
        asked = [_quoted(term.text) + " *" * term.begins for term in (*wanted, *unwanted)]
    expression = " AND ".join(asked[: len(wanted)])
    if unwanted:
        expression = f"({expression}) NOT ({' OR '.join(asked[len(wanted) :])})"
    return Search(table, index, expression, rank, wanted)


def ids_matching(db: Database, table: Table, words: str, limit: int) -> list[int]:
    """The ids of what matches, the best first; of very many, the best of the latest."""
    found = search_for(db, table, words)
    rows = db.execute(
        f"SELECT id FROM (SELECT f.rowid AS id, {found.rank} AS rank FROM {found.index} AS f"
        f" WHERE {found.index} MATCH ? ORDER BY f.rowid DESC LIMIT {MOST_RANKED})"
        " ORDER BY rank, id DESC LIMIT ?",
        (found.expression, limit),
    )
    return [row[0] for row in rows]


def story_ids_matching(db: Database, words: str, limit: int) -> list[int]:
    return ids_matching(db, "stories", words, limit)


def event_ids_matching(db: Database, words: str, limit: int) -> list[int]:
    return ids_matching(db, "events", words, limit)


def snippets(
    db: Database, found: Search, ids: Iterable[int], around: tuple[str, str] = ("**", "**")
) -> dict[int, str]:
    """For each id the words around what was found, which stands between the marks `around`."""
    told: dict[int, str] = {}
    texts = ", ".join(_TEXTS[found.table])
    for chunk in chunks(ids):
        rows = db.execute(
            f"SELECT id, {texts} FROM {found.table} WHERE id IN ({marks(chunk)})", chunk
        )
        if found.index == f"{found.table}_search":
            told.update(_in_context(rows.fetchall(), texts, found.expression, around))
        else:
            told.update({id_: _cut(words, found.terms, around) for id_, *words in rows})
    return told


def _in_context(
    rows: list[tuple[Any, ...]], columns: str, expression: str, around: tuple[str, str]
) -> dict[int, str]:
    """By an index of these rows alone: the large one would look up its words anew for each row."""
    with closing(sqlite3.connect(":memory:")) as few:
        few.execute(f"CREATE VIRTUAL TABLE few USING fts5({columns}, {WORD_TOKENIZER})")
        if rows:
            few.executemany(f"INSERT INTO few (rowid, {columns}) VALUES ({marks(rows[0])})", rows)
        found = few.execute(
            f"SELECT rowid, snippet(few, -1, ?, ?, '…', {SNIPPET}) FROM few WHERE few MATCH ?",
            (*around, expression),
        )
        return {id_: " ".join(text.split()) for id_, text in found}


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _runs(db: Database, index: str, term: Term) -> list[str]:
    """The term; or, where it is shorter than a run, the runs that begin with it. None that is
    there gives the term, which then finds nothing."""
    text = term.text.lower()
    if len(text) >= RUN:
        return [text]
    rows = db.execute(
        f"SELECT term FROM {index}_runs WHERE term >= ? AND term < ?"
        " ORDER BY doc DESC, term LIMIT ?",
        (text, text + "\U0010ffff", MOST_RUNS),
    )
    return [row[0] for row in rows] or [text]


def _cut(texts: Iterable[str], terms: tuple[Term, ...], around: tuple[str, str]) -> str:
    """The words around the first term that one of the texts holds."""
    for text in texts:
        for term in terms:
            start = text.lower().find(term.text.lower())
            if start < 0:
                continue
            end = start + len(term.text)
            before, after = max(0, start - AROUND), min(len(text), end + 2 * AROUND)
            shown = text[before:start] + around[0] + text[start:end] + around[1] + text[end:after]
            return "…" * (before > 0) + " ".join(shown.split()) + "…" * (after < len(text))
    return ""
