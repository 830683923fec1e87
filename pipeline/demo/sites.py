"""Every URL that the demo's hosts answer, rendered once: stories and a clock in, answers out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

from pipeline.demo.feeds import HTML, redirects, render_feeds
from pipeline.demo.habits import load_habits
from pipeline.demo.pages import LEAD_IMAGE, render_page
from pipeline.demo.rendering import TEMPLATES
from pipeline.demo.stories import DemoStory, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from pipeline.demo.habits import Habit

RELATED = 4  # links to other stories on a page
STATUS = {
    Trouble.NOT_FOUND: (404, "This page is not here (any more)."),
    Trouble.GONE: (410, "This story has been withdrawn."),
    Trouble.SERVER_ERROR: (500, "Something broke. Somebody has been woken up."),
}
# The smallest GIF there is: one transparent point.
DOT = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to a GET of one URL. An endless one goes on after its body."""

    body: bytes = b""
    status: int = 200
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    endless: bool = False

    @property
    def etag(self) -> str | None:
        return dict(self.headers).get("ETag")

    @property
    def last_modified(self) -> str | None:
        return dict(self.headers).get("Last-Modified")


def error_page(status: int, words: str) -> Answer:
    page = TEMPLATES.get_template("error.html").render(status=status, words=words)
    return Answer(page.encode(), status)


def _feed_answer(text: str, content_type: str, updated: datetime) -> Answer:
    body = text.encode()
    validators = (
        ("ETag", f'"{hashlib.sha256(body).hexdigest()[:16]}"'),
        ("Last-Modified", format_datetime(updated, usegmt=True)),
    )
    return Answer(body, content_type=content_type, headers=validators)


def _robots(habit: Habit) -> Answer:
    rules = [f"Disallow: {path}" for path in habit.forbidden] or ["Disallow:"]
    lines = ["User-agent: *", *rules]
    if habit.feed == "sitemap":
        lines.append(f"Sitemap: {habit.feed_url}")
    return Answer("\n".join([*lines, ""]).encode(), content_type="text/plain; charset=utf-8")


def _related(story: DemoStory, stories: Sequence[DemoStory]) -> list[DemoStory]:
    """The next stories of the source, round and round; none that would lead into trouble."""
    place = stories.index(story)
    others = [*stories[place + 1 :], *stories[:place]]
    return [other for other in others if not other.trouble][:RELATED]


def _canonical(story: DemoStory, habit: Habit, urls: Mapping[tuple[str, str], str]) -> str | None:
    if story.trouble == Trouble.CANONICAL_ELSEWHERE and story.copy_of:
        return urls[story.event, story.copy_of]
    return story.url if habit.canonical else None


def _story_answer(
    story: DemoStory, habit: Habit, canonical: str | None, related: Sequence[DemoStory]
) -> Answer:
    if story.trouble in STATUS:
        return error_page(*STATUS[story.trouble])
    body = render_page(story, habit, canonical, related)
    if story.trouble == Trouble.ENDLESS:
        # Cut short of its end, so that what drips after it is still the page.
        return Answer(body[: body.rindex(b"</body>")], endless=True)
    return Answer(body)


def _redirects(story: DemoStory, habit: Habit) -> Iterator[tuple[str, Answer]]:
    chain = redirects(story, habit)
    for status, here, there in zip((302, 301, 301), chain, (*chain[1:], story.url), strict=True):
        yield here, Answer(status=status, headers=(("Location", there),))


def _site(
    habit: Habit, stories: Sequence[DemoStory], urls: Mapping[tuple[str, str], str], now: datetime
) -> Iterator[tuple[str, Answer]]:
    """All URLs of one source."""
    updated = max((story.published for story in stories), default=now)
    yield habit.url("/robots.txt"), _robots(habit)
    yield habit.url(LEAD_IMAGE), Answer(DOT, content_type="image/gif")
    about = TEMPLATES.get_template("about.html").render(habit=habit, source=habit.source)
    yield habit.url("/about"), Answer(about.encode())
    for url, content_type, text in render_feeds(habit, stories, updated):
        yield url, _feed_answer(text, content_type, updated)
    for story in stories:
        canonical = _canonical(story, habit, urls)
        yield story.url, _story_answer(story, habit, canonical, _related(story, stories))
        if story.trouble == Trouble.REDIRECT_CHAIN:
            yield from _redirects(story, habit)


def build_sites(stories: Iterable[DemoStory], now: datetime) -> dict[str, Answer]:
    """Every answer by URL, of the stories that are out at `now`."""
    out = sorted(
        (story for story in stories if story.published <= now),
        key=lambda story: (story.published, story.url),
        reverse=True,
    )
    urls = {(story.event, story.source_id): story.url for story in out}
    answers: dict[str, Answer] = {}
    for source_id, habit in load_habits().items():
        own = [story for story in out if story.source_id == source_id]
        answers.update(_site(habit, own, urls, now))
    return answers
