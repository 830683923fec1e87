"""An event that a reader knows already: what there is to tell of it now, and how its news is said.

Comes in: an event with its stories and sources, what was told before. Goes out: the state that
since_then.py compares, and a view that says what is new and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.details import steps_told
from pipeline.digest.since_then import Now, words_for
from pipeline.digest.view import PointView, SinceThenView, owner_of, shown_figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from pipeline.digest.since_then import News, Step
    from pipeline.digest.view import EventView
    from pipeline.enrich.figure_groups import FigureGroup
    from storage.models import Event, Source, Story


@dataclass(frozen=True, slots=True)
class Before:
    """What was said of it last."""

    digest_id: int
    told_at: datetime
    headline: str
    url: str
    stories: frozenset[int]  # that were told by then, in whatever digest


def state_of(event: Event, stories: Mapping[int, Story], sources: Mapping[str, Source]) -> Now:
    """What there is to tell of an event, and by whom."""
    voices: dict[str, set[int]] = defaultdict(set)
    steps: dict[Step, set[int]] = defaultdict(set)
    for member in event.members:
        story = stories.get(member.story_id)
        if member.role != "original" or story is None:
            continue
        voices[owner_of(story, sources)].add(member.story_id)
        for step in steps_told(story.title, story.text):
            steps[step].add(member.story_id)
    figures: dict[frozenset[str], frozenset[int]] = {}
    for keys, given, _ in _lines(event, shown_figures(event, stories)):
        figures[keys] = figures.get(keys, frozenset()) | given
    return Now(
        frozenset(member.story_id for member in event.members),
        figures,
        {owner: frozenset(ids) for owner, ids in voices.items()},
        {step: frozenset(ids) for step, ids in steps.items()},
        frozenset(figure.key for figure in event.figures),
    )


def came_back(
    view: EventView,
    event: Event,
    state: Now,
    news: News,
    before: Before,
    stories: Mapping[int, Story],
    sources: Mapping[str, Source],
) -> EventView:
    """The view of an event that was told before: what is new, by whom, and what was said then."""
    fresh = [stories[i] for i in sorted(state.fresh(before.stories)) if i in stories]
    fresh.sort(key=lambda story: story.appeared)
    say = _Says(fresh, sources)
    points = [
        *_steps(state, news, say),
        *_figures(event, news, say, stories),
        *_voices(state, news, say),
    ]
    named = {url for point in points for url in say.addresses(point)}
    return replace(
        view,
        tldr=(),
        tldr_by="",
        broke="",
        sources=tuple(source for source in view.sources if source.url in named),
        figures=(),
        sections=(),
        related=(),
        since_then=SinceThenView(
            before.told_at, before.digest_id, before.headline, before.url, tuple(points)
        ),
    )


class _Says:
    """Who says what is new, by name; only stories that were not told yet as they are."""

    def __init__(self, fresh: list[Story], sources: Mapping[str, Source]) -> None:
        self.fresh = fresh
        self._sources = sources

    def among(self, ids: Iterable[int]) -> list[Story]:
        wanted = set(ids)
        return [story for story in self.fresh if story.stored_id in wanted]

    def name(self, story: Story) -> str:
        source = self._sources.get(story.source_id)
        return source.name if source else story.source_id

    def point(self, kind: str, text: str, stories: list[Story]) -> PointView:
        names = tuple(dict.fromkeys(map(self.name, stories)))
        return PointView(kind, text, names, stories[0].url if stories else "")

    def addresses(self, point: PointView) -> set[str]:
        return {story.url for story in self.fresh if self.name(story) in point.sources}


def _steps(state: Now, news: News, say: _Says) -> Iterator[PointView]:
    for step in sorted(news.steps):
        telling = say.among(state.steps[step])
        words = words_for(step)
        text = f"{words[:1].upper()}{words[1:]}: “{telling[0].title}”"
        yield say.point("step", text, telling)


def _figures(
    event: Event, news: News, say: _Says, stories: Mapping[int, Story]
) -> Iterator[PointView]:
    for keys, given, text in _lines(event, shown_figures(event, stories)):
        if keys in news.figures:
            yield say.point("figure", text, say.among(given))


def _voices(state: Now, news: News, say: _Says) -> Iterator[PointView]:
    if news.voices:
        stories = say.among(i for owner in news.voices for i in state.voices[owner])
        yield say.point("sources", f"{len(news.voices)} more independent sources", stories)


def _lines(
    event: Event, groups: Iterable[FigureGroup]
) -> Iterator[tuple[frozenset[str], frozenset[int], str]]:
    """Each figure with the keys of all that it only rounds, the stories that give it, and words; a
    value that contradicts another one is a figure of its own."""
    keys_of: dict[str, set[str]] = defaultdict(set)
    for figure in event.figures:
        keys_of[figure.shown].add(figure.key)
    for group in groups:
        about = f", {group.about}" if group.about else ""
        rounded = {key for v in group.differs if v.rounded for key in keys_of[v.shown]}
        stories = {i for v in group.differs if v.rounded for i in v.stories} | set(group.stories)
        yield frozenset({group.key} | rounded), frozenset(stories), f"{group.shown}{about}"
        for variant in group.differs:
            if not variant.rounded:
                text = f"{variant.shown}{about}, where others say {group.shown}"
                yield frozenset(keys_of[variant.shown]), frozenset(variant.stories), text
