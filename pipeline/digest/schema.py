"""The JSON of a digest, described from the views that it is made of.

Comes in: the views and the comments beside their fields. Goes out: JSON Schema
(docs/digest.schema.json), and tables for people (docs/digest.md). A field that nobody explains is
an error, so that neither can fall behind.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pipeline.digest.render import JSON_VERSION
from pipeline.digest.view import DigestView

_COMMENT = re.compile(r"^    (\w+): [^#\n]+#\s*(.+)$", re.MULTILINE)
_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
# What these words would say is the same wherever they stand.
_PLAIN = {
    "about": "the words beside it that say what is counted",
    "because": "what they share, in words",
    "category": "such as model release, funding, outage",
    "category_because": "the words that decided the category",
    "comments": "readers' comments on all its stories, where feeds tell them",
    "event_id": "the number of the event; it never means another one",
    "events": "the most important first",
    "figures": "numbers, with who gives them and who gives others",
    "first_published": "time of its first story",
    "heading": "empty, where it has none",
    "headline": "the title of the event",
    "language": "BCP 47, such as en or pt-BR",
    "last_published": "time of its latest story",
    "published": "the publisher's time, else when we first saw it",
    "quotes": "the sentences that give it, one of each story",
    "related": "other events about the same names",
    "sentence": "as printed",
    "shown": "as people write it: $14.3B",
    "since": "from when",
    "source": "name of the source",
    "sources": "names of the sources that give it",
    "text": "as printed",
    "title": "headline",
    "tldr": "sentences of the reports that tell what happened",
    "until": "to when",
    "url": "address of the story",
    "differs": "other values for the same thing",
}


def json_schema() -> dict[str, Any]:
    """Of `newsfold digest --to json`."""
    version = {"const": JSON_VERSION, "description": "fields may be added, none is taken out"}
    whole = _object(DigestView)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A newsfold digest",
        **whole,
        "properties": {"version": version, **whole["properties"]},
        "required": ["version", *whole["required"]],
        "$defs": {_name(kind): _object(kind) for kind in _kinds()[1:]},
    }


def markdown() -> str:
    """A table for each part of the JSON."""
    return "\n".join(_table(kind) for kind in _kinds())


def _table(kind: type[Any]) -> str:
    hints = get_type_hints(kind)
    rows = [
        f"| `{name}` | {_in_words(hints[name])} | {words} |"
        for name, words in _explained(kind).items()
    ]
    about = inspect.getdoc(kind)
    head = ["| field | type | what it is |", "|---|---|---|"]
    return "\n".join([f"### {_name(kind)}", "", about or "", "", *head, *rows, ""])


def _kinds() -> list[type[Any]]:
    """The whole and its parts, each once, from the outside in."""
    found: list[type[Any]] = [DigestView]
    for kind in found:
        for hint in get_type_hints(kind).values():
            found += [part for part in _parts(hint) if part not in found]
    return found


def _parts(hint: Any) -> list[type[Any]]:
    if is_dataclass(hint):
        return [hint]  # type: ignore[list-item]
    return [part for each in get_args(hint) for part in _parts(each)]


def _object(kind: type[Any]) -> dict[str, Any]:
    hints, explained = get_type_hints(kind), _explained(kind)
    return {
        "type": "object",
        "description": inspect.getdoc(kind),
        "properties": {
            name: {**_schema(hints[name]), "description": words}
            for name, words in explained.items()
        },
        "required": list(explained),
    }


def _schema(hint: Any) -> dict[str, Any]:
    if is_dataclass(hint):
        return {"$ref": f"#/$defs/{_name(hint)}"}
    if hint is datetime:
        return {"type": "string", "format": "date-time"}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(get_args(hint)[0])}
    if isinstance(hint, UnionType):
        return {"anyOf": [_schema(each) for each in get_args(hint)]}
    return {"type": _SIMPLE[hint]}


def _in_words(hint: Any) -> str:
    if is_dataclass(hint):
        return _name(hint)
    if hint is datetime:
        return "time"
    if get_origin(hint) is tuple:
        return f"list of {_in_words(get_args(hint)[0])}"
    if isinstance(hint, UnionType):
        named = [_in_words(each) for each in get_args(hint) if each is not NoneType]
        return f"{' or '.join(named)}, may be null"
    return _SIMPLE[hint]


def _explained(kind: type[Any]) -> dict[str, str]:
    """Each field with its comment. Raises ValueError for one without a word."""
    said = dict(_COMMENT.findall(inspect.getsource(kind)))
    found = {}
    for field in fields(kind):
        words = said.get(field.name) or _PLAIN.get(field.name)
        if words is None:
            raise ValueError(f"{kind.__name__}.{field.name} lacks a comment")
        found[field.name] = words
    return found


def _name(kind: Any) -> str:
    """`EventView` is an event."""
    name = str(kind.__name__).removesuffix("View")
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


if __name__ == "__main__":
    print(json.dumps(json_schema(), ensure_ascii=False, indent=2))
