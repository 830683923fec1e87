"""A story as enrichment reads it: cut into sentences once, and each sentence into words once.

Comes in: a story. Goes out: its sentences with their words and stems, and the names in it. News
tells first what happened, so only the front of a story is read, and every part of an event reads
it from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.text import names, sentences, stemmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import Story

READ = 5_000  # characters of a text
LEAD = 12  # sentences that tell what happened: those that name it, and that a TL;DR is taken from
FRONT = 25  # sentences that show whose view it is, or whether another's report is told again
KEPT = 1024  # sentences and leads that are known, those of an event's copies
_OWNER = re.compile(r"[’']s\s+")


class Said:
    """A sentence or a title with its words."""

    __slots__ = ("content", "lower", "numbers", "stems", "text", "vocabulary", "words")

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.lower = text.lower()
        pairs = stemmed(text, language)
        words, stems = zip(*pairs, strict=True) if pairs else ((), ())
        self.words: tuple[str, ...] = words
        self.vocabulary = frozenset(words)
        said = [stem for stem in dict.fromkeys(stems) if len(stem) > 2 or stem.isdigit()]
        self.stems: list[str] = said  # those that say something, each once
        self.content = frozenset(said)
        first = min(words, default="a")  # no letter stands before a digit
        self.numbers = [w for w in words if w[0].isdigit()] if first < "a" else []


@dataclass(eq=False)
class Told:
    """A story with its sentences."""

    story: Story
    _said: list[Said] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def sentences(self) -> Sequence[str]:
        """Those of its text that are read."""
        return _front(self.story.text)

    @cached_property
    def body(self) -> Sequence[str]:
        """Those of its text; of a story without one, those of its summary."""
        return self.sentences if self.story.text else _front(self.story.summary)

    @cached_property
    def title(self) -> Said:
        return Said(self.story.title, self.story.language)

    @property
    def lead(self) -> Sequence[Said]:
        return self.said(LEAD)

    def said(self, count: int) -> Sequence[Said]:
        """So many sentences of its body, cut into words."""
        language = self.story.language
        self._said += [_read(text, language) for text in self.body[len(self._said) : count]]
        return self._said[:count]

    @cached_property
    def names(self) -> frozenset[str]:
        """Those in its lead."""
        return _names("\n".join(self.body[:LEAD]), self.story.language)

    @cached_property
    def real_names(self) -> frozenset[str]:
        return real(self.names)


def tell(stories: Iterable[Story | Told]) -> list[Told]:
    """Each story to be read; one that is being read already goes on."""
    return [story if isinstance(story, Told) else Told(story) for story in stories]


def _front(text: str) -> Sequence[str]:
    """The sentences in the front of a text, less one that is cut off."""
    found = sentences(text[:READ])
    return found[:-1] if len(text) > READ and len(found) > 1 else found


@lru_cache(maxsize=KEPT)
def _read(sentence: str, language: str) -> Said:
    return Said(sentence, language)


@lru_cache(maxsize=KEPT)
def _names(text: str, language: str) -> frozenset[str]:
    return frozenset(names(text, language))


def real(found: Iterable[str]) -> frozenset[str]:
    """Names less their owners (`Meta's`), and without days, months and units."""
    return frozenset([_owned(name) if "s " in name else name for name in found]) - _no_names()


def _owned(name: str) -> str:
    return _OWNER.split(name)[-1]


@cache
def _no_names() -> frozenset[str]:
    return frozenset([*numbers.data()["no_names"]["words"], *numbers.data()["measures"]])
