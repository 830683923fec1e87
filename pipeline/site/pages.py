"""The pages of a site as HTML, each from what it shows.

Comes in: the name of a template and what it tells. Goes out: HTML. Nothing that was stored can run
in it: all is escaped, only http and https addresses become links, and the policy allows no script.
A user's own templates come before ours; `newsfold/NAME` is ours under any circumstances.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader

from pipeline.digest import charts
from pipeline.digest.render import environment_of, filled, users_first
from pipeline.site import addresses
from pipeline.text import visible
from pipeline.web.render import styles as styles_of_pages

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

_NO_CHARACTERS = re.compile(  # code points that HTML forbids, beyond those that visible() drops
    "[\ufdd0-\ufdef"
    + "".join(
        chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
    )
    + "]"
)
EXTRA_STYLES = "extra.css"  # of a user's templates; it comes after ours
# Ours: no script, nothing from elsewhere.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Pages:
    """How pages are made: for which site, with whose templates."""

    title: str = "newsfold"
    base_url: str = ""  # where the site will be found, with a slash at the end
    tag: str = ""
    templates: Path | None = None

    def page(self, name: str, path: str, /, **told: object) -> str:
        """The page `name` (front, event, day, ...) at a path of the site."""
        root = self.root_of(path)
        html = filled(self._environment, f"{name}.html", path=path, root=root, **told)
        if html.replace("\n", "").isprintable():  # a tenth of the time of looking for each
            return html
        return _NO_CHARACTERS.sub("", visible(html))

    def root_of(self, path: str) -> str:
        """What leads from a page to the front page. An answer that is not found can be asked for
        from anywhere, so it names the whole way."""
        if path == addresses.NOT_FOUND:
            return self.base_url or "/"
        return "../" * path.count("/")

    def whole(self, path: str) -> str:
        """The address of a page in the world; nothing where that is not known."""
        if not self.base_url:
            return ""
        return self.base_url + ("" if path == addresses.FRONT else quote(path))

    @cached_property
    def styles(self) -> str:
        """The one style sheet: the digest's, what pages add to it, and a user's."""
        ours = resources.files("pipeline.site") / "templates" / "site.css"
        extra = self.templates / EXTRA_STYLES if self.templates else None
        return "\n".join(
            [
                styles_of_pages(),
                ours.read_text("utf-8"),
                extra.read_text("utf-8") if extra and extra.is_file() else "",
            ]
        )

    @cached_property
    def mark(self) -> str:
        """Changes with everything that every page shows."""
        told = [version("newsfold"), self.title, self.base_url, self.tag, self.styles]
        for name in sorted(self._environment.list_templates()):
            if name.endswith(".html"):
                loader = self._environment.loader
                assert loader is not None
                told += [name, loader.get_source(self._environment, name)[0]]
        return _hash("\0".join(told))

    @cached_property
    def _environment(self) -> Environment:
        shipped = ChoiceLoader([PackageLoader("pipeline.site"), PackageLoader("pipeline.digest")])
        environment = environment_of(users_first(self.templates, shipped), escape=True)
        environment.filters |= {
            "moment": _moment,
            "short_day": _short_day,
            "month": lambda day: f"{day:%B %Y}",
            "clock": lambda moment: f"{moment:%H:%M}",
        }
        environment.globals |= {
            "site": self,
            "policy": POLICY,
            "styles": f"{addresses.STYLE}?v={_hash(self.styles)}",
            "at": addresses,
            "spread": charts.spread_of,
            "strip": charts.strip_of,
            "bars": charts.bars,
        }
        return environment


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def _moment(moment: datetime) -> str:
    """`8 April 2026, 16:02 UTC`."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _short_day(day: date) -> str:
    return f"{day.day} {day:%b}"


def members_of(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """The stories of an event in the order of their times: how each was published, and why it is
    in the event."""
    why = {member["url"]: member for member in shown["members"]}
    return [{**source, **why[source["url"]]} for source in shown["view"]["sources"]]
