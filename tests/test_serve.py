"""`newsfold serve`: what it refuses, what it says, and that it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.web import serve as serving
from storage.errors import NewsfoldError
from tests.web import SECRET, folded

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def newsfold(*words: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_is_answers_and_ends_on_a_signal(tmp_path: Path) -> None:
    database = folded(tmp_path / "news.db")
    port = free_port()
    running = newsfold("serve", database, "--port", port, NEWSFOLD_SECRET=SECRET)
    assert running.stderr is not None
    try:
        assert f"http://127.0.0.1:{port}/" in running.stderr.readline()
        page = read(f"http://127.0.0.1:{port}/")
        assert "Brankwell" in page
        assert "Sign in" in page
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(20) in (0, 130)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = newsfold("serve", folded(tmp_path / "news.db"), "--port", port)
        _, said = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "--port" in said


def read(address: str) -> str:
    """What is there, as soon as somebody listens."""
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(address) as answer:
            return str(answer.read().decode())
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at {address}")


@pytest.mark.parametrize(
    ("secret", "host", "warned"),
    [
        ("", "127.0.0.1", []),
        (SECRET, "::1", []),
        (SECRET, "localhost", []),
        ("", "0.0.0.0", ["can read all"]),
        (SECRET, "0.0.0.0", ["can read all", "overheard"]),
    ],
)
def test_who_listens_to_the_world_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    secret: str,
    host: str,
    warned: list[str],
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(serving.uvicorn, "run", lambda app, **settings: asked.update(settings))
    serving.serve(folded(tmp_path / "news.db"), [], host=host, port=8001, secret=secret)
    assert asked["host"] == host
    said = capsys.readouterr().err
    assert secret == "" or secret not in said
    assert len(said.splitlines()) == 1 + len(warned)
    assert all(words in said for words in warned)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "strange.db"
    strange.write_bytes(b"no database at all" * 100)
    with pytest.raises(NewsfoldError, match="is not a newsfold database"):
        serving.application(strange)
    with pytest.raises(NewsfoldError, match="no such database"):
        serving.application(tmp_path / "missing.db")
    with pytest.raises(NewsfoldError, match="no such database"):
        serving.application(folded(tmp_path / "news.db"), [tmp_path / "missing.db"])
