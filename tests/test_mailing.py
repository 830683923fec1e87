"""Mails over a real SMTP server on loopback: encrypted, refused, cut off, killed."""

from __future__ import annotations

import json
import os
import random
import signal
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.configuration import FILE
from pipeline.deliver import send_due
from pipeline.digest.mail import recipients
from pipeline.mailing import PASSWORD as VARIABLE
from pipeline.mailing import _dotted
from storage.database import create_or_open
from storage.digests import list_digests, mails_of
from storage.errors import NewsfoldError
from storage.runs import AlreadyRunningError, only_one
from storage.times import to_iso
from tests.mail_server import PASSWORD, USER, Mailbox, serve
from tests.newsroom import DAY, MORNING, Newsroom
from tests.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.deliver import Delivery

ADA, BEN, CY = (f"{name}@example.org" for name in ("ada", "ben", "cy"))
NAMES = recipients((ADA, BEN, CY))
KILLS = int(os.environ.get("NEWSFOLD_KILLS", "4"))


class Post:
    """A folder with a database and its settings, and a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "news.db"
        self.box = Mailbox()
        self.room = Newsroom(create_or_open(self.database))
        self.now = MORNING
        self.settings = ""

    def set(self, port: int, *more: str, to: tuple[str, ...] = (ADA, BEN, CY)) -> None:
        lines = [
            "[mail]",
            "host = '127.0.0.1'",
            f"port = {port}",
            "sender = 'newsfold <news@example.org>'",
            *more,
            "[digest.daily]",
            f"to = {json.dumps(to)}",
        ]
        (self.folder / FILE).write_text("\n".join(lines), "utf-8")

    def send(self, **options: bool) -> list[Delivery]:
        return send_due(self.database, "daily", lambda: self.now, **options)

    def states(self) -> dict[str, str]:
        ids = [row["id"] for row in list_digests(self.room.db, None, 1)]
        return {
            NAMES[mail.recipient]: mail.state for id_ in ids for mail in mails_of(self.room.db, id_)
        }


@contextmanager
def serving(post: Post, tls: str = "none", *more: str) -> Iterator[None]:
    server = serve(post.box, tls, post.folder)
    post.set(server.port, f"tls = '{tls}'", *more)
    try:
        yield
    finally:
        server.stop()


@pytest.fixture
def post(tmp_path: Path) -> Post:
    made = Post(tmp_path)
    made.room.report(None, "salt", "Morvik sues Tolvane")
    return made


def test_each_gets_one_and_a_second_call_sends_none(post: Post) -> None:
    with serving(post):
        [delivery] = post.send()
        assert delivery.sent is not None and delivery.sent.complete
        assert post.send() == []
    assert post.box.recipients == [ADA, BEN, CY]
    assert len({str(mail["Message-ID"]) for _, mail in post.box.mails}) == 3
    assert all(mail["To"] == to for to, mail in post.box.mails)


def test_the_next_day_brings_what_is_new_and_nothing_brings_no_mail(post: Post) -> None:
    with serving(post):
        post.send()
        post.now += DAY
        assert post.send() == []
        post.room.now = post.now
        post.room.report(None, "salt", "Ferries stand still")
        post.send()
    subjects = [mail["Subject"] for to, mail in post.box.mails if to == ADA]
    assert [subject.rpartition(": ")[2] for subject in subjects] == [
        "Morvik sues Tolvane",
        "Ferries stand still",
    ]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # of the server, on TLS from the start
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_encrypted_and_with_a_password(
    post: Post, tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with serving(post, tls, f"user = '{USER}'", "ca_file = 'newsfold.pem'"):
        post.send()
    assert (len(post.box.mails), post.box.logins) == (3, 1)


def test_the_password_may_stand_in_a_file(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    login = (f"user = '{USER}'", "ca_file = 'newsfold.pem'", "password_file = 'secret'")
    with serving(post, "starttls", *login):
        with pytest.raises(NewsfoldError, match="secret cannot be read"):
            post.send()
        (post.folder / "secret").write_text("wrong\n", "utf-8")
        with pytest.raises(NewsfoldError, match=r"takes no mail.*535"):
            post.send()
        assert set(post.states().values()) == {"planned"}
        (post.folder / "secret").write_text(f"{PASSWORD}\n", "utf-8")
        post.send()
    assert post.box.recipients == [ADA, BEN, CY]


def test_a_certificate_of_a_stranger_is_not_trusted(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with (
        serving(post, "starttls", f"user = '{USER}'"),
        pytest.raises(NewsfoldError, match="certificate"),
    ):
        post.send()
    assert (post.box.mails, post.box.logins) == ([], 0)


def test_one_who_is_refused_does_not_hold_up_the_others(post: Post) -> None:
    post.box.refused = {ADA: "550 no such user", BEN: "451 try later"}
    with serving(post):
        [delivery] = post.send()
        assert delivery.sent is not None
        assert delivery.sent.refused == (ADA,)
        assert delivery.sent.waiting == (BEN,)
        assert delivery.sent.errors == (f"{ADA}: 550 no such user", f"{BEN}: 451 try later")
        post.box.refused = {}
        post.send()
        assert post.send() == []
    assert post.box.recipients == [BEN, CY]
    assert post.states() == {ADA: "refused", BEN: "sent", CY: "sent"}


def test_a_server_that_says_no_after_all_has_not_taken_it(post: Post) -> None:
    post.box.after_data = {ADA: "554 looks like spam", BEN: "452 disk full"}
    with serving(post):
        post.send()
        assert post.states() == {ADA: "refused", BEN: "planned", CY: "sent"}
        post.box.after_data = {}
        post.send()
    assert post.box.recipients == [BEN, CY]


def test_one_that_hangs_up_without_an_answer_leaves_it_open(post: Post) -> None:
    """It took the mail and did not say so: nobody can know. It is not sent again by itself."""
    post.box.after_data = {BEN: "hang up"}
    with serving(post):
        [delivery] = post.send()
        assert delivery.sent is not None
        assert (delivery.sent.uncertain, delivery.sent.sent) == ((BEN,), (ADA, CY))
        post.box.after_data = {}
        assert post.send() == []
        assert post.box.recipients == [ADA, BEN, CY]
        post.send(uncertain_again=True)
    assert post.states() == dict.fromkeys((ADA, BEN, CY), "sent")
    once, again = (str(mail["Message-ID"]) for to, mail in post.box.mails if to == BEN)
    assert once == again


def test_one_that_hangs_up_before_is_asked_again_at_once(post: Post) -> None:
    post.box.hang_up_on = {BEN}
    with serving(post):
        post.send()
    assert post.box.recipients == [ADA, BEN, CY]


def test_without_a_server_all_wait_for_the_next_call(post: Post) -> None:
    with serving(post):
        pass
    with pytest.raises(NewsfoldError, match="takes no mail"):
        post.send()
    assert set(post.states().values()) == {"planned"}
    post.now += timedelta(minutes=10)
    with serving(post):
        post.send()
    assert post.box.recipients == [ADA, BEN, CY]


def test_who_has_left_gets_none_that_still_waited(post: Post) -> None:
    post.box.refused = {BEN: "451 try later"}
    with serving(post):
        post.send()
        settings = (post.folder / FILE).read_text("utf-8")
        (post.folder / FILE).write_text(settings.replace(f', "{BEN}"', ""), "utf-8")
        post.box.refused = {}
        post.send()
    assert (post.box.recipients, post.states()[BEN]) == ([ADA, CY], "refused")


def test_the_database_holds_no_address_of_a_recipient(post: Post) -> None:
    post.box.refused = {ADA: f"550 <{ADA}> is unknown here"}
    with serving(post):
        [delivery] = post.send()
    assert delivery.sent is not None
    assert delivery.sent.errors == (f"{ADA}: 550 <the recipient> is unknown here",)
    assert not any(name in line for line in post.room.db.iterdump() for name in (ADA, BEN, CY))


def test_two_at_once_are_one(post: Post) -> None:
    with (
        serving(post),
        only_one(post.database, work="digest"),
        pytest.raises(AlreadyRunningError),
    ):
        post.send()
    assert post.box.mails == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[digest.daily]\nto = ['a@b.org']\n", "lacks host"),
        ("[mail]\nhost = 'x'\n", "lacks sender"),
        ("[mail]\nhost = 'x'\nsender = 'a@b.org'\n", r"\[digest.daily\] .* lacks to"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_made(
    post: Post, settings: str, said: str
) -> None:
    (post.folder / FILE).write_text(settings, "utf-8")
    with pytest.raises(NewsfoldError, match=said):
        post.send()
    assert post.states() == {}


def test_lines_that_begin_with_a_dot_arrive(post: Post) -> None:
    assert _dotted(b".a\n..b\r\nc") == b"..a\r\n...b\r\nc\r\n"
    post.room.report(None, "salt", ".NET and ...more " * 12)
    with serving(post):
        post.send()
    text = post.box.mails[0][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert ".NET and ...more .NET" in text


# Killed at any line

SENDING = """
import json, os, signal, sys
from pathlib import Path
from pipeline.deliver import send_due
from storage.times import from_iso
given = json.loads(sys.argv[1])
WATCHED = ("mailing.py", "deliver.py", "digests.py", "smtplib.py")
lines = 0
def trace(frame, event, argument):
    global lines
    if not frame.f_code.co_filename.endswith(WATCHED):
        return None
    if event == "line":
        lines += 1
        if lines == given["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace
sys.settrace(trace)
send_due(Path(given["database"]), "daily", lambda: from_iso(given["now"]))
sys.settrace(None)
print(lines)
"""


def lines_of(post: Post, kill_at: int = 0) -> int:
    """Send in a process of its own, which is killed at a line; the lines that it ran, 0 when it
    was killed."""
    given = {"database": str(post.database), "now": to_iso(post.now), "kill_at": kill_at}
    done = run(SENDING, json.dumps(given))
    if done.returncode == -signal.SIGKILL:
        return 0
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.long
def test_killed_at_any_line_and_run_again_nobody_gets_two(post: Post) -> None:
    """Each day the sender is killed once, somewhere, and run again. Who has none is uncertain."""
    draw = random.Random(7)
    with serving(post):
        lines = lines_of(post)
        for day in range(1, KILLS + 1):
            post.now += DAY
            post.room.now = post.now
            post.room.report(None, "salt", f"Thing {day} happens")
            # Stratified: some before, some amid and some after the mails.
            at = int(lines * (day - 1 + draw.random()) / KILLS) + 1
            taken = len(post.box.mails)
            assert lines_of(post, kill_at=at) == 0  # it was killed
            post.send()
            got = [to for to, _ in post.box.mails[taken:]]
            assert len(got) == len(set(got)), f"twice, when killed at line {at} of {lines}"
            states = post.states()
            assert set(states) == {ADA, BEN, CY}
            for recipient, state in states.items():
                assert state in ("sent", "uncertain")
                assert state == "uncertain" or recipient in got
    assert len(list(list_digests(post.room.db, "daily", 999))) == KILLS + 1
