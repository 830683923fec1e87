"""Whether a story is a roundup: many happenings in one, which must not glue events together.

Comes in: one story. Goes out: yes or no, and why. It reads the title and the build of the text
only, so that folding can ask it before anything is known of events.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pipeline.tables import tables
from pipeline.text import names

if TYPE_CHECKING:
    from storage.models import Section, Story

MIN_PARTS = 4  # headed sections that must each be about something else
MIN_NAMES = 2  # different names that a part needs to be about something
SHARED = 0.12  # mean share of names that two parts of a roundup have in common at most
LEADING = 0.5  # a name in more of the parts than this is what the story is about


def is_roundup(story: Story) -> bool:
    """Whether the story tells of many unrelated happenings."""
    return bool(roundup_because(story))


def roundup_because(story: Story) -> str:
    """What makes it a roundup, in words; empty when it is none."""
    title = _title_pattern().search(story.title)
    if title:
        return f"its title says “{title.group()}”"
    parts = [section for section in story.sections if section.heading]
    about = [part for part in map(_names_of, parts) if len(part) >= MIN_NAMES]
    if len(about) < MIN_PARTS or not _are_apart(about):
        return ""
    if _have_a_leading_name(parts, about) or _headline_runs_through(story.title, parts):
        return ""
    return f"its {len(about)} sections are about different names"


def _names_of(section: Section) -> set[str]:
    bare = (re.split(r"[’']s\s+", name)[-1] for name in names(_whole(section)))
    return {name for name in bare if " " in name or not name[1:].islower() or len(name) > 4}


def _whole(section: Section) -> str:
    return f"{section.heading}\n{section.text}"


def _have_a_leading_name(parts: list[Section], about: list[set[str]]) -> bool:
    """Whether one name stands in most of the parts: then that is what the story is about."""
    texts = [_whole(part) for part in parts]
    known = set().union(*about)
    return any(sum(name in text for text in texts) > LEADING * len(texts) for name in known)


def _headline_runs_through(title: str, parts: list[Section]) -> bool:
    """Whether a name of the headline stands in more than one part: a roundup's headline names
    what one part each tells of."""
    texts = [_whole(part) for part in parts]
    return any(" " in name and sum(name in text for text in texts) > 1 for name in names(title))


def _are_apart(about: list[set[str]]) -> bool:
    """Whether two parts share hardly any name."""
    shares = [len(a & b) / min(len(a), len(b)) for a, b in combinations(about, 2)]
    return sum(shares) / len(shares) <= SHARED


@cache
def _title_pattern() -> re.Pattern[str]:
    return re.compile("|".join(patterns()["roundup"]["titles"]), re.IGNORECASE)


@cache
def patterns() -> dict[str, Any]:
    """The tables of roles.toml."""
    return tables("pipeline.enrich", "roles.toml")
