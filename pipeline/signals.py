"""What two stories share and where they clash, and the score that follows.

Comes in: a window and pairs of its rows. Goes out: for each pair the value of every signal, and
their weighted sum as a score from 0 to 1. It depends on the two stories alone, so that a stored
reason can be computed again. It never decides what becomes an event, and says nothing in words
(reasons.py does). The weights are a file that training.py makes.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidfuzz import fuzz, process

from pipeline.embeddings import likeness
from pipeline.reading import SHORT
from pipeline.weights import shipped_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scipy import sparse

    from pipeline.window import Window

SAME_HEADLINE = 95  # of 100, RapidFuzz's ratio of the words in any order
HEADLINE_WORDS = 5  # a shorter headline can be the same by chance
MOST_NUMBERS = 2  # more shared numbers add nothing: a table of results shares dozens
MOST_NAMES = 3  # the same for rare names
UNLIKE = 0.5  # cosine of vectors; of 1000 pairs about two happenings 1 to 16 lie above
ABSENT = 0.34  # a party's share of rarity in the other text; below it, it is not spoken of there
PAIRS_AT_ONCE = 50_000  # bounds the memory
LOOKED_UP_AT_ONCE = 4_096  # pairs; with many more their words leave the cache
DAY = 86_400.0  # seconds

Array = np.ndarray[Any, Any]


class Pairs:
    """Pairs of stories of one window: what several signals need of them, worked out once."""

    def __init__(
        self, window: Window, left: Array, right: Array, cosine: Array | None = None
    ) -> None:
        self.window, self.left, self.right = window, left, right
        if cosine is not None:  # known already
            self.cosine = cosine

    def shared(self, facet: str) -> Array:
        """How much the two have in common in a facet: the sum of products of weights."""
        return _row_products(self.window.facets[facet], self.left, self.right)

    def crossed(self, facet: str, other: str) -> tuple[Array, Array]:
        """What the left one has in a facet and the right one in another; the other way round."""
        rows, others = self.window.facets[facet], self.window.facets[other]
        return (
            _row_products(rows, self.left, self.right, others),
            _row_products(rows, self.right, self.left, others),
        )

    def both_have(self, facet: str) -> Array:
        lengths: Array = np.diff(self.window.facets[facet].indptr)
        both: Array = np.minimum(lengths[self.left], lengths[self.right]) > 0
        return both

    @cached_property
    def cosine(self) -> Array:
        return self.shared("words")

    @cached_property
    def one_language(self) -> Array:
        languages = self.window.languages
        return np.equal(languages[self.left], languages[self.right])

    @cached_property
    def alike(self) -> Array:
        """How alike the two are in meaning; 0 where a vector is missing."""
        if self.window.vectors is None:
            return np.zeros(len(self.left))
        return likeness(self.window.vectors, self.left, self.right)

    @cached_property
    def days(self) -> Array:
        """Days between the two; NaN where one is undated."""
        apart: Array = np.abs(self.window.times[self.left] - self.window.times[self.right])
        return apart / DAY

    def spoken_of(self, facet: str) -> tuple[Array, Array]:
        """Which share of the left one's facet (by rarity) stands in the right one's words, and
        the other way round; NaN where there is nothing to be found."""
        rows, totals = self.window.facets[facet], self.window.totals[facet]
        words = self.window.spoken
        found = _row_products(rows, self.left, self.right, words)
        back = _row_products(rows, self.right, self.left, words)
        return found / totals[self.left], back / totals[self.right]


def words(pairs: Pairs) -> Array:
    """Cosine of the TF-IDF vectors over headline and opening."""
    return pairs.cosine


def headlines(pairs: Pairs) -> Array:
    """Which share of the one headline the other story speaks of, at least."""
    return np.nan_to_num(np.fmin(*pairs.spoken_of("headline")))


def short(pairs: Pairs) -> Array:
    """Two mere headlines share fewer words than two texts about the same happening."""
    stems = pairs.window.stems
    return np.maximum(stems[pairs.left], stems[pairs.right]) < SHORT


def same_headline(pairs: Pairs) -> Array:
    lengths = np.diff(pairs.window.facets["headline_words"].indptr)
    long_enough = np.minimum(lengths[pairs.left], lengths[pairs.right]) >= HEADLINE_WORDS
    alike = np.zeros(len(pairs.left), dtype=bool)
    # Only those that share nearly all words can be the same: few are worth a closer look.
    shared = pairs.shared("headline_words")
    near = long_enough & (shared >= 0.8 * np.maximum(lengths[pairs.left], lengths[pairs.right]))
    where = np.flatnonzero(near)
    if len(where):
        left = [_headline(pairs, pairs.left[place]) for place in where]
        right = [_headline(pairs, pairs.right[place]) for place in where]
        alike[where] = process.cpdist(left, right, scorer=fuzz.token_sort_ratio) >= SAME_HEADLINE
    return alike


def _headline(pairs: Pairs, row: int) -> str:
    headline: str = pairs.window.readings[row].told["headline"]
    return headline.lower()


def rare_names(pairs: Pairs) -> Array:
    """Names that hardly any other story tells of."""
    return np.minimum(MOST_NAMES, pairs.shared("rare_names"))


def numbers(pairs: Pairs) -> Array:
    return np.minimum(MOST_NUMBERS, pairs.shared("numbers"))


def amounts(pairs: Pairs) -> Array:
    """The same amount, be it rounded."""
    return pairs.shared("amounts_anywhere") > 0


def other_amounts(pairs: Pairs) -> Array:
    """Both begin with amounts of one kind, and neither speaks of the other's."""
    crossed = pairs.crossed("amounts", "amounts_anywhere")
    return np.asarray((pairs.shared("amount_kinds") > 0) & (crossed[0] == 0) & (crossed[1] == 0))


def same_day(pairs: Pairs) -> Array:
    """Both say that it happened on the same day."""
    return pairs.shared("days") > 0


def other_day(pairs: Pairs) -> Array:
    """Both say when it happened, and neither speaks of the other's day."""
    crossed = pairs.crossed("days", "days_anywhere")
    return np.asarray(pairs.both_have("days") & (crossed[0] == 0) & (crossed[1] == 0))


def remembered_day(pairs: Pairs) -> Array:
    """The day on which one of them happened is a memory in the other."""
    crossed = pairs.crossed("days", "days_anywhere")
    is_known = (crossed[0] > 0) | (crossed[1] > 0)
    return np.asarray(pairs.both_have("days") & (pairs.shared("days") == 0) & is_known)


def same_version(pairs: Pairs) -> Array:
    return pairs.shared("versions") > 0


def other_version(pairs: Pairs) -> Array:
    """The same product, but another version of it."""
    return np.asarray((pairs.shared("products") > 0) & (pairs.shared("versions") == 0))


def sibling(pairs: Pairs) -> Array:
    """Both headlines name a sibling of a product (mini, pro), but not the same one."""
    return np.asarray(pairs.both_have("siblings") & (pairs.shared("siblings") == 0))


def same_step(pairs: Pairs) -> Array:
    return pairs.shared("steps") > 0


def other_step(pairs: Pairs) -> Array:
    """Another step of the same kind of affair: filed and decided, talks and closed."""
    return np.asarray((pairs.shared("affairs") > 0) & (pairs.shared("steps") == 0))


def other_parties(pairs: Pairs) -> Array:
    """Neither story speaks of those whom the other one's headline names."""
    left, right = pairs.spoken_of("parties")
    # NaN, nobody named, is never below; two languages spell names in two ways.
    return (left < ABSENT) & (right < ABSENT) & pairs.one_language


def same_source(pairs: Pairs) -> Array:
    """A source seldom reports one happening twice; it follows up."""
    sources = pairs.window.sources
    return np.equal(sources[pairs.left], sources[pairs.right])


def days_apart(pairs: Pairs) -> Array:
    """Time heals likeness: the same words a week later are mostly the next happening."""
    return np.asarray(np.log1p(np.nan_to_num(pairs.days)))


def undated(pairs: Pairs) -> Array:
    return np.isnan(pairs.days)


def meaning(pairs: Pairs) -> Array:
    """How far the likeness of the two vectors lies above that of any two stories."""
    return np.maximum(0.0, pairs.alike - UNLIKE) / (1 - UNLIKE)


def other_language(pairs: Pairs) -> Array:
    """Two languages share no words: the meaning stands in for them."""
    stands_in = ~pairs.one_language & pairs.window.multilingual
    return np.where(stands_in, meaning(pairs), 0.0)


SIGNALS: tuple[Callable[[Pairs], Array], ...] = (
    words,
    headlines,
    short,
    same_headline,
    rare_names,
    numbers,
    amounts,
    other_amounts,
    same_day,
    other_day,
    remembered_day,
    same_version,
    other_version,
    sibling,
    same_step,
    other_step,
    other_parties,
    same_source,
    days_apart,
    undated,
)
NAMES = tuple(signal.__name__ for signal in SIGNALS)
OF_MEANING = (meaning, other_language)  # only where an embedding is used
ALL_NAMES = (*NAMES, *(signal.__name__ for signal in OF_MEANING))


def values(
    window: Window,
    left: Array,
    right: Array,
    weights: Mapping[str, float] | None = None,
    cosine: Array | None = None,
) -> Array:
    """The signals of pairs of rows, a column a signal; with vectors also those of meaning. With
    `weights`, signals that weigh nothing are left out: their columns are 0. `cosine` are the
    `cosines` of the pairs, where they are known."""
    signals = (*SIGNALS, *OF_MEANING) if window.embedded else SIGNALS
    wanted = [
        (number, signal)
        for number, signal in enumerate(signals)
        if weights is None or weights[signal.__name__]
    ]
    found = np.zeros((len(left), len(signals)))
    for start in range(0, len(left), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        pairs = Pairs(window, left[part], right[part], None if cosine is None else cosine[part])
        for number, signal in wanted:
            found[part, number] = signal(pairs)
    return found


def cosines(window: Window, left: Array, right: Array) -> Array:
    """The signal `words` alone, of pairs of rows. Quick where a row has many partners: its words
    are spread out once, and those of all its partners looked up there."""
    words = window.facets["words"]
    found = np.zeros(len(left))
    spread_out = np.zeros(words.shape[1], dtype=words.dtype)
    order = np.argsort(left, kind="stable")
    for start in range(0, len(order), LOOKED_UP_AT_ONCE):
        pairs = order[start : start + LOOKED_UP_AT_ONCE]
        rows, begins = np.unique(left[pairs], return_index=True)
        partners = words[right[pairs]]
        looked_up = np.empty_like(partners.data)
        bounds = pairwise(partners.indptr[[*begins, len(pairs)]].tolist())
        for row, (begin, end) in zip(rows.tolist(), bounds, strict=True):
            marks = slice(words.indptr[row], words.indptr[row + 1])
            spread_out[words.indices[marks]] = words.data[marks]
            spread_out.take(partners.indices[begin:end], out=looked_up[begin:end], mode="clip")
            spread_out[words.indices[marks]] = 0
        partners.data *= looked_up
        found[pairs] = partners.sum(axis=1).A1
    return found


def score(found: Array, weights: Mapping[str, float] | None = None) -> Array:
    """How alike the stories of each pair are, 0 to 1, from their `values`."""
    names = ALL_NAMES[: found.shape[1]]
    chosen = shipped_weights(len(names) > len(NAMES)) if weights is None else weights
    total = np.zeros(len(found))
    for number, name in enumerate(names):  # in order, so that sums are the same everywhere
        total += chosen[name] * found[:, number]
    return np.round(np.clip(total, 0.0, 1.0), 4)


def _row_products(
    matrix: sparse.csr_matrix, left: Array, right: Array, other: sparse.csr_matrix | None = None
) -> Array:
    """The dot product of row left[i] and row right[i], for each i."""
    others = matrix if other is None else other
    found = np.zeros(len(left))
    # Most stories tell no amount, no day, no version: their rows are empty.
    told = (np.diff(matrix.indptr)[left] > 0) & (np.diff(others.indptr)[right] > 0)
    where = np.flatnonzero(told)
    if len(where):
        products = matrix[left[where]].multiply(others[right[where]])
        found[where] = np.asarray(products.sum(axis=1), dtype=float).ravel()
    return found
