"""What changed in a story since we first stored it: `newsfold changes`.

Comes in: a story's URL or number. Goes out: for each time its words were replaced, the words that
went and those that came, as text or JSON. The database is only read.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.find import find_story
from pipeline.text import visible
from storage.stories import revisions_of
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlite_utils import Database

AROUND = 5  # words shown before and after a change
MAX_WORDS = 3_000  # of a changed passage that are compared word by word; longer ones as a whole


@dataclass(frozen=True, slots=True)
class Edit:
    """Words that were replaced, with some of those around them; one side may be empty."""

    before: str
    gone: str
    new: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one replacement of a story's words did."""

    at: str
    title: tuple[Edit, ...]
    text: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """A story and everything that changed in it, the earliest first."""

    story: int
    url: str
    title: str
    first_seen: str | None
    changes: tuple[Change, ...]
    pruned: str | None = None  # when its words were dropped, and the earlier ones with them


def changes_of(db: Database, asked: str, canonical_url: Callable[[str], str]) -> Changes:
    """Raises NewsfoldError when `asked` is neither the URL nor the number of a stored story."""
    story = find_story(db, asked, canonical_url)
    revisions = revisions_of(db, story.stored_id)
    words = [*((old.title, old.text) for old in revisions), (story.title, story.text)]
    return Changes(
        story.stored_id,
        story.url,
        story.title,
        to_iso(story.first_seen),
        tuple(
            Change(
                to_iso(revision.replaced_at) or "",
                edits(old[0], new[0]),
                tuple(_text_edits(old[1], new[1])),
            )
            for revision, (old, new) in zip(revisions, pairwise(words), strict=True)
        ),
        to_iso(story.pruned),
    )


def edits(old: str, new: str) -> tuple[Edit, ...]:
    """The words that differ between two texts."""
    return tuple(_edits(old.split(), new.split()))


def in_words(found: Changes) -> str:
    """The same for people: [-gone-] {+new+}, as in wdiff."""
    lines = [visible(found.title), found.url, f"story {found.story}, first seen {found.first_seen}"]
    if found.pruned:
        lines += ["", f"Its words and all earlier ones were dropped on {found.pruned[:10]}."]
    elif not found.changes:
        lines += ["", "Its words have not changed since."]
    for change in found.changes:
        lines += ["", f"changed by {change.at}"]
        lines += [f"  title  {_shown(edit)}" for edit in change.title]
        lines += [f"  text   {_shown(edit)}" for edit in change.text]
    return "\n".join(lines)


def _text_edits(old: str, new: str) -> Iterator[Edit]:
    """Paragraph by paragraph, then word by word within those that differ: comparing all words of
    two long texts would take their product."""
    left, right = old.split("\n\n"), new.split("\n\n")
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from edits("\n\n".join(left[a:b]), "\n\n".join(right[c:d]))


def _edits(left: Sequence[str], right: Sequence[str]) -> Iterator[Edit]:
    if max(len(left), len(right)) > MAX_WORDS:
        yield Edit("", " ".join(left), " ".join(right), "")
        return
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Edit(
                " ".join(right[max(c - AROUND, 0) : c]),
                " ".join(left[a:b]),
                " ".join(right[c:d]),
                " ".join(right[d : d + AROUND]),
            )


def _shown(edit: Edit) -> str:
    gone = f"[-{edit.gone}-]" if edit.gone else ""
    new = f"{{+{edit.new}+}}" if edit.new else ""
    parts = (edit.before and f"… {edit.before}", gone, new, edit.after and f"{edit.after} …")
    return visible(" ".join(part for part in parts if part))
