"""A Spark cluster on loopback: a master and workers, each of which can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SECONDS = 240  # that a busy machine may take to start one
DEPLOY = "org.apache.spark.deploy"


class Cluster:
    """`url` is what a fold takes as its --master."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"spark://127.0.0.1:{self._port}"
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._logs: list[Path] = []

    def start(self, workers: int) -> None:
        at = ("--host", "127.0.0.1", "--webui-port", "0")
        self._start("master", f"{DEPLOY}.master.Master", *at, "--port", str(self._port))
        self._wait_for("I have been elected leader", self._logs[:1])
        for number in range(workers):
            work = self._folder / f"work-{number}"
            limits = ("--cores", "1", "--memory", "1g", "--work-dir", str(work))
            self._start(f"worker-{number}", f"{DEPLOY}.worker.Worker", *at, *limits, self.url)
        self._wait_for("Successfully registered with master", self._logs[1:])

    def _start(self, name: str, main: str, *words: str) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        log = self._folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [home / "bin" / "spark-class", main, *words],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment() | {"SPARK_HOME": str(home)},
                start_new_session=True,
            )
        self._started.append(process)
        self._logs.append(log)

    def _wait_for(self, words: str, logs: list[Path]) -> None:
        deadline = time.monotonic() + SECONDS
        while not all(words in log.read_text("utf-8", "replace") for log in logs):
            assert time.monotonic() < deadline, [log.read_text("utf-8") for log in logs]
            time.sleep(0.2)

    def kill_worker(self, number: int) -> None:
        """As when its machine is gone: it, and the executor that it started."""
        os.killpg(self._started[1 + number].pid, signal.SIGKILL)

    def stop(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def environment() -> dict[str, str]:
    """Of everything that has a part in a fold on loopback."""
    return {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    made = Cluster(folder)
    try:
        made.start(workers)
        yield made
    finally:
        made.stop()
