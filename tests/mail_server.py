"""A real SMTP server on this machine, which can refuse, fall silent and hang up when it is told to.

What it has taken stands in `mails`: a message is taken when its last line was there and the server
had decided to answer 250, whether the answer arrives or not.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from socket import create_connection
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

USER, PASSWORD = "newsfold", "a long secret"


@dataclass
class Mailbox:
    """The handler: what was taken, and how to behave."""

    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # recipient -> answer to RCPT
    after_data: dict[str, str] = field(default_factory=dict)  # recipient -> answer, or "hang up"
    hang_up_on: set[str] = field(default_factory=set)  # at RCPT, once
    logins: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.hang_up_on:
            self.hang_up_on.discard(address)
            server.transport.close()
            return "421 gone"
        answer = self.refused.get(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        [to] = envelope.rcpt_tos
        answer = self.after_data.get(to, "250 OK")
        if answer in ("250 OK", "hang up"):
            read = message_from_bytes(envelope.content, policy=policy.default)
            self.mails.append((to, read))  # type: ignore[arg-type]
        if answer == "hang up":
            server.transport.close()
        return answer

    def authenticate(self, server: SMTP, session: Any, envelope: Any, how: str, data: Any) -> Any:
        self.logins += 1
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    @property
    def recipients(self) -> list[str]:
        return sorted(to for to, _ in self.mails)


class _OnAnyPort(Controller):
    """One that listens at a free port; to be found there it is looked up, not asked for."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = int(self.server.sockets[0].getsockname()[1])
        create_connection((self.hostname, self.port), 5.0).close()


def serve(box: Mailbox, tls: str = "none", folder: Path | None = None) -> Controller:
    """A server that is listening; `tls` is none, starttls or tls, with a certificate in `folder`,
    and then it wants a login."""
    secure: dict[str, Any] = {}
    if tls != "none":
        assert folder is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder))
        secure = {"authenticator": box.authenticate, "auth_required": True}
        if tls == "starttls":
            secure |= {"tls_context": context, "require_starttls": True}
        else:
            secure |= {"ssl_context": context, "auth_require_tls": False}
    server = _OnAnyPort(box, hostname="127.0.0.1", port=0, **secure)
    server.start()
    return server


def _certificate(folder: Path) -> Path:
    """A certificate of this machine, and its key, in one file: newsfold.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "newsfold.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
