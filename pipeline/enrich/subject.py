"""The names that an event is about: those of its headline, and those that most reports have.

Comes in: the stories of an event and its title. Goes out: names as they stand in the texts. Days,
months and units are none. The order of the stories does not matter.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.text import names, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import Story

MAX_SENTENCES = 25  # read of one story
MOST_REPORTS = 0.6  # share of the stories that makes a name the event's own
ENOUGH_REPORTS = 3  # below this a share means nothing


def subject_names(stories: Sequence[Story], title: str) -> tuple[str, ...]:
    """Names that stand in the title, and those in most of the stories; sorted."""
    having: Counter[str] = Counter()
    for story in stories:
        opening = " ".join(sentences(story.text or story.summary)[:MAX_SENTENCES])
        having.update(real_names(opening))
    titled = {name for name in [*having, *real_names(title)] if holds(title, [name])}
    enough = max(ENOUGH_REPORTS, MOST_REPORTS * len(stories))
    common = {name for name, count in having.items() if count >= enough}
    return tuple(sorted(titled | common))


def real_names(text: str) -> set[str]:
    """The names in it, owners (`Meta's`), days, months and units left out."""
    bare = {re.split(r"[’']s\s+", name)[-1] for name in names(text)}
    no_name = set(numbers.data()["no_names"]["words"]) | set(numbers.data()["measures"])
    return {name for name in bare if name not in no_name}


def holds(text: str, known: Iterable[str]) -> bool:
    """Whether one of the names stands in it, as whole words."""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in known)
