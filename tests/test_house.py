"""The house itself: imports point one way, every module says what it is for, the checks pass."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from pipeline.cli import cli
from storage.database import in_memory
from storage.schema import tables, tables_markdown
from tests.test_cli import VERBS

ROOT = Path(__file__).parent.parent
ROOMS = ("crawlers", "pipeline", "storage")
MAY_KNOW = {"storage": set(), "crawlers": {"storage"}, "pipeline": {"storage"}}
# The command line starts crawls, and these are the parts of it that do.
COMMAND_LINE = {
    "pipeline/cli.py",
    "pipeline/cli_corrections.py",
    "pipeline/cli_sources.py",
    "pipeline/passes.py",
    "pipeline/demo/show.py",
}
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Names of all modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    known = {name.split(".")[0] for name in imported(path)} & set(ROOMS) - {room}
    allowed = MAY_KNOW[room]
    if str(path.relative_to(ROOT)) in COMMAND_LINE:
        allowed = allowed | {"crawlers"}
    assert known <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def commands(group: click.Group, words: str = "newsfold") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found[f"{words} {name}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{words} {name}")
    return found


def test_the_verbs_of_the_contract() -> None:
    verbs = {*VERBS, "sources"}
    assert verbs <= set(cli.commands)
    assert {"list", "add", "remove", "check", "import", "export"} <= set(
        cli.commands["sources"].commands  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize(("name", "command"), commands(cli).items())
def test_every_verb_and_option_teaches(name: str, command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


def test_every_table_and_column_has_its_text() -> None:
    page = tables_markdown(in_memory())
    for table in tables(in_memory()):
        assert f"## {table}" in page


# Where the package that is installed has another name than the module that is imported.
PACKAGE_OF = {
    "Stemmer": "pystemmer",
    "dateutil": "python-dateutil",
    "itemadapter": "scrapy",
    "sklearn": "scikit-learn",
    "lxml_html_clean": "lxml-html-clean",
}
# Needed by a module that we import, not by ours: see docs/choices.md.
FOR_OTHERS = {"cssselect", "lxml-html-clean", "pandas"}


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]  # of web, summaries, crawlers/shared and scale
    extra = [each for name in ("serve", "llm", "redis", "spark") for each in extras[name]]
    declared = {normal(re.split(r"[><=]", each)[0]) for each in project["dependencies"] + extra}
    tops = {name.split(".")[0] for path in MODULES for name in imported(path)}
    foreign = tops - set(ROOMS) - set(sys.stdlib_module_names)
    used = {normal(PACKAGE_OF.get(name, name)) for name in foreign}
    assert used | FOR_OTHERS == declared


def normal(name: str) -> str:
    return name.lower().replace("_", "-")


def test_dependencies_have_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for listed in [project["dependencies"], *project["optional-dependencies"].values()]:
        assert all(">=" in dependency for dependency in listed)


def run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", ".")


def test_ruff_would_format_nothing() -> None:
    run("ruff", "format", "--check", ".")


def test_mypy_is_content() -> None:
    run("mypy")


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md", "docs/digest.md", "docs/schema.md"])
def test_generated_text_is_up_to_date(page: str) -> None:
    run("cogapp", "--check", page)
