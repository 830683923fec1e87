"""The stories of the demo: `stories/<event>/<source>.md` in, `DemoStory` out.

The folder names the event (the demo's truth), the file names the source. A file that says
something we do not know is an error here, not a surprise in the crawl. Nothing is rendered.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, get_args

from markupsafe import Markup

from pipeline.demo.habits import FOLDER, Habit, load_habits
from storage.errors import NewsfoldError
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

STORIES = FOLDER / "stories"
REQUIRED = {"title", "published", "section", "summary", "role"}
OPTIONAL = {"author", "copy_of", "comments", "trouble"}
SLUG_WORDS = 9  # longer ones say no more, and real sources cut them too

BlockKind = Literal["text", "heading", "item", "quote", "blank"]
MARKS: tuple[tuple[str, BlockKind], ...] = (("## ", "heading"), ("- ", "item"), ("> ", "quote"))
LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "'": None, "’": None})


class Trouble(StrEnum):
    """What goes wrong with a story, as it does on the web."""

    NO_DATE = "no-date"
    FUTURE_DATE = "future-date"
    NO_ZONE = "no-zone"
    REDIRECT_CHAIN = "redirect-chain"
    TRACKING = "tracking"
    NOT_FOUND = "404"
    GONE = "410"
    SERVER_ERROR = "500"
    ENDLESS = "endless"
    ROBOTS = "robots"
    SAME_GUID = "same-guid"
    CANONICAL_ELSEWHERE = "canonical-elsewhere"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading, a quote, or a list with its items as lines."""

    kind: BlockKind
    lines: tuple[str, ...]

    @property
    def html(self) -> Markup:
        return HTML_OF_BLOCK[self.kind].format(Markup(JOINTS[self.kind]).join(self.lines))


HTML_OF_BLOCK: dict[BlockKind, Markup] = {
    "text": Markup("<p>{}</p>"),
    "heading": Markup("<h2>{}</h2>"),
    "item": Markup("<ul>\n<li>{}</li>\n</ul>"),
    "quote": Markup("<blockquote><p>{}</p></blockquote>"),
}
JOINTS: dict[BlockKind, str] = {
    "text": " ",
    "heading": "</h2>\n<h2>",
    "item": "</li>\n<li>",
    "quote": " ",
}


@dataclass(frozen=True, slots=True)
class DemoStory:
    """One article as its source published it, and what we know about it in truth."""

    event: str
    source_id: str
    url: str
    number: int
    title: str
    published: datetime
    section: str
    summary: str
    role: Role
    blocks: tuple[Block, ...]
    author: str | None = None
    copy_of: str | None = None
    comments: int | None = None
    trouble: Trouble | None = None

    @property
    def html(self) -> Markup:
        return Markup("\n").join(block.html for block in self.blocks)

    @property
    def text(self) -> str:
        return "\n\n".join("\n".join(block.lines) for block in self.blocks)


def slugify(title: str) -> str:
    """The words of a title as a path shows them: `Gemma 4: Größen` is `gemma-4-groessen`."""
    latin = unicodedata.normalize("NFKD", title.lower().translate(LETTERS))
    words = re.findall(r"[a-z0-9]+", latin.encode("ascii", "ignore").decode())
    return "-".join(words[:SLUG_WORDS])


def _kind(line: str) -> BlockKind:
    if not line.strip():
        return "blank"
    return next((kind for mark, kind in MARKS if line.startswith(mark)), "text")


def _blocks(body: str) -> Iterator[Block]:
    for kind, lines in groupby(body.splitlines(), _kind):
        if kind != "blank":
            cut = 0 if kind == "text" else next(len(mark) for mark, name in MARKS if name == kind)
            yield Block(kind, tuple(line[cut:].strip() for line in lines))


def _split(path: Path) -> tuple[dict[str, Any], str]:
    """The front matter and the body of a file."""
    parts = path.read_text(encoding="utf-8").split("+++\n", 2)
    if len(parts) != 3 or parts[0]:
        raise NewsfoldError(f"{path}: front matter must open and close with a line of +++")
    try:
        return tomllib.loads(parts[1]), parts[2]
    except tomllib.TOMLDecodeError as error:
        raise NewsfoldError(f"{path}: front matter is not TOML: {error}") from error


def _faults(front: Mapping[str, Any], habit: Habit | None) -> Iterator[str]:
    """What is wrong with a front matter, in words."""
    if habit is None:
        yield "no source of that name in sources.toml"
    if missing := REQUIRED - front.keys():
        yield f"lacks {', '.join(sorted(missing))}"
    if unknown := front.keys() - REQUIRED - OPTIONAL:
        yield f"unknown keys {', '.join(sorted(unknown))}"
    published = front.get("published")
    if not isinstance(published, datetime) or published.tzinfo is None:
        yield "published must be a time with a zone, such as 2026-04-08T16:02:00Z"
    if front.get("role") not in get_args(Role):
        yield f"role must be one of {', '.join(get_args(Role))}"
    if front.get("trouble") not in {None, *Trouble}:
        yield f"unknown trouble {front['trouble']!r}; known: {', '.join(Trouble)}"
    if front.get("trouble") == Trouble.NO_DATE and habit and "{date" in habit.path:
        yield "trouble no-date at a source whose paths tell the date"
    if front.get("trouble") == Trouble.ROBOTS and habit and not habit.forbidden:
        yield f"trouble robots, but the robots.txt of {habit.host} forbids nothing"


def _path(habit: Habit, front: Mapping[str, Any], number: int) -> str:
    path = habit.path.format(
        date=front["published"],
        section=slugify(front["section"]),
        slug=slugify(front["title"]),
        number=number,
    )
    if front.get("trouble") == Trouble.ROBOTS:
        return habit.forbidden[0] + path.lstrip("/")
    return path


def _load(path: Path) -> DemoStory:
    front, body = _split(path)
    event, source_id = path.parent.name, path.stem
    habit = load_habits().get(source_id)
    faults = list(_faults(front, habit))
    if faults or habit is None:
        raise NewsfoldError(f"{path}: {'; '.join(faults)}")
    number = zlib.crc32(f"{event}/{source_id}".encode()) % 90_000 + 10_000  # five digits
    times = {"published": front["published"].astimezone(UTC)}
    trouble = Trouble(front["trouble"]) if "trouble" in front else None
    return DemoStory(
        event=event,
        source_id=source_id,
        url=habit.url(_path(habit, front, number)),
        number=number,
        blocks=tuple(_blocks(body)),
        **{**front, **times, "trouble": trouble},
    )


def _check_together(stories: Iterable[DemoStory]) -> None:
    """What no file can know alone: URLs are unique, and what was copied is there."""
    places: dict[str, str] = {}
    known = {(story.event, story.source_id) for story in stories}
    for story in stories:
        place = f"{story.event}/{story.source_id}.md"
        if other := places.get(story.url):
            raise NewsfoldError(f"{place} and {other} have one URL: {story.url}; change a title")
        places[story.url] = place
        if story.copy_of and (story.event, story.copy_of) not in known:
            raise NewsfoldError(f"{place}: copy_of {story.copy_of!r} has no story in this event")
        if story.trouble == Trouble.CANONICAL_ELSEWHERE and not story.copy_of:
            raise NewsfoldError(f"{place}: canonical-elsewhere needs copy_of")


def load_stories(folder: Path = STORIES) -> list[DemoStory]:
    """All stories, by event and source; raises NewsfoldError that names the file at fault."""
    stories = [_load(path) for path in sorted(folder.glob("*/*.md"))]
    _check_together(stories)
    return stories
