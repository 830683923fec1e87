"""The work of a fold that can be done story by story, in several processes where that pays.

Comes in: ids of stories, or groups. Goes out: readings, or described events in the order of their
groups. Workers open the database themselves, read-only, so that no text goes through the main
process. Nothing is decided or stored here.
"""

from __future__ import annotations

import gc
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits

from pipeline.enrich.describe import describe_with_names
from pipeline.reading import Reading, read_all
from storage.database import open_existing
from storage.sources import all_sources
from storage.stories import stories_by_id
from storage.workers import begin_worker, context_with, others_help, processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.folding import Group
    from storage.models import Event, Source

    Described = tuple[Event, dict[str, int], int]

Job = TypeVar("Job")
Result = TypeVar("Result")

AT_ONCE = 250  # stories in a job
GROUPS_AT_ONCE = 50  # groups in a job: some are large, and nobody is to wait for the last one
SELDOM = 100_000  # objects made between two looks for cycles: texts make many, and no cycles
AHEAD = 16  # jobs of groups in flight for each worker: bounds the memory


class Crew:
    """Reads stories and describes events; with `path` in other processes, else in this one."""

    def __init__(self, db: Database, pool: ProcessPoolExecutor | None) -> None:
        self._hand = _Hand(db)
        self._pool = pool

    def read(self, ids: Sequence[int]) -> Iterator[Reading]:
        """The readings of stories, in no order of theirs. Other processes begin at once, before the
        first is asked for."""
        jobs = list(_cut(ids, AT_ONCE))
        return chain.from_iterable(self._each(_read, _Hand.read, jobs, ahead=len(jobs)))

    def describe(self, groups: Sequence[Group], copy_of: Mapping[int, int]) -> Iterator[Described]:
        """The event of each group (its id is 0 as yet), its names, and its number of sources."""
        jobs = (
            (part, {i: copy_of[i] for group in part for i in group.story_ids & copy_of.keys()})
            for part in _cut(groups, GROUPS_AT_ONCE)
        )
        ahead = AHEAD * processors()
        return chain.from_iterable(self._each(_describe, _Hand.describe, jobs, ahead=ahead))

    def _each(
        self,
        elsewhere: Callable[[Job], Result],
        here: Callable[[_Hand, Job], Result],
        jobs: Iterable[Job],
        ahead: int,
    ) -> Iterator[Result]:
        """The results of jobs, in order; with a pool, `ahead` of them are in flight."""
        if self._pool is None:
            return (here(self._hand, job) for job in jobs)
        pool, left = self._pool, iter(jobs)
        flying = deque(pool.submit(elsewhere, job) for job in islice(left, ahead))
        return _landing(pool, elsewhere, flying, left)


def _landing(
    pool: ProcessPoolExecutor,
    work: Callable[[Job], Result],
    flying: deque[Future[Result]],
    left: Iterator[Job],
) -> Iterator[Result]:
    while flying:
        result = flying.popleft().result()
        flying.extend(pool.submit(work, job) for job in islice(left, 1))
        yield result


class _Hand:
    """One worker with its own connection."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._sources: dict[str, Source] = {}

    def read(self, ids: Sequence[int]) -> list[Reading]:
        return list(read_all(stories_by_id(self._db, ids)))

    def describe(self, job: tuple[Sequence[Group], Mapping[int, int]]) -> list[Described]:
        groups, copy_of = job
        if not self._sources:
            self._sources = {source.id: source for source in all_sources(self._db)}
        names = frozenset(source.name for source in self._sources.values())
        wanted = {id_ for group in groups for id_ in group.story_ids}
        stories = {story.stored_id: story for story in stories_by_id(self._db, wanted)}
        found = []
        for group in groups:
            event, told = describe_with_names(0, group, stories, copy_of, self._sources, names)
            found.append((event, told, len({stories[i].source_id for i in group.story_ids})))
        return found


@contextmanager
def crew(db: Database, path: Path | None, stories: int) -> Iterator[Crew]:
    """Hands for a pass over so many stories; in this process alone when they are few, or when
    the database is in memory (`path` is None)."""
    if path is None or not others_help(stories):
        yield Crew(db, None)
        return
    pool = ProcessPoolExecutor(
        processors(),
        mp_context=context_with(__name__),
        initializer=_start,
        initargs=(path,),
    )
    try:
        yield Crew(db, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def one_thread() -> threadpool_limits:
    """From now on (or inside a `with`) this process multiplies in one thread. Its matrices are
    small, and on a busy machine threads that wait for each other cost more than they save; and what
    does not depend on the number of cores is the same everywhere."""
    return threadpool_limits(limits=1, user_api="blas")


@contextmanager
def seldom_collected() -> Iterator[None]:
    """In here this process seldom looks for cycles among its objects."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _cut(things: Sequence[Any], at_once: int) -> Iterator[Sequence[Any]]:
    return (things[start : start + at_once] for start in range(0, len(things), at_once))


_hand: _Hand | None = None  # of this worker


def _start(path: Path) -> None:
    global _hand
    begin_worker()
    one_thread()
    gc.freeze()  # what is loaded by now stays; to look through it again and again takes time
    gc.set_threshold(SELDOM)
    _hand = _Hand(open_existing(path))


def _read(ids: Sequence[int]) -> list[Reading]:
    assert _hand is not None
    return _hand.read(ids)


def _describe(job: tuple[Sequence[Group], Mapping[int, int]]) -> list[Described]:
    assert _hand is not None
    return _hand.describe(job)
