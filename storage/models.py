"""The words of the house, as frozen dataclasses.

What comes in and what goes out of every other module is made of these. They hold no logic
beyond reading off what they already say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FeedKind = Literal["feed", "sitemap", "section", "discussion"]
EntryStatus = Literal["waiting", "fetched", "failed", "gone", "forbidden"]
Precision = Literal["minute", "day", "guessed"]
DateVerdict = Literal["believed", "refined", "not needed", "unreadable", "too late", "too early"]
Role = Literal["original", "copy", "rewrite", "commentary", "roundup"]
CorrectionVerb = Literal["merge", "split", "move", "pin title", "pin category", "not-an-event"]
Part = Literal["together", "apart", "alone", "title", "category"]


@dataclass(frozen=True, slots=True)
class Hints:
    """How a feed asks to be polled, as its last full answer said."""

    every: int | None = None  # minutes between two polls (ttl, sy:updatePeriod)
    skip_hours: frozenset[int] = frozenset()  # of the day, UTC
    skip_days: frozenset[int] = frozenset()  # 0 is Monday
    hub: str | None = None  # WebSub: who would tell subscribers of news at once
    topic: str | None = None  # WebSub: the address to subscribe to there


@dataclass(frozen=True, slots=True)
class Feed:
    """One URL that lists new entries of a source, and how its last polls went."""

    url: str
    source_id: str
    kind: FeedKind = "feed"
    links: str | None = None  # CSS selector of the links to articles, for a section or discussion
    id: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    last_fetched: datetime | None = None
    next_due: datetime | None = None
    interval_minutes: int | None = None
    failures: int = 0  # in a row
    hints: Hints = Hints()


@dataclass(frozen=True, slots=True)
class Source:
    """A publisher. Sources of one owner do not count as independent voices."""

    id: str
    name: str
    home: str
    language: str
    owner: str
    feeds: tuple[Feed, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An item as the feed gave it; nothing in it is trusted beyond its bounds."""

    url: str
    title: str = ""
    guid: str | None = None
    through: str | None = None  # the link of a service that leads to `url`, such as FeedBurner's
    summary: str = ""  # plain text
    author: str | None = None
    published: datetime | None = None
    published_precision: Precision = "guessed"
    comments: int | None = None
    language: str | None = None
    id: int | None = None
    feed_id: int | None = None
    source_id: str | None = None
    first_seen: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Discussion:
    """What is said of a story on another site. It is no story of its own."""

    url: str  # canonical URL of the discussion
    story_url: str  # canonical URL of what it discusses
    points: int | None = None
    comments: int | None = None
    site: str = ""  # name of the source that it was found in


@dataclass(frozen=True, slots=True)
class Robots:
    """A site's robots.txt as it was last had."""

    site: str  # scheme, host and port
    body: bytes | None  # None: it has none, and all is allowed
    confirmed: datetime  # when the site last answered so
    due: datetime  # when it is asked for again
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched for an entry. `html` is the body as sent, before any decoding."""

    entry_id: int
    url: str  # where the redirects ended
    html: bytes
    fetched_at: datetime
    encoding: str | None = None  # as the HTTP header declared it
    redirects: tuple[str, ...] = ()  # the addresses that led to `url`


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a story's text; the first one often has no heading."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class DateClaim:
    """What one place said of a story's time of publication, and what became of that."""

    origin: str  # who said it: JSON-LD, meta tags, the feed, the address...
    said: str  # in its own words
    when: datetime | None
    precision: Precision | None
    verdict: DateVerdict  # "refined": a later claim told the minute of the same day


@dataclass(frozen=True, slots=True)
class Revision:
    """The words of a story until they were replaced."""

    title: str
    text: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """One article at one canonical URL."""

    url: str
    title: str = ""
    text: str = ""
    published: datetime | None = None
    published_precision: Precision = "guessed"
    source_id: str = ""
    language: str = "en"
    id: int | None = None
    first_seen: datetime | None = None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    summary: str = ""
    image: str | None = None
    rubric: str | None = None  # the source's own heading for it, such as Business
    comments: int | None = None
    canonical_claim: str | None = None  # rel=canonical that points to another site
    text_from: Literal["page", "feed", "import"] = "page"
    paywalled: bool | None = None  # whether it must be paid for; None: nobody says
    pruned: datetime | None = None  # when its words were dropped; it is never folded again
    # How `published` was found; read back by storage/stories.py's date_claims only.
    date_claims: tuple[DateClaim, ...] = field(default=(), compare=False)
    # Canonical URLs at which it is known to stand, too; never read back.
    also_at: tuple[str, ...] = field(default=(), compare=False)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stored_id(self) -> int:
        """Its id. Raises ValueError for a story that is not stored yet."""
        if self.id is None:
            raise ValueError(f"{self.url} is not stored yet")
        return self.id

    @property
    def when(self) -> datetime | None:
        """The best time known: the publisher's, else ours."""
        return self.published or self.first_seen

    @property
    def out_by(self) -> datetime | None:
        """When it was out at the latest: a date without a time of day is out by its end."""
        if self.published is None or self.published_precision != "day":
            return self.when
        return self.published.replace(hour=23, minute=59, second=59)

    @property
    def appeared(self) -> tuple[bool, float, str]:
        """Sorts stories as they appeared; one whose time is not known takes nobody's lead."""
        return (self.out_by is None, self.out_by.timestamp() if self.out_by else 0.0, self.url)


@dataclass(frozen=True, slots=True)
class Signal:
    """One named thing that two stories share, or in which they clash.

    `weight` is what it adds to the score of the match (negative for a clash); `words` says it
    so that a person can read it.
    """

    name: str
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class Match:
    """Two stories (`left` before `right`), a score from 0 to 1, and the signals behind it."""

    left: int
    right: int
    score: float
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A story in an event: its role, its score, and the story through which it came in."""

    story_id: int
    role: Role = "original"
    score: float = 1.0
    through: int | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit and what it says, quoted from a story.

    `key` is the same for the same number in other words: "$14.3 billion" and
    "14.3 billion dollars" are both `USD 14300000000`.
    """

    story_id: int
    key: str
    value: float
    unit: str
    shown: str
    quote: str  # the span as printed
    sentence: str  # the sentence it stands in
    about: str = ""  # the words beside it that say what is counted


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a TL;DR with the story that it was taken from."""

    text: str
    story_id: int


@dataclass(frozen=True, slots=True)
class Related:
    """Another event about the same names, but another happening."""

    event_id: int
    score: float
    because: str


@dataclass(frozen=True, slots=True)
class Event:
    """The stories about one happening."""

    id: int
    title: str
    headline_story: int
    members: tuple[Member, ...]
    first_published: datetime | None = None
    last_published: datetime | None = None
    first_source: str | None = None
    language: str = "en"
    category: str = "other"
    category_because: str = ""
    tldr: tuple[Sentence, ...] = ()
    tldr_by: str = ""  # the model that wrote it; empty: its sentences are the reports' own
    figures: tuple[Figure, ...] = ()
    related: tuple[Related, ...] = ()
    independent: int = 1  # sources that count as voices of their own
    comments: int | None = None
    not_an_event: bool = False  # an analyst says that nothing happened
    pruned: datetime | None = None  # when its stories' words were dropped; no fold changes it since
    # When newsfold last changed it; read back only, storage sets it.
    updated_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Correction:
    """An analyst's verdict, as demands on stories: these belong together, these do not.

    `stories` are those for which it still holds, by their part in it: "together" are in one event,
    none of them with one that is "apart"; "alone" are by themselves; the event of "title"
    or "category" has it.
    """

    id: int
    verb: CorrectionVerb
    event_id: int  # that it was said of
    made_by: str
    made_at: datetime
    stories: Mapping[Part, frozenset[int]] = field(hash=False)
    title: str | None = None
    category: str | None = None
    note: str = ""
    undone_by: str | None = None
    undone_at: datetime | None = None

    def part(self, name: Part) -> frozenset[int]:
        """The stories of one part; none, where it has no such part."""
        return self.stories.get(name, frozenset())

    @property
    def in_words(self) -> str:
        """`correction 3 (merge by ada, 8 April 2026)`."""
        made = f"{self.made_at.day} {self.made_at:%B %Y}"
        return f"correction {self.id} ({self.verb} by {self.made_by}, {made})"

    @property
    def with_note(self) -> str:
        """The same, and why."""
        return self.in_words + (f": {self.note}" if self.note else "")
