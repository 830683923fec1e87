"""How well a sentence reads without its neighbours, under the headline of its event.

Comes in: one sentence with its words. Goes out: 0 for one that hangs in the air, 1 for a good one,
or something between. The patterns are data (tldr.toml).
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.tables import tables

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.enrich.told import Said

SHORTEST, LONGEST = 45, 280  # characters: less says nothing, more is no short version
COMFORTABLE = 220  # characters; longer ones are taken less readily
LONGEST_DATELINE = 80  # characters
_MARKS = '“”„"«»'
_QUOTED = re.compile(r"[“„\"«][^”“\"»]{30,}[”“\"»]")
_DASH = re.compile("[—–|-]")
_WHOLE = (".", "!", "。", '."', ".”", '".', "”.")  # how a sentence ends that is no question
_ITEM = ("-", "*", "•", "#", ">")
UNFIT = {"imperative", "first_person", "aside", "elliptic", "service", "credits"}
HANGING = {"dangling", "unnamed"}
LESS = {"leans_back": 0.6, "of_them": 0.6, "background": 0.2, "habit": 0.2, "earlier": 0.2}


def stands_alone(said: Said, kinds: Collection[str], *, holds_a_name: bool) -> float:
    """0 for a sentence that cannot be read without its neighbours, 1 for a good one. `kinds` are
    those of the sentence; a name is whatever it may be about (`libxyz`)."""
    if "follows" in kinds or not HANGING.isdisjoint(kinds) or not is_fit(said, kinds):
        return 0.0
    worth = 1.0 if len(said.text) <= COMFORTABLE else 0.85
    if not holds_a_name and "standing_for" not in kinds:
        worth = 0.25 if "leaning" in kinds else 0.5
    return worth * min((LESS[kind] for kind in LESS.keys() & kinds), default=1.0)


def is_fit(said: Said, kinds: Collection[str]) -> bool:
    """Whether it is a whole sentence on the matter, of a size that can be shown."""
    if not UNFIT.isdisjoint(kinds) or not can_be_shown(said.text):
        return False
    return not _has_stray_quote(said, speaks="speaking" in kinds)


def can_be_shown(text: str) -> bool:
    """Whether it is a whole sentence of a fit size, and no list item: the quick part of the
    question."""
    return SHORTEST <= len(text) <= LONGEST and text.endswith(_WHOLE) and not text.startswith(_ITEM)


def without_dateline(text: str) -> str:
    """`PARIS (Agency) — The chip maker ...` begins with the chip maker."""
    if _DASH.search(text, 0, LONGEST_DATELINE):  # there is none without
        for form in _datelines():
            if found := form.match(text):
                text = text[found.end() :]
    return text.strip()


@cache
def _datelines() -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, data()["datelines"]))


def _has_stray_quote(said: Said, *, speaks: bool) -> bool:
    """A quotation of some length without a speaker, or one that is not closed."""
    marks = sum(map(said.text.count, _MARKS))
    if not marks:
        return False
    return marks % 2 == 1 or (not speaks and _QUOTED.search(said.text) is not None)


def kinds_of(said: Said) -> set[str]:
    """The kinds of tldr.toml that a sentence has a pattern of; one that hangs in the air has no
    others."""
    as_lower, as_written = _openings()
    openings = (as_lower.match(said.lower), as_written.match(said.text))
    found = {opening.lastgroup for opening in openings if opening and opening.lastgroup}
    if not found.isdisjoint(HANGING):
        return found  # which says enough
    kinds, at_the_end = _needing("needs"), _needing("needs_last")
    promising = {kind for word in _needed() & said.vocabulary for kind in kinds[word]}
    for word in said.words[-2:]:
        promising.update(at_the_end.get(word, ()))
    found.update([kind for kind in promising if _has(kind, said)])
    return found


def days(said: Said) -> frozenset[str]:
    """The days and dates in it, in lower case."""
    form, _ = _pattern("day")
    return frozenset(form.findall(said.lower)) if form else frozenset()


def _has(kind: str, said: Said) -> bool:
    """Whether a sentence that has a word of the kind has its pattern, too."""
    form, regards_case = _pattern(kind)
    if form is None:
        return True  # the word is enough
    return form.search(said.text if regards_case else said.lower) is not None


@cache
def _pattern(kind: str) -> tuple[re.Pattern[str] | None, bool]:
    """The patterns of a kind as one, and whether it regards case."""
    forms = data()["patterns"].get(kind)
    if forms is None:
        return None, False
    if isinstance(forms, str):
        return re.compile(forms), True
    return re.compile("|".join(forms)), False


@cache
def _openings() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Those of the lists, for lower case, and the single ones; each kind as a named group."""
    lists, single = [], []
    for kind, forms in data()["openings"].items():
        if isinstance(forms, str):
            single.append(f"(?P<{kind}>{forms})")
        else:
            lists.append(f"(?P<{kind}>{'|'.join(forms)})")
    return re.compile("|".join(lists)), re.compile("|".join(single))


@cache
def _needing(table: str) -> dict[str, list[str]]:
    """The kinds that are looked for where a word stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind, needed in data()[table].items():
        for word in needed.split():
            found[word].append(kind)
    return dict(found)


@cache
def _needed() -> frozenset[str]:
    return frozenset(_needing("needs"))


@cache
def data() -> dict[str, Any]:
    return tables("pipeline.enrich", "tldr.toml")
