"""Categories that analysts have pinned, and what is learned from them.

    pins -> stories with two labels -> learned once, kept -> events with another category

Comes in: a database and what its corrections demand. Goes out: events; those that are touched by a
fold get what was learned, as everything else of them is said anew. The decisions are made in
enrich/learned.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from pipeline.enrich.categories import category
from pipeline.enrich.learned import FEWEST, Example, as_json, from_json, learn
from storage.categories import keep_learned_model, learned_model
from storage.database import transaction
from storage.stories import stories_by_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlite_utils import Database

    from pipeline.constraints import Constraints
    from pipeline.enrich.learned import Model
    from storage.models import Event, Story

VERSION = 1  # of what is learned; another one learns anew


def model_of_pins(db: Database, constraints: Constraints, now: datetime) -> Model | None:
    """What the pins teach, learned anew only when they or their stories have changed."""
    if len(constraints.categories) < 2 * FEWEST:
        return None
    examples = _examples(db, constraints)
    told = json.dumps([VERSION, [astuple(example) for example in examples]])
    key = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    is_kept, kept = learned_model(db, key)
    if is_kept:
        return from_json(kept) if kept else None
    model, said = learn(examples)
    with transaction(db):
        keep_learned_model(
            db, key, as_json(model) if model else None, pins=len(examples), said=said, now=now
        )
    return model


def _examples(db: Database, constraints: Constraints) -> list[Example]:
    """The pinned stories, in the order of their pins."""
    stories = {story.stored_id: story for story in stories_by_id(db, constraints.categories)}
    pinned = sorted(
        (correction, id_, label)
        for id_, (correction, label, _) in constraints.categories.items()
        if id_ in stories
    )
    return [
        Example(
            stories[id_].title,
            stories[id_].text,
            category(stories[id_].title, stories[id_].text, stories[id_].rubric)[0],
            label,
        )
        for _, id_, label in pinned
    ]


def relabelled(db: Database, events: Iterable[Event], model: Model | None) -> list[Event]:
    """The events, those to which what was learned applies with their new category."""
    found = list(events)
    if model is None:
        return found
    asked = {before for before, _ in model.moves}
    wanted = [event.headline_story for event in found if event.category in asked]
    stories = {story.stored_id: story for story in stories_by_id(db, wanted)}
    return [_relabelled(event, stories, model) for event in found]


def _relabelled(event: Event, stories: dict[int, Story], model: Model) -> Event:
    story = stories.get(event.headline_story)
    if story is None:
        return event
    learned = model.label(story.title, story.text, event.category)
    if learned is None:
        return event
    return replace(event, category=learned[0], category_because=learned[1])
