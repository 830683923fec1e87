"""Answers in the forms that a browser gets: a page, JSON, or a word on why there is neither.

Comes in: a visit and what is to be told. Goes out: a Response of Datasette's with our headers.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

from datasette.utils.asgi import Response

from pipeline.web import render
from pipeline.web.kept import Kept
from pipeline.web.visit import ProblemError, Visit, visit_of, visit_of_nothing
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Answer = Callable[[Visit], Awaitable[Response]]

SECONDS_KEPT = 5  # of a page that all see alike, here and in browsers
HEADERS = {
    **render.HEADERS,
    "Content-Security-Policy": render.POLICY,
    "Cache-Control": f"max-age={SECONDS_KEPT}",  # Datasette makes it private where it has to be
}


async def page(visit: Visit, name: str, *, status: int = 200, **told: object) -> Response:
    """The page `name` with what everybody's pages say."""
    body = render.page(
        name,
        at=visit.at,
        here=visit.request.path,
        actor=visit.name,
        may_correct=await visit.may_correct(),
        can_sign_in=bool(visit.secret),
        csrftoken=visit.request.scope["csrftoken"],  # a page without a form sets no cookie
        **{"asked": None, **told},
    )
    return Response.html(body, status=status, headers=dict(HEADERS))


def as_json(body: object, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    kind = "application/json; charset=utf-8"
    return Response(text, status=status, headers=dict(HEADERS), content_type=kind)


def styles() -> Response:
    """The one style sheet; its address changes with it."""
    headers = {**render.HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(render.styles(), headers=headers, content_type="text/css; charset=utf-8")


async def to_everybody(request: Any, datasette: Any, answer: Answer, *, wrong: int) -> Response:
    """The answer, kept for who comes next; nobody who is known in any way gets a kept one."""
    make = partial(answered, request, datasette, answer, wrong=wrong)
    if visit_of_nothing(request, datasette).is_known:
        return await make()
    kept: Kept[Response] | None = getattr(datasette, "newsfold_kept", None)
    if kept is None:
        kept = datasette.newsfold_kept = Kept(SECONDS_KEPT, time.monotonic)
    made = await kept.get((request.path, request.query_string), make)
    return Response(made.body, made.status, dict(made.headers), made.content_type)


async def answered(request: Any, datasette: Any, answer: Answer, *, wrong: int) -> Response:
    """The answer, or why there is none: `wrong` is the status for what cannot be asked."""
    visit = visit_of_nothing(request, datasette)
    try:
        visit = await visit_of(request, datasette)
        return await answer(visit)
    except ProblemError as problem:
        return await refused(visit, problem)
    except NewsfoldError as error:
        status = wrong if error.exit_code == WRONG_CALL else 503
        return await refused(visit, ProblemError(status, str(error)))


async def refused(visit: Visit, problem: ProblemError) -> Response:
    if visit.wants_json:
        return as_json({"ok": False, "error": str(problem)}, problem.status)
    return await page(
        visit, "problem", status=problem.status, words=str(problem), number=problem.status
    )
