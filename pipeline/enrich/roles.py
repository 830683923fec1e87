"""What each member is to its event: original, copy, rewrite, commentary or roundup.

Comes in: the stories of one event, whose text each carries, and the names of the sources. Goes
out: a role for every story, and the headline story. The order of the stories does not matter.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import fsum
from typing import TYPE_CHECKING

from pipeline.enrich.rewrites import rewrites
from pipeline.enrich.roundups import is_roundup, patterns
from pipeline.enrich.told import FRONT, Told, tell
from pipeline.text import names, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from storage.models import Role, Story

PERSONAL = 0.04  # share of the words I, my, me from which a text is somebody's view
_QUOTATION = re.compile(r"[\"“„«][^\"”“»]{0,600}[\"”“»]")
MIN_WORDS = 80  # below this a share of words means nothing
FULL_TEXT = 600  # characters of a report that can carry an event
OPENING = 4  # sentences of a text whose words a headline should use


def roles(
    stories: Sequence[Story | Told],
    copy_of: Mapping[int, int | None],
    source_names: Mapping[str, str] | None = None,
) -> dict[int, Role]:
    """The role of each story by its id. `copy_of` names whose text a story carries."""
    ordered = sorted(tell(stories), key=lambda told: told.story.appeared)
    found = {told.story.stored_id: _role_alone(told, copy_of) for told in ordered}
    reports = [told for told in ordered if found[told.story.stored_id] == "original"]
    for rewrite in rewrites(reports, source_names or {}):
        found[rewrite.story.stored_id] = "rewrite"
    return found


def _role_alone(told: Told, copy_of: Mapping[int, int | None]) -> Role:
    """What a story is that no other story of the event makes it."""
    if copy_of.get(told.story.stored_id) is not None:
        return "copy"
    if is_roundup(told.story):
        return "roundup"
    return "commentary" if is_commentary(told) else "original"


def is_commentary(told: Told) -> bool:
    """Whether it gives a view: by its title, rubric or address, by saying so, or by its I."""
    story, table = told.story, patterns()["commentary"]
    if (story.rubric or "").lower() in table["rubrics"]:
        return True
    if _any("commentary", "titles").search(story.title):
        return True
    if _any("commentary", "paths").search(story.url):
        return True
    opening = f"{story.summary}\n{story.text[:500]}\n{story.text[-300:]}"
    return _says_so(opening) or _is_personal(told)


def _says_so(opening: str) -> bool:
    lower = opening.lower()
    return any(sign in lower for sign in patterns()["commentary"]["signs"]) and bool(
        _any("commentary", "statements").search(opening)
    )


def _is_personal(told: Told) -> bool:
    """A high share of I and my outside quotations; a view has some of them in its lead."""
    if not told.story.text:
        return False
    first_person = _first_person()
    using = [said for said in told.lead if not first_person.isdisjoint(said.vocabulary)]
    if sum(_of_first_person(said.words) for said in using) < PERSONAL * MIN_WORDS:
        return False
    spoken = words(_QUOTATION.sub(" ", "\n".join(told.sentences[:FRONT])))
    return len(spoken) >= MIN_WORDS and _of_first_person(spoken) >= PERSONAL * len(spoken)


def _of_first_person(spoken: Iterable[str]) -> int:
    first_person = _first_person()
    return len([word for word in spoken if word in first_person])


@cache
def _first_person() -> frozenset[str]:
    return frozenset(patterns()["commentary"]["first_person"])


@cache
def _any(role: str, kind: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns()[role][kind]), re.IGNORECASE)


# --- the headline story ---------------------------------------------------------------------

_ROLE_POINTS: Mapping[str, float] = {
    "original": 3.0,
    "rewrite": 1.5,
    "copy": 1.0,
    "commentary": 0.0,
    "roundup": -1.0,
}
# Titles that tease: they do not name what happened.
_TEASER = re.compile(
    r"\?\s*$|^(?:here's|here’s|why|how|what|this is|video|watch|live)\b", re.IGNORECASE
)


def headline_story(
    members: Sequence[Story | Told], roles_of: Mapping[int, Role] | None = None
) -> Story:
    """The member that names the event: an original with its full text, early, and with a title
    that says what happened in the words that the others use, too."""
    if not members:
        raise ValueError("an event has at least one member")
    by_time = sorted(tell(members), key=lambda told: told.story.appeared)
    if len(by_time) == 1:
        return by_time[0].story
    common = _common_stems(by_time)
    place = {told.story.stored_id: at for at, told in enumerate(by_time)}

    def points(told: Told) -> tuple[float, int, str]:
        story = told.story
        role = (roles_of or {}).get(story.stored_id, "original")
        early = 1.5 * (1 - place[story.stored_id] / len(members))
        carries = 1.0 if len(story.text) >= FULL_TEXT else 0.0
        carries += 0.5 if story.text_from == "page" else 0.0
        total = _ROLE_POINTS[role] + early + carries + _says(told, common)
        return (-round(total, 6), place[story.stored_id], story.url)

    return min(by_time, key=points).story


def _common_stems(members: Sequence[Told]) -> dict[str, float]:
    """Share of the members whose title or opening has a stem."""
    counted: Counter[str] = Counter()
    for told in members:
        opening = told.said(OPENING) if told.story.text else ()
        counted.update(told.title.content.union(*(said.stems for said in opening)))
    return {stem: count / len(members) for stem, count in counted.items()}


def _says(told: Told, common: Mapping[str, float]) -> float:
    """How well a title says what happened: shared words, a name, a sober length, no teasing."""
    title, language = told.story.title, told.story.language
    stems = told.title.stems
    shared = fsum([common.get(stem, 0.0) for stem in stems]) / max(len(stems), 1)
    named = 0.5 if names(title, language) else 0.0
    sober = 0.5 if 25 <= len(title) <= 120 else 0.0
    return 2.0 * shared + named + sober - (1.0 if _TEASER.search(title) else 0.0)
