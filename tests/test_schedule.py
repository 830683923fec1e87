"""docs/schedule.md: its examples are taken out of the page and tried, as far as tools are there."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from pipeline.budget import CRAWL_UNTIL, READ_UNTIL, Budget, seconds_of
from pipeline.cli import cli
from pipeline.configuration import read_configuration
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs/schedule.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def calls() -> Iterator[list[str]]:
    """Every call of newsfold in the examples, as words."""
    for line in "\n".join(blocks(r"\w*")).splitlines():
        for found in re.finditer(r"(?<![\w.])newsfold ([a-z]+ [^|>&#\"]*)", line):
            yield shlex.split(re.sub(r"\s\d?$", "", found.group(1)))


@pytest.mark.parametrize("words", list(calls()), ids=" ".join)
def test_every_call_can_be_made(words: list[str]) -> None:
    command = cli.commands[words[0]]
    command.make_context(words[0], words[1:])  # raises when an option is not known


def test_there_are_calls() -> None:
    told = {words[0] for words in calls()}
    assert told == {"run", "health", "digest", "backup", "prune", "vacuum"}


def test_cron_lines_have_five_times_and_a_command() -> None:
    lines = [line for block in blocks("cron") for line in block.splitlines()]
    jobs = [line for line in lines if not re.match(r"\w+=", line)]
    assert len(jobs) == 7
    for job in jobs:
        *times, command = job.split(None, 5)
        assert all(re.fullmatch(r"[0-9*/-]+", time) for time in times)
        assert "%" not in command  # cron takes it for the end of the line
        subprocess.run(["sh", "-n", "-c", command], check=True)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    service, timer = blocks("ini")
    (tmp_path / "newsfold.service").write_text(
        service.replace("/opt/newsfold/bin/newsfold", sys.executable), "utf-8"
    )
    (tmp_path / "newsfold.timer").write_text(timer, "utf-8")
    units = [str(tmp_path / f"newsfold.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_dags_are_python() -> None:
    [dags] = blocks("python")
    compile(dags, "newsfold_dags.py", "exec")


def test_the_dags_load_in_airflow(tmp_path: Path) -> None:
    pytest.importorskip("airflow")
    (tmp_path / "newsfold_dags.py").write_text(blocks("python")[0], "utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "newsfold_dags.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr


def test_scrapyd_finds_the_project() -> None:
    cfg = configparser.ConfigParser()
    cfg.read(ROOT / "scrapy.cfg")
    assert cfg["deploy"]["url"] == "http://127.0.0.1:6800/"
    assert cfg["deploy"]["project"] == "newsfold"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    # scrapyd knows an egg by this, and scrapy by scrapy.cfg.
    assert project["project"]["entry-points"]["scrapy"]["settings"] == cfg["settings"]["default"]
    assert import_module(cfg["settings"]["default"]).BOT_NAME == "newsfold"


def test_the_egg_has_the_data_that_lies_beside_the_code() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    [patterns] = project["tool"]["setuptools"]["package-data"].values()
    beside = {
        path for path in (ROOT / "crawlers").rglob("*.*") if path.suffix not in (".py", ".pyc")
    }
    left_out = {path.name for path in beside if not any(path.match(each) for each in patterns)}
    assert left_out == {"py.typed"}


# The time of a pass


@pytest.mark.parametrize(
    ("words", "seconds"), [("90s", 90), ("8m", 480), (" 2H ", 7200), ("1d", 86400)]
)
def test_durations(words: str, seconds: float) -> None:
    assert seconds_of(words) == seconds


@pytest.mark.parametrize("words", ["", "8", "0m", "-3m", "8 m", "1.5h", "8min", "99999999s"])
def test_what_is_no_duration(words: str) -> None:
    with pytest.raises(ValueError, match="write 90s, 8m, 2h or 1d"):
        seconds_of(words)


@pytest.mark.parametrize(
    ("passed", "crawl", "reading", "folding"),
    [
        (0, 75, 90, 100),
        (50, 25, 40, 50),
        (75, 0, 15, 25),
        (85, -10, 10, 15),  # the crawl was late: a tenth for each of the others
        (300, -225, 10, 10),
    ],
)
def test_who_may_use_how_much_of_the_time(
    monkeypatch: pytest.MonkeyPatch, passed: float, crawl: float, reading: float, folding: float
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 1000.0 + passed)
    budget = Budget(100, started=1000.0)
    assert (CRAWL_UNTIL, READ_UNTIL) == (0.75, 0.9)
    assert budget.left_for_crawl() == pytest.approx(crawl)
    assert budget.left_for_reading() == pytest.approx(reading)
    assert budget.left_for_folding() == pytest.approx(folding)


def test_the_page_tells_the_default(tmp_path: Path) -> None:
    assert f'time = "{read_configuration(tmp_path / "news.db").run.time}"' in PAGE
    assert "after 8 minutes unless" in PAGE


def test_a_duration_that_is_none_is_told() -> None:
    with pytest.raises(click.BadParameter, match="'soon' is no duration"):
        cli.commands["run"].make_context("run", ["news.db", "--for", "soon"])
