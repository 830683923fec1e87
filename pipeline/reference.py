"""What newsfold is measured against: the plain way to put stories together.

Comes in: stories. Goes out: groups. TF-IDF over headline and opening, average linkage over all
pairs at one threshold, nothing else: no time, no clashes, no candidates, no copies. The settings
are those that did best over many sets when each was tried (docs/quality.md). It takes memory for
all pairs, so it is for measuring a few thousand stories, never for a pass.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage

from pipeline.background import FIRST_CHARACTERS, rarity
from pipeline.reading import TITLE_COUNTS
from pipeline.text import stems
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.models import Story

    Array = np.ndarray[Any, Any]

THRESHOLD = 0.26  # the mean cosine across two groups that are joined
OWN = 0.5  # share of the collection's own IDF beside that of the background
MOST_STORIES = 10_000  # all pairs of so many take a gigabyte or two


def reference(stories: Sequence[Story]) -> list[list[int]]:
    """The groups, each as the ids of its stories. Raises NewsfoldError for too many stories."""
    if len(stories) > MOST_STORIES:
        raise NewsfoldError(
            f"the reference compares all pairs, {MOST_STORIES:,} stories at most; give a smaller"
            " file, or leave --reference out"
        )
    if len(stories) < 2:
        return [[story.stored_id] for story in stories]
    distances = 1.0 - _cosines(_vectors(stories))
    upper = distances[np.triu_indices(len(stories), 1)]
    tree = linkage(np.clip(upper, 0.0, 1.0), "average")
    number_of = fcluster(tree, 1.0 - THRESHOLD, "distance").tolist()
    found: dict[int, list[int]] = {}
    for number, story in zip(number_of, stories, strict=True):
        found.setdefault(number, []).append(story.stored_id)
    return list(found.values())


def _vectors(stories: Sequence[Story]) -> sparse.csr_matrix:
    """Sublinear TF-IDF, each row of length 1."""
    counts = [_count(story) for story in stories]
    within = Counter(stem for count in counts for stem in count)
    column = {stem: place for place, stem in enumerate(within)}
    weight = [
        _idf(language, stem, occurrences, len(stories))
        for (language, stem), occurrences in within.items()
    ]
    rows = [row for row, count in enumerate(counts) for _ in count]
    columns = [column[stem] for count in counts for stem in count]
    heard = [(1 + math.log(n)) * weight[column[s]] for count in counts for s, n in count.items()]
    matrix = sparse.csr_matrix((heard, (rows, columns)), shape=(len(stories), len(column)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1.0
    return sparse.diags(1.0 / lengths) @ matrix


def _count(story: Story) -> Counter[tuple[str, str]]:
    language = story.language[:2].lower()
    counts = Counter((language, stem) for stem in stems(story.text[:FIRST_CHARACTERS], language))
    for stem in stems(story.title, language):
        counts[language, stem] += TITLE_COUNTS
    return counts


def _idf(language: str, stem: str, occurrences: int, stories: int) -> float:
    own = math.log((stories + 1) / (occurrences + 1))
    return OWN * own + (1 - OWN) * rarity(stem, language)


def _cosines(vectors: sparse.csr_matrix) -> Array:
    found: Array = np.asarray((vectors @ vectors.T).todense(), dtype=np.float32)
    return found
