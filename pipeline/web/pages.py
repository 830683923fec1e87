"""Requests in, responses out: each page asks one question of the database and shows the answer.

Nothing is decided here: front.py, pipeline/show.py and story.py read, render.py makes HTML, and
each page is also JSON. A question is asked in one snapshot, read-only, within the time limit that
Datasette gives to any query.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasette.utils import baseconv, sqlite_timelimit, tilde_decode
from datasette.utils.asgi import NotFound, Response
from sqlite_utils import Database

from pipeline.digest.render import body_of, cleaned
from pipeline.show import as_body, find_event
from pipeline.web import corrections, render, sign_in
from pipeline.web.addresses import Addresses, local
from pipeline.web.front import FIELDS, Asked, front
from pipeline.web.kept import Kept
from pipeline.web.story import story_view
from storage.database import must_be_ours
from storage.errors import WRONG_CALL, NewsfoldError
from storage.front import is_no_event
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.show import Shown

MAY_CORRECT = "newsfold-correct"  # the name of the permission
LONGEST_WORDS = 200  # characters of one field of an address
SECONDS_KEPT = 5  # of a page that all see alike, here and in browsers
# Datasette makes it private for who is signed in.
OPEN_TO_ALL = {"Cache-Control": f"max-age={SECONDS_KEPT}"}
TABLES_SHOWN = ("events", "stories")  # who may not see these tables may not see the pages


class _ProblemError(Exception):
    """What a page says in place of its answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class EventPage:
    """An event, and whether an analyst says that it is none."""

    shown: Shown
    not_an_event: bool


def secret_of(datasette: Any) -> str:
    """The secret that corrections need; nothing, where all is read-only."""
    return str(getattr(datasette, "newsfold_secret", ""))


async def events_page(request: Any, datasette: Any) -> Response:
    """The events of a day, or those that are asked for."""

    async def answer(database: Any, at: Addresses) -> Response:
        asked = Asked(**{f: (request.args.get(f) or "")[:LONGEST_WORDS].strip() for f in FIELDS})
        now = getattr(datasette, "newsfold_now", utc_now)()
        told = await _ask(datasette, database, partial(front, asked=asked, now=now))
        if request.url_vars["format"]:
            return _json(_without_empty_parts(body_of(told)))
        return await _html(
            datasette, request, "events", at, database, front=cleaned(told), asked=asked
        )

    return await _for_everybody(request, datasette, answer)


async def event_page(request: Any, datasette: Any) -> Response:
    """One event; an id that was merged leads to the event that answers for it."""

    async def answer(database: Any, at: Addresses) -> Response:
        found = await _ask(datasette, database, partial(_event, event_id=_id(request)))
        current = found.shown.view.event_id
        if request.url_vars["format"]:
            if current != _id(request):
                return Response.redirect(f"{at.event(current)}.json")
            return _json(_event_body(found))
        if current != _id(request):
            return Response.redirect(at.event(current))
        return await _event_html(datasette, request, at, database, found)

    return await _for_everybody(request, datasette, answer)


async def story_page(request: Any, datasette: Any) -> Response:
    """One story."""

    async def answer(database: Any, at: Addresses) -> Response:
        told = await _ask(datasette, database, partial(story_view, story_id=_id(request)))
        if request.url_vars["format"]:
            return _json(body_of(told))
        return await _html(datasette, request, "story", at, database, story=cleaned(told))

    return await _for_everybody(request, datasette, answer)


async def correct_page(request: Any, datasette: Any) -> Response:
    """Takes a correction from a signed-in analyst, then shows the event that holds its stories."""

    async def answer(database: Any, at: Addresses) -> Response:
        event_id = _id(request)
        if request.method != "POST":
            return Response.redirect(at.event(event_id))
        if not await _may_correct(datasette, request, database):
            raise _ProblemError(403, "Corrections need an analyst who is signed in.")
        form: corrections.Form = {}
        try:
            form = corrections.parsed(await request.post_body())
            corrected = await asyncio.to_thread(
                corrections.apply, Path(database.path), event_id, form, _name(request.actor)
            )
        except NewsfoldError as error:
            found = await _ask(datasette, database, partial(_event, event_id=event_id))
            return await _event_html(
                datasette, request, at, database, found, refused=str(error), form=form
            )
        stays = event_id in corrected.event_ids or not corrected.event_ids
        shown = event_id if stays else corrected.event_ids[0]
        waiting = "" if corrected.folded else "?waiting=1"
        return Response.redirect(f"{at.event(shown)}{waiting}#corrections", status=303)

    return await _answered(request, datasette, answer)


async def sign_in_page(request: Any, datasette: Any) -> Response:
    """Asks for the secret, and hands out a signed cookie for it."""
    root = datasette.urls.instance()
    secret = secret_of(datasette)
    at = Addresses(root, "", render.styles_mark())
    if not secret:
        words = "This server is read-only. To correct, start it with: newsfold serve --secret …"
        return _problem_page(_ProblemError(403, words), at, request)
    if request.method != "POST":
        then = local(request.args.get("next") or "", root)
        return _sign_in_form(request, at, then)
    form = corrections.parsed(await request.post_body())
    then = local(corrections.one(form, "next"), root)
    name = corrections.one(form, "name")
    if not sign_in.is_secret(corrections.one(form, "secret"), secret):
        await asyncio.sleep(sign_in.WAIT)
        return _sign_in_form(request, at, then, name=name, wrong=True)
    response = Response.redirect(then, status=303)
    until = int(time.time()) + sign_in.HOURS * 3600
    signed = {"a": sign_in.actor_named(name), "e": baseconv.base62.encode(until)}
    response.set_cookie(
        "ds_actor",
        datasette.sign(signed, "actor"),
        max_age=sign_in.HOURS * 3600,
        secure=request.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def styles_file() -> Response:
    """The one style sheet; its address changes with it."""
    headers = {**render.HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(render.styles(), headers=headers, content_type="text/css; charset=utf-8")


async def _for_everybody(
    request: Any, datasette: Any, answer: Callable[[Any, Addresses], Any]
) -> Response:
    """The answer, kept for who comes next; nobody who is known in any way gets a kept one."""
    make = partial(_answered, request, datasette, answer)
    if request.actor or request.cookies or "authorization" in request.headers:
        return await make()
    kept: Kept[Response] | None = getattr(datasette, "newsfold_kept", None)
    if kept is None:
        kept = datasette.newsfold_kept = Kept(SECONDS_KEPT, time.monotonic)
    response = await kept.get((request.path, request.query_string), make)
    return Response(
        response.body, response.status, dict(response.headers), content_type=response.content_type
    )


async def _answered(
    request: Any, datasette: Any, answer: Callable[[Any, Addresses], Any]
) -> Response:
    """The answer, or a page that says in plain words why there is none."""
    at = Addresses(datasette.urls.instance(), "", render.styles_mark())
    try:
        database = await _database(request, datasette)
        at = Addresses(at.root, datasette.urls.database(database.name), at.styles_mark)
        response: Response = await answer(database, at)
    except _ProblemError as problem:
        return _problem_page(problem, at, request)
    except NewsfoldError as error:
        status = 404 if error.exit_code == WRONG_CALL else 503
        if "format" in request.url_vars and "id" not in request.url_vars:
            status = 400 if status == 404 else status
        return _problem_page(_ProblemError(status, str(error)), at, request)
    return response


async def _database(request: Any, datasette: Any) -> Any:
    try:
        database = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError as error:
        raise NotFound("there is no such database") from error
    if database.path is None:
        raise NotFound("this is no newsfold database")
    for table in TABLES_SHOWN:
        await datasette.ensure_permissions(
            request.actor,
            [
                ("view-table", (database.name, table)),
                ("view-database", database.name),
                "view-instance",
            ],
        )
    return database


async def _ask(datasette: Any, database: Any, question: Callable[[Database], Any]) -> Any:
    """The answer of one snapshot. Raises NotFound for a database that is not ours."""

    def in_thread(connection: sqlite3.Connection) -> Any:
        ours = Database(connection, recursive_triggers=False)
        try:
            must_be_ours(ours, Path(database.path))
        except NewsfoldError as error:
            if error.exit_code == WRONG_CALL:
                raise NotFound(str(error)) from error
            raise
        connection.execute("BEGIN")
        factory, connection.text_factory = connection.text_factory, str
        try:
            with sqlite_timelimit(connection, datasette.sql_time_limit_ms):
                return question(ours)
        finally:
            connection.text_factory = factory
            connection.rollback()

    try:
        return await database.execute_fn(in_thread)
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise _ProblemError(
                503, "This took too long; ask for less, such as one day."
            ) from error
        raise


def _event(db: Database, event_id: int) -> EventPage:
    shown = find_event(db, event_id)
    return EventPage(shown, is_no_event(db, shown.view.event_id))


def _event_body(found: EventPage) -> dict[str, Any]:
    return {**as_body(found.shown), "not_an_event": found.not_an_event}


async def _event_html(
    datasette: Any,
    request: Any,
    at: Addresses,
    database: Any,
    found: EventPage,
    *,
    refused: str = "",
    form: corrections.Form | None = None,
) -> Response:
    shown = cleaned(found.shown)
    source_of = {source["url"]: source for source in shown["view"]["sources"]}
    members = [
        {**source_of[member["url"]], **member} for member in shown["members"]
    ]  # in the order of the sources, which is that of their times
    order = {source["url"]: place for place, source in enumerate(shown["view"]["sources"])}
    members.sort(key=lambda member: order[member["url"]])
    return await _html(
        datasette,
        request,
        "event",
        at,
        database,
        status=409 if refused else 200,
        event=shown["view"],
        members=members,
        names={member["story"]: member["source"] for member in members},
        source_of_headline=source_of.get(shown["view"]["url"], {"source": "its source"})["source"],
        discussions=shown["discussions"],
        lineage=shown["lineage"],
        not_an_event=found.not_an_event,
        corrections=shown["corrections"],
        refused=refused,
        waiting=bool(request.args.get("waiting")),
        form=form or {},
    )


async def _html(
    datasette: Any,
    request: Any,
    name: str,
    at: Addresses,
    database: Any,
    *,
    status: int = 200,
    **told: object,
) -> Response:
    may_correct = await _may_correct(datasette, request, database)
    return _page(
        request,
        name,
        at,
        status=status,
        may_correct=may_correct,
        can_sign_in=bool(secret_of(datasette)),
        **told,
    )


def _page(request: Any, name: str, at: Addresses, *, status: int = 200, **told: object) -> Response:
    signed_in = bool(request.actor)
    body = render.page(
        name,
        at=at,
        here=request.path,
        actor=_name(request.actor) if signed_in else "",
        # A page without a form sets no cookie, and can be cached.
        csrftoken=request.scope["csrftoken"],
        **{"may_correct": False, "can_sign_in": False, "asked": None, **told},
    )
    headers = {**render.HEADERS, "Content-Security-Policy": render.POLICY, **OPEN_TO_ALL}
    return Response.html(body, status=status, headers=headers)


def _sign_in_form(
    request: Any, at: Addresses, then: str, *, name: str = "", wrong: bool = False
) -> Response:
    status = 403 if wrong else 200
    return _page(request, "sign_in", at, status=status, then=then, given=name, wrong=wrong)


def _problem_page(problem: _ProblemError, at: Addresses, request: Any) -> Response:
    if request.url_vars.get("format"):
        return _json({"ok": False, "error": str(problem)}, problem.status)
    return _page(
        request, "problem", at, status=problem.status, words=str(problem), number=problem.status
    )


def _json(body: object, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    headers = {**render.HEADERS, "Content-Security-Policy": render.POLICY, **OPEN_TO_ALL}
    return Response(
        text, status=status, headers=headers, content_type="application/json; charset=utf-8"
    )


def _without_empty_parts(body: dict[str, Any]) -> dict[str, Any]:
    """A list tells events in brief: what it does not look at is not said to be empty."""
    for event in body["events"]:
        for part in ("figures", "sections", "related"):
            del event[part]
    return body


async def _may_correct(datasette: Any, request: Any, database: Any) -> bool:
    if not (secret_of(datasette) and request.actor and database.is_mutable):
        return False
    allowed = await datasette.permission_allowed(request.actor, MAY_CORRECT, database.name)
    return bool(allowed)


def _name(actor: dict[str, Any]) -> str:
    return str(actor.get("name") or actor.get("id") or "somebody")


def _id(request: Any) -> int:
    return int(request.url_vars["id"])
