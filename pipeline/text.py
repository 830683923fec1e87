"""Words, stems, shingles, names and sentences of a text.

Comes in: plain text. Goes out: small lists of strings. Nothing here knows what a story is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from operator import add

import Stemmer

from pipeline.tables import tables


def _marks() -> str:
    """What stands above, below or after a letter and belongs to it: vowel signs, tones, accents.

    To a regular expression they are not letters, which would tear every word of Hindi or Thai.
    As ranges (a-d) they are read in a tenth of the time.
    """
    blocks = (*range(0x300, 0x1E00), *range(0x20D0, 0x2100), *range(0xA800, 0xAC00))
    marks = [c for c in blocks if unicodedata.category(chr(c)) in {"Mn", "Mc"}]
    starts = [c for before, c in pairwise([0, *marks]) if c != before + 1]
    ends = [c for c, after in pairwise([*marks, 0]) if after != c + 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


# A number keeps its point or comma (4.7, 14,300), a word its apostrophe and inner hyphens apart.
_ASCII_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)*|[a-z]+(?:'[a-z]+)?")
# A run of a to z is tried first: that is most words, and quicker than any letter.
_WORD = re.compile(r"[a-z]++(?![^\W\d_]|')|\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[^\W_]+")
_MARKS = _marks()
_LETTERS = rf"[^\W\d_]+(?:[{_MARKS}]+[^\W\d_]*)*"
_MARKED_WORD = re.compile(
    rf"[a-zа-яё]++(?![^\W\d_]|['{_MARKS}])|\d+(?:[.,]\d+)*|{_LETTERS}(?:'{_LETTERS})?|[^\W_]+"
)
_TYPOGRAPHIC = "“”‘–—"  # part words and are in most of the news
# Beyond Latin letters, their punctuation and symbols: here more than normalising is needed.
_BEYOND_LATIN = re.compile("[\u0300-\u1dff\u20d0-\u20ff\u2c00-\U0001efff\U00020000-\U0003ffff]")
_CLUSTERED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17dd\ua9e0-\ua9fe\uaa60-\uaa7f"
# Written by some and left out by others, in one and the same word: Hebrew points, Arabic vowel
# signs and stretching; and beside a letter beyond Latin soft hyphens, joiners and marks of
# direction (between Latin letters they part words, as ever).
_FURTHER = "\u0370-\u1dff\u2d00-\uffdc"
_LEFT_OUT = re.compile(
    "[\u034f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u061c\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\ufe00-\ufe0f]"
    f"|(?<=[{_FURTHER}])[\xad\u200c-\u200f\u2060\ufeff]+|[\xad\u200c-\u200f\u2060\ufeff]+(?=[{_FURTHER}])"
    f"|\u200b(?=[{_CLUSTERED}])|(?<=i)\u0307"
)
_OTHER_DIGIT = re.compile(r"(?![0-9])[\d\u066b\u066c]")
# Scripts that put no spaces between words, or (Hangul) grow endings: cut where the script
# changes, and then into overlapping pairs. A word in katakana is mostly one word: it stays.
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f\u30fc"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
_UNSPACED = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_CLUSTERED}]")
_RUN = re.compile(
    f"(?P<pairs>[{_HAN}]+|[{_HANGUL}]+)|(?P<katakana>[{_KATAKANA}]+)|(?P<hiragana>[{_HIRAGANA}]+)"
    f"|(?P<clusters>[{_CLUSTERED}]+)|(?P<stray>[{_MARKS}]+)"
    f"|[^{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_CLUSTERED}]+"
)
# One letter of Thai, Lao, Khmer or Burmese with all that is written around it.
_CLUSTER = re.compile(rf".(?:[\u1039\u17d2].|[{_MARKS}])*", re.DOTALL)
LONG_MARK = "ー"  # ends many a katakana word or is left out (サーバー, サーバ)
SHORTEST_WITHOUT = 4  # letters: a shorter word needs it (as in Lucene's katakana stemmer)

_STEMMED = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
CACHED_STEMS = 200_000  # a language; then the table is begun anew

# Ends a sentence only where what follows looks like a beginning: a capital, a figure, or a letter
# of a script without capitals.
_BEGINS = (
    "A-ZÀ-ÖØ-ÞΆ-ΏΑ-ΫЀ-ЯІЇЄҐԱ-Ֆ0-9א-ת\u0620-\u064a\u0671-\u06d3\u0904-\u0ddf\u0e00-\u109f\u10d0-\u10ff"
    "\u1200-\u135a\u1780-\u17b3\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3"
)
_FULL_STOPS = "。！？।॥؟۔။។"  # end a sentence whatever follows
_SENTENCE_END = re.compile(
    rf"[.!?…{_FULL_STOPS}](?:"
    rf"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\"'“‘«„¿¡(\[]*[{_BEGINS}])"
    rf"|(?<=[{_FULL_STOPS}])[{_FULL_STOPS}]*+(?:[”’»」』】）)]++(?!と)|(?![”’»」』】）)])))"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-ZА-ЯЁ]|Mr|Mrs|Ms|Dr|Prof|Sen|Rep|Gov|Gen|Col|Capt|Lt|Sgt|St|Jr|Sr|Inc|Corp|Co|Ltd|vs|No|Nr|ca|etc|"
    r"approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.K|e\.g|i\.e|z\.B|d\.h|v|Mio|Mrd|Tsd|Bd|Std|bzw|usw|Del|Calif|Mass|Wash|Fla|Tex"
    r"|z\. B|u\. ?a|Dipl|evtl|ggf|inkl|zzgl|bspw|sog|Sra|Srta|Dña|Uds?|EE|UU|pág|núm|Cía"
    r"|(?<!\d )г|т\. ?[едпк]|ул|им|см|стр|тыс|руб|проц|млн|млрд)\.)"
    r"[\"'”’)\]]*\s*$"
)
_DAY = re.compile(r"\b(?:[Aa]m|[Vv]om|[Zz]um|[Bb]is|[Dd]e[mnr]|[Ss]eit|[Aa]b) \d{1,2}\.\s*$")
_MONTH = re.compile(
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)
LONGEST_END = 40  # characters: an abbreviation with its quotation marks and spaces
# Control characters move cursors, and overrides of direction turn text around: no headline needs
# either. Lone surrogates cannot be written as UTF-8.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# A language, then script, region, variants, extensions: what HTML takes for well-formed.
_LANGUAGE = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{5,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|\d{3}))?"
    r"(?:-(?:[A-Za-z\d]{5,8}|\d[A-Za-z\d]{3}))*(?:-[A-WY-Za-wy-z\d](?:-[A-Za-z\d]{2,8})+)*"
    r"(?:-x(?:-[A-Za-z\d]{1,8})+)?"
)

# Names. `(?<!\w\w)` after the first letter is a word boundary before it, and quicker.
_REST = r"[\w&-]*(?:['’](?!s\b)[\w&-]*)*(?:\.\d+)*"


def _name_pattern(capitals: str) -> re.Pattern[str]:
    word = rf"[{capitals}]{_REST}"
    return re.compile(rf"[{capitals}](?<!\w\w){_REST}(?:[ -](?:{word}|v?\d+(?:\.\d+)*\b))*")


_CAPITALS = "A-ZÀ-ÖØ-Þ"
_NAME = _name_pattern(_CAPITALS)
_MORE_CAPITALS = (
    _CAPITALS
    + "".join(chr(c) for c in range(0x100, 0x250) if chr(c).isupper())
    + "ΆΈ-ΏΑ-ΫЀ-ЯІЇЄҐҒҚҢҮҰҺԱ-Ֆ"
)
_NAME_BEYOND = _name_pattern(_MORE_CAPITALS)
_BEYOND_CAPITALS = re.compile("[\u0386-\u058f]")  # Greek, Cyrillic, Armenian
_IDEOGRAPHIC = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}]")
IDEOGRAPHIC_SHARE = 10  # one of so many characters; fewer are a quotation in another language
# Chinese and Japanese have no capitals, but what they write in Latin letters or set in brackets
# is mostly a name, and so is a longer word in katakana, with the version that follows.
_VERSION = r"(?: ?v?\d+(?:\.\d+)*)?"
_NAME_AMONG_IDEOGRAPHS = re.compile(
    r"《(?P<title>[^《》]{2,30})》|[『「“](?P<quoted>[^『』「」“”。、，！？…,!?]{2,12})[』」”]"
    r"|(?P<latin>(?<![A-Za-z0-9])[a-z]?[A-ZÀ-ÖØ-Þ][A-Za-z0-9À-ÿ&]*"
    r"(?:(?:[-.]| (?=[A-Z0-9]))[A-Za-z0-9À-ÿ]+)*)"
    rf"|(?P<katakana>[{_KATAKANA}]{{3,}}(?:・[{_KATAKANA}]+)*[A-Za-z]*{_VERSION})"
)


def visible(text: str) -> str:
    """Text that can be shown anywhere: without characters that control a terminal."""
    if text.isprintable():  # most of what is asked for: known ten times as fast
        return text
    return _INVISIBLE.sub("", text)


def language_tag(language: str) -> str:
    """The tag of a language as pages may name it (BCP 47, as far as its form tells), or nothing."""
    return language if _LANGUAGE.fullmatch(language) else ""


def words(text: str) -> list[str]:
    """Lower-case words and numbers; unspaced scripts give pairs of characters."""
    if text.isascii():  # most of the news: nothing to normalise, nothing without spaces
        return _ASCII_WORD.findall(text.lower())
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("\xad", "")
    for mark in _TYPOGRAPHIC:  # without them, half of what is left is ASCII too
        plain = plain.replace(mark, " ")
    if plain.isascii():
        return _ASCII_WORD.findall(plain.lower())
    if not _BEYOND_LATIN.search(plain):
        return _WORD.findall(plain.lower().replace("i\u0307", "i"))  # İstanbul
    return _words_of_any_script(plain.lower())


def _words_of_any_script(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", _LEFT_OUT.sub("", text))
    found = _MARKED_WORD.findall(_OTHER_DIGIT.sub(_western, text))
    if not _UNSPACED.search(text):
        return found
    return [piece for word in found for piece in _cut_unspaced(word)]


def _western(digit: re.Match[str]) -> str:
    """`٣` and `३` are 3: reports of one happening write either."""
    character = digit.group()
    separator = {"\u066b": ".", "\u066c": ","}.get(character)
    return separator or str(unicodedata.decimal(character))


def _cut_unspaced(word: str) -> list[str]:
    """`新模型` gives `新模`, `模型`; what stands around in other scripts stays whole."""
    if not _UNSPACED.search(word):
        return [word]
    pieces: list[str] = []
    for run in _RUN.finditer(word):
        piece = run.group()
        if run.lastgroup in {"pairs", "hiragana"}:
            pieces += _pairs(piece)
        elif run.lastgroup == "clusters":
            pieces += _threes(_CLUSTER.findall(piece))
        elif run.lastgroup == "katakana" and len(piece) >= SHORTEST_WITHOUT:
            pieces.append(piece.removesuffix(LONG_MARK))
        elif run.lastgroup != "stray":
            pieces.append(piece)
    return pieces


def _pairs(letters: str) -> list[str]:
    return list(map(add, letters, letters[1:])) or [letters]


def _threes(clusters: list[str]) -> list[str]:
    """Three at once: they say about as much as two ideographs."""
    overlapping = zip(clusters, clusters[1:], clusters[2:], strict=False)
    return list(map("".join, overlapping)) or ["".join(clusters)]


class _Stems(dict[str, str]):
    """The stems of a language, each made once: most words of a text have been seen before."""

    def __init__(self, language: str) -> None:
        super().__init__()
        name = _STEMMED.get(language)
        self._stemmer = Stemmer.Stemmer(name) if name else None

    def __missing__(self, word: str) -> str:
        stem = word
        if self._stemmer and not word[0].isdigit():
            stem = str(self._stemmer.stemWord(word.removesuffix("'s")))
        if len(self) >= CACHED_STEMS:
            self.clear()
        self[word] = stem
        return stem


@cache
def _stems(language: str) -> _Stems:
    return _Stems(language)


def stems(text: str, language: str = "en") -> list[str]:
    """Words cut to their stems (Snowball), so that `releases` and `released` are one."""
    return list(map(_stems(language[:2]).__getitem__, words(text)))


def stemmed(text: str, language: str = "en") -> list[tuple[str, str]]:
    """Each word with its stem."""
    cut = words(text)
    return list(zip(cut, map(_stems(language[:2]).__getitem__, cut), strict=True))


def shingles(text: str, n: int = 3) -> list[str]:
    """Runs of `n` words; a text shorter than that is one shingle."""
    cut = words(text)
    if len(cut) <= n:
        return [" ".join(cut)] if cut else []
    return [" ".join(cut[i : i + n]) for i in range(len(cut) - n + 1)]


def sentences(text: str) -> list[str]:
    """The sentences of a text, paragraph by paragraph, trimmed."""
    found: list[str] = []
    for paragraph in text.split("\n"):
        start = 0
        for end in _SENTENCE_END.finditer(paragraph):
            if not _goes_on(paragraph, start, end.end()):
                found.append(paragraph[start : end.end()].strip())
                start = end.end()
        found.append(paragraph[start:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(paragraph: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` is that of an abbreviation or of `3. März`."""
    last = paragraph[max(start, end - LONGEST_END) : end]
    if _ABBREVIATION.search(last):
        return True
    return bool(_MONTH.match(paragraph, end) and _DAY.search(last))


def names(text: str, language: str = "en") -> list[str]:
    """Names in running text, such as `Muse Spark`, `GPT-5.4`, `Scale AI`, `ヒバリ3`.

    A name is capitalised. The first word of a sentence is taken only when a capital stands
    elsewhere in it too (an acronym, `OpenAI`), or when another word of the name follows.
    """
    if not text.isascii() and _is_ideographic(text):
        return _names_among_ideographs(text)
    if language[:2] == "de":
        return _german_names(text)
    pattern = _NAME
    if language[:2] != "en" or (not text.isascii() and _BEYOND_CAPITALS.search(text)):
        pattern = _NAME_BEYOND
    found: list[str] = []
    for paragraph in text.split("\n"):
        for match in pattern.finditer(paragraph):
            name = match.group().rstrip("'’-&")
            if " " in name:
                name = _without_article(name)
            elif _is_plain(name) and _opens_sentence(paragraph, match.start()):
                continue
            if len(name) > 1:
                found.append(name)
    return found


def _german_names(text: str) -> list[str]:
    """German capitalises every noun. A name shows in a digit or a second capital, or in standing
    right behind a noun (`der Anbieter Nordwolke`), and is then known wherever it stands."""
    chains = []
    known: set[str] = set()
    for match in _NAME_BEYOND.finditer(text):
        said = match.group().rstrip("'’-&").split(" ")
        said = said[1:] if len(said) > 1 and _GERMAN_OPENING.match(said[0]) else said
        chain = _behind_nouns(
            said, after=text[max(0, match.start() - LONGEST_WORD) : match.start()]
        )
        chains.append(chain)
        if len(chain) > 1 or len(chain) < len(said):
            known.update(word for word in chain if not _GERMAN_NOUN.search(word))
    found = [" ".join(chain) for chain in chains if _is_name(chain, known)]
    return [name for name in found if len(name) > 1]


def _behind_nouns(chain: list[str], after: str) -> list[str]:
    """`Entwicklungschefin Jana Wolters` gives `Jana Wolters`."""
    if _GERMAN_ARTICLE.search(after) and _can_be_noun(chain):
        chain = chain[1:]
    while _can_be_noun(chain) and _GERMAN_NOUN.search(chain[0]):
        chain = chain[1:]
    return chain


def _can_be_noun(chain: list[str]) -> bool:
    return len(chain) > 1 and chain[1][0].isalpha() and _is_plain(chain[0])


def _is_name(chain: list[str], known: set[str]) -> bool:
    return len(chain) > 1 or not _is_plain(chain[0]) or chain[0] in known


def _is_plain(name: str) -> bool:
    return name[1:].isalpha() and name[1:].islower()


def _opens_sentence(paragraph: str, position: int) -> bool:
    """Whether a sentence begins here, or one character earlier with a quotation mark."""
    before = paragraph[max(0, position - 2) : position]
    if before[1:] == " " and before[0].isalnum():  # in mid-sentence, as most names are
        return False
    if _begins(paragraph, position):
        return True
    return not before[-1].isspace() and _begins(paragraph, position - 1)


def _begins(paragraph: str, position: int) -> bool:
    before = paragraph[:position].rstrip()
    if not before:
        return True
    end = _SENTENCE_END.match(paragraph, len(before.rstrip("\"'”’»)]」』】）")) - 1)
    if not end or end.end() > position or paragraph[end.end() : position].strip():
        return False
    return not _goes_on(paragraph, 0, end.end())


def _is_ideographic(text: str) -> bool:
    return len(_IDEOGRAPHIC.findall(text)) * IDEOGRAPHIC_SHARE > len(text)


def _names_among_ideographs(text: str) -> list[str]:
    found = [match[match.lastgroup or 0] for match in _NAME_AMONG_IDEOGRAPHS.finditer(text)]
    return [name for name in found if len(name) > 1 and not _loans().fullmatch(name)]


@cache
def _loans() -> re.Pattern[str]:
    """Words in katakana that are no names: `データセンター` is made of two of them."""
    listed = tables("pipeline", "common_words.toml")["loanwords"]["ja"].split()
    return re.compile(f"(?:{'|'.join(sorted(listed, key=len, reverse=True))})+")


# Articles, and adjectives by their endings, in front of a noun.
_GERMAN_ARTICLE = re.compile(
    r"\b(?:d(?:er|ie|as|en|em|es)|[ks]?eine?[nmrs]?|zu[mr]|[vi]m|[bv]om|beim|\w{2,}e[nmrs]?) $"
)
# What is mostly no name: the endings and the length of nouns, and some that stand before names.
_GERMAN_NOUN = re.compile(
    r"(?:ung|heit|keit|schaft|tion|tät|nis|ling|chef|chefin|erin|er|en|ern)$|^\w{11,}$"
    r"|^(?:Bank|Behörde|Chef|Firma|Frau|Gigabyte|Herr|Konzern|Modell|Update|Version)$"
)
_GERMAN_OPENING = re.compile(
    r"(?:D(?:er|ie|as|en|em|es)|[KS]?[Ee]ine?[nmrs]?|(?:Dies|Ihr|Erst|Neu|All)e[nmrs]?|I[nm]|A[nm]"
    r"|Auf|Aus|Beim?|Mit|Nach|Vo[nmr]|Zu[mr]?|Für|Seit|Unter|Über|Durch|Gegen|Wegen|Und|Aber|Doch"
    r"|Weil|Wenn|Als|Auch|Nun|Noch|Schon|So|Wie|Was|Wer|Wo|Wir|Sie|Es|Er|Zwei|Drei|Vier|Fünf|Sechs"
    r"|Viele|Mehr|Rund|Laut|Bis|Ab)$"
)
LONGEST_WORD = 40  # letters, of which the ending is looked at
_ARTICLE = re.compile(r"^(?:The|A|An|In|On|At|Its|But|And|For|Die|Der|Das)\s+")


def _without_article(name: str) -> str:
    return _ARTICLE.sub("", name)
