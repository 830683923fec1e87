"""Digests as rows: what was told of which event, and to whom it went.

Comes in: what a digest says. Goes out: what readers have been told, found again under the ids that
events have today. It decides neither what is new nor what is sent.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from storage.database import transaction
from storage.rows import marks, to_json
from storage.times import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlite_utils import Database

MailState = Literal["planned", "sending", "sent", "uncertain", "refused"]
Content = dict[str, Any]  # of the columns told and since_then


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event as a digest told it."""

    event_id: int
    headline: str
    url: str
    category: str
    told: Content
    since_then: Content | None = None
    digest_id: int = 0
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest that was made."""

    id: int
    profile: str
    made_at: datetime
    since: datetime
    until: datetime
    form: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DigestMail:
    """A digest on its way to one recipient."""

    digest_id: int
    recipient: str  # a key; the address stands in newsfold.toml alone
    message_id: str
    state: MailState
    tries: int = 0
    error: str | None = None


def save_digest(
    db: Database,
    digest: StoredDigest,
    events: Sequence[ToldEvent],
    left_out: int,
    mails: Mapping[str, str],
) -> int:
    """Remember a digest, what it tells, and to whom it is to go (the Message-ID of the mail by the
    key of its recipient). The id that it has now; that of `digest` does not count."""
    now = to_iso(digest.made_at)
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO digests (profile, made_at, since, until, form, left_out, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                digest.profile,
                now,
                to_iso(digest.since),
                to_iso(digest.until),
                digest.form,
                left_out,
                zlib.compress(digest.body),
            ),
        )
        id_ = int(cursor.lastrowid or 0)
        db.conn.executemany(
            "INSERT INTO digest_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    id_,
                    place,
                    event.event_id,
                    event.headline,
                    event.url,
                    event.category,
                    to_json(event.told),
                    to_json(event.since_then) if event.since_then is not None else None,
                )
                for place, event in enumerate(events, start=1)
            ],
        )
        db.conn.executemany(
            "INSERT INTO digest_mails (digest_id, recipient, message_id, state, changed_at)"
            " VALUES (?, ?, ?, 'planned', ?)",
            [(id_, recipient, message_id, now) for recipient, message_id in mails.items()],
        )
    return id_


def last_digest(db: Database, profile: str) -> StoredDigest | None:
    """The latest digest of a profile."""
    rows = db.query(
        "SELECT id FROM digests WHERE profile = ? ORDER BY until DESC, id DESC LIMIT 1", (profile,)
    )
    return next((digest_by_id(db, row["id"]) for row in rows), None)


def digest_by_id(db: Database, id_: int) -> StoredDigest | None:
    for row in db.query("SELECT * FROM digests WHERE id = ?", (id_,)):
        made, since, until = (from_iso(row[key]) for key in ("made_at", "since", "until"))
        assert made and since and until
        body = zlib.decompress(row["body"])
        return StoredDigest(id_, row["profile"], made, since, until, row["form"], body)
    return None


# An event that was told under another id is the same: what it was merged into, and what was split
# from it, as far as that has a story that was told.
_TOLD = """
WITH RECURSIVE became(was, id) AS (
  SELECT DISTINCT e.event_id, e.event_id FROM digest_events AS e
    JOIN digests AS d ON d.id = e.digest_id WHERE d.profile = ?
  UNION
  SELECT b.was, l.other_event FROM became AS b JOIN lineage AS l ON l.event_id = b.id
)
SELECT b.id AS now, e.*, d.until FROM became AS b
  JOIN digest_events AS e ON e.event_id = b.was
  JOIN digests AS d ON d.id = e.digest_id
  WHERE d.profile = ? AND b.id IN
    (SELECT id FROM events WHERE last_published IS NULL OR last_published >= ?)
  ORDER BY d.until, e.digest_id, e.place
"""


def told_events(db: Database, profile: str, since: datetime) -> dict[int, list[ToldEvent]]:
    """What a profile has told, the earliest first, by the ids that the events have today; of those
    with a report from then on."""
    found: dict[int, list[ToldEvent]] = defaultdict(list)
    for row in db.query(_TOLD, (profile, profile, to_iso(since))):
        then = row["since_then"]
        found[row["now"]].append(
            ToldEvent(
                row["event_id"],
                row["headline"],
                row["url"],
                row["category"],
                json.loads(row["told"]),
                json.loads(then) if then else None,
                row["digest_id"],
                from_iso(row["until"]),
            )
        )
    return found


def mails_of(db: Database, digest_id: int) -> list[DigestMail]:
    """To whom a digest goes or went, by their keys."""
    rows = db.query(
        "SELECT digest_id, recipient, message_id, state, tries, error FROM digest_mails"
        " WHERE digest_id = ? ORDER BY recipient",
        (digest_id,),
    )
    return [DigestMail(**row) for row in rows]


def unfinished_digests(db: Database, profile: str, states: Sequence[MailState]) -> list[int]:
    """Digests of a profile with mails in these states, the earliest first."""
    rows = db.execute(
        "SELECT DISTINCT d.id FROM digest_mails AS m JOIN digests AS d ON d.id = m.digest_id"
        f" WHERE m.state IN ({marks(states)}) AND d.profile = ? ORDER BY d.id",
        (*states, profile),
    )
    return [row[0] for row in rows]


def mark_mail(
    db: Database, mail: DigestMail, state: MailState, now: datetime, error: str | None = None
) -> None:
    """A mail goes into another state; one that is being sent counts as a try."""
    with transaction(db):
        db.execute(
            "UPDATE digest_mails SET state = ?, changed_at = ?, error = ?, tries = tries + ?"
            " WHERE digest_id = ? AND recipient = ?",
            (state, to_iso(now), error, state == "sending", mail.digest_id, mail.recipient),
        )


def list_digests(db: Database, profile: str | None, limit: int) -> Iterable[dict[str, Any]]:
    """Digests, the latest first, with how many events they tell and how many mails are where."""
    return db.query(
        "SELECT d.id, d.profile, d.made_at, d.since, d.until, d.form,"
        " (SELECT count(*) FROM digest_events AS e WHERE e.digest_id = d.id) AS events,"
        " (SELECT count(*) FROM digest_events AS e WHERE e.digest_id = d.id"
        "  AND e.since_then IS NOT NULL) AS came_back, d.left_out,"
        " coalesce(sum(m.state = 'sent'), 0) AS sent,"
        " coalesce(sum(m.state = 'planned'), 0) AS waiting,"
        " coalesce(sum(m.state IN ('sending', 'uncertain')), 0) AS uncertain,"
        " coalesce(sum(m.state = 'refused'), 0) AS refused"
        " FROM digests AS d LEFT JOIN digest_mails AS m ON m.digest_id = d.id"
        " WHERE ? IS NULL OR d.profile = ? GROUP BY d.id ORDER BY d.id DESC LIMIT ?",
        (profile, profile, limit),
    )
