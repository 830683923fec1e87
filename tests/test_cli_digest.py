"""`newsfold digest` and `digests`: a look, what is remembered, what is sent, and wrong calls."""

from __future__ import annotations

import json
from email import message_from_string, policy
from typing import TYPE_CHECKING

import pytest

from pipeline import cli_digest, deliver
from pipeline.configuration import FILE
from storage.database import create_or_open
from storage.digests import list_digests
from storage.times import utc_now
from tests.mail_server import Mailbox, serve
from tests.newsroom import Newsroom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Newsfold = Callable[..., tuple[int, str, str]]

SETTINGS = """
[mail]
host = "127.0.0.1"
tls = "none"
port = {port}
sender = "newsfold <news@example.org>"
[digest.law]
title = "Courts and contracts"
categories = ["lawsuit"]
to = ["Ada Quill <ada@example.org>", "ben@example.org", "ADA@example.org"]
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "news.db"
    room = Newsroom(create_or_open(path))
    room.now = utc_now()
    room.report(None, "salt", "Morvik sues Tolvane")
    (tmp_path / FILE).write_text(SETTINGS.format(port=25), "utf-8")
    return path


def made(database: Path) -> list[int]:
    return [row["id"] for row in list_digests(create_or_open(database), None, 99)]


def test_a_look_remembers_nothing(database: Path, newsfold: Newsfold) -> None:
    for options in ([], ["--profile", "law"], ["--profile", "law", "--send", "--dry-run"]):
        code, out, _ = newsfold("digest", database, *options)
        assert code == 0 and "Morvik sues Tolvane" in out
    assert made(database) == []


def test_every_form_can_be_asked_for() -> None:
    assert cli_digest.FORMS == deliver.FORMS


def test_explain_says_each_part(database: Path, newsfold: Newsfold) -> None:
    header = newsfold("digest", database, "--explain")[1].splitlines()[0].split()
    assert {"voices", "pace", "weight", "new", "kind", "report", "saga", "room", "news"} <= set(
        header
    )


def test_what_is_remembered_is_made_once(database: Path, newsfold: Newsfold) -> None:
    first = newsfold("digest", database, "--profile", "law", "--remember", "--to", "markdown")
    again = newsfold("digest", database, "--profile", "law", "--remember")
    assert first[0] == again[0] == 0
    assert first[1] == again[1] and first[1].startswith("# Courts and contracts")
    assert "none is due yet" in again[2] and first[2] == ""
    [id_] = made(database)
    assert newsfold("digest", database, "--again", id_)[1] == first[1]
    assert "Nothing new" in newsfold("digest", database, "--profile", "law")[1]
    assert "Morvik" in newsfold("digest", database, "--profile", "daily")[1]


def test_the_list_of_digests(database: Path, newsfold: Newsfold) -> None:
    newsfold("digest", database, "--profile", "daily", "--remember", "--to", "json")
    [row] = json.loads(newsfold("digests", database)[1])
    assert (row["profile"], row["form"], row["events"], row["sent"]) == ("daily", "json", 1, 0)
    assert json.loads(newsfold("digests", database, "--profile", "law")[1]) == []


def test_a_dry_run_says_what_would_go_to_whom(database: Path, newsfold: Newsfold) -> None:
    code, out, _ = newsfold("digest", database, "--profile", "law", "--send", "--dry-run")
    assert code == 0
    heads = [line for line in out.splitlines() if line.startswith("To: ")]
    assert heads == ["To: Ada Quill <ada@example.org>", "To: ben@example.org"]
    assert "Subject: Courts and contracts, " in out and "Morvik sues Tolvane" in out


def test_a_mail_can_be_looked_at(database: Path, newsfold: Newsfold) -> None:
    code, out, _ = newsfold("digest", database, "--to", "mail")
    read = message_from_string(out, policy=policy.default)
    assert code == 0 and read["From"] == "newsfold <news@example.org>"
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


@pytest.mark.parametrize(
    ("form", "template"),
    [
        ("html", "digest.html"),
        ("markdown", "digest.md"),
        ("mail", "mail.html"),
        ("atom", "feed_entry.html"),
        ("jsonfeed", "feed_entry.html"),
    ],
)
def test_templates_of_a_user_come_first(
    database: Path, newsfold: Newsfold, form: str, template: str
) -> None:
    own = database.parent / "own"
    own.mkdir()
    asked = ("digest", database, "--to", form)
    (own / template).write_text('Folded by hand: {% include "newsfold/' + template + '" %}')
    code, out, _ = newsfold(*asked, "--templates", own)
    assert code == 0 and "Folded by hand" in out and "Morvik sues Tolvane" in out
    settings = database.parent / FILE
    settings.write_text(settings.read_text("utf-8") + '[digest]\ntemplates = "own"\n')
    assert "Folded by hand" in newsfold(*asked)[1]
    broken = database.parent / "broken"
    broken.mkdir()
    (broken / template).write_text("{% if %}")
    code, _, err = newsfold(*asked, "--templates", broken)
    assert code == 2 and template in err and "line 1" in err


def test_a_folder_of_templates_that_is_none(database: Path, newsfold: Newsfold) -> None:
    (database.parent / FILE).write_text('[digest]\ntemplates = "nowhere"\n')
    code, _, err = newsfold("digest", database)
    assert code == 2 and "nowhere is no folder" in err


def test_send_mails_it_and_says_how_it_went(database: Path, newsfold: Newsfold) -> None:
    box = Mailbox(refused={"ben@example.org": "451 try later"})
    server = serve(box)
    (database.parent / FILE).write_text(SETTINGS.format(port=server.port), "utf-8")
    try:
        code, out, err = newsfold("digest", database, "--profile", "law", "--send")
        assert (code, out) == (3, "")
        assert "1 sent" in err and "not sent yet, run again: ben@example.org" in err
        box.refused = {}
        assert newsfold("digest", database, "--profile", "law", "--send")[0] == 0
        code, _, err = newsfold("digest", database, "--profile", "law", "--send")
        assert (code, "nothing is new" in err) == (0, True)
    finally:
        server.stop()
    assert box.recipients == ["ada@example.org", "ben@example.org"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--remember"], "need a --profile"),
        (["--profile", "law", "--remember", "--since", "1d"], "follows from its profile"),
        (["--profile", "law", "--send", "--to", "text"], "--send remembers by itself"),
        (["--dry-run"], "go with --send"),
        (["--profile", "morning"], "'morning'; there are daily, weekly, law"),
        (["--again", "7"], "there is no digest 7"),
        (["--profile", "daily", "--send"], r"[digest.daily] in newsfold.toml lacks to"),
    ],
)
def test_wrong_calls(database: Path, newsfold: Newsfold, options: list[str], said: str) -> None:
    code, out, err = newsfold("digest", database, *options)
    assert (code, out) == (2, "")
    assert said in err
