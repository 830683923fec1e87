"""The pages: each asks one question of the database and shows the answer, as HTML or as JSON.

Nothing is decided here: front.py, pipeline/show.py and story.py read, corrections.py writes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasette.utils import baseconv
from datasette.utils.asgi import Response

from pipeline.digest.render import body_of, cleaned
from pipeline.enrich.categories import labels
from pipeline.kept_out import in_words
from pipeline.show import as_body, find_event
from pipeline.web import answers, corrections, sign_in
from pipeline.web.addresses import local
from pipeline.web.front import FIELDS, Asked, front
from pipeline.web.story import story_view
from pipeline.web.visit import ProblemError, Visit, visit_of_nothing
from storage.errors import NewsfoldError
from storage.front import is_no_event
from storage.times import utc_now

if TYPE_CHECKING:
    from sqlite_utils import Database

    from pipeline.show import Shown
    from pipeline.web.front import Front

LONGEST_WORDS = 200  # characters of one field of an address


@dataclass(frozen=True, slots=True)
class EventPage:
    """An event, and whether an analyst says that it is none."""

    shown: Shown
    not_an_event: bool


async def events_page(request: Any, datasette: Any) -> Response:
    """The events of a day, or those that are asked for."""
    return await answers.to_everybody(request, datasette, _events, wrong=400)


async def event_page(request: Any, datasette: Any) -> Response:
    """One event; an id that was merged leads to the event that answers for it."""
    return await answers.to_everybody(request, datasette, _event, wrong=404)


async def story_page(request: Any, datasette: Any) -> Response:
    """One story."""
    return await answers.to_everybody(request, datasette, _story, wrong=404)


async def correct_page(request: Any, datasette: Any) -> Response:
    """Takes a correction from a signed-in analyst, then shows the event that holds its stories."""
    return await answers.answered(request, datasette, _correct, wrong=404)


async def styles_file() -> Response:
    return answers.styles()


async def _events(visit: Visit) -> Response:
    given = visit.request.args
    asked = Asked(**{name: (given.get(name) or "")[:LONGEST_WORDS].strip() for name in FIELDS})
    now = getattr(visit.datasette, "newsfold_now", utc_now)()
    told = await visit.ask(partial(front, asked=asked, now=now))
    if visit.wants_json:
        return answers.as_json(_front_body(told))
    return await answers.page(visit, "events", front=cleaned(told), asked=asked)


def _front_body(told: Front) -> dict[str, Any]:
    """A list tells events in brief: what it does not look at is not said to be empty."""
    body = body_of(told)
    del body["snippets"]
    for event in body["events"]:
        for part in ("figures", "sections", "related"):
            del event[part]
        if snippet := told.snippets.get(event["event_id"]):
            event["snippet"] = snippet
    return body


async def _event(visit: Visit) -> Response:
    found = await visit.ask(partial(_event_of, event_id=visit.id))
    current = found.shown.view.event_id
    if current != visit.id:
        return Response.redirect(visit.at.event(current) + ".json" * visit.wants_json)
    if visit.wants_json:
        return answers.as_json({**as_body(found.shown), "not_an_event": found.not_an_event})
    return await _shown(visit, found)


def _event_of(db: Database, event_id: int) -> EventPage:
    shown = find_event(db, event_id)
    return EventPage(shown, is_no_event(db, shown.view.event_id))


async def _shown(
    visit: Visit, found: EventPage, *, refused: str = "", form: corrections.Form | None = None
) -> Response:
    """The page of an event; `refused` says why the correction in `form` could not be made."""
    told = cleaned(found.shown)
    event = told["view"]
    reasons = {member["url"]: member for member in told["members"]}
    members = [{**source, **reasons[source["url"]]} for source in event["sources"]]  # by time
    return await answers.page(
        visit,
        "event",
        status=409 if refused else 200,
        event=event,
        members=members,
        kept_out={m.story: in_words(m.kept_out) for m in found.shown.members if m.kept_out},
        names={member["story"]: member["source"] for member in members},
        source_of_headline=next((m["source"] for m in members if m["url"] == event["url"]), ""),
        discussions=told["discussions"],
        lineage=told["lineage"],
        corrections=told["corrections"],
        not_an_event=found.not_an_event,
        categories=labels(),
        waiting=bool(visit.request.args.get("waiting")),
        refused=refused,
        form=form or {},
    )


async def _story(visit: Visit) -> Response:
    told = await visit.ask(partial(story_view, story_id=visit.id))
    if visit.wants_json:
        return answers.as_json(body_of(told))
    return await answers.page(visit, "story", story=cleaned(told))


async def _correct(visit: Visit) -> Response:
    if visit.request.method != "POST":
        return Response.redirect(visit.at.event(visit.id))
    if not await visit.may_correct():
        raise ProblemError(403, "Corrections need an analyst who is signed in.")
    form: corrections.Form = {}
    try:
        form = corrections.parsed(await visit.request.post_body())
        database = Path(visit.database.path)
        made = await asyncio.to_thread(corrections.apply, database, visit.id, form, visit.name)
    except NewsfoldError as error:
        found = await visit.ask(partial(_event_of, event_id=visit.id))
        return await _shown(visit, found, refused=str(error), form=form)
    stays = visit.id in made.event_ids or not made.event_ids
    shown = visit.at.event(visit.id if stays else made.event_ids[0])
    waiting = "" if made.folded else "?waiting=1"
    return Response.redirect(f"{shown}{waiting}#corrections", status=303)


async def sign_in_page(request: Any, datasette: Any) -> Response:
    """Asks for the secret, and hands out a signed cookie for it."""
    visit = visit_of_nothing(request, datasette)
    if not visit.secret:
        words = "This server is read-only. To correct, start it with: newsfold serve --secret …"
        return await answers.refused(visit, ProblemError(403, words))
    if request.method != "POST":
        then = local(request.args.get("next") or "", visit.at.root)
        return await answers.page(visit, "sign_in", then=then, given="", wrong=False)
    try:
        form = corrections.parsed(await request.post_body())
    except NewsfoldError as error:
        return await answers.refused(visit, ProblemError(400, str(error)))
    then = local(corrections.one(form, "next"), visit.at.root)
    name = corrections.one(form, "name")
    if not sign_in.is_secret(corrections.one(form, "secret"), visit.secret):
        await asyncio.sleep(sign_in.WAIT)
        told = {"then": then, "given": name, "wrong": True}
        return await answers.page(visit, "sign_in", status=403, **told)
    response = Response.redirect(then, status=303)
    _hand_out(response, visit, name)
    return response


def _hand_out(response: Response, visit: Visit, name: str) -> None:
    """The cookie by which Datasette knows its actor."""
    seconds = sign_in.HOURS * 3600
    until = baseconv.base62.encode(int(time.time()) + seconds)
    response.set_cookie(
        "ds_actor",
        visit.datasette.sign({"a": sign_in.actor_named(name), "e": until}, "actor"),
        max_age=seconds,
        secure=visit.request.scheme == "https",
        httponly=True,
        samesite="lax",
    )
