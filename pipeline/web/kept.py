"""Answers that everybody gets, kept for some seconds.

Comes in: a key, and a way to make its answer. Goes out: the answer, made once however many ask for
it at the same time. Many readers of one page then cost no more than one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from typing import Any

T = TypeVar("T")
MOST = 256  # answers that are kept


class Kept(Generic[T]):
    """Answers by their keys, for so many seconds each. What fails is not kept."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._made: dict[Hashable, tuple[float, asyncio.Task[T]]] = {}

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        now = self._clock()
        until, task = self._made.get(key, (now, None))
        if task is None or until <= now or _failed(task):
            task = asyncio.create_task(make())
            self._made.pop(key, None)  # what is made anew goes to the end
            self._made[key] = (now + self._seconds, task)
            while len(self._made) > MOST:
                del self._made[next(iter(self._made))]
        return await asyncio.shield(task)  # who goes away does not end it for the others


def _failed(task: asyncio.Task[T]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
