"""A visitor of the pages, without a network: asks the application and keeps its cookies."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pipeline import correct
from pipeline.fold_pass import fold_pass
from pipeline.web.kept import Kept
from pipeline.web.serve import application
from storage.database import create_or_open
from tests.stories import MORNING, made_stories, stored

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

SECRET = "a secret of some length"


def folded(path: Path) -> Path:
    """A database with the made-up stories: an event for each happening."""
    db = create_or_open(path)
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    db.close()
    return path


def event_of(database: Path, happening: str) -> int:
    db = create_or_open(database)
    [event] = {
        row[0]
        for row in db.execute(
            "SELECT event_id FROM event_stories JOIN stories ON id = story_id WHERE url LIKE ?",
            (f"%/{happening}",),
        )
    }
    db.close()
    return int(event)


def stories_of(database: Path, happening: str) -> list[int]:
    db = create_or_open(database)
    rows = db.execute("SELECT id FROM stories WHERE url LIKE ? ORDER BY url", (f"%/{happening}",))
    found = [int(row[0]) for row in rows]
    db.close()
    return found


def merged(database: Path, *happenings: str) -> list[int]:
    """Merge the events of these; their ids, the one that stays first."""
    ids = sorted(event_of(database, each) for each in happenings)
    correct.merge(database, ids, by="ada", now=lambda: MORNING)
    return ids


class Visitor:
    """Somebody with a browser that runs no script."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.app.newsfold_kept = Kept(0, time.monotonic)
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx.Response:
        return self._keep(asyncio.run(self.app.client.get(path, cookies=self.cookies)))

    def post(self, path: str, fields: Any, **headers: str) -> httpx.Response:
        body = urlencode(fields, doseq=True)
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
        return self._keep(
            asyncio.run(
                self.app.client.post(path, content=body, headers=headers, cookies=self.cookies)
            )
        )

    def sign_in(self, name: str = "ada", secret: str = SECRET) -> httpx.Response:
        token = token_of(self.get("/-/newsfold/sign-in").text)
        fields = {"name": name, "secret": secret, "csrftoken": token, "next": "/"}
        return self.post("/-/newsfold/sign-in", fields)

    def correct(self, event_id: int, /, **fields: Any) -> httpx.Response:
        token = token_of(self.get(f"/news/-/events/{event_id}").text)
        return self.post(f"/news/-/events/{event_id}/correct", {"csrftoken": token, **fields})

    def _keep(self, response: httpx.Response) -> httpx.Response:
        self.cookies |= dict(response.cookies)
        return response


def token_of(page: str) -> str:
    found = re.search(r'name="csrftoken" value="([^"]+)"', page)
    return found[1] if found else ""


def visitor(database: Path, *others: Path, secret: str = "") -> Visitor:
    return Visitor(application(database, others, secret=secret))
