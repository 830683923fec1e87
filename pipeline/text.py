"""Words, stems, shingles, names and sentences of a text.

Comes in: plain text. Goes out: small lists of strings. Nothing here knows what a story is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

# A number keeps its point or comma (4.7, 14,300), a word its apostrophe and inner hyphens apart.
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\W_]+")
# Scripts that put no spaces between words: cut into pairs of characters instead.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]+")
_STEMMED = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ru": "russian",
    "sv": "swedish",
}
# Ends a sentence only where what follows looks like a beginning.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-ZÀ-ÖØ-ÞΑ-ΩА-Я0-9])|(?<=[。！？])"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sen|Rep|Gov|Gen|St|Jr|Sr|Inc|Corp|Co|Ltd|vs|No|Nr|ca|etc|"
    r"approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.K|e\.g|i\.e|z\.B|d\.h|v|Mio|Mrd|Tsd|Bd|Std|bzw|usw|Del|Calif|Mass|Wash|Fla|Tex)\.)"
    r"[\"'”’)\]]*\s*$"
)
_CAPITALISED = r"[A-ZÀ-ÖØ-Þ](?:[\w&-]|['’](?!s\b))*(?:\.\d+)*"
LONGEST_END = 40  # characters: an abbreviation with its quotation marks and spaces
# Control characters move cursors, and overrides of direction turn text around: no headline needs
# either. Lone surrogates cannot be written as UTF-8.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NAME = re.compile(rf"\b{_CAPITALISED}(?:[ -](?:{_CAPITALISED}|v?\d+(?:\.\d+)*\b))*")


def visible(text: str) -> str:
    """Text that can be shown anywhere: without characters that control a terminal."""
    return _INVISIBLE.sub("", text)


def words(text: str) -> list[str]:
    """Lower-case words and numbers; unspaced scripts give pairs of characters."""
    if text.isascii():  # most of the news: nothing to normalise, nothing without spaces
        return _WORD.findall(text.lower())
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if _UNSPACED.search(word):
            found += _cut_unspaced(word)
        else:
            found.append(word.replace("’", "'"))
    return found


def _cut_unspaced(run: str) -> list[str]:
    """`新模型` gives `新模`, `模型`; what stands around in other scripts stays whole."""
    pieces: list[str] = []
    position = 0
    for match in _UNSPACED.finditer(run):
        if match.start() > position:
            pieces.append(run[position : match.start()])
        characters = match.group()
        pieces += [characters[i : i + 2] for i in range(max(1, len(characters) - 1))]
        position = match.end()
    if position < len(run):
        pieces.append(run[position:])
    return pieces


def stems(text: str, language: str = "en") -> list[str]:
    """Words cut to their stems (Snowball), so that `releases` and `released` are one."""
    return [stem for _, stem in stemmed(text, language)]


def stemmed(text: str, language: str = "en") -> list[tuple[str, str]]:
    """Each word with its stem."""
    return [(word, _stem(word, language[:2])) for word in words(text)]


@lru_cache(maxsize=200_000)
def _stem(word: str, language: str) -> str:
    if word[0].isdigit() or language not in _STEMMED:
        return word
    return str(_stemmer(language).stemWord(word.removesuffix("'s")))


@lru_cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(_STEMMED[language])


def shingles(text: str, n: int = 3) -> list[str]:
    """Runs of `n` words; a text shorter than that is one shingle."""
    cut = words(text)
    if len(cut) <= n:
        return [" ".join(cut)] if cut else []
    return [" ".join(cut[i : i + n]) for i in range(len(cut) - n + 1)]


def sentences(text: str) -> list[str]:
    """The sentences of a text, paragraph by paragraph, trimmed."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n", text):
        held = ""
        for piece in _split_after_ends(paragraph):
            held += piece
            if not _ABBREVIATION.search(held[-LONGEST_END:]):
                found.append(held.strip())
                held = ""
        if held.strip():
            found.append(held.strip())
    return [sentence for sentence in found if sentence]


def _split_after_ends(paragraph: str) -> list[str]:
    pieces, start = [], 0
    for end in _SENTENCE_END.finditer(paragraph):
        pieces.append(paragraph[start : end.end()])
        start = end.end()
    return [*pieces, paragraph[start:]]


def names(text: str) -> list[str]:
    """Capitalised names in running text, such as `Muse Spark`, `GPT-5.4`, `Scale AI`.

    The first word of a sentence is taken only when a capital stands elsewhere in it too (an
    acronym, `OpenAI`), or when another word of the name follows.
    """
    found: list[str] = []
    for sentence in sentences(text):
        for match in _NAME.finditer(sentence):
            name = match.group().rstrip("'’-&")
            if match.start() > 1 or " " in name or not name[1:].isalpha() or not name[1:].islower():
                found.append(_without_article(name))
    return [name for name in found if len(name) > 1]


def _without_article(name: str) -> str:
    return re.sub(r"^(?:The|A|An|In|On|At|Its|But|And|For|Die|Der|Das)\s+", "", name)
