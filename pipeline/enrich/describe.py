"""An event as a reader wants it: headline, category, TL;DR, figures, roles, who was first.

Comes in: the stories of one event and why each is in it. Goes out: an Event. Every part is
decided in a file of its own beside this one; here they are only put together.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.enrich.categories import event_category
from pipeline.enrich.figures import figures
from pipeline.enrich.roles import headline_story, roles
from pipeline.enrich.tldr import tldr
from pipeline.enrich.told import Told, tell
from pipeline.reasons import worth_saying
from pipeline.text import names
from storage.models import Event, Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.folding import Belonging, Group
    from storage.models import Role, Source, Story


def describe(
    event_id: int,
    group: Group,
    stories: Mapping[int, Story],
    copy_of: Mapping[int, int],
    sources: Mapping[str, Source],
) -> Event:
    """The event of a group. `stories` holds at least its members, by id."""
    return _describe(event_id, group, _members(group, stories), copy_of, sources)


def describe_with_names(
    event_id: int,
    group: Group,
    stories: Mapping[int, Story],
    copy_of: Mapping[int, int],
    sources: Mapping[str, Source],
    source_names: AbstractSet[str],
) -> tuple[Event, dict[str, int]]:
    """The event of a group, and its names as event_names() gives them: read once for both."""
    told = _members(group, stories)
    event = _describe(event_id, group, told, copy_of, sources)
    return event, event_names(told, source_names)


def _members(group: Group, stories: Mapping[int, Story]) -> list[Told]:
    return tell(stories[belonging.story_id] for belonging in group.belongings)


def _describe(
    event_id: int,
    group: Group,
    told: list[Told],
    copy_of: Mapping[int, int],
    sources: Mapping[str, Source],
) -> Event:
    members = [one.story for one in told]
    known = (sources[s.source_id] for s in members if s.source_id in sources)
    role_of = roles(told, copy_of, {source.id: source.name for source in known})
    headline = headline_story(told, role_of)
    category, because = event_category(told, headline.stored_id, role_of)
    times = sorted(story.out_by for story in members if story.out_by is not None)
    return Event(
        id=event_id,
        title=headline.title,
        headline_story=headline.stored_id,
        members=tuple(_member(belonging, role_of) for belonging in group.belongings),
        first_published=times[0] if times else None,
        last_published=times[-1] if times else None,
        first_source=members[0].source_id,
        language=headline.language,
        category=category,
        category_because=because,
        tldr=tldr(told, headline.title, role_of, headline.language),
        figures=tuple(figure for one in told for figure in figures(one)),
        independent=independent(members, role_of, sources),
        comments=_comments(members),
    )


def independent(
    members: Sequence[Story], role_of: Mapping[int, Role], sources: Mapping[str, Source]
) -> int:
    """Voices of their own: owners with at least one original report. Copies, rewrites and the
    sister sites of one owner say the same thing again."""
    return max(
        1,
        len({_owner(s, sources) for s in members if role_of[s.stored_id] == "original"}),
    )


def _owner(story: Story, sources: Mapping[str, Source]) -> str:
    source = sources.get(story.source_id)
    return source.owner if source and source.owner else story.source_id


def _member(belonging: Belonging, role_of: Mapping[int, Role]) -> Member:
    role = role_of[belonging.story_id]
    if belonging.match is None:
        return Member(belonging.story_id, role, 1.0, None, "first report")
    said = "; ".join(signal.words for signal in worth_saying(belonging.match.signals))
    return Member(belonging.story_id, role, belonging.match.score, belonging.through, said)


def _comments(members: Sequence[Story]) -> int | None:
    told = [story.comments for story in members if story.comments is not None]
    return sum(told) if told else None


def event_names(members: Sequence[Story | Told], source_names: AbstractSet[str]) -> dict[str, int]:
    """The names that the stories use, and how many of them use each; without the sources' own,
    which stand in every agency report."""
    mentioned: Counter[str] = Counter()
    for told in tell(members):
        story = told.story
        used = told.names if story.text else frozenset(names(story.title, story.language))
        mentioned.update(used - source_names)
    return dict(mentioned)
