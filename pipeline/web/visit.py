"""One request: who asks, of which database, and how that is asked.

Comes in: a request of Datasette's. Goes out: a Visit. A question is asked in one snapshot,
read-only, within the time limit that Datasette gives to any query.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from datasette.utils import sqlite_timelimit, tilde_decode
from datasette.utils.asgi import NotFound
from sqlite_utils import Database

from pipeline.web import render
from pipeline.web.addresses import Addresses
from storage.database import must_be_ours
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
MAY_CORRECT = "newsfold-correct"  # the name of the permission
TABLES_SHOWN = ("events", "stories")  # who may not see these tables may not see the pages


class ProblemError(Exception):
    """What a page says in place of its answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with what it is about. `database` is Datasette's; None on pages about none."""

    datasette: Any
    request: Any
    at: Addresses
    database: Any = None

    @property
    def id(self) -> int:
        """The number of the event or story that the address names."""
        return int(self.request.url_vars["id"])

    @property
    def wants_json(self) -> bool:
        return bool(self.request.url_vars.get("format"))

    @property
    def is_known(self) -> bool:
        """Whether anything tells this visitor from others."""
        request = self.request
        return bool(request.actor or request.cookies or "authorization" in request.headers)

    @property
    def name(self) -> str:
        """Of who is signed in; nothing for a reader."""
        actor = self.request.actor or {}
        return str(actor.get("name") or actor.get("id") or "")

    @property
    def secret(self) -> str:
        """What corrections need; nothing, where all is read-only."""
        return str(getattr(self.datasette, "newsfold_secret", ""))

    async def may_correct(self) -> bool:
        if not (self.secret and self.request.actor and self.database and self.database.is_mutable):
            return False
        return bool(
            await self.datasette.permission_allowed(
                self.request.actor, MAY_CORRECT, self.database.name
            )
        )

    async def ask(self, question: Callable[[Database], T]) -> T:
        """The answer of one snapshot. Raises NotFound for a database that is not ours."""

        def in_thread(connection: sqlite3.Connection) -> T:
            ours = Database(connection, recursive_triggers=False)
            _must_be_ours(ours, Path(self.database.path))
            connection.execute("BEGIN")
            # Datasette reads text by a function of its own, for bytes that are none.
            factory, connection.text_factory = connection.text_factory, str
            try:
                with sqlite_timelimit(connection, self.datasette.sql_time_limit_ms):
                    return question(ours)
            finally:
                connection.text_factory = factory
                connection.rollback()

        try:
            answer: T = await self.database.execute_fn(in_thread)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise ProblemError(
                    503, "This took too long; ask for less, such as one day."
                ) from error
            raise
        return answer


async def visit_of(request: Any, datasette: Any) -> Visit:
    """Raises NotFound for a database that is not there, and Datasette's Forbidden for one that
    this visitor may not see."""
    try:
        database = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError as error:
        raise NotFound("there is no such database") from error
    if database.path is None:
        raise NotFound("this is no newsfold database")
    everything = [("view-database", database.name), "view-instance"]
    for table in TABLES_SHOWN:
        allowed = [("view-table", (database.name, table)), *everything]
        await datasette.ensure_permissions(request.actor, allowed)
    at = Addresses(
        datasette.urls.instance(), datasette.urls.database(database.name), render.styles_mark()
    )
    return Visit(datasette, request, at, database)


def visit_of_nothing(request: Any, datasette: Any) -> Visit:
    """A request that is about no database."""
    return Visit(datasette, request, Addresses(datasette.urls.instance(), "", render.styles_mark()))


def _must_be_ours(db: Database, path: Path) -> None:
    try:
        must_be_ours(db, path)
    except NewsfoldError as error:
        if error.exit_code == WRONG_CALL:
            raise NotFound(str(error)) from error
        raise
