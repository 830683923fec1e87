"""A form that an analyst sent, as a call of pipeline/correct.py.

Comes in: the fields of the form. Goes out: what became of the verdict. What cannot be done is a
NewsfoldError, in words for the page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.correct import Corrected

    Form = Mapping[str, Sequence[str]]

MOST_FIELDS = 5_000
MAX_DIGITS = 18  # of an id that SQLite can hold


def parsed(body: bytes) -> Form:
    """Raises NewsfoldError for a body that is no form, or has too many fields."""
    try:
        text = body.decode("utf-8")
        return parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise NewsfoldError("this is no form of ours", WRONG_CALL) from error


def apply(database: Path, event_id: int, form: Form, by: str) -> Corrected:
    """Raises NewsfoldError when the form asks for nothing that can be done."""
    from pipeline import correct  # it brings the whole fold along

    note = one(form, "note")
    replace = bool(one(form, "replace"))
    verb = one(form, "verb")
    if verb == "merge":
        others = _ids(form, "event")
        return correct.merge(database, [event_id, *others], replace=replace, by=by, note=note)
    if verb == "split":
        return correct.split(
            database, event_id, _ids(form, "story"), replace=replace, by=by, note=note
        )
    if verb == "move":
        [story] = _exactly_one(_ids(form, "story"), "story to move")
        [target] = _exactly_one(_ids(form, "target"), "number of the event to move it to")
        return correct.move(database, story, target, replace=replace, by=by, note=note)
    if verb == "pin title":
        return correct.pin_title(database, event_id, one(form, "title"), by=by, note=note)
    if verb == "pin category":
        return correct.pin_category(database, event_id, one(form, "category"), by=by, note=note)
    if verb == "not-an-event":
        return correct.not_an_event(database, event_id, replace=replace, by=by, note=note)
    if verb == "undo":
        [correction] = _exactly_one(_ids(form, "correction"), "correction to take back")
        return correct.undo(database, correction, by=by)
    raise NewsfoldError("choose a correction", WRONG_CALL)


def one(form: Form, name: str) -> str:
    """The only value of a field, or nothing."""
    return next(iter(form.get(name, ())), "").strip()


def _ids(form: Form, name: str) -> list[int]:
    words = [word for value in form.get(name, ()) for word in re.split(r"[\s,;#]+", value) if word]
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= MAX_DIGITS):
            raise NewsfoldError(f"{word!r} is no number; write 12, or 12, 15", WRONG_CALL)
    return list(dict.fromkeys(int(word) for word in words))


def _exactly_one(ids: list[int], what: str) -> list[int]:
    if len(ids) != 1:
        raise NewsfoldError(f"name one {what}, not {len(ids) or 'none'}", WRONG_CALL)
    return ids
