"""How common a stem is in the news at large, so that a rare one counts for more.

Comes in: a stem and a language. Goes out: its weight (inverse document frequency). The figures
for English are a file that comes along; make it anew with:
python -m pipeline.background STORIES.jsonl…
For other languages the weight is estimated from the rank of a word among the common ones.
It never looks at the stories that are being folded, so that the score of two stories can be
computed again from these two alone.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter, defaultdict
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import justext

from pipeline.tables import tables
from pipeline.text import stems

FILE = "background.json"
MAX_WEIGHT = 8.0  # a stem never seen before is not ever more telling than one seen now and then
MIN_DOCUMENTS = 3  # rarer stems are left out of the file: they weigh the most anyway
FIRST_CHARACTERS = 2000  # of a text: news tells what happened first
# Languages without figures of their own. jusText lists their most common words, the most common
# first, from which Zipf's law tells how often each occurs. Not in such a list: UNLISTED.
_LISTS = {
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ka": "Georgian",
    "kk": "Kazakh",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ms": "Malay",
    "nb": "Norwegian_Bokmal",
    "ne": "Nepali",
    "nl": "Dutch",
    "nn": "Norwegian_Nynorsk",
    "no": "Norwegian_Bokmal",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
}
COMMON = "common_words.toml"  # for languages that jusText does not list; all alike
_BY_HAND = 2.5
# Not written in Latin letters: what is, stands for a name or a loan from English.
_NOT_LATIN = "ar be bg bn el fa he hi hy ja ka kk km ko lo mk ml mr my ne ru sr ta te th uk ur zh"
UNLISTED = 5.0  # names are rarer, but so are odd forms of common words
ZIPF = 0.1  # share of the most common word among all words, and of the word of rank n: ZIPF / n
WORDS_READ = 60  # in a story, many of which are short: with this it comes near the English counts
# Pairs of ideographs, and runs of kana, tell by their script how much they say.
_OF_GRAMMAR, _HALF_GRAMMAR, _ONE_IDEOGRAPH, _IDEOGRAPHS = 1.0, 3.0, 3.5, 6.0
_IDEOGRAPH = re.compile(
    "[\u3005-\u3007\u30a1-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_HIRAGANA = re.compile("[\u3041-\u309f\u30fc]+")


def rarity(stem: str, language: str) -> float:
    """Weight of a stem from 0 (in every story) to MAX_WEIGHT (in none seen so far)."""
    if language == "en":
        return _counted(stem)
    return _estimated(stem, language)


def _counted(stem: str) -> float:
    return _english().get(stem, MAX_WEIGHT)


@lru_cache(maxsize=200_000)
def _estimated(stem: str, language: str) -> float:
    if stem[:1].isdigit():
        return _counted(stem)  # a number is the same in any language
    listed = _common(language)
    if stem in listed:
        return listed[stem]
    if stem.isascii() and language in _NOT_LATIN.split():  # GPT-5模型: names and loans are English
        return _counted("".join(stems(stem, "en")[:1]))
    return _by_script(stem, language)


def _by_script(stem: str, language: str) -> float:
    if _HIRAGANA.fullmatch(stem):
        return _OF_GRAMMAR
    if not _IDEOGRAPH.match(stem):
        return UNLISTED
    if len(stem) == 1:
        return _ONE_IDEOGRAPH
    grammar = sum(character in _characters(language) for character in stem)
    return (_IDEOGRAPHS, _HALF_GRAMMAR, _OF_GRAMMAR)[min(grammar, 2)]


@cache
def _english() -> dict[str, float]:
    data = json.loads(resources.files("pipeline").joinpath(FILE).read_text("utf-8"))
    documents: int = data["documents"]
    return {
        stem: min(MAX_WEIGHT, math.log((documents + 1) / (frequency + 1)))
        for stem, frequency in data["stems"].items()
    }


@cache
def _common(language: str) -> dict[str, float]:
    """Weights of the common stems of a language, from their ranks."""
    if language not in _LISTS:
        by_hand = str(_by_hand()["words"].get(language, ""))
        return dict.fromkeys(stems(by_hand, language), _BY_HAND)
    share: defaultdict[str, float] = defaultdict(float)
    for rank, word in enumerate(_ranked(language), start=1):
        for stem in set(stems(word, language)):
            share[stem] += ZIPF / rank
    met = {stem: -math.expm1(-WORDS_READ * part) for stem, part in share.items()}
    return {stem: min(UNLISTED, -math.log(likely)) for stem, likely in met.items()}


def _ranked(language: str) -> list[str]:
    # The file itself: get_stoplist() returns a set, which has lost the order.
    file = resources.files(justext).joinpath("stoplists", f"{_LISTS[language]}.txt")
    return file.read_text("utf-8").split("\n")


@cache
def _characters(language: str) -> frozenset[str]:
    return frozenset(_by_hand()["characters"].get(language, ""))


@cache
def _by_hand() -> dict[str, dict[str, str]]:
    return tables("pipeline", COMMON)


def count_documents(stories: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of the file: in how many of the English stories each stem occurs."""
    frequency: Counter[str] = Counter()
    for story in stories:
        text = f"{story.get('title') or ''}\n{(story.get('text') or '')[:FIRST_CHARACTERS]}"
        frequency.update(set(stems(text, "en")))
    kept = {stem: n for stem, n in sorted(frequency.items()) if n >= MIN_DOCUMENTS}
    return {"documents": len(stories), "stems": kept}


def main(paths: list[str]) -> None:
    from storage.files import read_rows  # here: only the maker of the file needs it

    stories = [row for path in paths for _, row in read_rows(Path(path))]
    made = {
        "about": "In how many stories a stem occurs; counted, no text is kept.",
        "origin": [Path(path).name for path in paths],
        **count_documents(stories),
    }
    target = Path(__file__).with_name(FILE)
    target.write_text(json.dumps(made, ensure_ascii=False, indent=0) + "\n", "utf-8")
    print(f"{target.name}: {made['documents']} stories, {len(made['stems'])} stems")


if __name__ == "__main__":
    main(sys.argv[1:])
