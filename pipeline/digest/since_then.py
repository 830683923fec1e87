"""What is new of an event since a reader was told of it.

Comes in: what was told of it, each time, and what there is to tell now. Goes out: the news, or
nothing. The same things told in another order, or under several ids, give the same answer, and
what was told once is never new again. It reads no database and writes no words.

New is, in stories that were not among those told or were edited since, and of the first and last
only what half of the owners tell who report anew (one report may look back, or digress; an edited
one counts where it tells the new thing, for most edits are of commas):
- a figure, unless it only rounds one that was told;
- so many independent sources more (owners with a report of their own): three at the least, and as
  many as there were, so that an event comes back when twice as many tell it;
- a later step of an affair: a lawsuit that was filed is decided. Which steps follow each other
  stands in since_then.toml.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from pipeline.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MORE_VOICES = 3

Step = tuple[str, str]  # affair and step, as in (lawsuit, filed)


@dataclass(frozen=True, slots=True)
class Told:
    """What a reader has been told of an event."""

    stories: frozenset[int] = frozenset()
    figures: frozenset[str] = frozenset()  # keys, of all of its stories
    voices: frozenset[str] = frozenset()  # owners with a report of their own
    steps: frozenset[Step] = frozenset()


@dataclass(frozen=True, slots=True)
class Now:
    """What there is to tell of it, and by whom. The key of a figure stands for those of all that
    it only rounds, or that only round it."""

    stories: frozenset[int] = frozenset()
    figures: Mapping[frozenset[str], frozenset[int]] = field(default_factory=dict)  # -> stories
    voices: Mapping[str, frozenset[int]] = field(default_factory=dict)  # -> reports of their own
    steps: Mapping[Step, frozenset[int]] = field(default_factory=dict)  # -> reports that tell it
    unshown: frozenset[str] = frozenset()  # keys of figures that are not worth a line
    edited: frozenset[int] = frozenset()  # stories whose words changed since it was told last

    @property
    def told(self) -> Told:
        """What a reader knows who has been told of it now."""
        keys = frozenset(key for alike in self.figures for key in alike)
        return Told(
            self.stories, keys | self.unshown, frozenset(self.voices), frozenset(self.steps)
        )

    def fresh(self, told: frozenset[int]) -> frozenset[int]:
        """Of its stories those that a reader who was told of these does not know as they are."""
        return self.stories - (told - self.edited)


@dataclass(frozen=True, slots=True)
class News:
    """What is new of it; at least one of these is there."""

    figures: frozenset[frozenset[str]] = frozenset()
    voices: frozenset[str] = frozenset()
    steps: frozenset[Step] = frozenset()


def news_since(told: Iterable[Told], now: Now) -> News | None:
    """What is new since all of that was told; None when it is not worth telling."""
    known = union(told)
    fresh = now.fresh(known.stories)
    news = News(
        frozenset(
            keys
            for keys, stories in now.figures.items()
            if not keys & known.figures and _is_told_by_half(stories, now, fresh)
        ),
        _new_voices(known, now, fresh),
        _new_steps(known, now, fresh),
    )
    return news if news.figures or news.voices or news.steps else None


def union(told: Iterable[Told]) -> Told:
    """Everything that was told, as if it had been at once."""
    every = list(told)
    return Told(
        frozenset().union(*(one.stories for one in every)),
        frozenset().union(*(one.figures for one in every)),
        frozenset().union(*(one.voices for one in every)),
        frozenset().union(*(one.steps for one in every)),
    )


def _new_voices(known: Told, now: Now, fresh: frozenset[int]) -> frozenset[str]:
    new = {owner for owner, stories in now.voices.items() if stories & fresh} - known.voices
    enough = len(new) >= max(MORE_VOICES, len(known.voices))
    return frozenset(new) if enough else frozenset()


def _new_steps(known: Told, now: Now, fresh: frozenset[int]) -> frozenset[Step]:
    return frozenset(
        step
        for step, stories in now.steps.items()
        if _is_later(step, known.steps) and _is_told_by_half(stories, now, fresh)
    )


def _is_told_by_half(stories: frozenset[int], now: Now, fresh: frozenset[int]) -> bool:
    fresh -= now.edited - stories
    speaking = [reports & fresh for reports in now.voices.values() if reports & fresh]
    telling = sum(bool(reports & stories) for reports in speaking)
    return telling > 0 and 2 * telling >= len(speaking)


def _is_later(step: Step, known: frozenset[Step]) -> bool:
    """Whether the affair was told of, and never as far as this."""
    places = _places()
    before = [places[one] for one in known if one in places and one[0] == step[0]]
    return step in places and bool(before) and places[step] > max(before)


def words_for(step: Step) -> str:
    """A step as readers are told it."""
    return str(_steps()[step[0]][step[1]])


@cache
def _places() -> dict[Step, int]:
    return {
        (affair, step): place
        for affair, steps in _steps().items()
        for place, step in enumerate(steps)
    }


@cache
def _steps() -> dict[str, dict[str, str]]:
    return tables("pipeline.digest", "since_then.toml")
