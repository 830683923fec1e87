"""`newsfold digest` and `newsfold digests`: what happened, to look at, to remember and to send."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.filters import DATABASE, MAX_ID, at_most, moment
from pipeline.output import output_options, print_rows, say
from storage.database import open_existing
from storage.errors import WRONG_CALL, NewsfoldError
from storage.runs import AlreadyRunningError
from storage.times import since as parse_since
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.deliver import Delivery
    from pipeline.editions import Edition

# As deliver.py has them, which would load what mails need before any verb begins.
FORMS = ("text", "markdown", "html", "json", "atom", "jsonfeed", "mail")
SOME_FAILED = 3
USUAL_PERIOD = "1d"


@click.command()
@DATABASE
@click.option(
    "--since",
    callback=moment,
    help="From then on: a date, or 12h, 3d, 2w ago. [default: 1d, or since the profile's last one]",
)
@click.option("--to", type=click.Choice(FORMS), help="The form. [default: text, or the profile's]")
@click.option("--profile", help="A digest of newsfold.toml by its name, or daily, or weekly.")
@at_most(None)
@click.option("--self", "own_url", help="Where a feed will be found, so that it can say so.")
@click.option(
    "--templates",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with templates of yours, which come before ours. [digest] templates is another"
    " way to say so.",
)
@click.option("--explain", "explained", is_flag=True, help="Say each part of each event's rank.")
@click.option("--remember", "remembered", is_flag=True, help="What it tells is not told again.")
@click.option(
    "--send", "sending", is_flag=True, help="Mail it to those of the profile, and remember."
)
@click.option("--dry-run", is_flag=True, help="With --send: only say what would go to whom.")
@click.option(
    "--uncertain", is_flag=True, help="With --send: once more to those who perhaps have it."
)
@click.option(
    "--again", type=click.IntRange(1, MAX_ID), metavar="ID", help="One of before, as it was."
)
def digest(
    database: Path,
    since: datetime | None,
    to: str | None,
    profile: str | None,
    limit: int | None,
    own_url: str | None,
    templates: Path | None,
    explained: bool,
    remembered: bool,
    sending: bool,
    dry_run: bool,
    uncertain: bool,
    again: int | None,
) -> None:
    """What happened since a day (or --since), ranked.

    It only looks. With --profile it says what the next digest of that profile would tell: nothing
    that one of before has told, and of an event that goes on what is new "since then". --remember
    makes it the digest of this day or week; a second call prints the same one again. --send mails
    it, and a second call sends it to those alone who have not got it yet.

    \b
    newsfold digest news.db
    newsfold digest news.db --since 1w --to html > week.html
    newsfold digest news.db --to atom --self https://news.example/feed.xml > feed.xml
    newsfold digest news.db --profile daily --to markdown --remember
    newsfold digest news.db --profile chips --send
    """
    if (remembered or sending) and profile is None:
        raise click.UsageError("--remember and --send need a --profile, such as --profile daily")
    if (dry_run or uncertain) and not sending:
        raise click.UsageError("--dry-run and --uncertain go with --send")
    if (remembered or sending) and (since or limit or templates or explained or again):
        raise click.UsageError(
            "what is remembered follows from its profile and newsfold.toml alone"
        )
    if sending and (remembered or to not in (None, "mail")):
        raise click.UsageError("--send remembers by itself, and sends mail")
    if again is not None:
        _print_again(database, again)
    elif sending and dry_run:
        _say_what_would_go(database, str(profile))
    elif sending:
        sys.exit(_send(database, str(profile), uncertain))
    elif remembered:
        _remember(database, str(profile), to)
    else:
        _look(database, profile, since, to, limit, own_url, templates, explained)


@click.command()
@DATABASE
@click.option("--profile", help="Only those of this profile.")
@at_most(50)
@output_options
def digests(database: Path, profile: str | None, limit: int, form: str | None) -> None:
    """The digests that were made, the latest first, and how far their mails got.

    \b
    newsfold digests news.db -t
    newsfold digest news.db --again 12
    """
    from storage.digests import list_digests

    print_rows(list(list_digests(open_existing(database), profile, limit)), form)


def _look(
    database: Path,
    name: str | None,
    since: datetime | None,
    to: str | None,
    limit: int | None,
    own_url: str | None,
    templates: Path | None,
    explained: bool,
) -> None:
    from dataclasses import replace

    from pipeline.configuration import Profile, read_configuration
    from pipeline.deliver import edition_now, written
    from pipeline.views import rank_row

    db, now = open_existing(database), utc_now()
    configuration = read_configuration(database)
    if templates is not None:
        told = replace(configuration.digest, templates=templates)
        configuration = replace(configuration, digest=told)
    if name is None:
        profile, since = Profile(), since or parse_since(USUAL_PERIOD, now)
    else:
        profile = configuration.digest.profile(name)
    profile = replace(profile, most=limit or profile.most)
    # Without a name nobody has been told anything.
    edition = edition_now(
        db, name or "", profile, configuration, now, database=database, since=since, say=say
    )
    if explained:
        print_rows([rank_row(choice) for choice in edition.chosen], "table")
        return
    if not edition.chosen:
        _say_nothing_new(db, edition)
    form = to or profile.form
    if form == "text" and sys.stdout.isatty():
        from pipeline.digest.render import render

        click.echo(render(edition.view, "text", colour=True).rstrip("\n"))
        return
    _print_body(written(edition, form, configuration, own_url or "")[1])


def _say_nothing_new(db: Database, edition: Edition) -> None:
    from storage.stories import latest_story

    say(
        f"nothing since {edition.view.since:%Y-%m-%d %H:%M} UTC; the latest story is of"
        f" {latest_story(db) or 'never'}, see --since"
    )


def _remember(database: Path, name: str, form: str | None) -> None:
    from pipeline.deliver import remember_due

    stored, is_new = remember_due(database, name, form, utc_now)
    if not is_new:
        say(f"digest {stored.id}, made at {stored.made_at:%Y-%m-%d %H:%M} UTC; none is due yet")
    _print_body(stored.body)


def _print_again(database: Path, id_: int) -> None:
    from storage.digests import digest_by_id

    stored = digest_by_id(open_existing(database), id_)
    if stored is None:
        raise NewsfoldError(
            f"there is no digest {id_}; see: newsfold digests {database}", WRONG_CALL
        )
    _print_body(stored.body)


def _print_body(body: bytes) -> None:
    click.echo(body.decode().replace("\r\n", "\n").rstrip("\n"))


def _send(database: Path, name: str, uncertain: bool) -> int:
    from pipeline.deliver import send_due

    try:
        deliveries = send_due(database, name, utc_now, uncertain_again=uncertain)
    except AlreadyRunningError as error:
        say(str(error))
        return 0
    if not deliveries:
        say(f"no digest of {name} is due, or nothing is new; see: newsfold digests {database}")
    for delivery in deliveries:
        _say_outcome(delivery)
    return SOME_FAILED if _incomplete(deliveries) else 0


def _incomplete(deliveries: Sequence[Delivery]) -> bool:
    return any(each.sent is not None and not each.sent.complete for each in deliveries)


def _say_outcome(delivery: Delivery) -> None:
    sent, id_ = delivery.sent, delivery.digest.id
    assert sent is not None  # it was sent just now
    say(f"digest {id_}: {len(sent.sent)} sent")
    for error in sent.errors:
        say(f"  {error}")
    if sent.waiting:
        say(f"  not sent yet, run again: {', '.join(sent.waiting)}")
    if sent.uncertain:
        say(
            f"  perhaps sent, the server did not say: {', '.join(sent.uncertain)}; not sent again"
            " by itself, nobody is to get two (--uncertain does it)"
        )
    if sent.refused:
        say(f"  refused for good: {', '.join(sent.refused)}")


def _say_what_would_go(database: Path, name: str) -> None:
    """The head of each mail, then the text that all of them get."""
    from pipeline.configuration import read_configuration
    from pipeline.deliver import planned
    from pipeline.digest.mail import for_recipient, plain_text, recipients

    db, configuration = open_existing(database), read_configuration(database)
    told = planned(db, name, configuration, utc_now(), database)
    if told is None:
        say(f"no digest of {name} is due; see: newsfold digests {database}")
        return
    edition, body, ids = told
    if not edition.view.events:
        say("nothing is new, so nothing would be sent")
        return
    to = recipients(configuration.digest.profile(name).to)
    for key, id_ in ids.items():
        one = for_recipient(body, configuration.mail, to[key], id_)
        click.echo("\n".join(f"{name}: {value}" for name, value in one.items()) + "\n")
    say(f"{len(ids)} mails of {len(body):,} bytes; their text:")
    click.echo(plain_text(body).rstrip("\n"))
