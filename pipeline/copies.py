"""Which stories carry another story's text, and whose: syndication, re-posts, agency copy.

Comes in: stories, or carriers made of them before. Goes out: for each copy, the story whose text
it is. What happens on the way:

    story -> its sketch (sketches.py) -> pairs with the same text (same_text.py) ──┐
                  └──> pairs of mere headlines, the same word for word ─> groups <─┘
                                                   the first is the original <──┘

Mere headlines are copies only when they are the same word for word within two days. It never
says anything about other words for the same happening.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from pipeline.same_text import same_text
from pipeline.sketches import MIN_WORDS, heads, sketches
from pipeline.union_find import Groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from storage.models import Story

SAME_WORDS = 5  # a shorter headline (Photos of the day) comes again with other photos
SAME_WORDS_WITHIN = 2 * 86_400.0  # seconds; later, the same headline tells of the next time
STORIES_AT_ONCE = 2_000  # sketched together, and no more of their texts are held


class Carrier(Protocol):
    """A story as far as it matters whose text it carries: no text, but its sketch.

    `out_by` is when it was out at the latest (seconds since 1970; None: not known), `claims_home`
    whether it names another site as its canonical home, `sketch` what sketches.py makes. A Reading
    is one.
    """

    @property
    def id(self) -> int: ...
    @property
    def url(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def out_by(self) -> float | None: ...
    @property
    def claims_home(self) -> bool: ...
    @property
    def sketch(self) -> bytes: ...


class _Carrier(NamedTuple):
    id: int
    url: str
    language: str
    out_by: float | None
    claims_home: bool
    sketch: bytes


def copies(stories: Iterable[Story]) -> dict[int, int]:
    """Story id -> id of the story whose text it carries; originals are not in it.

    The same as `originals` of the stories' carriers. Raises ValueError for a story without id.
    """
    return originals(carriers(stories))


def carriers(stories: Iterable[Story]) -> Iterator[Carrier]:
    """Each story with its sketch, in the same order, without ever holding more than some of the
    texts. Raises ValueError for a story without id."""
    told = iter(stories)
    while block := list(islice(told, STORIES_AT_ONCE)):
        made = sketches((story.title, story.text) for story in block)
        for story, sketch_ in zip(block, made, strict=True):
            yield _Carrier(
                id=story.stored_id,
                url=story.url,
                language=story.language,
                out_by=story.out_by.timestamp() if story.out_by else None,
                claims_home=story.canonical_claim is not None,
                sketch=sketch_,
            )


def originals(carried: Iterable[Carrier]) -> dict[int, int]:
    """Id of a copy -> id of the story whose text it carries; needs no texts.

    The original is the one published first; where times are equal or missing, the one that
    claims no other site as its canonical home, then the smaller URL. All of a group have one
    original, which is no copy itself. The order of the carriers makes no difference. Raises
    ValueError for an outdated sketch.
    """
    known = list(carried)
    groups = Groups(len(known))
    pairs = chain(_same_words(known), same_text([carrier.sketch for carrier in known]))
    ends = np.fromiter(chain.from_iterable(pairs), np.int64).reshape(-1, 2)
    groups.join(ends[:, 0], ends[:, 1])
    found: dict[int, int] = {}
    for group in groups.all():
        original, *others = sorted((known[position] for position in group), key=_first)
        found.update((other.id, original.id) for other in others)
    return dict(sorted(found.items()))


def _first(carrier: Carrier) -> tuple[bool, float, bool, str]:
    """Sorts the original before its copies; one of an unknown time takes nobody's lead."""
    return carrier.out_by is None, carrier.out_by or 0.0, carrier.claims_home, carrier.url


def _same_words(known: Sequence[Carrier]) -> Iterator[tuple[int, int]]:
    """Neighbours in time among short stories with exactly the same words, headline and all."""
    same: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    told = heads([carrier.sketch for carrier in known])
    short = np.flatnonzero((told["words"] >= SAME_WORDS) & (told["words"] < 2 * MIN_WORDS))
    for position, (_, _, words, said) in zip(short.tolist(), told[short].tolist(), strict=True):
        if known[position].out_by is not None:
            same[known[position].language, words, said].append(position)
    for alike in same.values():
        alike.sort(key=lambda position: _first(known[position]))
        for left, right in pairwise(alike):
            earlier, later = known[left].out_by, known[right].out_by
            assert earlier is not None and later is not None
            if later - earlier <= SAME_WORDS_WITHIN:
                yield left, right
