"""Which stories carry the same text: syndication, re-posts, agency copy.

Comes in: stories. Goes out: for each copy, the story whose text it is. Word 3-grams are hashed
and a fixed fraction of the hashes kept (sampled shingles: Broder, 1997; Manber, 1994); stories
that share a sampled shingle are then compared in full. Mere headlines are copies only when they are
the same word for word within two days. It says nothing about other words for the
same happening.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.text import shingles, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.models import Story

SAME_WORDS = 5  # a shorter headline (Photos of the day) comes again with other photos
SAME_WORDS_WITHIN = timedelta(days=2)  # later, the same headline tells of the next time
SAMPLE = 8  # one shingle of so many stands in the index
MIN_WORDS = 40  # a shorter text can be the same by chance (a headline, a boilerplate line)
CONTAINED = 0.7  # share of the shorter text's shingles that the longer one has, too
NOT_A_COPY = 0.3  # of the longer text; below it the shorter one is a quotation, not a copy
NEIGHBOURS = 20  # stories compared with each one under a shingle: bounds the work on a wire
# story that a thousand sites carry (they join as a chain) and on boilerplate (nothing joins)


def copies(stories: Sequence[Story]) -> dict[int, int]:
    """Story id -> id of the story whose text it carries; originals are not in it.

    The original is the one published first; where times are equal or missing, the one that
    claims no other site as its canonical home, then the smaller URL.
    """
    # In the order of URLs, so that the order of arrival makes no difference.
    in_order = sorted(stories, key=lambda story: story.url)
    groups = _Groups()
    for left, right in _same_words(in_order):
        groups.join(left, right)
    long_enough = [story for story in in_order if len(story.text.split()) >= MIN_WORDS]
    hashed = {story.stored_id: _hashes(story.text) for story in long_enough}
    for left, right in _sharing(hashed):
        if _is_copy(hashed[left], hashed[right]):
            groups.join(left, right)
    by_id = {story.stored_id: story for story in in_order}
    found: dict[int, int] = {}
    for group in groups.all():
        original, *others = sorted(group, key=lambda id_: _first(by_id[id_]))
        found.update(dict.fromkeys(others, original))
    return found


def _same_words(stories: Sequence[Story]) -> Iterator[tuple[int, int]]:
    """Neighbours in time among short stories with exactly the same words, headline and all."""
    same: dict[tuple[str, ...], list[Story]] = defaultdict(list)
    for story in stories:
        said = tuple(words(f"{story.title}\n{story.text}"))
        if SAME_WORDS <= len(said) < 2 * MIN_WORDS and story.out_by is not None:
            same[story.language, *said].append(story)
    for alike in same.values():
        alike.sort(key=_first)
        for left, right in pairwise(alike):
            assert left.out_by is not None and right.out_by is not None
            if right.out_by - left.out_by <= SAME_WORDS_WITHIN:
                yield left.stored_id, right.stored_id


def _first(story: Story) -> tuple[object, ...]:
    *moment, url = story.appeared
    return (*moment, story.canonical_claim is not None, url)


def _hashes(text: str) -> frozenset[int]:
    return frozenset(
        int.from_bytes(blake2b(shingle.encode(), digest_size=8).digest(), "big")
        for shingle in shingles(text)
    )


def _sharing(hashed: dict[int, frozenset[int]]) -> Iterator[tuple[int, int]]:
    """Pairs of stories that have a sampled shingle in common."""
    index: dict[int, list[int]] = defaultdict(list)
    for id_ in hashed:
        for value in hashed[id_]:
            if value % SAMPLE == 0:
                index[value].append(id_)
    seen: set[tuple[int, int]] = set()
    for ids in index.values():
        for position, right in enumerate(ids):
            for left in ids[max(0, position - NEIGHBOURS) : position]:
                if (left, right) not in seen:
                    seen.add((left, right))
                    yield left, right


def _is_copy(left: frozenset[int], right: frozenset[int]) -> bool:
    shared = len(left & right)
    shorter, longer = sorted((len(left), len(right)))
    return shared >= CONTAINED * shorter and shared >= NOT_A_COPY * longer


class _Groups:
    """Union-find over story ids."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def _root(self, id_: int) -> int:
        self._parent.setdefault(id_, id_)
        while self._parent[id_] != id_:
            self._parent[id_] = self._parent[self._parent[id_]]
            id_ = self._parent[id_]
        return id_

    def join(self, left: int, right: int) -> None:
        left, right = sorted((self._root(left), self._root(right)))
        self._parent[right] = left

    def all(self) -> list[list[int]]:
        members: dict[int, list[int]] = defaultdict(list)
        for id_ in sorted(self._parent):
            members[self._root(id_)].append(id_)
        return list(members.values())
