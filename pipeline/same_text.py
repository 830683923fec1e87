"""Which sketches carry the same text: all of it, most of it, or it with other words around it.

Comes in: sketches, in any number that memory holds. Goes out: pairs of positions, enough of them
to join all that belong together. What happens on the way:

    sketches -> an index of half their 3-grams -> pairs that share some of it -> compared -> pairs
                 └──> equal ones are pairs at once            over all of the sample <──┘

Every text is in one order that is the texts' own, by its smallest hash (MinHash: Broder, 1997),
and only near neighbours in it are looked at under each 3-gram; what is joined already is not
compared again. So the work grows with the number of texts, and not with that of pairs. It never
sees a text or a story, and never says which of two is the original (copies.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.sketches import BITS, BYTES, HEAD, heads, unpacked
from pipeline.union_find import Groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Shares of a text's 3-grams that another text has, too.
CONTAINED = 0.7  # of the shorter text's. Real pairs at .65 to .70 were in part reports around one
# statement, and a lottery's template
NOT_A_COPY = 0.35  # of the longer text's; below it the longer one only quotes the shorter. Of real
# pairs, copies that were cut had .36 and more, those at .32 to .34 were other articles
THINNER = 1  # one in 2 of the kept 3-grams stands in the index; the others only compare
MIN_SHARED = 3  # index entries of a candidate; copies share twenty or so, common phrases one or two
NEIGHBOURS = 4  # stories paired with each one under a 3-gram: bounds the work on a wire story
# that a thousand sites carry (they join as a chain) and on boilerplate (nothing joins)
MOST = 1 << (64 - BITS)  # sketches in one call: a hash and a position are one 64-bit word
# Blocks of a megabyte or so: larger arrays come from the system anew each time, and cost more.
SKETCHES_AT_ONCE = 2_000  # unpacked together
PAIRS_AT_ONCE = 1 << 10  # compared together
INDEX_AT_ONCE = 1 << 23  # index entries sorted together
RANKS_AT_ONCE = 1 << 14  # sketches whose candidates are listed together

_u = np.uint64
Array = np.ndarray[Any, Any]


def same_text(sketches: Iterable[bytes], new_from: int = 0) -> Iterator[tuple[int, int]]:
    """Pairs of positions (smaller first) that carry the same text: enough of them to join all
    that belong together, not every pair of a group.

    Two do when they share CONTAINED of the shorter text's 3-grams and NOT_A_COPY of the longer
    one's, counted in the part of both samples that is taken at the thinner level (Broder, 1997;
    Manber, 1994). A sketch without 3-grams is in no pair.

    Only pairs with a position at `new_from` or after are told; give the sketches known before
    first, and no more than the window that matters, to bound the time. The sketches are read
    once and not held. Memory: about 1 KB a sketch. Raises ValueError for what is no sketch of this
    version, and for more than 16 777 216.
    """
    shelf = _Shelf.of(sketches)
    order, repeats, repeated = shelf.in_order()
    yield from _told(repeats, repeated, new_from)
    joined = Groups(len(order))
    for left, right in _candidates(shelf, order):
        fresh = np.maximum(order[left], order[right]) >= new_from
        wanted = np.flatnonzero(fresh & joined.apart(left, right))
        for start in range(0, len(wanted), PAIRS_AT_ONCE):
            at = wanted[start : start + PAIRS_AT_ONCE]
            at = at[joined.apart(left[at], right[at])]
            at = at[shelf.compared(order[left[at]], order[right[at]])]
            joined.join(left[at], right[at])
            yield from _told(order[left[at]], order[right[at]], new_from)


def _told(left: Array, right: Array, new_from: int) -> Iterator[tuple[int, int]]:
    left, right = np.minimum(left, right), np.maximum(left, right)
    new = right >= new_from
    yield from zip(left[new].tolist(), right[new].tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Many sketches as columns: the hashes of story n lie from starts[n] to starts[n + 1]."""

    hashes: Array
    starts: Array
    levels: Array
    indexed: Array  # how many hashes of each story stand in the index: the first ones
    digests: Array  # the same for two stories with the same hashes

    @classmethod
    def of(cls, sketches: Iterable[bytes]) -> _Shelf:
        buffer = bytearray()  # grows in place, where a concatenation would hold all twice
        columns: list[tuple[Array, Array, Array, Array]] = []
        told = iter(sketches)
        while block := list(islice(told, SKETCHES_AT_ONCE)):
            levels = heads(block)["level"]
            hashes = unpacked(b"".join([each[HEAD:] for each in block]))
            buffer += hashes.tobytes()
            counts = (np.fromiter(map(len, block), np.int64) - HEAD) // BYTES
            columns.append((counts, levels, *_indexed_and_digests(hashes, counts, levels)))
        if sum(len(column[0]) for column in columns) > MOST:
            raise ValueError(f"more than {MOST} sketches at once: give a window of them")
        empty = [(np.zeros(0, np.int64),) * 4]
        counts, levels, indexed, digests = map(np.concatenate, zip(*columns or empty, strict=True))
        starts = np.concatenate(([0], np.cumsum(counts)))
        return cls(np.frombuffer(buffer, np.uint64), starts, levels, indexed, digests)

    @property
    def sizes(self) -> Array:
        """About how many different 3-grams each text has."""
        return np.diff(self.starts) << self.levels.astype(np.int64)

    def in_order(self) -> tuple[Array, Array, Array]:
        """Positions of all different sketches that can be compared, by their smallest hashes;
        and pairs of the first of those with equal hashes and another one.

        This order is the texts' own, so it does not matter how they came in. Copies are likely
        to have the same smallest hash (MinHash: Broder, 1997), so they are neighbours in it.
        """
        sizes = self.sizes
        some = np.flatnonzero(sizes)
        smallest = self.hashes[self.starts[some]]
        keys = (self.digests[some], sizes[some], smallest)
        order = some[np.lexsort(keys)]  # stable: the first of equals comes first
        again = np.zeros(len(order), np.bool_)
        again[1:] = (np.diff(sizes[order]) == 0) & (np.diff(self.digests[order]) == 0)
        first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
        return order[~again], order[first[again]], order[again]

    def gather(self, stories: Array, counts: Array) -> tuple[Array, Array]:
        """The first `counts` hashes of each story, and the number of the story in `stories`."""
        number = np.repeat(np.arange(len(stories), dtype=np.uint64), counts)
        shift = self.starts[stories] - (np.cumsum(counts) - counts)
        return number, self.hashes[np.arange(len(number)) + np.repeat(shift, counts)]

    def compared(self, left: Array, right: Array) -> Array:
        """Which pairs of positions carry the same text."""
        levels = np.maximum(self.levels[left], self.levels[right])
        of_left, of_right = self._sample(left, levels), self._sample(right, levels)
        keys = np.concatenate((of_left, of_right))
        keys.sort()
        both = keys[1:][keys[1:] == keys[:-1]]
        shared, lefts, rights = (
            np.bincount((each >> _u(BITS)).astype(np.int64), minlength=len(left))
            for each in (both, of_left, of_right)
        )
        enough = np.maximum(
            CONTAINED * np.minimum(lefts, rights), NOT_A_COPY * np.maximum(lefts, rights)
        )
        return (shared > 0) & (shared >= enough)

    def _sample(self, stories: Array, levels: Array) -> Array:
        """Keys of the form (number, hash) for the sample of each story at a level."""
        number, hashes = self.gather(stories, self.starts[stories + 1] - self.starts[stories])
        limits = _u(1) << (BITS - levels.astype(np.int64)).astype(np.uint64)
        kept = hashes < limits[number.astype(np.int64)]
        return (number[kept] << _u(BITS)) | hashes[kept]


def _indexed_and_digests(hashes: Array, counts: Array, levels: Array) -> tuple[Array, Array]:
    ends = np.cumsum(counts)
    limits = _u(1) << (BITS - THINNER - levels.astype(np.int64)).astype(np.uint64)
    indexed = np.zeros(len(hashes) + 1, np.int64)
    np.cumsum(hashes < np.repeat(limits, counts), out=indexed[1:])
    digests = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes * hashes, out=digests[1:])
    return indexed[ends] - indexed[ends - counts], digests[ends] - digests[ends - counts]


def _candidates(shelf: _Shelf, order: Array) -> Iterator[tuple[Array, Array]]:
    """Pairs of ranks in `order` (smaller first) that share some of the index, in blocks."""
    keys = _shared_keys(shelf, order)
    ranks = (keys & _u(MOST - 1)).astype(np.uint32)
    sizes = shelf.sizes[order]
    for start in range(0, len(order), RANKS_AT_ONCE):
        mine = np.flatnonzero((ranks - np.uint32(start)) < RANKS_AT_ONCE)  # below start wraps round
        pairs, times = np.unique(_neighbours(keys, mine), return_counts=True)
        left = (pairs >> _u(64 - BITS)).astype(np.int64)
        right = (pairs & _u(MOST - 1)).astype(np.int64)
        shorter, longer = np.sort((sizes[left], sizes[right]), axis=0)
        # Half of the share, as sizes are estimates.
        wanted = (times >= MIN_SHARED) & (shorter >= NOT_A_COPY / 2 * longer)
        yield left[wanted], right[wanted]


def _shared_keys(shelf: _Shelf, order: Array) -> Array:
    """Keys of the form (hash, rank) of all that stands in the index more than once, those of
    one hash together, ranks ascending. It is made a part of the hashes at a time."""
    ranks = np.zeros(len(shelf.starts) - 1, np.uint64)
    ranks[order] = np.arange(len(order), dtype=np.uint64)
    indexed = np.zeros_like(shelf.indexed)
    indexed[order] = shelf.indexed[order]
    parts = 1 << (int(indexed.sum()) // INDEX_AT_ONCE).bit_length()
    found = [np.zeros(0, np.uint64)]
    for part in range(parts):
        blocks = _index_keys(shelf, indexed, ranks, part, parts)
        keys = np.concatenate([found[0], *blocks])
        keys.sort()
        twice = np.zeros(len(keys) + 1, np.bool_)
        np.equal(keys[1:] >> _u(64 - BITS), keys[:-1] >> _u(64 - BITS), out=twice[1:-1])
        found.append(keys[twice[1:] | twice[:-1]])
    return np.concatenate(found)


def _index_keys(
    shelf: _Shelf, indexed: Array, ranks: Array, part: int, parts: int
) -> Iterator[Array]:
    for start in range(0, len(indexed), SKETCHES_AT_ONCE):
        block = np.arange(start, min(start + SKETCHES_AT_ONCE, len(indexed)))
        number, hashes = shelf.gather(block, indexed[block])
        here = (hashes & _u(parts - 1)) == part
        yield (hashes[here] << _u(64 - BITS)) | ranks[block][number[here].astype(np.int64)]


def _neighbours(keys: Array, mine: Array) -> Array:
    """Pairs (rank, rank) under each hash, as often as it happens, whose smaller is in `mine`.

    Of the many stories under one hash only near neighbours in the order are paired: a chain is
    enough for copies, and nothing comes of the others.
    """
    found = []
    for apart in range(1, NEIGHBOURS + 1):
        mine = mine[: np.searchsorted(mine, len(keys) - apart)]
        lefts, rights = keys[mine], keys[mine + apart]
        alike = ((lefts ^ rights) >> _u(64 - BITS)) == 0
        mine = mine[alike]
        ours = (lefts[alike] & _u(MOST - 1)) << _u(64 - BITS)
        found.append(ours | (rights[alike] & _u(MOST - 1)))
    return np.concatenate(found)
