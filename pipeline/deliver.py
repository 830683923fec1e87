"""What `newsfold digest --remember` and `--send` do: at most one digest a period, to each once.

    one at a time -> those of before who still wait -> is one due? -> made, remembered -> sent

Comes in: a database, the name of a profile, a time. Goes out: stored digests, and what became of
their mails. Done twice it does nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pipeline.configuration import FILE, address_of, read_configuration
from pipeline.digest.feeds import FeedHead, with_pages
from pipeline.digest.mail import fitting, message, message_id, recipients
from pipeline.digest.render import Form, render
from pipeline.editions import is_due, next_edition, remember
from pipeline.mailing import Sent, check_settings, send_digest
from storage.database import create_or_open, must_exist
from storage.digests import digest_by_id, last_digest, unfinished_digests
from storage.errors import WRONG_CALL, NewsfoldError
from storage.runs import only_one

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.configuration import Configuration, Mail, Profile
    from pipeline.editions import Edition
    from storage.digests import MailState, StoredDigest
    from storage.models import Event

MAIL = "mail"
FORMS = (*get_args(Form), MAIL)
WORK = "digest"  # only one process makes or sends digests of a database

_OPEN: tuple[MailState, ...] = ("planned", "sending")
_UNCERTAIN: tuple[MailState, ...] = (*_OPEN, "uncertain")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A digest, and what became of its mails; nothing, where it was not sent now."""

    digest: StoredDigest
    sent: Sent | None = None


def written(
    edition: Edition, form: str, configuration: Configuration, own_url: str = ""
) -> tuple[Edition, bytes]:
    """An edition in a form. A mail may hold less than the edition: what is remembered is what it
    tells. `own_url` is where a feed will be found."""
    if form not in FORMS:
        raise NewsfoldError(f"no such form: {form}; there are {', '.join(FORMS)}", WRONG_CALL)
    mail, site, templates = configuration.mail, configuration.site, configuration.digest.templates
    view = with_pages(edition.view, site.base_url)
    if form != MAIL:
        head = FeedHead(
            site.title, tag=site.tag, site=site.base_url, own_url=own_url, templates=templates
        )
        return edition, render(view, form, feed=head, templates=templates).encode()  # type: ignore[arg-type]
    if not mail.sender:
        raise NewsfoldError(f"a mail needs a sender; set it under [mail] in {FILE}", WRONG_CALL)
    fitted = fitting(view, templates)
    body = message(fitted, mail, edition.profile, templates).as_bytes()
    return edition.first(len(fitted.events)), body


def edition_now(
    db: Database,
    name: str,
    profile: Profile,
    configuration: Configuration,
    now: datetime,
    *,
    database: Path,
    since: datetime | None = None,
    say: Callable[[str], None] = lambda what: None,
) -> Edition:
    """What a profile's digest says now, with TL;DRs of a model where [digest] llm names one."""
    settings = configuration.digest

    def retold(events: list[Event]) -> list[Event]:
        from pipeline.summaries import summarised

        assert settings.llm is not None
        return summarised(database, events, settings.llm, now=lambda: now, say=say)

    return next_edition(
        db, name, profile, settings, now, since=since, retold=retold if settings.llm else None
    )


def message_ids(edition: Edition, body: bytes, profile: Profile, mail: Mail) -> dict[str, str]:
    """The id of the mail of each recipient, by their keys."""
    domain = address_of(mail.sender).domain
    return {
        key: message_id(edition.profile, edition.view.until, key, body, domain)
        for key in recipients(profile.to)
    }


def remember_due(
    database: Path, name: str, form: str | None, now: Callable[[], datetime]
) -> tuple[StoredDigest, bool]:
    """The digest of a profile in this period, and whether it was made just now; else it is the
    one that was made before."""
    db, configuration = _opened(database)
    profile = configuration.digest.profile(name)
    with only_one(database, wait=True, work=WORK):
        last = last_digest(db, name)
        if last is not None and not is_due(last, profile.span, now()):
            return last, False
        edition = edition_now(db, name, profile, configuration, now(), database=database)
        edition, body = written(edition, form or profile.form, configuration)
        return remember(db, edition, form or profile.form, body, {}), True


def send_due(
    database: Path,
    name: str,
    now: Callable[[], datetime],
    *,
    uncertain_again: bool = False,
) -> list[Delivery]:
    """Send what is due: mails that still wait, then the digest of this period, if it was not
    made yet. A digest without events is not sent. Raises AlreadyRunningError beside another one."""
    db, configuration = _opened(database)
    profile, mail = configuration.digest.profile(name), configuration.mail
    check_settings(mail)
    if not profile.to:
        raise NewsfoldError(
            f'[digest.{name}] in {FILE} lacks to, such as to = ["you@example.org"]', WRONG_CALL
        )
    with only_one(database, work=WORK):
        waiting = unfinished_digests(db, name, _UNCERTAIN if uncertain_again else _OPEN)
        last = last_digest(db, name)
        if is_due(last, profile.span, now()):
            waiting += _make(db, name, configuration, now(), database)
        found = []
        for id_ in waiting:
            digest = digest_by_id(db, id_)
            assert digest is not None  # digests are never deleted
            sent = send_digest(
                db,
                digest,
                mail,
                database.parent,
                now,
                wanted=recipients(profile.to),
                uncertain_again=uncertain_again,
            )
            found.append(Delivery(digest, sent))
        return found


def planned(
    db: Database, name: str, configuration: Configuration, now: datetime, database: Path
) -> tuple[Edition, bytes, dict[str, str]] | None:
    """What would be sent now: the edition, the message and to whom; None when none is due."""
    profile, mail = configuration.digest.profile(name), configuration.mail
    if not is_due(last_digest(db, name), profile.span, now):
        return None
    edition = edition_now(db, name, profile, configuration, now, database=database)
    edition, body = written(edition, MAIL, configuration)
    return edition, body, message_ids(edition, body, profile, mail)


def _make(
    db: Database, name: str, configuration: Configuration, now: datetime, database: Path
) -> list[int]:
    told = planned(db, name, configuration, now, database)
    if told is None or not told[0].view.events:
        return []
    edition, body, ids = told
    return [remember(db, edition, MAIL, body, ids).id]


def _opened(database: Path) -> tuple[Database, Configuration]:
    must_exist(database)
    return create_or_open(database), read_configuration(database)
