"""Many lists of phrases, looked for in a text all at once.

Comes in: lists of phrases by name, then the words of a text. Goes out: for each list that has one,
the phrases as they stand in the text. A star at the end of a phrase takes any ending of its word.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

SHORTEST_STEM = 3  # letters before a star
KEPT = 50_000  # words of which it is known what they may begin


@dataclass(frozen=True, slots=True)
class _Phrase:
    list_name: Hashable
    words: tuple[str, ...]  # all that are whole
    stem: str  # of its last word, before a star; empty without a star
    size: int  # characters, as it is written

    def stands_at(self, said: Sequence[str], at: int) -> bool:
        if not self.stem:
            return tuple(said[at : at + len(self.words)]) == self.words
        last = at + len(self.words)
        return (
            last < len(said)
            and said[last].startswith(self.stem)
            and tuple(said[at:last]) == self.words
        )

    @property
    def length(self) -> int:
        return len(self.words) + bool(self.stem)


class PhraseLists:
    """Lists of phrases by name, ready to be looked for."""

    def __init__(self, lists: Mapping[Hashable, Iterable[str]]) -> None:
        self._by_word: dict[str, list[_Phrase]] = defaultdict(list)
        self._by_stem: dict[str, list[_Phrase]] = defaultdict(list)
        for name, phrases in lists.items():
            for phrase in sorted(phrases, key=lambda p: (-len(p), p)):
                self._add(name, phrase)
        self._beginning_with: dict[str, tuple[_Phrase, ...]] = {}

    def _add(self, name: Hashable, phrase: str) -> None:
        words = phrase.rstrip("*").split()
        stem = words.pop() if phrase.endswith("*") else ""
        added = _Phrase(name, tuple(words), stem, len(phrase))
        if words:
            self._by_word[words[0]].append(added)
        else:
            self._by_stem[stem[:SHORTEST_STEM]].append(added)

    def find(self, said: Sequence[str]) -> dict[Hashable, list[str]]:
        """For each list that has some, its phrases as they stand in the text: of those that begin
        with one word the longest, and none over another."""
        found: dict[Hashable, list[str]] = defaultdict(list)
        free: dict[Hashable, int] = {}  # where each list may find its next
        for at, known in enumerate(map(self._beginning_with.get, said)):
            for phrase in self._that_begin_with(said[at]) if known is None else known:
                if free.get(phrase.list_name, 0) <= at and phrase.stands_at(said, at):
                    free[phrase.list_name] = at + phrase.length
                    found[phrase.list_name].append(" ".join(said[at : at + phrase.length]))
        return found

    def _that_begin_with(self, word: str) -> tuple[_Phrase, ...]:
        if len(self._beginning_with) >= KEPT:
            self._beginning_with.clear()
        stems = self._by_stem.get(word[:SHORTEST_STEM], ())
        starting = [phrase for phrase in stems if word.startswith(phrase.stem)]
        known = [*self._by_word.get(word, ()), *starting]
        found = tuple(sorted(known, key=lambda phrase: -phrase.size))
        self._beginning_with[word] = found
        return found
