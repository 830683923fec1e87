"""The JSON of a digest is as it is documented."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pipeline.digest import schema
from pipeline.digest.render import render
from tests.test_digest import digest, view

DOCS = Path(__file__).parent.parent / "docs"
CHECK = jsonschema.Draft202012Validator(
    schema.json_schema(), format_checker=jsonschema.FormatChecker()
)


def body() -> dict[str, object]:
    found: dict[str, object] = json.loads(render(digest(view(), view()), "json"))
    return found


def test_a_digest_is_as_the_schema_says() -> None:
    assert list(CHECK.iter_errors(body())) == []
    assert list(CHECK.iter_errors(json.loads(render(digest(), "json")))) == []
    dateless = replace(view(), first_published=None, comments=None)
    assert list(CHECK.iter_errors(json.loads(render(digest(dateless), "json")))) == []


@pytest.mark.parametrize(
    "change",
    [{"left_out": "7"}, {"version": 0}, {"events": [{}]}, {"since": 5}, {"events": None}],
)
def test_the_schema_notices_what_is_wrong(change: dict[str, object]) -> None:
    assert list(CHECK.iter_errors({**body(), **change}))


def test_the_schema_in_the_docs_is_up_to_date() -> None:
    """If not: python -m pipeline.digest.schema > docs/digest.schema.json"""
    assert json.loads((DOCS / "digest.schema.json").read_text("utf-8")) == schema.json_schema()


def test_a_field_without_a_word_is_an_error() -> None:
    from dataclasses import dataclass

    @dataclass
    class OddView:
        unexplained: int

    with pytest.raises(ValueError, match=r"OddView\.unexplained"):
        schema._explained(OddView)
