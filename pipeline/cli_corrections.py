"""`newsfold merge`, `split`, `move`, `pin …`, `not-an-event`, `corrections …`: an analyst's
verdicts, which hold in every later fold."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipeline.filters import DATABASE
from pipeline.output import output_options, print_json, print_rows, say
from storage.database import open_existing
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipeline.correct import Corrected
    from storage.models import Correction

ID = click.IntRange(1, 2**63 - 1)


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may know no name for its user
        return "somebody"


_BY = click.option(
    "--by", envvar="NEWSFOLD_ANALYST", default=_me, help="Who says so; by default your login."
)


def _verdict(command: Callable[..., None]) -> Callable[..., None]:
    """What all verdicts can be told."""
    command = click.option("--note", default="", help="Why, for those who come after.")(command)
    return _BY(command)


_REPLACE = click.option(
    "--replace",
    is_flag=True,
    help="Let it win over earlier corrections that it clashes with.",
)


@click.command()
@DATABASE
@click.argument("events", nargs=-1, required=True, type=ID, metavar="EVENT EVENT...")
@_verdict
@_REPLACE
def merge(database: Path, events: tuple[int, ...], by: str, note: str, replace: bool) -> None:
    """These events report one happening: they are one event from now on.

    It holds in every later fold, also with --rebuild. The ids that end go on answering.

    \b
    newsfold merge news.db 17 23 --note "the same outage, seen from two companies"
    """
    from pipeline import correct

    _tell(database, correct.merge(database, events, by=by, note=note, replace=replace))


@click.command()
@DATABASE
@click.argument("event", type=ID)
@click.argument("stories", nargs=-1, required=True, metavar="STORY...")
@_verdict
@_REPLACE
def split(
    database: Path, event: int, stories: tuple[str, ...], by: str, note: str, replace: bool
) -> None:
    """These stories of an event report another happening than its others.

    STORY is a URL or an id, see: newsfold show. Copies of a story go with it, unless only the
    copy is named.

    \b
    newsfold split news.db 17 https://news.example/other-phone
    """
    from pipeline import correct

    ids = _stories(database, stories)
    _tell(database, correct.split(database, event, ids, by=by, note=note, replace=replace))


@click.command()
@DATABASE
@click.argument("story")
@click.argument("event", type=ID)
@_verdict
@_REPLACE
def move(database: Path, story: str, event: int, by: str, note: str, replace: bool) -> None:
    """This story (a URL or an id) belongs to that event, not to the one it is in."""
    from pipeline import correct

    [story_id] = _stories(database, [story])
    _tell(database, correct.move(database, story_id, event, by=by, note=note, replace=replace))


@click.group()
def pin() -> None:
    """What stays as an analyst says: the title or the category of an event."""


@pin.command("title")
@DATABASE
@click.argument("event", type=ID)
@click.argument("title")
@_verdict
def pin_title(database: Path, event: int, title: str, by: str, note: str) -> None:
    """What an event is called, whichever of its stories names it.

    \b
    newsfold pin title news.db 17 "Tolvane recalls the Quill 5"
    """
    from pipeline import correct

    _tell(database, correct.pin_title(database, event, title, by=by, note=note))


@pin.command("category")
@DATABASE
@click.argument("event", type=ID)
@click.argument("category")
@_verdict
def pin_category(database: Path, event: int, category: str, by: str, note: str) -> None:
    """What kind of happening an event is; a category that is right may be pinned, too.

    From five pinned events of a category on, newsfold learns from them where its words are mostly
    wrong and pins are mostly right; `show` says which of the two has decided.

    \b
    newsfold pin category news.db 17 "chips and hardware"
    """
    from pipeline import correct

    _tell(database, correct.pin_category(database, event, category, by=by, note=note))


@click.command("not-an-event")
@DATABASE
@click.argument("event", type=ID)
@_verdict
@_REPLACE
def not_an_event(database: Path, event: int, by: str, note: str, replace: bool) -> None:
    """Nothing happened: an advert, a horoscope, a list. Its stories stay, each by itself, and no
    list or digest shows them."""
    from pipeline import correct

    _tell(database, correct.not_an_event(database, event, by=by, note=note, replace=replace))


@click.group()
def corrections() -> None:
    """What analysts have said of the grouping: list, undo."""


@corrections.command("list")
@DATABASE
@click.option("--event", type=ID, help="Only those about stories of this event.")
@output_options
def list_(database: Path, event: int | None, form: str | None) -> None:
    """Every correction, who made it and why, and whether it holds."""
    from pipeline.constraints import settle
    from pipeline.show import correction_row
    from storage.corrections import all_corrections, corrections_of_event, corrections_that_hold

    db = open_existing(database)
    _, clashes = settle(corrections_that_hold(db))
    found = all_corrections(db) if event is None else corrections_of_event(db, event)
    clashing = {
        clash.of.id: ", ".join(str(other.id) for other in clash.others) for clash in clashes
    }
    print_rows(
        [correction_row(each) | {"holds": _holds(each, clashing.get(each.id))} for each in found],
        form,
        columns={
            "id": "id",
            "verb": "verb",
            "event": "event",
            "holds": "holds",
            "by": "by",
            "made": "made",
            "note": "note",
        },
    )


def _holds(correction: Correction, clashing: str | None) -> str:
    if correction.undone_at is not None:
        return "undone"
    return "yes" if clashing is None else f"no, it clashes with {clashing}"


@corrections.command()
@DATABASE
@click.argument("correction", type=ID)
@_BY
def undo(database: Path, correction: int, by: str) -> None:
    """Take a correction back. It stays in the list, as undone."""
    from pipeline import correct

    _tell(database, correct.undo(database, correction, by=by))


@click.command()
@DATABASE
@click.option("--apply", is_flag=True, help="Write the proposed threshold into newsfold.toml.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the bootstrap."
)
@output_options
def tune(database: Path, apply: bool, seed: int, form: str | None) -> None:
    """What your corrections say about the threshold of an event.

    Every correction is a labelled example: stories that are one event, or are not. They are folded
    as if nobody had corrected them, at many thresholds; another one is proposed when it is right
    more often in nearly all resamples of the corrections. Corrections show the hard cases alone, so
    try it on all events before you adopt it:

    \b
    newsfold tune news.db -t
    newsfold fold news.db --rebuild --dry-run --config other.toml -t
    newsfold tune news.db --apply && newsfold fold news.db --rebuild
    """
    from pipeline.configuration import write_threshold
    from pipeline.tune import as_rows
    from pipeline.tune import tune as tuned_by

    found = tuned_by(open_existing(database), database, seed=seed)
    if form is None:
        print_json(asdict(found))
    else:
        print_rows(as_rows(found), form)
    say(found.why)
    if not apply:
        return
    if found.proposed is None:
        raise NewsfoldError("nothing is proposed, so nothing was written")
    path = write_threshold(database, found.proposed)
    say(f"{path}: [fold] threshold = {found.proposed:g}; now: newsfold fold {database} --rebuild")


def _stories(database: Path, named: Sequence[str]) -> list[int]:
    """The ids of stories that are named by URL or id."""
    from crawlers.urls import canonical_url
    from pipeline.find import find_story

    db = open_existing(database)
    return [find_story(db, name, canonical_url).stored_id for name in named]


def _tell(database: Path, done: Corrected) -> None:
    """The correction and its events as JSON; for people, what to do next."""
    events = list(done.event_ids)
    print_json({"correction": done.correction_id, "events": events, "folded": done.folded})
    if not done.folded:
        say("kept; a pass is at work, and the next one brings it about")
