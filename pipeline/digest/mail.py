"""A digest as a mail: plain text and HTML in one message, and what stands in its head.

Comes in: a DigestView, who sends it and when. Goes out: a message without a recipient, and from
that the same one for each. It opens no connection (mailing.py does).

The HTML keeps to what Gmail and Outlook let through: tables of 600 pixels, every style inline, no
script, no picture, nothing fetched. Gmail cuts a mail off at 102 KB, so one that would be longer
says less of each event, and then tells fewer.
"""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.configuration import Mail, address_of
from pipeline.digest.render import mail_html, period, render

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from pipeline.digest.view import DigestView, EventView

GMAIL_CLIPS = 102 * 1024  # bytes
MOST_BYTES = GMAIL_CLIPS - 8 * 1024  # what the sending server adds around links is not ours
_POLICY = policy.SMTP.clone(max_line_length=78)


def fitting(view: DigestView, templates: Path | None = None) -> DigestView:
    """The same as a mail can hold it: less of each event first, then fewer events."""
    for shorter in (_whole, _short, _brief):
        fitted = replace(view, events=tuple(map(shorter, view.events)))
        if _fits(fitted, templates):
            return fitted
    few, many = 1, len(fitted.events)  # one always fits, all do not
    while many - few > 1:
        middle = (few + many) // 2
        fits = _fits(_first(fitted, middle), templates)
        few, many = (middle, many) if fits else (few, middle)
    return _first(fitted, few)


def _fits(view: DigestView, templates: Path | None) -> bool:
    return len(mail_html(view, templates).encode()) <= MOST_BYTES


def _first(view: DigestView, count: int) -> DigestView:
    left_out = view.left_out + len(view.events) - count
    return replace(view, events=view.events[:count], left_out=left_out)


def _whole(event: EventView) -> EventView:
    """What a mail says of an event at most: the text of the story is a link away."""
    return replace(event, sections=(), figures=event.figures[:5], related=event.related[:3])


def _short(event: EventView) -> EventView:
    return replace(_whole(event), figures=event.figures[:2], related=())


def _brief(event: EventView) -> EventView:
    return replace(_short(event), tldr=event.tldr[:1], figures=(), sources=event.sources[:3])


def message(
    view: DigestView, mail: Mail, profile: str, templates: Path | None = None
) -> EmailMessage:
    """The message without what is different for each recipient."""
    sender = address_of(mail.sender)
    made = EmailMessage(policy=_POLICY)
    made["From"] = sender
    if mail.reply_to:
        made["Reply-To"] = address_of(mail.reply_to)
    made["Date"] = format_datetime(view.until)
    made["Subject"] = _subject(view)
    if profile:  # a mere look goes to nobody
        made["List-Id"] = f"{profile} digest <{profile}.digest.{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["Precedence"] = "bulk"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(render(view, "text"), cte="quoted-printable")
    html = mail_html(view, templates)
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    made.set_boundary("=_" + _hash(html.encode()))  # the same for the same digest
    return made


def _subject(view: DigestView) -> str:
    """What it is and of which day, then the first headline: all that many readers see."""
    said = f"{view.title}, {period({'since': view.since, 'until': view.until})}"
    headline = " ".join(view.events[0].headline.split()) if view.events else ""
    return " ".join(f"{said}: {headline}".split()) if headline else said


def for_recipient(body: bytes, mail: Mail, recipient: str, message_id: str) -> EmailMessage:
    """The message of a digest, addressed."""
    made = message_from_bytes(body, _class=EmailMessage, policy=_POLICY)
    made["To"] = address_of(recipient)
    made["Message-ID"] = message_id
    profile = str(made["List-Id"]).split(" ", 1)[0]
    back = address_of(mail.reply_to or mail.sender).addr_spec
    ways = [f"<mailto:{quote(back, safe='@')}?subject={quote(f'unsubscribe {profile}')}>"]
    if mail.unsubscribe:
        to = quote(address_of(recipient).addr_spec, safe="")
        ways.insert(0, f"<{mail.unsubscribe.replace('{to}', to)}>")
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made["List-Unsubscribe"] = ", ".join(ways)
    return made


def message_id(profile: str, until: datetime, recipient: str, body: bytes, domain: str) -> str:
    """The same for the same mail to the same recipient (a key of `recipients`), at however many
    tries."""
    told = "\0".join((profile, until.isoformat(), recipient))
    return f"<{_hash(told.encode() + body)}@{domain}>"


def recipients(to: tuple[str, ...]) -> dict[str, str]:
    """Each address once, as it was written, by a key that does not show it: the database, which
    others may look into, knows recipients by that alone."""
    found: dict[str, str] = {}
    for written in to:
        found.setdefault(_hash(address_of(written).addr_spec.lower().encode())[:16], written)
    return found


def _hash(told: bytes) -> str:
    return blake2b(told, digest_size=16).hexdigest()


def plain_text(body: bytes) -> str:
    """What a mail says to programs that show no HTML."""
    made = message_from_bytes(body, _class=EmailMessage, policy=_POLICY)
    part = made.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
