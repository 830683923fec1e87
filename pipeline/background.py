"""How common a stem is in the news at large, so that a rare one counts for more.

Comes in: a stem and a language. Goes out: its weight (inverse document frequency). The figures
are a file that comes along; make it anew with: python -m pipeline.background STORIES.jsonl…
It never looks at the stories that are being folded, so that the score of two stories can be
computed again from these two alone.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import justext

from pipeline.text import stems

FILE = "background.json"
MAX_WEIGHT = 8.0  # a stem never seen before is not ever more telling than one seen now and then
MIN_DOCUMENTS = 3  # rarer stems are left out of the file: they weigh the most anyway
FIRST_CHARACTERS = 2000  # of a text: news tells what happened first
# Languages without figures of their own: common words by list, all others alike.
_STOPLISTS = {
    "da": "Danish",
    "de": "German",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "no": "Norwegian_Bokmal",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
}
_WEIGHT_WITHOUT_FIGURES = 5.0


def rarity(stem: str, language: str) -> float:
    """Weight of a stem from 0 (in every story) to MAX_WEIGHT (in none seen so far)."""
    if language != "en":
        return 0.0 if stem in _common(language) else _WEIGHT_WITHOUT_FIGURES
    documents, frequency = _english()
    return min(MAX_WEIGHT, math.log((documents + 1) / (frequency.get(stem, 0) + 1)))


@cache
def _english() -> tuple[int, dict[str, int]]:
    data = json.loads(resources.files("pipeline").joinpath(FILE).read_text("utf-8"))
    return data["documents"], data["stems"]


@cache
def _common(language: str) -> frozenset[str]:
    if language not in _STOPLISTS:
        return frozenset()
    listed = " ".join(justext.get_stoplist(_STOPLISTS[language]))
    return frozenset(stems(listed, language))


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
