"""What a text says, as a sample of its word 3-grams: small enough to keep beside each story.

Comes in: titles and texts. Goes out: for each a Sketch of at most 334 bytes. What happens on the
way, to many texts at a time:

    text -> words as numbers -> hashes of three in a row -> the smallest of them -> Sketch

The sample is taken by value (Broder, 1997; Manber, 1994): the same 3-gram is kept in every text
or in none. Long texts are sampled more thinly than short ones, so that a sketch is bounded; two
are compared at the thinner sampling of the two (same_text.py). It never compares, and no text can
be read back from what it makes.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

VERSION = 1  # of the bytes of a sketch; another way to hash or to sample is another version
MIN_WORDS = 40  # a shorter text can be the same by chance (a headline, a boilerplate line)
MAX_KEPT = 64  # 3-grams in a sketch; of a longer text one in 2, 4, 8, …: mostly 32 to 64. With 96,
# F1 on made stories is .0003 to .0007 higher, for half as much again to store
LONGEST = 1 << 20  # characters of a text that are looked at: a longer one is no story
# Read together: larger arrays than a megabyte or so come from the system anew each time, and
# cost more.
CHARACTERS_AT_ONCE = 1 << 17

BITS = 40  # of a 3-gram's hash: with a position, or with a pair's number, it fills one 64-bit
# word, which NumPy sorts fast; among a million stories one in some hundreds meets another by chance
BYTES = BITS // 8
THINNEST = BITS - 1  # level of a sketch; no text is so long, and same_text.py can halve once more
_HEAD = np.dtype([("version", "u1"), ("level", "u1"), ("words", "<u4"), ("said", "<u8")])
HEAD = _HEAD.itemsize  # bytes
_u = np.uint64
_ONES = _u((1 << BITS) - 1)
_ODD = (_u(0x9E3779B97F4A7C15), _u(0xD6E8FEB86659FD93))  # odd, without a pattern
# Scripts that put no spaces between words, as in text.words. How they are cut there follows their
# letters and words; to tell whether a text is the same, pairs of characters are enough.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17DD),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FE),  # more Burmese
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0x20000, 0x20000),
)
_HAN = _UNSPACED[-1][0]  # and all beyond
_POWERS = 1 << 15  # at least so many at once: one table for all small calls

Array = np.ndarray[Any, Any]


class Sketch(bytes):
    """What is left of a title and a text; made once, kept, and read instead of them.

    Five parts, of which the first four are its head: the version of all that follows (one byte),
    `level` (one), `words` (four) and `said` (eight), the number of words of title and text
    together and a hash of all of them in their order; and the kept hashes. `level` says that one
    in 2^level of the text's 3-grams is kept: those whose hash is below 2^(40 - level), so that a
    thinner sample is the beginning of a thicker one. The hashes are ascending, without repetition,
    5 bytes each; none for a text of fewer than MIN_WORDS words. All numbers are little-endian.
    About 250 bytes for a story of 300 words, at most 334.
    """

    @property
    def level(self) -> int:
        return int(heads([self])["level"][0])

    @property
    def hashes(self) -> bytes:
        return self[HEAD:]


def heads(sketches: Sequence[bytes]) -> Array:
    """The heads of n sketches, kept ones or new ones, as columns `version`, `level`, `words` and
    `said` of n numbers each. Raises ValueError where one is no sketch or one of another version:
    sketch again."""
    lengths = np.fromiter(map(len, sketches), np.int64, len(sketches))
    if ((lengths < HEAD) | ((lengths - HEAD) % BYTES > 0)).any():
        raise ValueError("not a sketch: no sketch has so many bytes")
    found: Array = np.frombuffer(b"".join([each[:HEAD] for each in sketches]), _HEAD)
    if (found["version"] != VERSION).any():
        raise ValueError("not a sketch of this version")
    if (found["level"] > THINNEST).any():
        raise ValueError("not a sketch: no text is so long")
    return found


def sketch(title: str, text: str) -> Sketch:
    """The sketch of one story; many at once are ten times as fast: see `sketches`."""
    return next(sketches([(title, text)]))


def sketches(told: Iterable[tuple[str, str]]) -> Iterator[Sketch]:
    """A sketch for each title and text, in their order.

    They are the same in every process and on every machine, and do not depend on which are read
    together. Of a title and of a text, the first LONGEST characters are read. Texts are held some
    131 072 characters at a time, so any number of them can be given.
    """
    block: list[str] = []
    length = 0
    for title, text in told:
        block += _normal(title[:LONGEST]), _normal(text[:LONGEST])
        length += len(block[-2]) + len(block[-1])
        if length >= CHARACTERS_AT_ONCE:
            yield from _read(block)
            block, length = [], 0
    if block:
        yield from _read(block)


def unpacked(hashes: bytes) -> Array:
    """The hashes of one sketch, or of many one after another, as 64-bit numbers: shape (n,) for
    5 * n bytes."""
    wide = np.zeros((len(hashes) // BYTES, 8), np.uint8)
    wide[:, :BYTES] = np.frombuffer(hashes, np.uint8).reshape(-1, BYTES)
    return wide.view("<u8").ravel().astype(np.uint64, copy=False)


def _normal(text: str) -> str:
    """One spelling for what looks the same: ligatures, wide letters, composed accents."""
    if text.isascii():
        return text
    # Most that is not normal in news is one of these, and a full normalisation is slow.
    text = text.replace("\xa0", " ").replace("…", " ").replace("\xad", "")
    return unicodedata.normalize("NFKC", text)


def _read(parts: Sequence[str]) -> Iterator[Sketch]:
    """Sketches of a block: `parts` are title, text, title, text, …"""
    words, counts = _words(parts)
    totals = counts[0::2] + counts[1::2]
    ends = np.cumsum(totals)
    said = _mixed(_spans(words, ends - totals, ends, _ODD[1]))
    keys = _distinct(*_shingles(words, counts))
    starts, lengths, levels = _sampled(keys, len(totals))
    packed = (keys & _ONES).astype("<u8").view(np.uint8).reshape(-1, 8)[:, :BYTES].tobytes()
    made = np.empty(len(totals), _HEAD)
    made["version"], made["level"], made["words"], made["said"] = VERSION, levels, totals, said
    for head, start, length in zip(made, starts.tolist(), lengths.tolist(), strict=True):
        yield Sketch(head.tobytes() + packed[start * BYTES : (start + length) * BYTES])


def _words(parts: Sequence[str]) -> tuple[Array, Array]:
    """A hash of every word, and how many there are in each part.

    A word is a run of letters and digits, case aside. Whatever stands between is as good as a
    space, so that quotation marks, apostrophes and dashes can be of any kind. In a script that
    puts no spaces, each two neighbouring characters are a word.
    """
    raw = ("\n".join(parts) + "\n").encode("utf-32-le", "surrogatepass")
    letters = _folded().take(np.frombuffer(raw, "<u4"), mode="clip")
    starts, ends = _bounds(letters)
    borders = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)) + 1)
    counts = np.diff(np.searchsorted(starts, borders), prepend=0)
    return _mixed(_spans(letters, starts, ends, _ODD[0])), counts


def _bounds(letters: Array) -> tuple[Array, Array]:
    """Where words start and end."""
    high = letters[letters >= _UNSPACED[0][0]]
    if any(((high >= first) & (high <= last)).any() for first, last in _UNSPACED if len(high)):
        return _bounds_unspaced(letters)
    inside = np.zeros(len(letters) + 1, np.bool_)
    np.not_equal(letters, 0, out=inside[1:])
    edges = np.flatnonzero(inside[1:] != inside[:-1])  # a block ends with a gap: they are pairs
    return edges[0::2], edges[1::2]


def _bounds_unspaced(letters: Array) -> tuple[Array, Array]:
    """The same where some characters stand for themselves, each with the next one of its kind."""
    kind = (letters != 0).astype(np.uint8)
    for first, last in _UNSPACED:
        kind[(letters >= first) & (letters <= last)] = 2
    cuts = np.flatnonzero((kind[1:] != kind[:-1]) | (kind[1:] == 2)) + 1
    starts = np.concatenate(([0], cuts[:-1]))
    kinds = kind[starts]
    ends = cuts + ((kinds == 2) & (kind[cuts] == 2))
    return starts[kinds > 0], ends[kinds > 0]


@lru_cache(maxsize=1)
def _folded() -> Array:
    """For each code point its small letter; 0 for what is no letter, digit or accent.

    All beyond the table are Han characters, and rare: they count as its last entry.
    """
    table = np.zeros(_HAN + 1, np.uint64)
    for code in range(_HAN + 1):
        character = chr(code)
        if unicodedata.category(character)[0] in "LMN":
            table[code] = ord(character.lower()[0])
    return table


def _spans(values: Array, starts: Array, ends: Array, base: np.uint64) -> Array:
    """A polynomial hash (Rabin and Karp, 1987) of each span of the values, modulo 2^64.

    All spans at once: differences of one running sum, each moved to the same power of the base.
    """
    up, down = _powers(base, max(_POWERS, 1 << len(values).bit_length()))
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * up[: len(values)], out=sums[1:])
    return (sums[ends] - sums[starts]) * down[starts]


@lru_cache(maxsize=8)
def _powers(base: np.uint64, count: int) -> tuple[Array, Array]:
    """Powers of an odd number and of its inverse modulo 2^64."""
    inverse = np.uint64(pow(int(base), -1, 1 << 64))
    up, down = np.full((2, count + 1), 1, np.uint64)
    up[1:], down[1:] = base, inverse
    return np.cumprod(up), np.cumprod(down)


def _mixed(values: Array) -> Array:
    """The last steps of SplitMix64 (Steele, Lea and Flood, 2014): each bit depends on all."""
    values = (values ^ (values >> _u(30))) * _u(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> _u(27))) * _u(0x94D049BB133111EB)
    mixed: Array = values ^ (values >> _u(31))
    return mixed


def _shingles(words: Array, counts: Array) -> tuple[Array, Array]:
    """Hashes of the word 3-grams of texts that are long enough, and the stories they are of."""
    texts = np.arange(len(counts)) % 2 == 1
    part = np.repeat(np.where(texts & (counts >= MIN_WORDS), np.arange(len(counts)), 0), counts)
    whole = (part[2:] == part[:-2]) & (part[2:] > 0)
    mixed = _mixed(words[:-2] + words[1:-1] * _ODD[0] + words[2:] * _ODD[1])
    return mixed[whole] >> _u(64 - BITS), part[2:][whole] // 2


def _distinct(hashes: Array, story: Array) -> Array:
    """Keys of the form (story, hash), ascending, each once."""
    keys = (story.astype(np.uint64) << _u(BITS)) | hashes
    keys.sort()
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def _sampled(keys: Array, stories: int) -> tuple[Array, Array, Array]:
    """For each story where its keys start, how many are kept, and at which level.

    The keys of a story ascend, so a thinner sample (all hashes below a power of two) is a
    beginning of a thicker one.
    """
    numbers = np.arange(stories + 1, dtype=np.uint64) << _u(BITS)
    borders = np.searchsorted(keys, numbers)
    starts, lengths = borders[:-1], np.diff(borders)
    levels = np.zeros(stories, np.int64)
    much = np.flatnonzero(lengths > MAX_KEPT)
    first_left_out = keys[starts[much] + MAX_KEPT] & _ONES
    levels[much] = BITS + 1 - np.frexp(first_left_out.astype(np.float64))[1]
    limits = numbers[much] | (_u(1) << (BITS - levels[much]).astype(np.uint64))
    lengths[much] = np.searchsorted(keys, limits) - starts[much]
    return starts, lengths, levels
