"""Python in a process of its own: code and its arguments come in, a process goes out.

Starting Python anew and importing Scrapy and scikit-learn costs more than most of what the tests
have done in other processes. So these are forked from a server that has imported the house once.
All of them hash strings alike: what must hold in any process needs one that is started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
SECONDS = 90.0  # that a process may take, on a busy machine too
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["crawlers.articles", "crawlers.crawl", "pipeline.cli", __name__])


class Started:
    """A process that runs code, as subprocess.Popen would have it."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._output = tempfile.NamedTemporaryFile()  # noqa: SIM115 - communicate() closes it
        self._errors = tempfile.NamedTemporaryFile()  # noqa: SIM115
        told = (code, arguments, dict(os.environ), self._output.name, self._errors.name)
        self._process = _FORK.Process(target=_run, args=told)
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None  # it was started
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended by then."""
        self._process.join(timeout)
        return self._process.exitcode is not None

    def communicate(self, timeout: float = SECONDS) -> tuple[str, str]:
        """What it wrote until it ended."""
        if not self.wait(timeout):
            self.kill()
            self.wait()
            raise AssertionError(f"still running after {timeout:g} seconds")
        with self._output as output, self._errors as errors:
            return output.read().decode(), errors.read().decode()


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code to its end."""
    process = Started(code, *arguments)
    output, errors = process.communicate()
    assert process.returncode is not None  # it has ended
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def _run(
    code: str, arguments: tuple[str, ...], environment: Mapping[str, str], *files: str
) -> None:
    for number, name in enumerate(files, start=1):
        file = os.open(name, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<a test>", "exec"), {"__name__": "__main__"})
