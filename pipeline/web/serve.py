"""`newsfold serve`: Datasette with our pages, on this machine alone unless told otherwise.

Comes in: databases and where to listen. Goes out: a server, until it is stopped. It reads the
files as Datasette does, read-only; a pass may write meanwhile.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from datasette.app import Datasette
from datasette.plugins import pm

from pipeline.output import say
from pipeline.web import plugin
from pipeline.web.sign_in import SHORTEST_SECRET
from storage.database import can_follow_writers, must_exist, open_existing
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = {
    "sql_time_limit_ms": 1000,
    "facet_time_limit_ms": 200,
    "max_returned_rows": 1000,
    "allow_download": False,  # a copy of a file that is being written is none
}


class Newsfold(Datasette):  # type: ignore[misc]  # Datasette has no types
    """Datasette that opens with the events of its first database, guards every answer, and takes
    corrections from whoever knows the secret."""

    newsfold_strict = True

    def __init__(self, files: Sequence[Path], secret: str) -> None:
        self.newsfold_secret = secret
        self.newsfold_front = files[0].stem  # as Datasette will call it
        follow = [str(path) for path in files if can_follow_writers(path)]
        super().__init__(
            follow,
            immutables=[str(path) for path in files if str(path) not in follow],
            metadata={"title": "newsfold"},
            settings=SETTINGS,
            # Signs cookies; without one of your own, everybody is signed out by a new start.
            secret=os.environ.get("DATASETTE_SECRET"),
        )


def serve(database: Path, others: Sequence[Path], *, host: str, port: int, secret: str) -> None:
    """Serve until stopped. Raises NewsfoldError for a file that is not there, or is not ours, and
    for a short secret; also when nothing can be served there."""
    app = application(database, others, secret=secret).app()
    shown = f"[{host}]" if ":" in host else host
    say(f"newsfold: {database} is on http://{shown}:{port}/ (Ctrl-C ends it)")
    if not _is_loopback(host):
        say("newsfold: whoever reaches this address can read all of it")
    if secret and not _is_loopback(host):
        say("newsfold: over plain HTTP the secret can be overheard; put HTTPS before it")
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
    except SystemExit as stop:  # it has said why
        if stop.code:
            words = f"nothing can be served on port {port} of {host}; choose another with --port"
            raise NewsfoldError(words) from stop


def application(database: Path, others: Sequence[Path] = (), *, secret: str = "") -> Any:
    """Datasette with our pages for these files; the first one's events are its front page."""
    if secret and len(secret) < SHORTEST_SECRET:
        raise NewsfoldError(
            f"the secret is shorter than {SHORTEST_SECRET} characters; make one with:"
            ' python3 -c "import secrets; print(secrets.token_urlsafe())"',
            WRONG_CALL,
        )
    open_existing(database).close()
    for other in others:
        must_exist(other)
    if not pm.is_registered(plugin):  # not installed, only on the path
        pm.register(plugin, "newsfold")
    return Newsfold([Path(path) for path in dict.fromkeys((database, *others))], secret)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
