"""A real Redis on a free port of this machine, which can be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    def __init__(self, folder: Path) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._folder = folder
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Without any data."""
        assert PROGRAM is not None  # or the test was skipped
        told = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir")
        self._process = subprocess.Popen(
            [PROGRAM, *told, str(self._folder)], stdout=subprocess.DEVNULL
        )
        self.client: Any = Redis.from_url(self.url)
        for _ in range(200):
            try:
                self.client.ping()
                return
            except RedisError:
                time.sleep(0.05)
        raise AssertionError("Redis does not start")

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()

    def queued(self) -> int:
        """Tasks and answers that it holds, at one moment: a task may become an answer meanwhile."""
        streams = [b"newsfold:tasks", *self.client.keys("newsfold:answers:*")]
        with self.client.pipeline(transaction=True) as at_once:
            for stream in streams:
                at_once.xlen(stream)
            return sum(at_once.execute())


@contextmanager
def serve_redis() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        try:
            yield server
        finally:
            server.kill()
