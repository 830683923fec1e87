"""Every signal of two stored stories, and the verdict: `newsfold explain`.

Comes in: two URLs. Goes out: what the two share, where they clash, and whether that is enough.
It is computed from the two stories alone, as it was when they were folded; the database is only
read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.configuration import threshold_beside
from pipeline.constraints import said_of
from pipeline.copies import copies
from pipeline.embedders import configured
from pipeline.embeddings import meaning_of
from pipeline.find import find_story
from pipeline.folding import SAME_TEXT, WINDOW
from pipeline.reading import Reading, read
from pipeline.reasons import every_signal, match
from pipeline.weights import MEANING_NAMES
from storage.corrections import corrections_that_hold
from storage.database import file_of
from storage.errors import WRONG_CALL, NewsfoldError
from storage.events import known_groups, matches_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

    from pipeline.embeddings import Meaning
    from storage.models import Correction, Signal, Story

TWO_LANGUAGES = "they are told in two languages, and stories fold within one"


@dataclass(frozen=True, slots=True)
class Explained:
    """Two stories, the score of their match, and where they stand now."""

    left: str
    right: str
    score: float | None  # None: it cannot be worked out, for words were pruned
    threshold: float
    signals: tuple[Signal, ...]
    verdict: str
    left_event: int | None
    right_event: int | None
    missing: str | None = None  # why the signal of a configured embedding is not among these
    corrections: tuple[str, ...] = ()  # what analysts have said of the two


def explain_stories(
    db: Database, left_url: str, right_url: str, canonical_url: Callable[[str], str] = str
) -> Explained:
    """Raises NewsfoldError when one of the URLs is no story of the database."""
    left, right = (find_story(db, url, canonical_url) for url in (left_url, right_url))
    if left == right:
        raise NewsfoldError(f"{left_url} and {right_url} are one story: {left.url}", WRONG_CALL)
    if left.pruned or right.pruned:
        return _from_what_is_kept(db, left, right)
    readings = read(left), read(right)
    meaning, missing = _meaning(db, readings)
    threshold = threshold_beside(db, embedded=meaning is not None)
    signals: tuple[Signal, ...] = (SAME_TEXT,)
    score = 1.0
    if not copies([left, right]):
        score = match(*readings, meaning).score
        signals = tuple(every_signal(*readings, meaning))
    left_event, right_event = (_event_of(db, story) for story in (left, right))
    said = said_of(corrections_that_hold(db), left.stored_id, right.stored_id)
    one_language = left.language[:2] == right.language[:2]
    apart = None if one_language or (meaning and meaning.multilingual) else TWO_LANGUAGES
    return Explained(
        left.url,
        right.url,
        score,
        threshold,
        signals,
        _corrected(said, left_event, right_event)
        or _verdict(score >= threshold, readings, [left_event, right_event], apart),
        left_event,
        right_event,
        missing,
        tuple(correction.with_note for correction in said[1]) if said else (),
    )


def in_words(explained: Explained) -> str:
    """The same for people."""
    lines = [
        f"{explained.left}",
        f"{explained.right}",
        "",
        _score(explained),
    ]
    for signal in sorted(explained.signals, key=lambda signal: -signal.weight):
        lines.append(f"  {signal.weight:+.2f}  {signal.name:<14} {signal.words}")
    if explained.missing is not None:
        lines.append(f"  missing  meaning        {explained.missing}")
    return "\n".join([*lines, "", explained.verdict, *explained.corrections])


def _score(explained: Explained) -> str:
    usual = f"(those of an event: {explained.threshold:.2f} on average)"
    if explained.score is None:
        return f"no score {usual}"
    return f"score {explained.score:.2f} {usual}"


def _from_what_is_kept(db: Database, left: Story, right: Story) -> Explained:
    """Of two stories one of which has lost its words: the match by which the one came in through
    the other, where it did."""
    matches = matches_of(db, (left.stored_id, right.stored_id))
    names = {signal.name for match in matches for signal in match.signals}
    events = [_event_of(db, story) for story in (left, right)]
    when = min(story.pruned for story in (left, right) if story.pruned)
    kept = (
        "the match that brought them together is told as it was kept"
        if matches
        else "why each is in its event is kept: newsfold show NEWS.DB"
        f" {events[0] if left.pruned else events[1]}"
    )
    one = (
        "One of them is not folded yet (newsfold fold NEWS.DB)"
        if None in events
        else f"One event ({events[0]})"
        if events[0] == events[1]
        else f"Two events ({events[0]} and {events[1]})"
    )
    said = said_of(corrections_that_hold(db), left.stored_id, right.stored_id)
    return Explained(
        left.url,
        right.url,
        matches[0].score if matches else None,
        threshold_beside(db, embedded=not names.isdisjoint(MEANING_NAMES)),
        matches[0].signals if matches else (),
        f"{one}. Words were pruned on {when:%Y-%m-%d}; {kept}.",
        events[0],
        events[1],
        corrections=tuple(correction.with_note for correction in said[1]) if said else (),
    )


def _corrected(
    said: tuple[bool, tuple[Correction, ...]] | None, left: int | None, right: int | None
) -> str | None:
    """The verdict where analysts have given it, and a fold has brought it about."""
    if said is None or left is None or right is None or said[0] != (left == right):
        return None
    if said[0]:
        return f"One event ({left}): analysts have put them together."
    return f"Two events ({left} and {right}): analysts hold them apart."


def _meaning(db: Database, readings: tuple[Reading, Reading]) -> tuple[Meaning | None, str | None]:
    """What the two mean, where an embedding is configured; or else why that cannot be said."""
    try:
        embedding = configured(file_of(db), can_run=False)
        if embedding is None:
            return None, None
        return meaning_of(db, readings, embedding, keep=False), None
    except NewsfoldError as error:
        return None, str(error)


def _event_of(db: Database, story: Story) -> int | None:
    return next(iter(known_groups(db, [story.stored_id])), None)


def _verdict(
    alike: bool, readings: tuple[Reading, Reading], events: list[int | None], apart: str | None
) -> str:
    left, right = events
    if None in events:
        return "One of them is not folded yet: newsfold fold NEWS.DB"
    if left == right:
        through = "they are alike" if alike else "others in it are like both of them"
        return f"One event ({left}): {through}."
    return f"Two events ({left} and {right}): {apart or _apart(alike, readings)}."


def _apart(alike: bool, readings: tuple[Reading, Reading]) -> str:
    if any(reading.roundup for reading in readings):
        return "one of them is a roundup, which is never folded with what it tells of"
    one, two = (reading.when for reading in readings)
    if one is not None and two is not None and abs(one - two) > WINDOW.total_seconds():
        return f"they lie more than {WINDOW.days} days apart"
    if alike:
        return "they are alike, but the other stories of their events are not on average"
    return "they are not alike enough"
