"""What a list is narrowed by: one shared set of options for every verb that lists.

Comes in: the command line. Goes out: a Filter. Which options make sense is said by each verb; what
they mean and how they are read is said here alone.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storage.asking import Filter
from storage.times import since as parse_since
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

MAX_ID = 2**63 - 1  # SQLite's largest number
DATABASE = click.argument("database", type=click.Path(path_type=Path), metavar="NEWS.DB")


def moment(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> datetime | None:
    """`2026-04-08`, `12h`, `3d` or `2w` as a time."""
    if value is None:
        return None
    try:
        return parse_since(value, utc_now())
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no time; write 2026-04-08, 12h, 3d or 2w"
        ) from error


def at_most(default: int | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option -n: how many are listed."""
    return click.option(
        "-n",
        "limit",
        type=click.IntRange(1, MAX_ID),
        default=default,
        show_default=True,
        help="At most so many.",
    )


_OPTIONS: dict[str, dict[str, Any]] = {
    "since": {"callback": moment, "help": "From then on: a date, or 12h, 3d, 2w ago."},
    "until": {"callback": moment, "help": "Before then: a date, or 12h, 3d, 2w ago."},
    "category": {"help": 'Only this category, such as "model release".'},
    "source": {"help": "Only what this source reports (its id)."},
    "name": {"help": 'Only about this name, as stories write it, such as "Muse Spark".'},
    "search": {
        "help": 'Only with these words, the best first; "side by side", begin*, -without.',
    },
    "min_sources": {
        "type": click.IntRange(1),
        "default": 1,
        "help": "Independent ones, at least.",
    },
    "language": {"help": "Only in this language, such as de; pt means pt-BR, too."},
}


def filters(
    *names: str, sorts: Sequence[str] = (), most: int | None = 50
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add some of the options, --sort and -n; the verb gets them as `wanted` and `limit`. The first
    of the `sorts` is the usual one; without any there is no --sort."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(verb)
        def call(*args: Any, **given: Any) -> None:
            chosen = {name: given.pop(name) for name in (*names, *(["sort"] if sorts else []))}
            verb(*args, wanted=Filter(**chosen), **given)

        command: Callable[..., None] = at_most(most)(call)
        if sorts:
            command = _sort(sorts)(command)
        for name in reversed(names):
            command = click.option(f"--{name.replace('_', '-')}", name, **_OPTIONS[name])(command)
        return command

    return decorate


def _sort(sorts: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    of_a_search = ", of a search relevance" if "relevance" in sorts else ""
    return click.option(
        "--sort",
        type=click.Choice(sorts),
        help=f"In this order; by default {sorts[0]}{of_a_search}.",
    )
