"""One event, whole: what a reader sees of it, why each story is in it, what became of it.

Comes in: a database and the id of an event, also of one that has ended. Goes out: text or JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from pipeline.digest.render import event_body, event_text
from pipeline.digest.terminal import WIDTH, counted
from pipeline.find import find_event_id
from pipeline.text import visible
from pipeline.views import event_views
from storage.discussions import discussions_of
from storage.events import events_by_id, lineage_of
from storage.stories import stories_by_id
from storage.times import to_iso

if TYPE_CHECKING:
    from sqlite_utils import Database

    from pipeline.digest.view import EventView
    from storage.events import Became
    from storage.models import Discussion, Event


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a story is in the event."""

    url: str
    title: str
    role: str
    score: float
    through: str | None  # the story through which it came in
    because: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An event with its reasons and its history. `asked` is the id that was asked for."""

    asked: int
    view: EventView
    members: tuple[Reason, ...]
    discussions: tuple[Discussion, ...]  # of its stories, on other sites
    lineage: tuple[Became, ...]


def find_event(db: Database, event_id: int) -> Shown:
    """The event that answers for an id. Raises NewsfoldError for an id never handed out."""
    current = find_event_id(db, event_id)
    [event] = events_by_id(db, [current])
    [view] = event_views(db, [event])
    history = {became for id_ in (event_id, current) for became in lineage_of(db, id_)}
    lineage = sorted(history, key=lambda became: (became.at, became.event_id))
    reasons = _reasons(db, event)
    discussions = discussions_of(db, (reason.url for reason in reasons))
    return Shown(event_id, view, reasons, tuple(discussions), tuple(lineage))


def _reasons(db: Database, event: Event) -> tuple[Reason, ...]:
    stories = {story.id: story for story in stories_by_id(db, (m.story_id for m in event.members))}
    return tuple(
        Reason(
            stories[member.story_id].url,
            stories[member.story_id].title,
            member.role,
            member.score,
            stories[member.through].url if member.through is not None else None,
            member.because,
        )
        for member in event.members
    )


def as_json(shown: Shown) -> str:
    """The event as in the JSON digest, with `members`, `discussions` and `lineage` besides."""
    body = {
        "asked": shown.asked,
        **event_body(shown.view),
        "members": [asdict(reason) for reason in shown.members],
        "discussions": [asdict(discussion) for discussion in shown.discussions],
        "lineage": [asdict(became) | {"at": to_iso(became.at)} for became in shown.lineage],
    }
    return json.dumps(body, ensure_ascii=False, indent=2)


def as_text(shown: Shown, *, colour: bool = False) -> str:
    """The event as in the digest, then the reasons and the history."""
    event_id = shown.view.event_id
    lines = [f"Event {event_id}"]
    if shown.asked != event_id:
        lines[0] += f" (event {shown.asked} was merged into it)"
    lines += [event_text(shown.view, colour=colour), "  Why each story is in it"]
    source_of = {source.url: source.source for source in shown.view.sources}
    for reason in shown.members:
        said = visible(f"{source_of[reason.url]}, {reason.role}: {_because(reason, source_of)}")
        lines.append(fill(said, WIDTH, initial_indent="  ", subsequent_indent="    "))
    if shown.discussions:
        lines += ["", "  Discussed", *(f"  {_said(each)}" for each in shown.discussions)]
    if shown.lineage:
        lines += ["", "  What became of it"]
        lines += [f"  {_word(became)}" for became in shown.lineage]
    return "\n".join(lines)


def _because(reason: Reason, source_of: dict[str, str]) -> str:
    if reason.through is None:
        return reason.because
    return f"{reason.score:.2f} with {source_of[reason.through]}: {reason.because}"


def _said(discussion: Discussion) -> str:
    """Hacker News, 215 points, 98 comments: https://…"""
    told = ((discussion.points, "point"), (discussion.comments, "comment"))
    facts = [counted(number, what) for number, what in told if number is not None]
    return visible(f"{', '.join([discussion.site, *facts])}: {discussion.url}")


def _word(became: Became) -> str:
    moment = f"{became.at:%Y-%m-%d %H:%M} UTC"
    if became.kind == "merged":
        return f"{moment}: event {became.event_id} became a part of event {became.other_event}"
    return f"{moment}: event {became.other_event} came out of event {became.event_id}"
