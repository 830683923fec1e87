"""The package: what is built can be installed, and does the main job from an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from storage.database import create_or_open

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.long
def test_the_sdist_has_what_the_tests_need(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("README.md", "LICENSE", "scrapy.cfg", "tests/loopback.py", "docs/cli.md"):
        assert name in names


def test_the_wheel_has_the_data_and_nothing_else(built: Path) -> None:
    [path] = built.glob("*.whl")
    names = ZipFile(path).namelist()
    for name in (
        "crawlers/sources.toml",
        "pipeline/background.json",
        "pipeline/weights.json",
        "pipeline/digest/templates/digest.html",
        "pipeline/web/html/event.html",
        "pipeline/web/html/page.css",
        "pipeline/demo/stories/muse-spark-release/morningbyte.md",
        "storage/py.typed",
    ):
        assert name in names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "crawlers",
        "pipeline",
        "storage",
    }


@pytest.mark.long
def test_the_wheel_does_the_demo_from_an_empty_folder(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    ZipFile(wheel).extractall(site)
    empty.mkdir()
    program = "import pipeline.cli as cli; print(cli.__file__); cli.main(['demo'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert "Muse Spark" in done.stdout
    assert [path.name for path in empty.iterdir()] == ["newsfold-demo"]


def test_datasette_finds_the_pages_by_itself(tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    create_or_open(database).close()
    done = subprocess.run(
        [sys.executable, "-m", "datasette", database, "--get", "/news/-/events.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == []
