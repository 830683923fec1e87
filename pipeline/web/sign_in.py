"""Who may correct: whoever knows the secret that the server was started with.

Comes in: what somebody typed. Goes out: whether it is the secret, and an actor for Datasette's
signed cookie. Without a secret nobody can sign in, and everything is read-only.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from pipeline.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_SECRET = 12  # characters: what is guessed at one try a second lasts
LONGEST_NAME = 60
HOURS = 12  # that one stays signed in
WAIT = 1.0  # seconds after a wrong secret


def is_secret(given: str, secret: str) -> bool:
    """Compared in a time that says nothing of either."""
    return compare_digest(_digest(given), _digest(secret))


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def actor_named(name: str) -> dict[str, str]:
    """The actor of an analyst. The mark before the name keeps it apart from Datasette's root."""
    plain = " ".join(visible(name).split())[:LONGEST_NAME] or "analyst"
    return {"id": f"newsfold:{plain}", "name": plain, "newsfold": "analyst"}


def is_analyst(actor: Mapping[str, Any] | None) -> bool:
    return bool(actor) and actor is not None and actor.get("newsfold") == "analyst"
