"""The queue in Redis: tasks on their way to crawlers, answers on their way back.

Tasks are a stream with a consumer group, answers a stream for each database. A task stays in its
stream until its answer stands in the other one, both at once; a crawler that dies leaves its tasks
to the others. What a host may bear is held here, too: by a lease, one crawler at a time asks it.
Memory is bounded by whoever asks: there are never more tasks and answers than requests in flight.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError, ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redis.asyncio.lock import Lock

    from crawlers.shared.wire import Task

TASKS = "newsfold:tasks"
GROUP = "crawlers"
PRESENT = "newsfold:crawlers"  # who was last seen when
OLD = 600.0  # seconds after which nobody waits for a task or its answer any more
KEEP = 3600  # seconds that unread answers are kept of a database that nobody crawls any more
A_DAY = 86_400_000  # milliseconds
MOST_DELIVERIES = 4  # of a task; it is to blame when so many crawlers have died over it
_ANSWER = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XADD', KEYS[2], '*', 'task', ARGV[3], 'head', ARGV[4], 'body', ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[6])
return 1
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A task that a crawler has taken: its place in the stream, and where its answer is awaited."""

    entry: str
    id: str
    answers: str
    packed: bytes

    @property
    def milliseconds(self) -> int:
        """When it was submitted, by the clock of Redis."""
        return _milliseconds(self.entry)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in its stream, with the id of its task."""

    entry: str
    task: str
    head: bytes
    body: bytes

    @property
    def milliseconds(self) -> int:
        """When it came, by the clock of Redis."""
        return _milliseconds(self.entry)


def _milliseconds(entry: str) -> int:
    return int(entry.partition("-")[0])


def host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


class Queue:
    """One end of the queue. Every method may raise RedisError while Redis is away."""

    def __init__(self, url: str) -> None:
        # A dead connection is noticed; a read that waits for news takes a second at most.
        # Its replies are of one type for each version of the protocol.
        self.redis: Any = Redis.from_url(url, socket_timeout=15, socket_connect_timeout=5)
        self._answer = self.redis.register_script(_ANSWER)

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self.redis.aclose()

    async def milliseconds(self) -> int:
        """What time it is, by the one clock that all share."""
        seconds, micro = await self.redis.time()
        return int(seconds) * 1000 + int(micro) // 1000

    # Of who asks

    async def submit(self, task: Task, answers: str) -> None:
        fields = {"id": task.id, "answers": answers, "task": task.packed()}
        await self.redis.xadd(TASKS, fields)

    async def under_way(self, answers: str) -> set[str]:
        """The ids of the tasks of a database that are waiting or being worked on."""
        entries = await self.redis.xrange(TASKS)
        return {
            _text(fields, b"id") for _, fields in entries if _text(fields, b"answers") == answers
        }

    async def withdraw(self, ids: Iterable[str]) -> set[str]:
        """Take back tasks that no crawler has taken yet; those which it was too late for."""
        wanted = set(ids)
        entries = {entry: _text(fields, b"id") for entry, fields in await self.redis.xrange(TASKS)}
        taken = {entry for entry, *_ in await self._pending()}
        too_late = {entries[entry] for entry in taken if entry in entries}
        untaken = [each for each, id_ in entries.items() if id_ in wanted and each not in taken]
        if untaken:
            await self.redis.xdel(TASKS, *untaken)
        return wanted & too_late

    async def read(self, answers: str, after: str, *, block: int | None) -> list[Answered]:
        """The answers that came after this one; waits so many milliseconds for the first."""
        found = await self.redis.xread({answers: after}, count=16, block=block)
        return [
            _answered(entry, fields) for _, entries in _streams(found) for entry, fields in entries
        ]

    async def forget(self, answers: str, *entries: str) -> None:
        await self.redis.xdel(answers, *entries)

    async def crawlers(self, late: float) -> int:
        """How many crawlers were seen within so many seconds."""
        oldest = await self.milliseconds() - int(late * 1000)
        return int(await self.redis.zcount(PRESENT, oldest, "+inf"))

    # Of a crawler

    async def join(self) -> None:
        """Make sure that there is a group to read tasks in; forget crawlers of long ago."""
        try:
            await self.redis.xgroup_create(TASKS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        for consumer in await self.redis.xinfo_consumers(TASKS, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > A_DAY:
                await self.redis.xgroup_delconsumer(TASKS, GROUP, consumer["name"])

    async def take(self, crawler: str, most: int, *, block: int) -> list[Taken]:
        """New tasks, so many at most; waits so many milliseconds for the first."""
        found = await self.redis.xreadgroup(GROUP, crawler, {TASKS: ">"}, count=most, block=block)
        return [
            _taken(entry, fields) for _, entries in _streams(found) for entry, fields in entries
        ]

    async def inherit(self, crawler: str, most: int, late: float) -> list[tuple[Taken, int]]:
        """Tasks of crawlers that have not been heard of for so many seconds, each with how often
        it has been taken."""
        idle = int(late * 1000)
        pending = await self._pending(idle=idle, count=most)
        taken: list[tuple[Taken, int]] = []
        for entry, _, deliveries in pending:
            claimed = await self.redis.xclaim(TASKS, GROUP, crawler, idle, [entry])
            taken += [(_taken(own, fields), deliveries) for own, fields in claimed if fields]
        return taken

    async def beat(self, crawler: str, working_on: Iterable[str], late: float) -> None:
        """Say that a crawler is there, and that it still works on these tasks."""
        now = await self.milliseconds()
        await self.redis.zadd(PRESENT, {crawler: now})
        await self.redis.zremrangebyscore(PRESENT, "-inf", now - int(10 * late * 1000))
        entries = list(working_on)
        if entries:
            await self.redis.xclaim(TASKS, GROUP, crawler, 0, entries, justid=True)

    async def leave(self, crawler: str) -> None:
        await self.redis.zrem(PRESENT, crawler)
        if not any(owner == crawler for _, owner, _ in await self._pending()):
            await self.redis.xgroup_delconsumer(TASKS, GROUP, crawler)

    async def answer(self, taken: Taken, head: bytes, body: bytes) -> bool:
        """Put an answer in the place of its task; False when somebody else has done so."""
        done = await self._answer(
            keys=[TASKS, taken.answers], args=[GROUP, taken.entry, taken.id, head, body, KEEP]
        )
        return bool(done)

    async def drop(self, taken: Taken) -> None:
        await self.redis.xack(TASKS, GROUP, taken.entry)
        await self.redis.xdel(TASKS, taken.entry)

    async def leave_to_others(self, crawler: str, taken: Taken, deliveries: int) -> None:
        """Somebody else may have a task at once; nobody has died over it."""
        entry, idle = [taken.entry], A_DAY  # nobody is so patient that it is not late
        await self.redis.xclaim(
            TASKS, GROUP, crawler, 0, entry, idle=idle, retrycount=deliveries, justid=True
        )

    # A host's lease

    def lease(self, host: str, late: float) -> Lock:
        """The right to ask a host; it ends so many seconds after it was last extended."""
        lease: Lock = self.redis.lock(f"newsfold:host:{host}", timeout=late, sleep=0.05)
        return lease

    async def _pending(self, idle: int | None = None, count: int = 10_000) -> list[Any]:
        """(entry, crawler, how often it was taken) of the tasks that are being worked on."""
        rows = await self.redis.xpending_range(TASKS, GROUP, "-", "+", count, idle=idle)
        return [
            (
                row["message_id"],
                row["consumer"].decode("utf-8", "replace"),
                int(row["times_delivered"]),
            )
            for row in rows
        ]


async def give_back(lease: Lock, after: float) -> None:
    """End a lease in so many seconds; one that is over already belongs to nobody or another."""
    with suppress(LockError):
        if after > 0.001:
            await lease.extend(after, replace_ttl=True)
        else:
            await lease.release()


# Whoever can reach Redis may have written an entry, so a field may be missing; what is no task and
# no answer is found out by who reads it (wire.py).


def _taken(entry: bytes, fields: dict[bytes, bytes]) -> Taken:
    told = _text(fields, b"id"), _text(fields, b"answers")
    return Taken(entry.decode(), *told, fields.get(b"task", b""))


def _answered(entry: bytes, fields: dict[bytes, bytes]) -> Answered:
    told = fields.get(b"head", b""), fields.get(b"body", b"")
    return Answered(entry.decode(), _text(fields, b"task"), *told)


def _text(fields: dict[bytes, bytes], name: bytes) -> str:
    return fields.get(name, b"").decode("utf-8", "replace")


def _streams(found: Any) -> Any:
    """What XREAD brought, as (stream, entries); redis-py gives a dict by the newer protocol."""
    if isinstance(found, dict):
        return [(name, [each for part in parts for each in part]) for name, parts in found.items()]
    return found or []
