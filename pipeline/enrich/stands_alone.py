"""How well a sentence reads without its neighbours, under the headline of its event.

Comes in: one sentence. Goes out: 0 for one that hangs in the air, 1 for a good one, or something
between. The patterns are data (tldr.toml).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pipeline.enrich.subject import real_names

SHORTEST, LONGEST = 45, 280  # characters: less says nothing, more is no short version
COMFORTABLE = 220  # characters; longer ones are taken less readily
UNFIT = ("service", "first_person", "elliptic", "credits", "imperative", "aside")


def stands_alone(text: str, *, named: bool = False) -> float:
    """0 for a sentence that cannot be read without its neighbours, 1 for a good one. `named`: it
    holds what its event is about, be that a name or not (`libxyz`)."""
    if not is_fit(text) or any(pattern(kind).search(text) for kind in ("dangling", "unnamed")):
        return 0.0
    worth = 1.0 if len(text) <= COMFORTABLE else 0.85
    if not named and not real_names(text) and not refers(text):
        worth = 0.25 if pattern("leaning").search(text) else 0.5
    for kind, counts in (("leans_back", 0.6), ("background", 0.2)):
        if pattern(kind).search(text):
            worth *= counts
    return worth


def refers(text: str) -> bool:
    """Whether it calls the event's party `the company`: the headline says which one that is."""
    return bool(pattern("standing_for").search(text))


def follows_on(text: str) -> bool:
    """Whether it reads well right behind the sentence before it: it only begins with `it`."""
    return is_fit(text) and bool(pattern("follows").search(text))


def is_fit(text: str) -> bool:
    """Whether it is a whole sentence on the matter, of a size that can be shown."""
    if not SHORTEST <= len(text) <= LONGEST or not _is_whole(text):
        return False
    return not (any(pattern(kind).search(text) for kind in UNFIT) or _has_stray_quote(text))


def without_dateline(text: str) -> str:
    """`PARIS (Agency) — The chip maker ...` begins with the chip maker."""
    for form in data()["datelines"]:
        text = re.sub(form, "", text)
    return text.strip()


def _is_whole(text: str) -> bool:
    """A sentence with an end, which is no list item and no question."""
    return text.endswith((".", "!", "。", '."', ".”", '".', "”.")) and not text.startswith(
        ("-", "*", "•", "#", ">")
    )


def _has_stray_quote(text: str) -> bool:
    """A quotation of some length without a speaker, or one that is not closed."""
    marks = sum(text.count(mark) for mark in '“”„"«»')
    if marks % 2:
        return True
    quoted = re.search(r"[“„\"«][^”“\"»]{30,}[”“\"»]", text)
    return bool(quoted) and not pattern("speaking").search(text)


@cache
def pattern(kind: str) -> re.Pattern[str]:
    """The patterns of one kind as one; those given as a single string regard case."""
    forms = data()[kind]
    if isinstance(forms, str):
        return re.compile(forms)
    if kind == "speaking":
        return re.compile(rf"\b(?:{'|'.join(forms)})\b")
    return re.compile("|".join(forms), re.IGNORECASE)


@cache
def data() -> dict[str, Any]:
    return tomllib.loads(files("pipeline.enrich").joinpath("tldr.toml").read_text("utf-8"))
