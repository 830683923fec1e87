"""A digest as a mail: its head, its two parts, and that no mail program has to cut it."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from pipeline.configuration import Mail
from pipeline.digest.mail import (
    GMAIL_CLIPS,
    fitting,
    for_recipient,
    message,
    message_id,
    plain_text,
    recipients,
)
from pipeline.digest.render import mail_html, render
from storage.models import Section, Sentence
from tests.test_digest import (
    EVENT,
    FORBIDDEN,
    HOSTILE,
    NOW,
    OTHER,
    SOURCES,
    STORIES,
    build_view,
    digest,
    page,
    view,
)

if TYPE_CHECKING:
    from email.message import EmailMessage

MAIL = Mail(host="mail.example.org", sender="newsfold <news@example.org>")


def arrived(mail: Mail = MAIL, to: str = "Ada Quill <ada@example.org>") -> EmailMessage:
    """A mail as a recipient's program reads it."""
    body = message(digest(view()), mail, "chips").as_bytes()
    sent = for_recipient(body, mail, to, "<1@example.org>").as_bytes()
    return message_from_bytes(sent, policy=policy.default)  # type: ignore[return-value]


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def test_the_head_says_who_what_and_when() -> None:
    mail = arrived()
    assert mail["From"] == "newsfold <news@example.org>"
    assert mail["To"] == "Ada Quill <ada@example.org>"
    assert mail["Subject"] == "newsfold, 8 to 9 April 2026: Morvik orders nine ferries"
    assert mail["Date"].datetime == NOW
    assert mail["Message-ID"] == "<1@example.org>"
    assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", "bulk")
    assert mail["List-Id"] == "chips digest <chips.digest.example.org>"


def test_a_look_without_a_profile_names_no_list() -> None:
    assert message(digest(view()), MAIL, "")["List-Id"] is None


def test_both_parts_say_it() -> None:
    mail = arrived()
    assert part(mail, "plain") == render(digest(view()), "text")
    for words in ("Morvik orders nine ferries", "€310M", "Salt Wire", "https://salt.example/"):
        assert words in part(mail, "html")
    assert plain_text(mail.as_bytes()) == part(mail, "plain")


def test_who_wants_no_more_can_say_so_by_mail_or_with_a_click() -> None:
    by_mail = "<mailto:news@example.org?subject=unsubscribe%20chips>"
    assert arrived()["List-Unsubscribe"] == by_mail
    assert arrived()["List-Unsubscribe-Post"] is None
    clicks = replace(MAIL, unsubscribe="https://example.org/out?who={to}", reply_to="us@x.org")
    mail = arrived(clicks, to="ada+news@example.org")
    assert mail["List-Unsubscribe"] == (
        "<https://example.org/out?who=ada%2Bnews%40example.org>, "
        "<mailto:us@x.org?subject=unsubscribe%20chips>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_it_goes_over_any_wire() -> None:
    """Seven bits, lines that no server folds, and names in any script."""
    title = "Größe zählt: 東京 und Šiauliai, " * 6
    shown = digest(replace(view(), headline=title))
    body = message(replace(shown, title="Nachrichten für Überall"), MAIL, "chips").as_bytes()
    sent = for_recipient(body, MAIL, "Åsa <asa@example.org>", "<1@example.org>").as_bytes()
    assert sent.isascii()
    assert max(map(len, sent.splitlines())) <= 998
    read = message_from_bytes(sent, policy=policy.default)
    assert "東京 und Šiauliai" in read["Subject"] and read["To"] == "Åsa <asa@example.org>"


def test_the_same_digest_is_the_same_mail() -> None:
    one, other = (message(digest(view()), MAIL, "chips").as_bytes() for _ in range(2))
    assert one == other
    ids = [message_id("chips", NOW, to, one, "x.org") for to in ("1a", "1a", "2b")]
    assert ids[0] == ids[1] != ids[2]
    assert all(re.fullmatch(r"<[0-9a-f]{32}@x\.org>", id_) for id_ in ids)


def test_each_address_once() -> None:
    told = recipients(("Ada <ada@x.org>", "ADA@X.org", "ben@x.org"))
    assert list(told.values()) == ["Ada <ada@x.org>", "ben@x.org"]


def test_the_html_keeps_to_what_mail_programs_let_through() -> None:
    html = mail_html(digest(view()))
    read = page(html)
    assert not {"script", "style", "img", "link", "iframe", "form", "svg"} & set(read.tags)
    assert "url(" not in html and "class=" not in html
    assert 'width="600"' in html and "max-width:600px" in html
    assert all(re.search(r'style="', tag) for tag in re.findall(r"<(?:p|h1|h2|td|a)\b[^>]*>", html))


@pytest.mark.parametrize("count", [1, 20, 60, 300])
def test_gmail_never_cuts_it_off(count: int) -> None:
    """It says less of each event, then tells fewer, and counts those."""
    long = tuple(Sentence("Morvik has ordered nine ferries, and one more. " * 9, 2) for _ in "123")
    one = build_view(replace(EVENT, tldr=long), STORIES, SOURCES, {8: OTHER})
    shown = fitting(digest(*(replace(one, event_id=i) for i in range(count))))
    assert len(mail_html(shown).encode()) < GMAIL_CLIPS
    assert len(shown.events) + shown.left_out == count
    assert [event.event_id for event in shown.events] == list(range(len(shown.events)))
    assert len(shown.events) >= min(count, 20)


def test_a_short_one_says_all() -> None:
    one = view()
    shown = fitting(digest(one)).events[0]
    assert (shown.tldr, shown.figures, shown.sources) == (one.tldr, one.figures, one.sources)


@given(HOSTILE, HOSTILE)
@settings(max_examples=60)
def test_hostile_strings_are_only_ever_text(text: str, url: str) -> None:
    stories = {
        i: replace(s, url=url, title=text, sections=(Section(text, text),), text=text)
        for i, s in STORIES.items()
    }
    hostile = replace(EVENT, title=text, category=text, tldr=(Sentence(text, 1),))
    sources = {key: replace(source, name=text) for key, source in SOURCES.items()}
    seen = digest(build_view(hostile, stories, sources, {8: replace(OTHER, title=text)}))
    html = mail_html(seen)
    read = page(html)
    assert not FORBIDDEN.search(html)
    assert not read.handlers and not {"script", "img"} & set(read.tags)
    assert all(link.lower().startswith(("http://", "https://")) for link in read.links)
    sent = message_from_bytes(message(seen, MAIL, "x").as_bytes(), policy=policy.default)
    assert sent.keys().count("Subject") == 1 and sent["Bcc"] is None
