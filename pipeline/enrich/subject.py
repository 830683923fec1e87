"""The names that an event is about: those of its headline, and those that most reports have.

Comes in: the stories of an event and its title. Goes out: names as they stand in the texts. Days,
months and units are none. The order of the stories does not matter.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.enrich.told import Told, real, tell
from pipeline.text import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import Story

MOST_REPORTS = 0.6  # share of the stories that makes a name the event's own
ENOUGH_REPORTS = 3  # below this a share means nothing


def subject_names(
    stories: Sequence[Story | Told], title: str, language: str = "en"
) -> tuple[str, ...]:
    """Names that stand in the title, and those in most of the stories; sorted. `language` is that
    of the title."""
    having: Counter[str] = Counter()
    for told in tell(stories):
        having.update(told.real_names)
    titled = {name for name in [*having, *real_names(title, language)] if stands_in(title, name)}
    enough = max(ENOUGH_REPORTS, MOST_REPORTS * len(stories))
    common = {name for name, count in having.items() if count >= enough}
    return tuple(sorted(titled | common))


def real_names(text: str, language: str = "en") -> frozenset[str]:
    """The names in it, owners (`Meta's`), days, months and units left out."""
    return real(names(text, language))


def holds(text: str, known: Iterable[str]) -> bool:
    """Whether one of the names stands in it, as whole words."""
    return any(stands_in(text, name) for name in known if name in text)


def stands_in(text: str, name: str) -> bool:
    """Whether a name stands in it, as whole words."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if not (_is_in_word(text[at - 1 : at]) or _is_in_word(text[end : end + 1])):
            return True
        at = text.find(name, at + 1)
    return False


def _is_in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
