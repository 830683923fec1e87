"""How long a reader of the pages waits, on a database of a million stories.

    python -m tests.benchmarks.asking make DIR            # DIR/news.db, in minutes
    python -m tests.benchmarks.pages DIR --readers 10 --writer

Serves DIR/news.db on a free port of this machine, and lets so many readers ask for pages: each the
front page, days, searches, filters, events and stories by chance, with a pause between two. The
writer does what a pass does. Tells for each kind the median and the 95th percentile in
milliseconds, and how many answers were no pages.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import socket
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx
import numpy as np
import uvicorn

from pipeline.web.serve import application
from storage.database import open_existing
from tests.benchmarks.asking import END, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    Told = defaultdict[str, list[float]]

COMMON = 200  # words and names that are searched for
ROOT = "/news/-"


def serve(path: Path, port: int) -> None:
    app = application(path)
    app.newsfold_now = lambda: END
    uvicorn.run(app.app(), host="127.0.0.1", port=port, log_level="error")


def addresses(path: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Kinds of pages and their addresses, for ever."""
    db = open_existing(path)
    chance = random.Random(seed)
    [(events, stories)] = db.execute(
        "SELECT (SELECT max(id) FROM events), (SELECT max(id) FROM stories)"
    )
    sources = [row[0] for row in db.execute("SELECT id FROM sources")]
    names = [
        row[0] for row in db.execute("SELECT DISTINCT name FROM event_names LIMIT ?", (COMMON,))
    ]
    db.close()
    while True:
        name = chance.choice(names).replace(" ", "+")
        yield "front page", f"{ROOT}/events"
        yield "event", f"{ROOT}/events/{chance.randint(1, events)}"
        yield "search", f"{ROOT}/events?q={name}"
        yield "search, one word", f"{ROOT}/events?q={name.partition('+')[0]}"
        yield "story", f"{ROOT}/stories/{chance.randint(1, stories)}"
        yield "day", f"{ROOT}/events?day={END.year}-{END.month - 1:02}-{chance.randint(1, 30):02}"
        yield "source", f"{ROOT}/events?source={chance.choice(sources)}"
        yield "event as JSON", f"{ROOT}/events/{chance.randint(1, events)}.json"


async def read(path: Path, site: str, until: float, pause: float, seed: int, told: Told) -> int:
    """One reader; how many answers were no pages."""
    refused = 0
    async with httpx.AsyncClient(base_url=site, timeout=60) as client:
        for kind, address in addresses(path, seed):
            await asyncio.sleep(2 * pause * random.Random(f"{seed}{address}").random())
            if time.monotonic() > until:
                break
            started = time.perf_counter()
            answer = await client.get(address)
            told[kind].append(1000 * (time.perf_counter() - started))
            refused += answer.status_code != httpx.codes.OK
    return refused


async def read_all(path: Path, site: str, seconds: float, readers: int, pause: float) -> None:
    async with httpx.AsyncClient(base_url=site, timeout=60) as client:
        while True:
            try:
                await client.get(f"{ROOT}/events")  # what is compiled once is compiled
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.2)
    told: Told = defaultdict(list)
    until = time.monotonic() + seconds
    refused = sum(
        await asyncio.gather(
            *(read(path, site, until, pause, seed, told) for seed in range(readers))
        )
    )
    print(f"{readers} readers, {sum(map(len, told.values()))} pages, refused: {refused}")
    for kind, times in sorted(told.items()):
        median, late = np.percentile(times, [50, 95])
        print(f"{kind:<20} {len(times):5} {median:8.1f} {late:8.1f}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--readers", default=10, show_default=True, help="At the same time.")
@click.option("--seconds", default=30.0, show_default=True, help="That they read.")
@click.option("--pause", default=1.0, show_default=True, help="Between two pages, on average.")
@click.option("--writer", is_flag=True, help="Write beside them, as a pass does.")
def main(folder: Path, readers: int, seconds: float, pause: float, writer: bool) -> None:
    path = folder / "news.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = multiprocessing.Process(target=serve, args=(path, port), daemon=True)
    server.start()
    beside = multiprocessing.Process(target=write, args=(path, seconds), daemon=True)
    if writer:
        beside.start()
    try:
        asyncio.run(read_all(path, f"http://127.0.0.1:{port}", seconds, readers, pause))
    finally:
        server.terminate()
        if writer:
            beside.terminate()


if __name__ == "__main__":
    main()
