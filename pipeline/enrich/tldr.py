"""Two or three sentences that tell an event, taken from its reports word for word.

Comes in: the stories of an event with their roles, and the title of its headline story. Goes out:
sentences, each with the story it stands in: first a lead, which says what the headline says and
more, then what most reports agree on. It writes nothing of its own: a sentence is taken whole
(less a dateline) or left. The order of the stories does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.enrich.stands_alone import LONGEST, SHORTEST, without_dateline
from pipeline.enrich.subject import holds
from pipeline.enrich.told import tell
from pipeline.enrich.worth import AT_THE_TOP, FIRST_PLACES, WITHOUT_NAMES, weigh
from storage.models import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.enrich.told import Told
    from pipeline.enrich.worth import Candidate, Headline
    from storage.models import Role, Story

__all__ = ["LONGEST", "MOST", "SHORTEST", "tldr", "without_dateline"]

FEWEST, MOST = 2, 3  # sentences; fewer only when no more can stand alone
MAX_STORIES = 30  # read of one event; by then every sentence has been said
TOO_ALIKE = 0.4  # share of content that makes a second sentence a repetition
TOO_ALIKE_WITH_NUMBER = 0.28  # and when both hold one number ("120 million")
SAYS_THE_HEADLINE = 0.6  # share of a sentence's content that the headline already has
LEAD_PLACES = 8  # sentences of a report among which its lead stands
LIKE_A_LEAD = 0.2  # share of the headline that a lead says at least
WITH_A_DAY = 1.4  # times: who says when it happened tells news
FILLER = 0.1  # of the worthiest's points; a third sentence with less is worse than none
HEADLINE = 1.5  # what a sentence gains that says all of the headline that is not yet said
FOLLOWS = 0.7  # of its forerunner's worth, for a sentence that reads on behind it
VOICES: Mapping[str, float] = {
    "original": 1.0,
    "rewrite": 0.6,
    "commentary": 0.15,
    "roundup": 0.1,
    "copy": 0.0,
}


def tldr(
    stories: Sequence[Story | Told],
    title: str,
    roles: Mapping[int, Role] | None = None,
    language: str | None = None,
) -> tuple[Sentence, ...]:
    """A lead and the sentences that most reports agree on; `()` when none can stand alone.

    `language` is that of the headline story: sentences in others are left out where there are
    enough in it.
    """
    weighed = weigh(_voices(tell(stories), roles or {}, language), title)
    chosen = _choose(*weighed) if weighed else []
    return tuple(Sentence(one.text, one.told.story.stored_id) for one in chosen)


def _voices(
    stories: Sequence[Told], roles: Mapping[int, Role], language: str | None
) -> list[tuple[float, Told]]:
    """The stories that are read, the loudest first, each with how much it has to say."""
    voices = [(VOICES[roles.get(told.story.stored_id, "original")], told) for told in stories]
    spoken = [(voice, told) for voice, told in voices if voice > 0] or [(1.0, t) for t in stories]
    own = [(v, told) for v, told in spoken if language is None or told.story.language == language]
    return sorted(own or spoken, key=lambda pair: (-pair[0], pair[1].story.url))[:MAX_STORIES]


def _choose(headline: Headline, candidates: list[Candidate]) -> list[Candidate]:
    """The best lead, then the worthiest that repeat nothing, in the order they are told in."""
    lead = _lead(headline, candidates)
    chosen = [] if lead is None else [lead]
    least = FILLER * max((one.points for one in candidates), default=0.0)
    left = [one for one in candidates if not _repeats_headline(one, headline)]
    while len(chosen) < MOST:
        added = _next(headline, left, chosen, least if len(chosen) >= FEWEST else 0.0)
        if added is None:
            break
        chosen.append(added)
    return _in_order(chosen, lead)


def _next(
    headline: Headline, candidates: Iterable[Candidate], chosen: list[Candidate], least: float
) -> Candidate | None:
    """The sentence that adds most: one that stands alone, or one that reads on behind a chosen
    one and says more of the headline or holds a number."""
    said = frozenset().union(*(one.said.stems for one in chosen))
    forerunners = {(one.told, one.text) for one in chosen}
    promising = []
    for one in candidates:
        adds = headline.share(one.of_headline - said)
        standing = one.points
        if (one.told, one.before) in forerunners and (one.amounts or adds) and one.follows_on:
            standing = max(standing, FOLLOWS * one.worth / WITHOUT_NAMES)
        if standing > 0 and standing >= least:
            promising.append((round(standing * (1 + HEADLINE * adds), 6), one))
    for _, one in _worthiest_first(promising):
        if one not in chosen and not any(_repeats(one, other, headline) for other in chosen):
            return one
    return None


def _lead(headline: Headline, candidates: Iterable[Candidate]) -> Candidate | None:
    """The sentence near the start of a report that says most of what the headline says; it may
    repeat it where it adds a name, a day or a number."""
    loudest = max((one.voice for one in candidates), default=0.0)
    promising = []
    for one in candidates:
        share = headline.share(one.of_headline)
        if not one.points or one.voice < loudest or one.place >= LEAD_PLACES or share < LIKE_A_LEAD:
            continue
        dated = WITH_A_DAY if one.days else 1.0
        top = AT_THE_TOP if one.place < FIRST_PLACES else 1.0
        promising.append((round(one.points * (0.2 + share) * dated * top, 6), one))
    leads = (
        one
        for _, one in _worthiest_first(promising)
        if not _repeats_headline(one, headline) or _adds(one, headline.said.text)
    )
    first: Candidate | None = None
    for one in leads:
        if headline.is_titled(one):
            return one
        first = first or one
    return first


def _worthiest_first(
    valued: Iterable[tuple[float, Candidate]],
) -> list[tuple[float, Candidate]]:
    """Of two that are worth the same the earlier one comes first."""
    return sorted(valued, key=lambda pair: (-pair[0], pair[1].place, pair[1].text))


def _adds(candidate: Candidate, title: str) -> bool:
    """Whether it has a day, or a name or amount that the headline lacks."""
    if candidate.days or any(amount not in title for amount in candidate.amounts):
        return True
    return any(not holds(title, [name]) for name in candidate.names)


def _repeats_headline(candidate: Candidate, headline: Headline) -> bool:
    """Whether the headline says it already."""
    said = len(candidate.said.stems)
    return len(candidate.of_headline) >= SAYS_THE_HEADLINE * said


def _repeats(one: Candidate, other: Candidate, headline: Headline) -> bool:
    """Whether two sentences say one thing: much the same words, one amount, or one name with one
    day (`in Lisbon on Wednesday`)."""
    if one.amounts & other.amounts:
        return True
    if (other.days and one.days & other.days) and (
        set(one.names) & set(other.names)
        or all(holds(c.text, headline.subject) or c.refers for c in (one, other))
    ):
        return True
    both = one.said.content & other.said.content
    number = any(stem[0].isdigit() for stem in both)
    return len(both) >= (TOO_ALIKE_WITH_NUMBER if number else TOO_ALIKE) * min(
        len(one.said.stems), len(other.said.stems)
    )


def _in_order(chosen: list[Candidate], lead: Candidate | None) -> list[Candidate]:
    """The lead first, then early ones first; what reads on stands right behind its forerunner."""
    ordered = sorted(
        (one for one in chosen if one.points),
        key=lambda one: (one is not lead, one.place, -one.points, one.text),
    )
    following = (one for one in chosen if not one.points)
    for one in sorted(following, key=lambda one: (one.told.story.url, one.place)):
        at = next(
            (
                at
                for at, other in enumerate(ordered)
                if other.told is one.told and other.text == one.before
            ),
            len(ordered) - 1,
        )
        ordered.insert(at + 1, one)
    return ordered
