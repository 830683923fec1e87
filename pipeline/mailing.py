"""A stored digest on its way to its recipients, each exactly once as far as SMTP allows.

    planned -> everything but the last line is with the server -> sending -> the last line
      -> the server says 250 -> sent

A server must not deliver a message whose last line ("." alone) it never got (RFC 5321, 4.1.1.4).
So a process that is killed before "sending" is stored has sent nothing, and the next one starts
anew. One that is killed after that, or whose server falls silent then, cannot know: SMTP has no way
to ask. Such a mail is "uncertain" and not sent again by itself, so nobody gets two; the caller is
told, and may send it again with the same Message-ID, by which many servers drop the second. What is
left open is the time from our last line to the server's answer and our note of it.

Comes in: a database, a digest in it, the server's settings. Goes out: what became of each mail.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.configuration import FILE, PORTS, address_of
from pipeline.digest.mail import for_recipient
from storage.digests import mails_of, mark_mail
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from email.message import EmailMessage
    from pathlib import Path

    from sqlite_utils import Database

    from pipeline.configuration import Mail
    from storage.digests import DigestMail, MailState, StoredDigest

PASSWORD = "NEWSFOLD_MAIL_PASSWORD"
TIMEOUT = 60.0  # seconds for each answer
LAST_ANSWER = 600.0  # for the one that counts, as RFC 5321 asks (4.5.3.2.6): no needless doubt
REFUSED_FOR_GOOD = 500
GOES_AWAY = 421


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the mails of a digest, by recipient."""

    sent: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()  # not sent; the next call tries again
    uncertain: tuple[str, ...] = ()  # perhaps sent
    refused: tuple[str, ...] = ()  # by the server, for good
    errors: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not (self.waiting or self.uncertain or self.refused)


class _NotTakenError(Exception):
    """The server did not take a mail."""

    def __init__(self, code: int, words: bytes | str) -> None:
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        super().__init__(f"{code} {' '.join(said.split())}"[:300])
        self.for_good = code >= REFUSED_FOR_GOOD


def check_settings(mail: Mail) -> None:
    """Raises NewsfoldError that names what is missing before a mail can be sent."""
    for key in ("host", "sender"):
        if not getattr(mail, key):
            raise NewsfoldError(f"[mail] in {FILE} lacks {key}", WRONG_CALL)


def send_digest(
    db: Database,
    digest: StoredDigest,
    mail: Mail,
    folder: Path,
    now: Callable[[], datetime],
    *,
    wanted: Mapping[str, str],
    uncertain_again: bool = False,
    timeout: float = TIMEOUT,
    last_answer: float = LAST_ANSWER,
) -> Sent:
    """Send a digest to those who have not got it and are still `wanted` (key: address). `folder` is
    that of the settings, in which the files that they name lie. The caller sees to it that no other
    process does this. Raises NewsfoldError when the server cannot be used at all."""
    db.execute("PRAGMA synchronous = FULL")  # what is noted outlives a loss of power, too
    states = ("planned", "uncertain") if uncertain_again else ("planned",)
    for one in mails_of(db, digest.id):
        if one.state == "sending":
            mark_mail(db, one, "uncertain", now(), "the process that sent it was cut off")
    post = _Post(mail, folder, timeout, last_answer)
    try:
        for one in mails_of(db, digest.id):
            if one.state in states and one.recipient not in wanted:
                mark_mail(db, one, "refused", now(), "no recipient any more")
            elif one.state in states:
                _send(db, digest, one, wanted[one.recipient], post, mail, now)
    finally:
        post.close()
    return _outcome(mails_of(db, digest.id), wanted)


def _send(
    db: Database,
    digest: StoredDigest,
    one: DigestMail,
    recipient: str,
    post: _Post,
    mail: Mail,
    now: Callable[[], datetime],
) -> None:
    message = for_recipient(digest.body, mail, recipient, one.message_id)
    to = address_of(recipient).addr_spec
    last_line = False

    def before_last_line() -> None:
        nonlocal last_line
        note("sending")
        last_line = True

    def note(state: MailState, error: Exception | None = None) -> None:
        # Servers repeat the address in their answers.
        said = None if error is None else _in_words(error).replace(to, "the recipient")
        mark_mail(db, one, state, now(), said)

    try:
        try:
            post.send(message, to, before_last_line)
        except (OSError, smtplib.SMTPException):
            # Servers hang up on a connection that was kept open; a fresh one is no second mail.
            if last_line or not post.was_used:
                raise
            post.close()
            post.send(message, to, before_last_line)
        note("sent")
    except _NotTakenError as error:
        note("refused" if error.for_good else "planned", error)
    except (OSError, smtplib.SMTPException) as error:
        # One that was uncertain before stays so until a server has taken it.
        uncertain = last_line or one.state == "uncertain"
        note("uncertain" if uncertain else "planned", error)
        post.close()


class _Post:
    """A connection to the server, opened when it is needed and again when it broke."""

    def __init__(self, mail: Mail, folder: Path, timeout: float, last_answer: float) -> None:
        self._mail = mail
        self._folder = folder
        self._timeout = timeout
        self._last_answer = last_answer
        self._open: smtplib.SMTP | None = None
        self.was_used = False  # the open connection has carried a mail before

    def send(self, message: EmailMessage, to: str, before_last_line: Callable[[], None]) -> None:
        """Raises _NotTakenError when the server does not want it; OSError and SMTPException when
        the connection breaks."""
        if self._open is None:
            self._open = self._connect()
            self.was_used = False
        server = self._open
        try:
            _expect(250, server.mail(address_of(self._mail.sender).addr_spec))
            _expect(250, server.rcpt(to))
            _expect(354, server.docmd("DATA"))
        except _NotTakenError:
            with suppress(OSError, smtplib.SMTPException):
                server.rset()
            raise
        server.send(_dotted(message.as_bytes()))
        before_last_line()
        assert server.sock is not None  # it has just been written to
        server.sock.settimeout(self._last_answer)
        server.send(b".\r\n")
        code, words = server.getreply()
        if code == GOES_AWAY:  # and does not take it
            self.close()
            raise _NotTakenError(code, words)
        _expect(250, (code, words))
        server.sock.settimeout(self._timeout)
        self.was_used = True

    def close(self) -> None:
        if self._open is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._open.quit()
        self._open = None

    def _connect(self) -> smtplib.SMTP:
        mail = self._mail
        port = mail.port or PORTS[mail.tls]
        password = self._password() if mail.user else ""
        try:
            if mail.tls == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    mail.host, port, timeout=self._timeout, context=self._trust()
                )
            else:
                server = smtplib.SMTP(mail.host, port, timeout=self._timeout)
            if mail.tls == "starttls":
                server.starttls(context=self._trust())
            server.ehlo_or_helo_if_needed()
            if mail.user:
                server.login(mail.user, password)
        except (OSError, smtplib.SMTPException) as error:
            raise NewsfoldError(
                f"{mail.host}:{port} takes no mail ({_in_words(error)}); nothing was sent to those"
                " who wait, run again"
            ) from error
        return server

    def _trust(self) -> ssl.SSLContext:
        ours = self._mail.ca_file
        return ssl.create_default_context(cafile=self._folder / ours if ours else None)

    def _password(self) -> str:
        """From the environment, or the first line of a file; never from a command line."""
        told = os.environ.get(PASSWORD)
        if told:
            return told
        if self._mail.password_file is None:
            raise NewsfoldError(
                f"{self._mail.user} needs a password: set {PASSWORD}, or password_file under"
                f" [mail] in {FILE}",
                WRONG_CALL,
            )
        path = self._folder / self._mail.password_file
        try:
            return path.read_text("utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeError) as error:
            raise NewsfoldError(f"{path} cannot be read; it holds the password", 1) from error


def _expect(wanted: int, answer: tuple[int, bytes]) -> None:
    code, words = answer
    if code == wanted or (wanted == 250 and code == 251):
        return
    if code in (-1, GOES_AWAY):  # the server goes; it said nothing of this mail
        raise smtplib.SMTPServerDisconnected(words.decode("utf-8", "replace") or "it hung up")
    raise _NotTakenError(code, words)


def _dotted(message: bytes) -> bytes:
    """The lines of a message as they go over the wire, all but the one that ends it."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return (b"." + lines if lines.startswith(b".") else lines).replace(b"\r\n.", b"\r\n..")


def _in_words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {' '.join(words.split())}"[:300]
    return (str(error) or type(error).__name__)[:300]


def _outcome(mails: Iterable[DigestMail], wanted: Mapping[str, str]) -> Sent:
    by: dict[str, list[str]] = {"sent": [], "planned": [], "uncertain": [], "refused": []}
    errors = []
    for one in mails:
        to = wanted.get(one.recipient, "one who has left")
        by[one.state].append(to)
        if one.error and one.state != "sent":
            errors.append(f"{to}: {one.error}")
    return Sent(
        tuple(by["sent"]),
        tuple(by["planned"]),
        tuple(by["uncertain"]),
        tuple(by["refused"]),
        tuple(errors),
    )
