"""A page as HTML, and what a browser is told of it.

Comes in: the name of a page and what it tells. Goes out: HTML in which nothing that was stored can
run: all of it is escaped, only http and https addresses become links, and the policy allows no
script at all.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import blake2b, sha256
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup, escape

from pipeline.digest import charts
from pipeline.digest.render import environment_of
from pipeline.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from jinja2 import Environment

    from pipeline.web.addresses import Addresses

# Ours: no script, nothing from elsewhere, in nobody's frame.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# Datasette's own pages have scripts and styles of theirs; {} are the hashes of those scripts.
POLICY_OF_DATASETTE = (
    "default-src 'self'; script-src 'self' {}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page(name: str, **told: object) -> str:
    """The page `name` (events, event, story, sign_in, problem)."""
    return _environment().get_template(f"{name}.html").render(**told)


@cache
def styles() -> str:
    """The look of the digest, and what pages add to it."""
    digest = resources.files("pipeline.digest") / "templates"
    ours = resources.files("pipeline.web") / "html" / "page.css"
    files = (digest / "digest.css", digest / "charts.css", ours)
    return "".join(file.read_text("utf-8") for file in files)


@cache
def styles_mark() -> str:
    return blake2b(styles().encode(), digest_size=6).hexdigest()


def script_hashes(templates: Iterable[str]) -> str:
    """The inline scripts of these templates as a policy names them."""
    scripts = {script for text in templates for script in _SCRIPT.findall(text)}
    plain = {script for script in scripts if "{{" not in script and "{%" not in script}
    plain |= {f"DATASETTE_ALLOW_FACET = {value};" for value in ("true", "false")}
    return " ".join(f"'sha256-{_digest(script)}'" for script in sorted(plain))


def _digest(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    ours = ChoiceLoader([PackageLoader("pipeline.web", "html"), PackageLoader("pipeline.digest")])
    environment = environment_of(ours, escape=True)
    filters: dict[str, Callable[..., object]] = {
        "clock": lambda moment: f"{moment:%H:%M}",
        "moment": _moment,
        "weekday": lambda day: f"{day:%A}",
        "short_day": _short_day,
        "marked": _marked,
    }
    environment.filters |= filters
    environment.globals |= {"spread": charts.spread_of, "coverage": _coverage}
    return environment


def _coverage(days: Sequence[Mapping[str, Any]], at: Addresses) -> Markup:
    """The stories of each day, as bars that lead there."""
    counts = [
        charts.Bar(
            f"{d['day'].day} {d['day']:%B %Y}",
            d["stories"],
            at.events(day=str(d["day"])),
            d["shown"],
        )
        for d in days
    ]
    return charts.bars(counts, name="days", title="Stories a day", units=("story", "stories"))


def _moment(moment: datetime) -> str:
    """`8 April 2026, 16:02 UTC`."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _short_day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _marked(snippet: str) -> Markup:
    """`the **words** that were found`, with these marked."""
    parts = visible(snippet).split("**")
    return Markup().join(
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )
