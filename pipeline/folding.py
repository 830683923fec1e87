"""Stories into events: the heart of newsfold.

Comes in: readings of stories, and the events that some of them are in already. Goes out: groups
of those that are touched by what is new, each story with its reason. What happens on the way:

    readings -> copies set aside -> candidates -> scores -> the events that are touched
                     |                                               |
                     |                          their members, compared among each other, too
                     |                                               v
                     |                                    average linkage -> groups
                     +--------- each copy goes where its original is ---+

Nothing known: all is new, and the groups are a function of the stories alone. Events are touched
when a new story is alike to one of their members; these are folded anew with all their members, so
that a new report can join two events (a merge) or take one apart (a split). What is not touched
stays as it is, so that the work follows what is new. Which id an event has is decided in
lineage.py; nothing is stored here.

What analysts have corrected (constraints.py) holds throughout: a copy that must not be with its
original is set aside no more, what must be by itself is compared with nothing, and linkage keeps
together and apart what must be.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.candidates import candidates
from pipeline.constraints import CORRECTED, NONE
from pipeline.copies import originals
from pipeline.linkage import groups
from pipeline.reading import Reading, read_all
from pipeline.reasons import matches
from pipeline.signals import score, values
from pipeline.weights import same_event, shipped_weights
from pipeline.window import window
from storage.models import Match, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipeline.constraints import Constraints
    from pipeline.embeddings import Meaning
    from storage.models import Story

    Array = np.ndarray[Any, Any]

WINDOW = timedelta(days=4)  # further apart, two stories are never one event by themselves
TOO_WEAK = 0.14  # a lower score counts as 0: it would be most pairs, and helps no event
SAME_TEXT = Signal("same_text", 1.0, "carries the same text")


@dataclass(frozen=True, slots=True)
class Belonging:
    """Why a story is in its group: the match with the member through which it came in.

    `match` is None for the first report, which came in through none.
    """

    story_id: int
    match: Match | None

    @property
    def through(self) -> int | None:
        if self.match is None:
            return None
        return self.match.left if self.match.right == self.story_id else self.match.right


@dataclass(frozen=True, slots=True)
class Group:
    """Stories about one happening, the first report first."""

    belongings: tuple[Belonging, ...]

    @property
    def story_ids(self) -> frozenset[int]:
        return frozenset(belonging.story_id for belonging in self.belongings)


@dataclass(frozen=True, slots=True)
class Folded:
    """The groups, in the order of their first reports, whose text each copy carries, and the scores
    that a next fold need not work out again."""

    groups: tuple[Group, ...]
    copy_of: dict[int, int]
    scored: Scored = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Scored:
    """Stories of which all pairs were compared, and the scores of those that are alike: scores[i]
    is that of ids[left[i]] and ids[right[i]]."""

    ids: Array
    left: Array
    right: Array
    scores: Array


def fold(stories: Iterable[Story], meaning: Meaning | None = None) -> Folded:
    """Put stories that report the same happening together. Every story is in one group."""
    return fold_readings(list(read_all(stories)), meaning=meaning)


def fold_readings(
    readings: Sequence[Reading],
    new: AbstractSet[int] | None = None,
    known: Mapping[int, AbstractSet[int]] | None = None,
    meaning: Meaning | None = None,
    scored: Scored | None = None,
    constraints: Constraints = NONE,
    threshold: float | None = None,
    copy_of: Mapping[int, int] | None = None,
) -> Folded:
    """Fold the new ones of the readings (by id; None: all of them) with the events they touch.

    `known` maps an event to the ids of its stories; all of these are among the readings. Every
    new story is in one group, and so is every story of an event that is touched. `scored` is what
    an earlier fold gave, since when no reading changed but those of new stories; it saves work and
    changes nothing. `constraints` are met by all that is not new. `threshold` is another one than
    the model's. `copy_of` tells whose text each copy carries, where that is known; else it is
    looked for.
    """
    in_order = sorted(readings, key=lambda reading: reading.url)
    if copy_of is None:
        copy_of = originals(in_order)
    copy_of = dict(copy_of)
    _free_copies(copy_of, constraints)
    stories = _Stories(in_order, copy_of, known or {}, meaning, constraints)
    chosen = stories.rows_of({r.id for r in in_order} if new is None else new)
    scores = _Scores(stories, chosen, scored)
    if threshold is None:
        threshold = same_event(stories.window.embedded)
    found = _groups(stories, list(_regrouped(stories, chosen, scores, threshold)))
    found.sort(key=lambda group: stories.by_id[group.belongings[0].story_id].appeared)
    return Folded(tuple(found), copy_of, scores.scored())


def scores_between(
    readings: Sequence[Reading], own: AbstractSet[int], others: AbstractSet[int]
) -> tuple[Array, Array, Array]:
    """The ids and scores of the alike pairs of `own` readings and of these with `others`, the
    smaller URL to the left: what a fold of all of them would find, whatever else it held. Copies
    are to be left out."""
    stories = _Stories(sorted(readings, key=lambda reading: reading.url), {}, {}, None, NONE)
    found = _compare(stories, stories.rows_of(own), stories.rows_of(others))
    ids = stories.ids
    return ids[found.left], ids[found.right], found.scores


def _free_copies(copy_of: dict[int, int], constraints: Constraints) -> None:
    """A copy goes where its original goes, unless an analyst wants the two apart."""
    for side, far in constraints.apart:
        texts = {copy_of.get(id_, id_) for id_ in side} & {copy_of.get(id_, id_) for id_ in far}
        for text in sorted(texts):
            leaving = far if text in side else side  # the original cannot leave its copies
            for id_ in leaving:
                if copy_of.get(id_) == text:
                    del copy_of[id_]


class _Stories:
    """The originals side by side, with the copies that each carries and the events they are in."""

    def __init__(
        self,
        in_order: Sequence[Reading],
        copy_of: Mapping[int, int],
        known: Mapping[int, AbstractSet[int]],
        meaning: Meaning | None,
        constraints: Constraints,
    ) -> None:
        self.constraints = constraints
        self.by_id = {reading.id: reading for reading in in_order}
        self.copy_of = copy_of
        self.window = window([r for r in in_order if r.id not in copy_of], meaning)
        self._row = {reading.id: row for row, reading in enumerate(self.window.readings)}
        self.carried: dict[int, list[int]] = {}
        for copy, original in copy_of.items():
            self.carried.setdefault(original, []).append(copy)
        self._known = known
        self._event_of = {story: event for event, ids in known.items() for story in ids}
        # A roundup tells of many happenings: left alone it cannot glue their events together.
        self.alone = self.window.roundups.copy()
        self.alone[self.rows_of(constraints.alone & self.by_id.keys())] = True

    def tied(self, rows: Array) -> Array:
        """The rows of all that must be together with a story of these rows."""
        ids = {self.window.readings[row].id for row in rows.tolist()}
        ids |= {copy for id_ in ids for copy in self.carried.get(id_, ())}
        return self.rows_of(self.constraints.partners(ids) & self.by_id.keys())

    def together(self) -> list[Array]:
        """The rows of stories that must be together."""
        held = (group & self.by_id.keys() for group in self.constraints.together)
        return [self.rows_of(group) for group in held if len(group) > 1]

    def apart(self) -> list[tuple[Array, Array]]:
        """Rows of which those of the one side must not be with those of the other."""
        held = (
            (self.rows_of(side & self.by_id.keys()), self.rows_of(far & self.by_id.keys()))
            for side, far in self.constraints.apart
        )
        return [(side, far) for side, far in held if len(side) and len(far)]

    def rows_of(self, ids: Iterable[int]) -> Array:
        """The rows of stories; a copy stands where its original is."""
        rows = {self._row[self.copy_of.get(id_, id_)] for id_ in ids}
        return np.array(sorted(rows), dtype=np.int64)

    def rows_by_id(self, ids: Array) -> Array:
        """The row of each story; -1 for copies and for what is not here."""
        return np.array([self._row.get(id_, -1) for id_ in ids.tolist()], dtype=np.int64)

    @property
    def ids(self) -> Array:
        """The story of each row."""
        return np.array([reading.id for reading in self.window.readings], dtype=np.int64)

    def touched(self, rows: Iterable[int]) -> Array:
        """The rows of all members of the known events that stories of these rows are in."""
        events: set[int] = set()
        for row in rows:
            reading = self.window.readings[row]
            for id_ in (reading.id, *self.carried.get(reading.id, ())):
                if id_ in self._event_of:
                    events.add(self._event_of[id_])
        return self.rows_of(id_ for event in events for id_ in self._known[event])


@dataclass(frozen=True, slots=True)
class _Compared:
    """Pairs of rows and their scores."""

    left: Array
    right: Array
    scores: Array

    @classmethod
    def joined(cls, parts: Sequence[_Compared]) -> _Compared:
        left, right, scores = (
            np.concatenate([getattr(part, name) for part in parts]) if parts else np.array([])
            for name in ("left", "right", "scores")
        )
        return cls(left.astype(np.int64), right.astype(np.int64), scores)

    def within(self, rows: Array, count: int) -> _Compared:
        """The pairs of which both are among these rows (of `count`)."""
        is_chosen = np.zeros(count, dtype=bool)
        is_chosen[rows] = True
        kept = is_chosen[self.left] & is_chosen[self.right]
        return _Compared(self.left[kept], self.right[kept], self.scores[kept])


class _Scores:
    """The scores between stories: of the new ones with all, of others as they are asked for, and
    none that an earlier fold worked out."""

    def __init__(self, stories: _Stories, new: Array, before: Scored | None) -> None:
        self._stories, self._new = stories, new
        self._side_by_side = stories.window
        self._settled, self._before = _taken_over(stories, new, before)
        everything = np.arange(len(stories.window))
        self.of_new = _compare(stories, new, np.setdiff1d(everything, new))

    def among(self, rows: Array) -> _Compared:
        """The scores of all pairs among these rows, which hold all new ones."""
        known = np.setdiff1d(rows, self._new)
        settled = np.intersect1d(known, self._settled)
        others = _compare(self._stories, np.setdiff1d(known, settled), settled)
        parts = [part.within(rows, len(self._side_by_side)) for part in (self.of_new, self._before)]
        return _Compared.joined([*parts, others])

    def scored(self) -> Scored:
        """What a next fold can take over."""
        ids, rows = self._stories.ids, np.union1d(self._settled, self._new)
        found = _Compared.joined([self.of_new, self._before]).within(rows, len(ids))
        place = np.zeros(len(ids), dtype=np.int64)
        place[rows] = np.arange(len(rows))
        return Scored(ids[rows], place[found.left], place[found.right], found.scores)


def _taken_over(stories: _Stories, new: Array, before: Scored | None) -> tuple[Array, _Compared]:
    """The rows that an earlier fold compared with each other, but for new ones, and the scores."""
    if before is None:
        return np.array([], dtype=np.int64), _Compared.joined([])
    rows = stories.rows_by_id(before.ids)
    settled = np.setdiff1d(rows, [-1, *new])
    kept = np.isin(rows, settled)
    here = kept[before.left] & kept[before.right]
    left, right = rows[before.left[here]], rows[before.right[here]]
    return settled, _Compared(np.minimum(left, right), np.maximum(left, right), before.scores[here])


def _regrouped(
    stories: _Stories, new: Array, scores: _Scores, threshold: float
) -> Iterator[tuple[list[int], _Compared]]:
    """Groups of rows, with the scores of the pairs in each."""
    alike = scores.of_new.scores >= threshold
    near = np.union1d(scores.of_new.left[alike], scores.of_new.right[alike])
    chosen = np.union1d(new, near)
    chosen = np.union1d(chosen, stories.tied(chosen))
    region = np.union1d(np.union1d(new, stories.tied(new)), stories.touched(chosen.tolist()))
    compared = scores.among(region)
    place = np.full(len(stories.window), -1)
    place[region] = np.arange(len(region))
    left, right = place[compared.left], place[compared.right]
    group_of = np.empty(len(stories.window), dtype=np.int64)
    here = (place[rows] for rows in stories.together())
    found = groups(
        len(region),
        left,
        right,
        compared.scores,
        threshold,
        together=[rows[rows >= 0].tolist() for rows in here if (rows >= 0).any()],
        apart=[
            (place[side][place[side] >= 0].tolist(), place[far][place[far] >= 0].tolist())
            for side, far in stories.apart()
        ],
    )
    for number, members in enumerate(found):
        group_of[region[members]] = number
    inside = np.flatnonzero(group_of[compared.left] == group_of[compared.right])
    inside = inside[np.argsort(group_of[compared.left[inside]], kind="stable")]
    bounds = np.searchsorted(group_of[compared.left[inside]], np.arange(len(found) + 1))
    for members, start, end in zip(found, bounds[:-1], bounds[1:], strict=True):
        chosen = inside[start:end]
        pairs = _Compared(
            *(part[chosen] for part in (compared.left, compared.right, compared.scores))
        )
        yield region[members].tolist(), pairs


def _compare(stories: _Stories, rows: Array, others: Array) -> _Compared:
    """Scores of the pairs worth comparing."""
    side_by_side, alone = stories.window, stories.alone
    parts = []
    found = candidates(
        side_by_side, rows[~alone[rows]], others[~alone[others]], WINDOW.total_seconds()
    )
    weights = shipped_weights(side_by_side.embedded)
    for left, right, cosine in found:
        scores = score(values(side_by_side, left, right, weights, cosine))
        kept = scores >= TOO_WEAK
        parts.append(_Compared(left[kept], right[kept], scores[kept]))
    return _Compared.joined(parts)


def _groups(stories: _Stories, found: Sequence[tuple[list[int], _Compared]]) -> list[Group]:
    """Each member with its reason: the strongest match with a member before it."""
    readings = stories.window.readings
    in_time = [sorted(rows, key=lambda row: readings[row].appeared) for rows, _ in found]
    through = {
        row: earlier
        for rows, (_, pairs) in zip(in_time, found, strict=True)
        for row, earlier in _strongest(readings, rows, pairs).items()
    }
    pairs = np.array([sorted(pair) for pair in through.items()], dtype=np.int64).reshape(-1, 2)
    reasons = dict(zip(through, matches(stories.window, pairs[:, 0], pairs[:, 1]), strict=True))
    return [
        Group(
            tuple(_belonging(stories, readings[row].id, reasons.get(row), rows) for row in rows)
            + tuple(_carrying(stories, [readings[row] for row in rows]))
        )
        for rows in in_time
    ]


def _belonging(
    stories: _Stories, story_id: int, match: Match | None, rows: Sequence[int]
) -> Belonging:
    """A member with its reason; a correction that put it there is one, too."""
    said = stories.constraints.said.get(story_id)
    if said is not None and match is not None:
        others = {stories.window.readings[row].id for row in rows} - {story_id}
        if not others.isdisjoint(stories.constraints.partners({story_id})):
            match = replace(match, signals=(*match.signals, Signal(CORRECTED, 0.0, said)))
    return Belonging(story_id, match)


def _carrying(stories: _Stories, members: Sequence[Reading]) -> Iterator[Belonging]:
    """The copies of the members."""
    copies = [stories.by_id[id_] for m in members for id_ in stories.carried.get(m.id, ())]
    for copy in sorted(copies, key=lambda reading: reading.appeared):
        left, right = sorted((copy.id, stories.copy_of[copy.id]))
        yield Belonging(copy.id, Match(left, right, 1.0, (SAME_TEXT,)))


def _strongest(
    readings: Sequence[Reading], in_time: Sequence[int], pairs: _Compared
) -> dict[int, int]:
    """For each row but the first, the one before it with which it scores best. One that is like
    none before it (later ones drew it in) came in through the first report."""
    place = {row: position for position, row in enumerate(in_time)}
    best: dict[int, tuple[float, int]] = {}
    for left, right, scored in zip(
        pairs.left.tolist(), pairs.right.tolist(), pairs.scores.tolist(), strict=True
    ):
        earlier, later = sorted((left, right), key=place.__getitem__)
        # Rows are in the order of URLs: among equals the smaller URL wins.
        best[later] = min(best.get(later, (0.0, 0)), (-scored, earlier))
    return {row: best[row][1] if row in best else in_time[0] for row in in_time[1:]}
