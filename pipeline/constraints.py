"""What corrections demand of a fold: which stories are together, apart, or by themselves.

Comes in: corrections, the oldest first. Goes out: Constraints that can all hold, and the Clashes
of those that cannot. Pure. (Instance-level constraints, must-link and cannot-link: Wagstaff and
Cardie, 2000; with agglomerative linkage: Davidson and Ravi, 2005.)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from storage.models import Correction

CORRECTED = "corrected"  # the signal that an analyst has put two stories together

Sides = tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class Constraints:
    """Demands on stories (by id) that can all hold at once.

    `together` are sets without a story in common; of a pair in `apart` no story of the one is in
    an event with a story of the other; those `alone` are in none with any other, but for copies of
    them. `said` tells of a story that is together with others by which corrections; `titles`, by
    story, is what its event is called, the later correction (its id) before the earlier; in
    `categories` what kind of happening it is, with the correction in words.
    """

    together: tuple[frozenset[int], ...] = ()
    apart: tuple[Sides, ...] = ()
    alone: frozenset[int] = frozenset()
    said: Mapping[int, str] = field(default_factory=dict)
    titles: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    categories: Mapping[int, tuple[int, str, str]] = field(default_factory=dict)

    def partners(self, ids: AbstractSet[int]) -> set[int]:
        """Every story that must be together with one of these."""
        found: set[int] = set()
        for group in self.together:
            if not group.isdisjoint(ids):
                found |= group
        return found

    def title_of(self, ids: Iterable[int]) -> str | None:
        """What an event of these stories is called, if anybody says so."""
        told = [self.titles[id_] for id_ in ids if id_ in self.titles]
        return max(told)[1] if told else None

    def category_of(self, ids: Iterable[int]) -> tuple[str, str] | None:
        """What kind of happening an event of these stories is, and who says so."""
        told = [self.categories[id_] for id_ in ids if id_ in self.categories]
        return max(told)[1:] if told else None


NONE = Constraints()


@dataclass(frozen=True, slots=True)
class Clash:
    """A correction that cannot hold beside earlier ones: `of`, and the chain of `others` between
    the two stories that one side wants together and the other apart."""

    of: Correction
    others: tuple[Correction, ...]

    @property
    def in_words(self) -> str:
        told = ", ".join(other.in_words for other in self.others)
        return f"{self.of.in_words} clashes with {told}"


def settle(corrections: Sequence[Correction]) -> tuple[Constraints, list[Clash]]:
    """Take corrections one by one, the oldest first: each holds unless those before it, which
    already hold, rule it out."""
    settled, clashes = _Settled(), []
    for correction in sorted(corrections, key=lambda each: each.id):
        clash = settled.clash(correction)
        if clash is None:
            settled.add(correction)
        else:
            clashes.append(clash)
    return settled.constraints(), clashes


def said_of(
    corrections: Sequence[Correction], left: int, right: int
) -> tuple[bool, tuple[Correction, ...]] | None:
    """Whether corrections hold two stories together (else apart), and which; None: they say
    nothing of the two."""
    settled = _Settled()
    for correction in sorted(corrections, key=lambda each: each.id):
        if settled.clash(correction) is None:
            settled.add(correction)
    return settled.said_of(left, right)


class _Settled:
    """The corrections that hold so far."""

    def __init__(self) -> None:
        self._held: list[Correction] = []
        self._groups: dict[int, set[int]] = {}  # of each story: all that are together with it
        self._alone: dict[int, Correction] = {}
        self._apart: dict[int, list[Correction]] = {}  # those that part a story from others

    def clash(self, new: Correction) -> Clash | None:
        """Why a correction cannot hold; None when it can."""
        joined = self._joined(new.part("together"))
        chain = self._torn(new, joined) or self._pulled_together(new, joined)
        chain = chain or self._no_more_alone(new, joined) or self._not_alone(new)
        return Clash(new, tuple(dict.fromkeys(chain))) if chain else None

    def _joined(self, together: AbstractSet[int]) -> set[int]:
        """All that would be together if these were."""
        return set().union(together, *(self._groups.get(id_, ()) for id_ in together))

    def _torn(self, new: Correction, joined: set[int]) -> list[Correction]:
        """The chain from what it joins to a correction that wants that apart."""
        for other in (each for one in sorted(joined) for each in self._apart.get(one, ())):
            near, far = joined & other.part("together"), joined & other.part("apart")
            if near and far:
                return [*self._between(min(near), new), other, *self._between(min(far), new)]
        return []

    def _pulled_together(self, new: Correction, joined: set[int]) -> list[Correction]:
        """The chain of those that join what it wants apart."""
        torn = joined & new.part("apart")
        if not torn:
            return []
        one = min(torn)
        return self._path(one, min(self._groups[one] & new.part("together")))

    def _no_more_alone(self, new: Correction, joined: set[int]) -> list[Correction]:
        alone = joined & self._alone.keys() if len(joined) > 1 else set()
        if not alone:
            return []
        return [*self._between(min(alone), new), self._alone[min(alone)]]

    def _not_alone(self, new: Correction) -> list[Correction]:
        for one in sorted(new.part("alone")):
            others = self._groups.get(one, {one}) - {one}
            if others:
                return self._path(one, min(others))
        return []

    def _between(self, story: int, correction: Correction) -> list[Correction]:
        """The chain of corrections from a story to one that a correction names; none where the
        correction names the story itself."""
        named = frozenset().union(*correction.stories.values())
        if story in named:
            return []
        return next(
            (self._path(story, end) for end in sorted(named & self._groups.get(story, set()))), []
        )

    def _path(self, start: int, end: int) -> list[Correction]:
        """The shortest chain of corrections that puts two stories together."""
        waiting: deque[tuple[int, tuple[Correction, ...]]] = deque([(start, ())])
        seen = {start}
        while waiting and start != end:
            story, came = waiting.popleft()
            for correction in self._held:
                together = correction.part("together")
                if story not in together:
                    continue
                if end in together:
                    return [*came, correction]
                waiting.extend((other, (*came, correction)) for other in sorted(together - seen))
                seen |= together
        return []

    def add(self, correction: Correction) -> None:
        """Let a correction hold."""
        self._held.append(correction)
        joined = self._joined(correction.part("together"))
        self._groups.update(dict.fromkeys(joined, joined))
        self._alone.update(dict.fromkeys(correction.part("alone"), correction))
        if correction.part("apart"):
            for id_ in correction.part("together") | correction.part("apart"):
                self._apart.setdefault(id_, []).append(correction)

    def said_of(self, left: int, right: int) -> tuple[bool, tuple[Correction, ...]] | None:
        if chain := self._path(left, right):
            return True, tuple(chain)
        near, far = (self._groups.get(id_, {id_}) for id_ in (left, right))
        for correction in self._held:
            alone = correction.part("alone")
            sides = correction.part("together"), correction.part("apart")
            parted = any(
                not side.isdisjoint(near) and not other.isdisjoint(far)
                for side, other in (sides, sides[::-1])
            )
            if parted or left in alone or right in alone:
                chain = [*self._between(left, correction), correction]
                chain += self._between(right, correction)
                return False, tuple(dict.fromkeys(chain))
        return None

    def constraints(self) -> Constraints:
        groups = {min(group): frozenset(group) for group in self._groups.values()}
        return Constraints(
            together=tuple(groups[first] for first in sorted(groups) if len(groups[first]) > 1),
            apart=tuple(
                (each.part("together"), each.part("apart"))
                for each in self._held
                if each.part("apart")
            ),
            alone=frozenset(self._alone),
            said=dict(self._said()),
            titles={
                id_: (each.id, each.title)
                for each in self._held
                if each.title is not None
                for id_ in each.part("title")
            },
            categories={
                id_: (each.id, each.category, each.in_words)
                for each in self._held
                if each.category is not None
                for id_ in each.part("category")
            },
        )

    def _said(self) -> Iterator[tuple[int, str]]:
        for correction in self._held:  # the latest one is told
            for id_ in correction.part("together"):
                yield id_, f"put together by {correction.in_words}"
