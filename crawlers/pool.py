"""Work in other processes that may die of it: jobs come in, each comes out with its result.

Hostile input can crash a C library, eat all memory or run for ever. Such a job costs itself a
word on why it was lost, and nothing else: when a worker dies, the jobs that were in flight are
done again, each alone, and the one that kills its worker again is the culprit.
"""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storage.workers import begin_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 2  # jobs in flight for each worker, so that none waits for the next one
CHATTY = ("trafilatura", "htmldate")  # they log every page that they find odd


@dataclass(frozen=True, slots=True)
class Lost:
    """Why a job has no result."""

    reason: str


def each(
    work: Callable[[Job], Result], jobs: Iterable[Job | None], *, workers: int, seconds: float
) -> Iterator[tuple[Job, Result | Lost]]:
    """Do every job in a pool of processes; results as they come. A job that is None says that
    there is none for now, and that it is time to see to the results.

    No job may take longer than `seconds`. With no workers all is done in this process, and
    nothing guards against hostile jobs. Raises BrokenProcessPool when no process can be started.
    """
    left = iter(jobs)
    if workers < 1:
        yield from ((job, work(job)) for job in left if job is not None)
        return
    suspects: list[Job] | None = None
    while suspects is None or suspects:
        suspects = yield from _together(work, left, workers, seconds)
        yield from _one_by_one(work, suspects, seconds)


def _together(
    work: Callable[[Job], Result], left: Iterator[Job | None], workers: int, seconds: float
) -> Generator[tuple[Job, Result | Lost], None, list[Job]]:
    """Do jobs until none is left or a worker dies; returns the jobs that were in flight then."""
    flying: dict[Future[Result], Job] = {}
    suspects: list[Job] = []
    pool = _pool(workers)
    try:
        while not suspects:
            idle = False
            for job in islice(left, AHEAD * workers - len(flying)):
                if job is None:
                    idle = True
                    break
                try:
                    flying[pool.submit(_guarded, work, job, seconds)] = job
                except BrokenProcessPool:
                    suspects.append(job)
            if not flying and not idle:
                break
            patience = 0 if idle else None
            for future in wait(flying, patience, return_when=FIRST_COMPLETED).done:
                job = flying.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(job)
                else:
                    yield job, future.result()
        return suspects + list(flying.values())
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(
    work: Callable[[Job], Result], suspects: Iterable[Job], seconds: float
) -> Iterator[tuple[Job, Result | Lost]]:
    left = list(suspects)
    while left:
        with _pool(1) as pool:
            pool.submit(_nothing).result()  # when no process can start, no job is to blame
            result: Result | Lost | None = None
            while left and not isinstance(result, Lost):
                job = left.pop(0)
                result = _alone(pool, work, job, seconds)
                yield job, result


def _alone(
    pool: ProcessPoolExecutor, work: Callable[[Job], Result], job: Job, seconds: float
) -> Result | Lost:
    started = time.monotonic()
    try:
        return pool.submit(_guarded, work, job, seconds).result()
    except BrokenProcessPool:
        too_long = time.monotonic() - started >= seconds
    return Lost(f"took over {seconds:g} seconds" if too_long else "killed its process")


def _pool(workers: int) -> ProcessPoolExecutor:
    # spawn: a fork would copy open database connections and whatever threads hold.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    """A worker leaves Ctrl-C to its parent, goes when the parent goes, and keeps quiet."""
    begin_worker()
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _nothing() -> None:
    """What even a healthy worker can do."""


def _guarded(work: Callable[[Job], Result], job: Job, seconds: float) -> Result:
    """Do a job; end this process when it takes too long, even inside a C library."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return work(job)
        finally:
            faulthandler.cancel_dump_traceback_later()
