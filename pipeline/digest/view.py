"""What a reader sees of an event, before it takes any form.

Comes in: an event, its stories, their sources and its related events. Goes out: frozen views made
of plain strings, numbers and times. Nothing is looked up here and nothing is escaped: each form
does that for itself. The fields, in this order, are also the structure of the JSON form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from pipeline.enrich.figure_groups import group_figures
from pipeline.enrich.reading_time import reading_minutes
from pipeline.enrich.stands_alone import without_dateline
from pipeline.enrich.subject import holds, real_names, subject_names
from pipeline.text import sentences, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pipeline.enrich.figure_groups import FigureGroup
    from storage.models import Event, Figure, Member, Source, Story

MOST_FIGURES = 10  # of one event; a reader has five minutes
MOST_OF_ONE = 5  # figures are shown that only one source gives, and only up to here
# Figures that are worth a line even when only one source gives them.
TELLING = ("USD", "EUR", "GBP", "%", "points", "x", "x less", "x more", "parameters", "context")
REPORTS = ("original", "rewrite")  # roles whose agreement counts
MANY = 4  # reports; where all of them agree, a list of their names says less than "all"
TELLING_COUNT = 100  # and counts from here on
_BEGINS_WITH_ANOTHER = re.compile(r"(?:An?|Another|Other|Similar|Eine?)\s")
_SOMEBODY = re.compile(r"\S+ (?:[\w-]+ ){0,3}[\w-]+,? (?:that|which|who|der|die|das) ")


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence of the TL;DR and who wrote it."""

    text: str
    source: str
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class SourceView:
    """A member of the event, as its source published it."""

    source: str
    title: str
    url: str
    role: str  # original, copy, rewrite, commentary or roundup
    note: str  # what a reader should know of it: "same text as Delta Wire"; mostly empty
    published: datetime | None
    precision: str  # minute, day or guessed
    when: str  # for people: "16:02", or with the day where that is not the first story's
    language: str


@dataclass(frozen=True, slots=True)
class QuoteView:
    """The sentence of one story that gives a figure."""

    sentence: str
    source: str
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class VariantView:
    """Another value that somebody gives for the same thing."""

    shown: str
    sources: tuple[str, ...]
    rounded: bool  # only less exact, no contradiction
    quotes: tuple[QuoteView, ...] = ()


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure, what it counts, who gives it, and who gives another."""

    shown: str
    about: str
    sources: tuple[str, ...]
    by: str  # the same for people: "Morning Byte, Delta Wire", or "all 5 reports"
    differs: tuple[VariantView, ...]
    quotes: tuple[QuoteView, ...] = ()  # one of each story, in the order of publication


@dataclass(frozen=True, slots=True)
class SectionView:
    """A part of the headline story."""

    heading: str
    text: str
    first: str  # its first sentence


@dataclass(frozen=True, slots=True)
class RelatedView:
    """Another event about the same names."""

    event_id: int
    category: str
    headline: str
    url: str
    tldr: str
    because: str
    language: str


@dataclass(frozen=True, slots=True)
class PointView:
    """Something new of an event that was told before."""

    kind: str  # figure, step or sources
    text: str  # "€310M, Wisla order", "A court has decided: “...”", "3 more independent sources"
    sources: tuple[str, ...]  # who tells it
    url: str  # of the first report that tells it


@dataclass(frozen=True, slots=True)
class SinceThenView:
    """What is new of an event, and what was said of it before."""

    told_at: datetime  # when it was told last
    digest_id: int  # the digest that did
    headline: str  # under which it was told then
    url: str  # of its headline story then
    points: tuple[PointView, ...]  # what is new


@dataclass(frozen=True, slots=True)
class EventView:
    """One event as a reader sees it."""

    event_id: int
    category: str
    category_because: str
    headline: str
    url: str  # of the headline story
    language: str
    tldr: tuple[SentenceView, ...]
    minutes: int  # to read the headline story
    broke: str  # "broke 16:02 UTC on 8 April with Morning Byte, 19 minutes ahead of Model Watch"
    first_published: datetime | None
    last_published: datetime | None
    sources: tuple[SourceView, ...]  # by time
    independent: int  # sources that count as voices of their own
    comments: int | None
    figures: tuple[FigureView, ...]
    sections: tuple[SectionView, ...]  # of the headline story
    related: tuple[RelatedView, ...]
    since_then: SinceThenView | None = None  # of an event that was told before: all that is said
    tldr_by: str = ""  # the model that wrote the TL;DR; empty: it is the reports' own sentences
    updated: datetime | None = None  # when newsfold last changed it
    page: str = ""  # its page on the site; empty where no site is known
    pruned: datetime | None = None  # when the words of its stories were dropped


@dataclass(frozen=True, slots=True)
class DigestView:
    """The events of a period, in the order of their importance."""

    since: datetime
    until: datetime
    events: tuple[EventView, ...]
    left_out: int = 0  # events of the period that were not chosen
    title: str = "newsfold"  # of the digest


def build_view(
    event: Event,
    stories_by_id: Mapping[int, Story],
    sources_by_id: Mapping[str, Source],
    related_events_by_id: Mapping[int, Event],
    *,
    brief: bool = False,
) -> EventView:
    """Everything a reader sees of one event; a brief one is without figures, sections and related
    events, as a list has it. Members whose story is not given are left out."""
    members = sorted(
        (m for m in event.members if m.story_id in stories_by_id),
        key=lambda m: stories_by_id[m.story_id].appeared,
    )
    look = _Look(stories_by_id, sources_by_id)
    headline = stories_by_id.get(event.headline_story)
    return EventView(
        event_id=event.id,
        category=event.category,
        category_because=event.category_because,
        headline=event.title,
        url=headline.url if headline else "",
        language=headline.language if headline else event.language,
        tldr=tuple(
            SentenceView(
                s.text, look.source(s.story_id), look.url(s.story_id), look.language(s.story_id)
            )
            for s in event.tldr
        ),
        tldr_by=event.tldr_by,
        minutes=reading_minutes(headline.text if headline else ""),
        broke=broke(members, look),
        first_published=event.first_published,
        last_published=event.last_published,
        sources=tuple(_source(member, members[0], look) for member in members),
        independent=event.independent,
        comments=event.comments,
        figures=() if brief else _figures(event, look),
        sections=_sections(headline, event.title) if headline and not brief else (),
        related=() if brief else _related(event, related_events_by_id, stories_by_id),
        updated=event.updated_at,
        pruned=event.pruned,
    )


def owner_of(story: Story, sources: Mapping[str, Source]) -> str:
    """Whose voice a story is."""
    source = sources.get(story.source_id)
    return source.owner if source and source.owner else story.source_id


class _Look:
    """Names and addresses by the id of a story."""

    def __init__(self, stories: Mapping[int, Story], sources: Mapping[str, Source]) -> None:
        self.stories = stories
        self._sources = sources

    def source(self, story_id: int) -> str:
        story = self.stories.get(story_id)
        if story is None:
            return ""
        source = self._sources.get(story.source_id)
        return source.name if source else story.source_id

    def owner(self, story_id: int) -> str:
        return owner_of(self.stories[story_id], self._sources)

    def url(self, story_id: int) -> str:
        story = self.stories.get(story_id)
        return story.url if story else ""

    def language(self, story_id: int) -> str:
        story = self.stories.get(story_id)
        return story.language if story else "en"

    def distinct(self, story_ids: Iterable[int]) -> tuple[str, ...]:
        """The sources of these stories, each once, in the order of publication."""
        known = sorted(
            (i for i in story_ids if i in self.stories), key=lambda i: self.stories[i].appeared
        )
        return tuple(dict.fromkeys(self.source(i) for i in known))


def broke(members: list[Member], look: _Look) -> str:
    """Who had it first, and by how much; a lead is told only between times to the minute."""
    told = [m for m in members if look.stories[m.story_id].when]
    if not told:
        return ""
    first = look.stories[told[0].story_id]
    name = look.source(told[0].story_id)
    when = first.when
    assert when is not None
    day = f"{when.day} {when:%B}"
    if not _is_exact(first):
        return f"{'broke on' if first.published else 'first seen on'} {day} with {name}"
    said = f"broke {when:%H:%M} UTC on {day} with {name}"
    follower = _follower(told, look)
    if follower is None:
        return said
    ahead = follower.when - when if follower.when else timedelta(0)
    return f"{said}, {_ahead(ahead)} {look.source(follower.stored_id)}"


def _is_exact(story: Story) -> bool:
    return story.published is not None and story.published_precision == "minute"


def _follower(told: list[Member], look: _Look) -> Story | None:
    """The next with words and an owner of its own; none when its time is not exact."""
    for member in told[1:]:
        if member.role == "copy" or look.owner(member.story_id) == look.owner(told[0].story_id):
            continue
        story = look.stories[member.story_id]
        return story if _is_exact(story) else None
    return None


def _ahead(lead: timedelta) -> str:
    minutes = int(lead.total_seconds() // 60)
    if minutes < 1:
        return "in the same minute as"
    if minutes < 120:
        return f"{minutes} minute{'s' * (minutes != 1)} ahead of"
    if minutes < 48 * 60:
        return f"{minutes // 60} hours ahead of"
    return f"{minutes // 1440} days ahead of"


def _source(member: Member, first: Member, look: _Look) -> SourceView:
    story = look.stories[member.story_id]
    note = ""
    if member.role == "copy":
        through = look.source(member.through) if member.through is not None else ""
        note = f"same text as {through}" if through else "same text as another"
    elif member.role != "original":
        note = member.role
    return SourceView(
        source=look.source(member.story_id),
        title=story.title,
        url=story.url,
        role=member.role,
        note=note,
        published=story.when,
        precision=story.published_precision if story.published else "guessed",
        when=_when(story, look.stories[first.story_id]),
        language=story.language,
    )


def _when(story: Story, first: Story) -> str:
    """Its time as exactly as it is known; the day only where it says something new."""
    if story.when is None:
        return ""
    date = f"{story.when.day} {story.when:%b}"
    if not _is_exact(story):
        return date
    same_day = first.when is not None and first.when.date() == story.when.date()
    return f"{story.when:%H:%M}" if same_day else f"{date} {story.when:%H:%M}"


def _figures(event: Event, look: _Look) -> tuple[FigureView, ...]:
    reports = {m.story_id for m in event.members if m.role in REPORTS} & look.stories.keys()
    return tuple(_figure(group, look, reports) for group in shown_figures(event, look.stories))


def shown_figures(event: Event, stories: Mapping[int, Story]) -> list[FigureGroup]:
    """Grouped, without what copies only repeat; the telling ones and those that several give."""
    if not event.figures:
        return []
    role = {member.story_id: member.role for member in event.members}
    own = {i for i, story in stories.items() if story.language == event.language}
    subject = cache(  # few sentences ask for it, and it reads all the stories
        lambda: subject_names(
            [stories[i] for i in sorted(role) if i in stories], event.title, event.language
        )
    )
    groups = group_figures(
        (
            f
            for f in event.figures
            if f.story_id in stories
            and role.get(f.story_id) != "copy"
            and not _is_of_another(f.sentence, subject, event.language)
        ),
        event.language,
        prefer=own,
        order=sorted(stories, key=lambda id_: stories[id_].appeared),
    )
    reports = {i for i in role if role[i] in REPORTS}
    kept = [g for g in groups if _is_telling(g) and (reports or set(role)).intersection(g.stories)]
    shared = [g for g in kept if len(g.stories) > 1 or g.differs][:MOST_FIGURES]
    alone = [g for g in kept if g not in shared and len(g.stories) == 1]
    return shared + alone[: max(0, MOST_OF_ONE - len(shared))]


def _is_of_another(sentence: str, subject: Callable[[], tuple[str, ...]], language: str) -> bool:
    """Whether it tells of somebody else: `A bank that had a similar leak paid 11 million.`"""
    if not _BEGINS_WITH_ANOTHER.match(sentence):
        return False
    if not subject() or holds(sentence, subject()):
        return False
    return bool(_SOMEBODY.match(sentence)) or bool(real_names(sentence, language))


def _is_telling(group: FigureGroup) -> bool:
    if len(group.stories) > 1 or group.differs:
        return True
    count = group.key.rpartition(" ")[2]
    large = count.isdigit() and int(count) >= TELLING_COUNT
    return group.unit.split(" a ")[0] in TELLING or large


def _figure(group: FigureGroup, look: _Look, reports: Collection[int]) -> FigureView:
    """`reports` are the stories whose agreement is worth saying in one word."""
    sources = look.distinct(group.stories)
    agreed = len(reports) >= MANY and set(reports) <= set(group.stories)
    return FigureView(
        shown=group.shown,
        about="" if group.about in look.distinct(look.stories) else group.about,
        sources=sources,
        by=f"all {len(reports)} reports" if agreed else ", ".join(sources),
        differs=tuple(
            VariantView(v.shown, look.distinct(v.stories), v.rounded, _quotes(v.quoted, look))
            for v in group.differs
        ),
        quotes=_quotes(group.quoted, look),
    )


def _quotes(figures: Iterable[Figure], look: _Look) -> tuple[QuoteView, ...]:
    """The first sentence of each story that gives the figure."""
    first: dict[int, Figure] = {}
    for figure in figures:
        first.setdefault(figure.story_id, figure)
    return tuple(
        QuoteView(f.sentence, look.source(i), look.url(i), look.language(i))
        for i, f in sorted(first.items(), key=lambda item: look.stories[item[0]].appeared)
    )


def _sections(story: Story, title: str) -> tuple[SectionView, ...]:
    """Of the headline story; a text without headings is one section without one. A heading that
    only repeats the headline is none."""
    parts = [(part.heading, part.text) for part in story.sections] or [("", story.text)]
    headlines = {_letters(story.title), _letters(title)}
    found = []
    for heading, text in parts:
        text = without_dateline(text.strip())
        heading = "" if _letters(heading) in headlines else heading
        if text:
            found.append(SectionView(heading, text, (sentences(text) or [""])[0]))
    return tuple(found)


def _letters(heading: str) -> str:
    """A heading without case and punctuation."""
    return " ".join(words(heading))


def _related(
    event: Event, events: Mapping[int, Event], stories: Mapping[int, Story]
) -> tuple[RelatedView, ...]:
    found = []
    for relation in event.related:
        other = events.get(relation.event_id)
        if other is None or other.category == "roundup":
            continue  # a roundup is related to everything and tells nothing more
        story = stories.get(other.headline_story)
        found.append(
            RelatedView(
                event_id=other.id,
                category=other.category,
                headline=other.title,
                url=story.url if story else "",
                tldr=other.tldr[0].text if other.tldr else "",
                because=relation.because,
                language=other.language,
            )
        )
    return tuple(found)
