"""A digest in the form that a reader wants: text, Markdown, HTML or JSON.

Comes in: a DigestView. Goes out: one string. Nothing in a view is trusted: control characters are
taken out, everything is escaped for its form, and only http and https addresses become links.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import quote, urlsplit

from pipeline.digest import charts
from pipeline.digest.feeds import FeedHead, feed_of, iri
from pipeline.digest.terminal import counted, terminal, terminal_event
from pipeline.text import language_tag, visible
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from jinja2 import BaseLoader, Environment

    from pipeline.digest.view import DigestView, EventView

Form = Literal["text", "markdown", "html", "json", "atom", "jsonfeed"]
FORMS: tuple[Form, ...] = get_args(Form)
JSON_VERSION = 1  # of the structure; fields may be added to it, none taken out
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&])")
_MARKDOWN_START = re.compile(r"^(\s*)([+=-]|\d{1,9}(?=[.)]))")


def render(
    view: DigestView,
    form: Form,
    *,
    colour: bool = False,
    feed: FeedHead | None = None,
    templates: Path | None = None,
) -> str:
    """The digest as one string that ends with a line end. `colour` is for text on a terminal,
    `feed` for what a feed says of itself, `templates` a folder with templates that come before
    ours (html, markdown). Raises NewsfoldError for one that is broken."""
    if form in ("atom", "jsonfeed"):
        return feed_of(view, form, feed or FeedHead(view.title))
    plain = cleaned(view)
    if form == "json":
        body = {"version": JSON_VERSION, **plain}
        return json.dumps(body, ensure_ascii=False, indent=2, default=_iso) + "\n"
    if form == "text":
        return terminal(plain, colour=colour)
    if form == "html":
        return filled(_html(templates), "digest.html", digest=plain)
    if form == "markdown":
        return filled(_markdown(templates), "digest.md", digest=plain)
    raise ValueError(f"no such form: {form}; there are {', '.join(FORMS)}")


def mail_html(view: DigestView, templates: Path | None = None) -> str:
    """The HTML part of a mail; mail.py makes the message."""
    return filled(_html(templates), "mail.html", digest=cleaned(view))


def feed_entry(event: EventView, templates: Path | None = None) -> str:
    """What a feed says of an event, as HTML."""
    return filled(_html(templates), "feed_entry.html", event=cleaned(event))


def event_text(view: EventView, *, colour: bool = False) -> str:
    """One event as it stands in the text digest."""
    return terminal_event(cleaned(view), colour=colour)


def event_body(view: EventView) -> dict[str, Any]:
    """One event as it stands in the JSON digest."""
    return body_of(view)


def body_of(view: Any) -> dict[str, Any]:
    """Any view as JSON has it."""
    body: dict[str, Any] = json.loads(json.dumps(cleaned(view), default=_iso))
    return body


def cleaned(view: Any) -> dict[str, Any]:
    """A view as dictionaries and lists of clean text, numbers and times."""
    plain = {name: _clean(getattr(view, name)) for name in _names_of(view.__class__)}
    if "language" in plain:  # an attribute of a page: what is no tag says nothing
        plain["language"] = language_tag(plain["language"])
    return plain


def _clean(value: Any) -> Any:
    """The same structure, of plain values, without control characters."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return cleaned(value) if _names_of(value.__class__) else value


@cache
def _names_of(kind: Hashable) -> tuple[str, ...]:
    """The fields of a dataclass; of any other type, none."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def safe_url(url: str) -> str:
    """The address when it is http or https with a host, else nothing."""
    try:
        parts = urlsplit(url.strip())
        return url.strip() if parts.scheme.lower() in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def markdown_text(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    one_line = " ".join(text.split())
    return _MARKDOWN_START.sub(_escape_start, _MARKDOWN.sub(r"\\\1", one_line))


def _escape_start(match: re.Match[str]) -> str:
    """A dash or a number at the start would open a list."""
    mark = match[2]
    return f"{match[1]}{mark}\\" if mark.isdigit() else f"{match[1]}\\{mark}"


def markdown_url(url: str) -> str:
    """An address for the brackets of a link, or nothing."""
    return quote(safe_url(url), safe="%/:=&?~#+!$,;'@*[]")


def day(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def period(digest: dict[str, Any]) -> str:
    """`8 April 2026`, or `7 to 8 April 2026`."""
    since, until = digest["since"], digest["until"]
    if since.date() == until.date():
        return day(until)
    if (since.year, since.month) == (until.year, until.month):
        return f"{since.day} to {day(until)}"
    return f"{since.day} {since:%B} to {day(until)}"


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a digest")


@cache
def _html(templates: Path | None) -> Environment:
    environment = _environment(templates, escape=True)
    environment.globals["spread"] = charts.spread_of
    return environment


@cache
def _markdown(templates: Path | None) -> Environment:
    environment = _environment(templates, escape=False)  # HTML escapes would show in Markdown
    environment.filters["md"] = markdown_text
    environment.filters["md_url"] = markdown_url
    return environment


def _environment(templates: Path | None, *, escape: bool) -> Environment:
    """A user's templates and those of this folder."""
    from jinja2 import PackageLoader

    return environment_of(users_first(templates, PackageLoader("pipeline.digest")), escape=escape)


def users_first(templates: Path | None, ours: BaseLoader) -> BaseLoader:
    """A user's own templates come before ours; `newsfold/NAME` is ours in any case."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

    own = [FileSystemLoader(templates)] if templates else []
    return ChoiceLoader([*own, ours, PrefixLoader({"newsfold": ours})])


def filled(environment: Environment, name: str, /, **told: object) -> str:
    """A template with what it tells. Raises NewsfoldError that names the file and line of a fault
    in it."""
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        return environment.get_template(name).render(**told)
    except TemplateError as error:
        where = getattr(error, "filename", None) or getattr(error, "name", None) or name
        line = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise NewsfoldError(f"template {where}{line}: {error}", WRONG_CALL) from error


def environment_of(loader: BaseLoader, *, escape: bool) -> Environment:
    """Templates with the filters that say dates, addresses and numbers; a name that is not there
    is an error."""
    from jinja2 import Environment, StrictUndefined  # not for text and JSON

    environment = Environment(
        loader=loader,
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # they do not change while we run
    )
    environment.filters |= {
        "safe_url": iri,
        "tag": language_tag,
        "day": day,
        "period": period,
        "counted": counted,
        "iso": _iso,
        "paragraphs": lambda text: [p.strip() for p in re.split(r"\n\s*\n|\n", text) if p.strip()],
    }
    return environment
