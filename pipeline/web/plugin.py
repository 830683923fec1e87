"""What Datasette sees of us: addresses, a permission, links in its menus, headers.

`datasette news.db` finds this by its entry point; `newsfold serve` registers it itself. Beside
databases that are not ours it does nothing.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from datasette import hookimpl as _hookimpl

from pipeline.web import addresses, pages, render, sign_in
from pipeline.web.visit import MAY_CORRECT
from storage.database import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Asgi = Callable[..., Awaitable[None]]

F = TypeVar("F")
BODY_LIMIT = 1_000_000  # bytes of what a browser sends


def hookimpl(function: F) -> F:
    """Marks what Datasette calls; the same with a type."""
    marked: F = _hookimpl(function)
    return marked


@hookimpl
def startup(datasette: Any) -> None:
    """Under plain Datasette the secret comes from the environment; a short one is none."""
    if not hasattr(datasette, "newsfold_secret"):
        secret = os.environ.get("NEWSFOLD_SECRET", "")
        datasette.newsfold_secret = secret if len(secret) >= sign_in.SHORTEST_SECRET else ""


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Any]]:
    routes = [
        (addresses.EVENTS, pages.events_page),
        (addresses.EVENT, pages.event_page),
        (addresses.CORRECT, pages.correct_page),
        (addresses.STORY, pages.story_page),
        (f"{addresses.SIGN_IN}$", pages.sign_in_page),
        (f"{addresses.STYLES}$", pages.styles_file),
    ]
    if _front_of(datasette):
        routes.append((r"/$", _to_front))
    return routes


async def _to_front(datasette: Any) -> Any:
    from datasette.utils.asgi import Response

    path = datasette.urls.database(_front_of(datasette))
    return Response.redirect(addresses.Addresses("/", path).events())


def _front_of(datasette: Any) -> str:
    """The database whose events are the front page; Datasette's list of databases if none is."""
    return str(getattr(datasette, "newsfold_front", ""))


@hookimpl
def permission_allowed(actor: dict[str, Any] | None, action: str) -> bool | None:
    return True if action == MAY_CORRECT and sign_in.is_analyst(actor) else None


@hookimpl
def menu_links(datasette: Any) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    async def links() -> list[dict[str, str]]:
        ours = [db for db in datasette.databases.values() if await _is_ours(db)]
        return [
            {
                "href": addresses.Addresses("/", datasette.urls.database(db.name)).events(),
                "label": "Events" if len(ours) == 1 else f"Events of {db.name}",
            }
            for db in ours
        ]

    return links


async def _is_ours(database: Any) -> bool:
    def asked(connection: sqlite3.Connection) -> bool:
        mark: int = connection.execute("PRAGMA application_id").fetchone()[0]
        return mark == APPLICATION_ID

    return database.path is not None and bool(await database.execute_fn(asked))


@hookimpl
def prepare_connection(conn: sqlite3.Connection, datasette: Any) -> None:
    """A query may not make a string of a gigabyte in memory."""
    if getattr(datasette, "newsfold_strict", False):
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 64_000_000)


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[Asgi], Asgi]:
    """Under `newsfold serve` every answer carries a policy, Datasette's own, too."""
    strict = bool(getattr(datasette, "newsfold_strict", False))
    return _guarded(datasette) if strict else lambda app: app


def _guarded(datasette: Any) -> Callable[[Asgi], Asgi]:
    policy = render.POLICY_OF_DATASETTE.format(render.script_hashes(_templates(datasette)))
    wanted = {**render.HEADERS, "Content-Security-Policy": policy}
    raw = [(name.lower().encode(), value.encode()) for name, value in wanted.items()]

    def wrap(app: Asgi) -> Asgi:
        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            async def send_with_policy(message: Any) -> None:
                if message["type"] == "http.response.start":
                    headers = list(message.get("headers", []))
                    there = {name.lower() for name, _ in headers}
                    headers += [header for header in raw if header[0] not in there]
                    message = {**message, "headers": headers}
                await send(message)

            if scope["type"] == "http" and _is_too_long(scope):
                await send_with_policy({"type": "http.response.start", "status": 413})
                await send_with_policy({"type": "http.response.body", "body": b"Too long.\n"})
                return
            await app(scope, receive, send_with_policy)

        return guarded

    return wrap


def _is_too_long(scope: Any) -> bool:
    """Whether more is sent than any form of ours has, or nobody says how much."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    length = dict(scope["headers"]).get(b"content-length", b"")
    return not (length.isdigit() and len(length) < 12 and int(length) <= BODY_LIMIT)


def _templates(datasette: Any) -> list[str]:
    """The templates of Datasette as they are written."""
    loader = datasette.jinja_env.loader
    names = [name for name in datasette.jinja_env.list_templates() if name.endswith(".html")]
    return [loader.get_source(datasette.jinja_env, name)[0] for name in names]
