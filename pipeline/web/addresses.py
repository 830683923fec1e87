"""Where everything is: the addresses of our pages, and of Datasette's tables beside them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

DATABASE = r"/(?P<database>[^/\.]+)"
FORMAT = r"(\.(?P<format>json))?$"
EVENTS = rf"{DATABASE}/-/events{FORMAT}"
EVENT = rf"{DATABASE}/-/events/(?P<id>\d{{1,18}}){FORMAT}"
CORRECT = rf"{DATABASE}/-/events/(?P<id>\d{{1,18}})/correct$"
STORY = rf"{DATABASE}/-/stories/(?P<id>\d{{1,18}}){FORMAT}"
SIGN_IN = "/-/newsfold/sign-in"
STYLES = "/-/newsfold/page.css"


@dataclass(frozen=True, slots=True)
class Addresses:
    """`root` ends with a slash; `database` is the path of the database, tilde-encoded."""

    root: str
    database: str
    styles_mark: str = ""  # changes with the styles, so that they can be kept for ever

    def events(self, **query: str) -> str:
        return with_query(f"{self.database}/-/events", query)

    def events_json(self, **query: str) -> str:
        return with_query(f"{self.database}/-/events.json", query)

    def event(self, event_id: int) -> str:
        return f"{self.database}/-/events/{event_id}"

    def correct(self, event_id: int) -> str:
        return f"{self.event(event_id)}/correct"

    def story(self, story_id: int) -> str:
        return f"{self.database}/-/stories/{story_id}"

    def row(self, table: str, key: int) -> str:
        return f"{self.database}/{table}/{key}"

    def table(self, table: str, **query: str) -> str:
        return with_query(f"{self.database}/{table}", query)

    def sign_in(self, then: str = "") -> str:
        return with_query(self.root + SIGN_IN[1:], {"next": then} if then else {})

    @property
    def sign_out(self) -> str:
        return f"{self.root}-/logout"

    @property
    def styles(self) -> str:
        return with_query(self.root + STYLES[1:], {"v": self.styles_mark})


def with_query(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def local(address: str, otherwise: str) -> str:
    """An address of this site to go on to; `otherwise` for any that could lead elsewhere."""
    if address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable():
        return address
    return otherwise
