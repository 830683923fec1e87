"""Stories with copies whose truth is known: made from real ones by written rules and fixed seeds.

    python -m tests.benchmarks.made_copies SIZE SEED > stories.jsonl

Comes in: the full texts of load/news_day_2020_en and events/{ecbplus_train,allsides,wikinews}, and
headlines of load/techcrunch_titles and events/{gnews,uci_dev}, found by NEWSFOLD_DATA (default:
../shared/data). Goes out: one story a line, `{"id", "group", "kind", "title", "text"}`, in mixed
order; two stories carry the same text when `group` is the same. Nothing of it is kept in the
project: the texts belong to their publishers.

The base is free of copies first: a text goes when a tenth of its word 5-grams stand in one text
that came before it (all pairs, counted exactly; nothing of pipeline/sketches.py is used). What is
left is told as it is, once each. More base stories are recombined: sentences of different texts,
in which most rare words are replaced by made ones, the same for the same word within a story; so
they share common phrases as real stories do, and here and there a sentence's skeleton.

A copy goes through any of: a new lead, cut to 50 to 90 %, sentences in another order, the
boilerplate of its source, capitals, other quotation marks and dashes. Special rows, all of them
traps: `short` (under 80 words, with copies), `tiny` (under 40, each alone), `quoting` (own text
around a quotation), `quotes` (nothing but quotations of several others), `release` (unrelated texts
of which nearly half is the same paragraph), `wire` (one story that up to 5 000 carry, at most a
twentieth of the set).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.text import sentences, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEXTS = ("load/news_day_2020_en", "events/ecbplus_train", "events/allsides", "events/wikinews")
HEADLINES = ("load/techcrunch_titles", "events/gnews", "events/uci_dev")
SAME_BASE = 0.1  # share of a text's 5-grams in an earlier one, from which it is not a new base
LONGEST_BASE = 900  # words of a real text: a few very long ones would decide the speed
COMMON = 400  # most frequent words, never replaced
REPLACED = 0.6  # of the different rare words of a recombined story
MADE_WORDS = 200_000
WIRE = 5_000
COPIES = ((0, 55), (1, 18), (2, 10), (3, 7), (5, 6), (12, 3.5), (40, 0.5))  # how many: how often
SPECIAL = (("plain", 86), ("short", 4), ("tiny", 3), ("quoting", 3), ("quotes", 1), ("release", 3))
T = TypeVar("T")
_RARE = re.compile(r"[^\W\d_]{4,}")
_TYPOGRAPHIC = str.maketrans({'"': "“", "'": "’", "-": "–"})
_PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\xa0": " "})


@dataclass(frozen=True, slots=True)
class Row:
    """A made story; `kind` says by which rule."""

    id: int
    group: int
    kind: str
    title: str
    text: str


def made(size: int, seed: int) -> list[Row]:
    """So many stories. The same size and seed give the same rows, on any machine."""
    rows = [Row(0, *told) for told in _told(size, seed)][:size]
    order = list(range(len(rows)))
    random.Random(f"order {seed}").shuffle(order)
    return [
        Row(number, row.group, row.kind, row.title, row.text)
        for number, row in enumerate(rows[position] for position in order)
    ]


def _told(size: int, seed: int) -> Iterator[tuple[int, str, str, str]]:
    """Endless: group, kind, title, text; all rows of a group in a row."""
    stock = _Stock(seed, size)
    group = told = 0
    while told < size:
        rng = random.Random(f"{seed} {group}")
        kind = "wire" if group == 0 else _drawn(rng, SPECIAL)
        told_here = stock.group(rng, group, kind, min(WIRE, size // 20))
        for title, text in told_here:
            yield group, kind, title, text
        told += len(told_here)
        group += 1


class _Stock:
    """What stories are made of: base texts, sentences, boilerplate, headlines."""

    def __init__(self, seed: int, size: int) -> None:
        self._real, self._sentences, self._rare = _base()
        self._headlines = _headlines()
        self._made = _made_words(seed)
        rng = random.Random(f"boilerplate {seed}")
        sources = 100 + size // 1000
        self._boilerplate = [
            self._recombined(rng, rng.choice((20, 35, 60))) for _ in range(sources)
        ]

    def group(self, rng: random.Random, number: int, kind: str, wire: int) -> list[tuple[str, str]]:
        """A story and its copies, each with its title."""
        if kind == "quoting":
            told = [self._around(rng, self._recombined(rng, 60))]
        elif kind == "quotes":
            told = [self._quotations(rng)]
        elif kind == "release":
            told = [self._release(rng)]
        elif kind == "tiny":
            told = [" ".join(self._recombined(rng, 20)).split()[: rng.randint(8, 35)]]
        else:
            base = self._told(rng, number, kind)
            count = wire - 1 if kind == "wire" else _drawn(rng, COPIES)
            told = [base, *(self._copy(rng, base) for _ in range(count))]
        title = rng.choice(self._headlines)
        return [
            (title if rng.random() < 0.5 else rng.choice(self._headlines), " ".join(lines))
            for lines in told
        ]

    def _told(self, rng: random.Random, number: int, kind: str) -> list[str]:
        if kind == "plain" and number < len(self._real):
            return self._real[number]
        length = rng.randint(45, 65) if kind == "short" else round(rng.lognormvariate(5.2, 0.45))
        lines = self._recombined(rng, max(45, min(length, LONGEST_BASE)))
        if kind == "plain" and rng.random() < 0.5:
            lines = [*lines, *self._footer(rng, lines)]
        return lines

    def _recombined(self, rng: random.Random, length: int) -> list[str]:
        """Sentences of about so many words together, with made words in them."""
        made: dict[str, str] = {}
        lines: list[str] = []
        while length > 0:
            sentence = rng.choice(self._sentences)
            length -= sentence.count(" ") + 1
            pieces = _pieces(sentence)
            for position in range(1, len(pieces), 2):
                word = pieces[position]
                if word.lower() in self._rare:
                    pieces[position] = self._renamed(rng, made, word)
            lines.append("".join(pieces))
        return lines

    def _renamed(self, rng: random.Random, made: dict[str, str], word: str) -> str:
        known = made.get(word)
        if known is None:
            known = word
            if rng.random() < REPLACED:
                known = self._made[int(len(self._made) * rng.random() ** 2)]
                known = known.capitalize() if word[0].isupper() else known
            made[word] = known
        return known

    def _footer(self, rng: random.Random, lines: Sequence[str]) -> list[str]:
        """The boilerplate of a source, if it is at most a quarter of the text."""
        footer = rng.choice(self._boilerplate)
        return footer if 4 * _length(footer) <= _length(lines) else []

    def _quotations(self, rng: random.Random) -> list[str]:
        """Two or three sentences of each of six real texts."""
        found: list[str] = []
        for text in rng.sample(self._real, 6):
            start = rng.randrange(max(1, len(text) - 3))
            found += [f"“{line}”" for line in text[start : start + rng.randint(2, 3)]]
        return found

    def _around(self, rng: random.Random, own: list[str]) -> list[str]:
        """Own text around a quotation that is at most a quarter of the whole."""
        text = rng.choice(self._real)
        start = rng.randrange(max(1, len(text) - 4))
        quoted = text[start : start + rng.randint(2, 4)]
        own = [*own, *self._recombined(rng, max(60, 3 * _length(quoted) - _length(own)))]
        middle = len(own) // 2
        return [*own[:middle], *quoted, *own[middle:]]

    def _release(self, rng: random.Random) -> list[str]:
        """Own text, and a paragraph about the company that is up to nine tenths as long."""
        about = rng.choice(self._boilerplate[:20])
        return [*self._recombined(rng, max(45, round(_length(about) / 0.9))), *about]

    def _copy(self, rng: random.Random, lines: list[str]) -> list[str]:
        lines = list(lines)
        if len(lines) > 3 and rng.random() < 0.35:
            lines = _cut(lines, rng.uniform(0.5, 0.9))
        if rng.random() < 0.2:
            lines = _reordered(rng, lines)
        if rng.random() < 0.35:
            lead = rng.choice(self._headlines) + "."
            lines = [lead, *lines[1:]] if len(lines) > 5 and rng.random() < 0.5 else [lead, *lines]
        if rng.random() < 0.5:
            lines += self._footer(rng, lines)
        if rng.random() < 0.15:
            lines[0] = lines[0].upper()
        elif rng.random() < 0.03:
            lines = [line.upper() for line in lines]
        if rng.random() < 0.4:
            table = rng.choice((_TYPOGRAPHIC, _PLAIN))
            lines = [line.translate(table) for line in lines]
        return lines


def _length(lines: Sequence[str]) -> int:
    return sum(line.count(" ") + 1 for line in lines)


def _cut(lines: list[str], share: float) -> list[str]:
    """The beginning, up to the sentence with which it reaches the share of the words."""
    left, kept = share * _length(lines), 0
    for line in lines:
        if left <= 0:
            break
        left -= line.count(" ") + 1
        kept += 1
    return lines[:kept]


def _reordered(rng: random.Random, lines: list[str]) -> list[str]:
    """Three runs of sentences in another order."""
    first, second = sorted(rng.randint(0, len(lines)) for _ in range(2))
    runs = [lines[:first], lines[first:second], lines[second:]]
    rng.shuffle(runs)
    return [line for run in runs for line in run]


def _drawn(rng: random.Random, weighted: Sequence[tuple[T, float]]) -> T:
    return rng.choices([what for what, _ in weighted], [weight for _, weight in weighted])[0]


@lru_cache(maxsize=1)
def _base() -> tuple[list[list[str]], list[str], frozenset[str]]:
    """Real texts as sentences, without copies among them; all their different sentences; and
    the words that may be replaced."""
    texts = [text for name in TEXTS for text in _read(name, "text") if len(text.split()) >= 60]
    texts = [" ".join(text.split()[:LONGEST_BASE]) for text in texts]
    real = [sentences(text) for text in _without_copies(texts)]
    lines = {line: None for text in real for line in text if 6 <= line.count(" ") <= 45}
    frequent = Counter(word for text in real for line in text for word in words(line))
    common = {word for word, _ in frequent.most_common(COMMON)}
    return real, list(lines), frozenset(frequent) - common


def _without_copies(texts: Sequence[str]) -> Iterator[str]:
    seen: dict[tuple[str, ...], list[int]] = {}
    for number, text in enumerate(texts):
        said = words(text)
        grams = set(zip(*(said[start:] for start in range(5)), strict=False))
        shared = Counter(other for gram in grams for other in seen.get(gram, ()))
        if grams and max(shared.values(), default=0) < SAME_BASE * len(grams):
            yield text
        for gram in grams:
            seen.setdefault(gram, []).append(number)


@lru_cache(maxsize=1)
def _headlines() -> list[str]:
    return [title for name in HEADLINES for title in _read(name, "title") if title]


def _read(name: str, key: str) -> list[str]:
    folder = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[3] / "shared" / "data"))
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)[key] or "" for line in lines]


def _made_words(seed: int) -> list[str]:
    rng = random.Random(f"words {seed}")
    starts = [a + b for a in "bdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "ai", "ou")]
    made = {
        "".join(rng.choices(starts, k=rng.randint(2, 3))) + rng.choice(("", "n", "rt", "ck"))
        for _ in range(MADE_WORDS)
    }
    return sorted(made)


@lru_cache(maxsize=1 << 18)
def _cut_at_rare(sentence: str) -> tuple[str, ...]:
    return tuple(re.split(f"({_RARE.pattern})", sentence))


def _pieces(sentence: str) -> list[str]:
    """What stands between words of four letters and more, and these, in turns."""
    return list(_cut_at_rare(sentence))


def main() -> None:
    size, seed = map(int, sys.argv[1:])
    for row in made(size, seed):
        print(json.dumps(asdict(row), ensure_ascii=False))


if __name__ == "__main__":
    main()
