"""Where the queue is: an address comes in, settings or an error that names the remedy go out.

Needs the extra: pip install 'newsfold[redis]'
"""

from __future__ import annotations

import hashlib
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from pathlib import Path

REMEDY = "pip install 'newsfold[redis]'"
SCHEMES = ("redis", "rediss", "unix")
IN_FLIGHT = 128  # requests of a pass that crawlers have at a time; by it memory in Redis is bounded
_HANDLER = "crawlers.shared.asking.AskCrawlers"


def settings_for(url: str, database: Path) -> dict[str, Any]:
    """The settings of a crawl that leaves fetching to crawlers at this queue. Raises NewsfoldError
    when it cannot be reached."""
    check(url)
    return {
        "NEWSFOLD_QUEUE": url,
        "NEWSFOLD_QUEUE_ANSWERS": answers_of(database),
        "CONCURRENT_REQUESTS": IN_FLIGHT,
        "DOWNLOAD_HANDLERS": {"http": _HANDLER, "https": _HANDLER},
    }


def check(url: str) -> None:
    """Raise NewsfoldError unless a Redis answers there that lets us in."""
    if urlsplit(url).scheme not in SCHEMES:
        raise NewsfoldError(
            f"{shown(url)!r} is no address of a queue; write one such as redis://host:6379/0",
            WRONG_CALL,
        )
    try:
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError as error:
        raise NewsfoldError(f"a queue needs the package redis; get it with: {REMEDY}") from error
    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as redis:
            redis.ping()
    except ValueError as error:
        raise NewsfoldError(
            f"{shown(url)!r} is no address of a queue ({error}); write one such as"
            " redis://host:6379/0",
            WRONG_CALL,
        ) from error
    except (RedisError, OSError) as error:
        raise unusable(url, error) from error


def unusable(url: str, error: Exception) -> NewsfoldError:
    """Why a queue cannot be used, and what to do."""
    said = str(error) or type(error).__name__
    if "maxmemory" in said:
        return NewsfoldError(
            f"{shown(url)}: Redis is full ({said}); give it more maxmemory and run again to go on"
        )
    if any(word in said for word in ("AUTH", "auth", "password", "NOPERM")):
        return NewsfoldError(
            f"{shown(url)}: Redis does not let us in ({said}); write redis://USER:PASSWORD@host"
        )
    return NewsfoldError(
        f"{shown(url)} cannot be used ({said}); see that Redis runs there, and run again to go on"
    )


def nobody_there(url: str, seconds: float) -> NewsfoldError:
    return NewsfoldError(
        f"no crawler has been at {shown(url)} for {seconds:g} seconds; start one, on any machine,"
        f" with: newsfold worker {shown(url)}"
    )


def shown(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def answers_of(database: Path) -> str:
    """The name under which the answers for one database are kept."""
    named = f"{socket.gethostname()}:{database.resolve()}"
    return f"newsfold:answers:{hashlib.sha256(named.encode()).hexdigest()[:16]}"
