"""What each member is to its event: original, copy, rewrite, commentary or roundup.

Comes in: the stories of one event, whose text each carries, and the names of the sources. Goes
out: a role for every story, and the headline story. The order of the stories does not matter.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING

from pipeline.enrich.roundups import is_roundup, patterns
from pipeline.text import names, sentences, stems, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from storage.models import Role, Story

RETOLD = 0.55  # share of sentences that follow another story's, in its order, with its words
RETOLD_AND_CREDITED = 0.2  # enough of them when the other is also named
NEAR = 0.3  # share of the smaller vocabulary; below it no two stories tell the same
MAX_FORERUNNERS = 40  # earlier stories read beside each; who rewrites, rewrites the early ones
SAME_SENTENCE = 0.5  # share of content words that makes two sentences one, told again
CREDITED_EARLY = 4  # sentences; a credit that stands this early says where it comes from
MAX_SENTENCES = 60  # read of a story: rewriting shows long before
PERSONAL = 0.04  # share of the words I, my, me from which a text is somebody's view
MIN_WORDS = 80  # below this a share of words means nothing
FULL_TEXT = 600  # characters of a report that can carry an event


def roles(
    stories: Sequence[Story],
    copy_of: Mapping[int, int | None],
    source_names: Mapping[str, str] | None = None,
) -> dict[int, Role]:
    """The role of each story by its id. `copy_of` names whose text a story carries."""
    ordered = sorted(stories, key=lambda story: story.appeared)
    told = {story.stored_id: _Told(story) for story in ordered}
    found: dict[int, Role] = {}
    for at, story in enumerate(ordered):
        earlier = [
            told[o.stored_id] for o in ordered[:at] if found[o.stored_id] in ("original", "rewrite")
        ]
        earlier = earlier[:MAX_FORERUNNERS]
        found[story.stored_id] = _role(told[story.stored_id], earlier, copy_of, source_names or {})
    return found


def _role(
    told: _Told,
    earlier: list[_Told],
    copy_of: Mapping[int, int | None],
    source_names: Mapping[str, str],
) -> Role:
    story = told.story
    if copy_of.get(story.stored_id) is not None:
        return "copy"
    if is_roundup(story):
        return "roundup"
    if is_commentary(story):
        return "commentary"
    if any(_rewrites(told, other, source_names) for other in earlier):
        return "rewrite"
    return "original"


def is_commentary(story: Story) -> bool:
    """Whether it gives a view: by its title, rubric or address, by saying so, or by its I."""
    table = patterns()["commentary"]
    if (story.rubric or "").lower() in table["rubrics"]:
        return True
    if _any("commentary", "titles").search(story.title):
        return True
    if _any("commentary", "paths").search(story.url):
        return True
    opening = f"{story.summary}\n{story.text[:500]}\n{story.text[-300:]}"
    return bool(_any("commentary", "statements").search(opening)) or _is_personal(story.text)


def _is_personal(text: str) -> bool:
    """A high share of I and my outside quotations."""
    spoken = words(re.sub(r"[\"“„«][^\"”“»]{0,600}[\"”“»]", " ", text))
    if len(spoken) < MIN_WORDS:
        return False
    first_person = set(patterns()["commentary"]["first_person"])
    return sum(word in first_person for word in spoken) >= PERSONAL * len(spoken)


@cache
def _any(role: str, kind: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns()[role][kind]), re.IGNORECASE)


class _Told:
    """A story as its sentences' content words, each counted once."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.sentences = sentences(story.text)[:MAX_SENTENCES]
        self.content = [_content(sentence, story.language) for sentence in self.sentences]
        self.vocabulary = frozenset().union(*self.content)


def _content(sentence: str, language: str) -> frozenset[str]:
    return frozenset(stem for stem in stems(sentence, language) if len(stem) > 2)


def _rewrites(told: _Told, other: _Told, source_names: Mapping[str, str]) -> bool:
    """Whether a later story tells an earlier one again."""
    if told.story.source_id == other.story.source_id:
        return False
    name = source_names.get(other.story.source_id, "")
    credits_early, credits = _credits(told, name) if name else (False, 0)
    if told.story.language != other.story.language:
        return credits_early
    share = retold(told.content, other.content) if _is_near(told, other) else 0.0
    return (
        share >= RETOLD
        or (credits > 0 and share >= RETOLD_AND_CREDITED)
        or credits > 1
        or credits_early
    )


def _is_near(told: _Told, other: _Told) -> bool:
    """Whether it is worth reading two stories side by side: a rewrite shares its words."""
    shared = len(told.vocabulary & other.vocabulary)
    return shared >= NEAR * min(len(told.vocabulary), len(other.vocabulary))


def _credits(told: _Told, name: str) -> tuple[bool, int]:
    """Whether the other source is named in the opening, and how often in all."""
    pattern = _credit_pattern(name)
    opening = [told.story.title, told.story.summary, *told.sentences[:CREDITED_EARLY]]
    early = any(pattern.search(sentence) for sentence in opening)
    return early, sum(bool(pattern.search(sentence)) for sentence in told.sentences)


@cache
def _credit_pattern(name: str) -> re.Pattern[str]:
    forms = patterns()["rewrite"]["credits"]
    return re.compile("|".join(form.replace("{name}", re.escape(name)) for form in forms), re.I)


def retold(later: Sequence[frozenset[str]], earlier: Sequence[frozenset[str]]) -> float:
    """Share of the later sentences that say what an earlier one says, in the same order."""
    told = [sentence for sentence in later if len(sentence) >= 4]
    if not told:
        return 0.0
    places = [_place(sentence, earlier) for sentence in told]
    return _longest_rising([place for place in places if place >= 0]) / len(told)


def _place(sentence: frozenset[str], earlier: Sequence[frozenset[str]]) -> int:
    """Where the earlier story says the same; -1 when nowhere."""
    best, at = SAME_SENTENCE, -1
    for i, other in enumerate(earlier):
        share = len(sentence & other) / max(min(len(sentence), len(other)), 4)
        if share > best:
            best, at = share, i
    return at


def _longest_rising(places: Iterable[int]) -> int:
    """Length of the longest run in order (not falling), with gaps allowed."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place + 1)
        ends[at : at + 1] = [place]
    return len(ends)


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


def headline_story(members: Sequence[Story], roles_of: Mapping[int, Role] | None = None) -> Story:
    """The member that names the event: an original with its full text, early, and with a title
    that says what happened in the words that the others use, too."""
    if not members:
        raise ValueError("an event has at least one member")
    common = _common_stems(members)
    by_time = sorted(members, key=lambda story: story.appeared)
    place = {story.stored_id: at for at, story in enumerate(by_time)}

    def points(story: Story) -> tuple[float, int, str]:
        role = (roles_of or {}).get(story.stored_id, "original")
        early = 1.5 * (1 - place[story.stored_id] / len(members))
        carries = 1.0 if len(story.text) >= FULL_TEXT else 0.0
        carries += 0.5 if story.text_from == "page" else 0.0
        total = _ROLE_POINTS[role] + early + carries + _says(story, common)
        return (-round(total, 6), place[story.stored_id], story.url)

    return min(members, key=points)


def _common_stems(members: Sequence[Story]) -> dict[str, float]:
    """Share of the members whose title or opening has a stem."""
    counted: dict[str, int] = {}
    for story in members:
        for stem in _content(f"{story.title}\n{story.text[:600]}", story.language):
            counted[stem] = counted.get(stem, 0) + 1
    return {stem: count / len(members) for stem, count in counted.items()}


def _says(story: Story, common: Mapping[str, float]) -> float:
    """How well a title says what happened: shared words, a name, a sober length, no teasing."""
    title = _content(story.title, story.language)
    shared = sum(common.get(stem, 0.0) for stem in title) / max(len(title), 1)
    named = 0.5 if names(story.title) else 0.0
    sober = 0.5 if 25 <= len(story.title) <= 120 else 0.0
    return 2.0 * shared + named + sober - (1.0 if _TEASER.search(story.title) else 0.0)
