"""What kind of happening it is: one label of a list, and the words that decided.

Comes in: a title and a text, or the stories of an event. Goes out: (label, because). The words
and their weights are data (categories.toml); nothing here knows a label by name except `other`.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pipeline.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storage.models import Role, Story

OTHER = "other"
NO_WORDS = "no word said what kind of happening it is"
HEADLINE_VOTES = 2.0
# A column on a release does not make the release an opinion: such members vote for little.
VOTES_BY_ROLE = {"original": 1.0, "rewrite": 0.6, "commentary": 0.3, "roundup": 0.2, "copy": 0.0}


MOST_OF_ONE = 8.0  # no single story decides by shouting
AGREED = 2.0  # mean points of a label that no story alone speaks clearly for
LABEL_OF_ROLE: Mapping[str, str] = {"roundup": "roundup", "commentary": "opinion"}


@dataclass(frozen=True, slots=True)
class _Rule:
    label: str
    pattern: re.Pattern[str] | None
    weights: Mapping[str, float]  # by the phrase as it stands in the data
    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str], float], ...]
    rubrics: frozenset[str]


class _Ballot:
    """What one member of an event speaks for."""

    def __init__(self, story: Story, weight: float) -> None:
        self.story = story
        self.weight = weight
        self.scores = _scores(story.title, story.text or story.summary, story.rubric)


def category(title: str, text: str, rubric: str | None = None) -> tuple[str, str]:
    """The label of one story and the words that decided; `other` when too little speaks."""
    scored = _scores(title, text, rubric)
    label, (score, because) = max(
        scored.items(), key=lambda item: item[1][0], default=(OTHER, (0.0, []))
    )
    if score < _data()["enough"]:
        return OTHER, NO_WORDS
    return label, ", ".join(because)


def event_category(
    stories: Iterable[Story], headline_id: int, roles: Mapping[int, Role] | None = None
) -> tuple[str, str]:
    """The label that the members speak for together; the headline story counts twice."""
    roles = roles or {}
    led_by = LABEL_OF_ROLE.get(roles.get(headline_id, "original"))
    if led_by:
        return led_by, f"its headline story is a {roles[headline_id]}"
    ballots = [_Ballot(story, _votes(story, headline_id, roles)) for story in stories]
    total = sum(ballot.weight for ballot in ballots)
    points: dict[str, float] = defaultdict(float)
    for ballot in ballots:
        for label, (score, _) in ballot.scores.items():
            points[label] += ballot.weight * min(score, MOST_OF_ONE)
    place = {rule.label: at for at, rule in enumerate(_rules())}
    best = min(points, key=lambda label: (-points[label], place[label]), default=OTHER)
    strongest = max((b.scores.get(best, (0.0, []))[0] for b in ballots if b.weight), default=0.0)
    agreed = len(ballots) > 1 and points[best] >= total * AGREED
    if not total or not (agreed or strongest >= _data()["enough"]):
        return OTHER, NO_WORDS
    return best, _said(best, ballots)


def _votes(story: Story, headline_id: int, roles: Mapping[int, Role]) -> float:
    weight = VOTES_BY_ROLE[roles.get(story.stored_id, "original")]
    return weight * HEADLINE_VOTES if story.id == headline_id else weight


def _said(label: str, ballots: list[_Ballot]) -> str:
    """The words of the member that speaks loudest, and how many speak for it at all."""
    speaking = [ballot for ballot in ballots if label in ballot.scores]
    loudest = min(speaking, key=lambda b: (-b.weight * b.scores[label][0], b.story.url))
    words_of_it = ", ".join(loudest.scores[label][1])
    return words_of_it if len(ballots) == 1 else f"{len(speaking)} of {len(ballots)}: {words_of_it}"


def _scores(title: str, text: str, rubric: str | None) -> dict[str, tuple[float, list[str]]]:
    """Each label with its points and the words that brought them, the heaviest first."""
    data = _data()
    headline = _plain(title)
    opening = " ".join(_plain(text[: data["opening_words"] * 12]).split()[: data["opening_words"]])
    found: dict[str, tuple[float, list[str]]] = {}
    for rule in _rules():
        points: dict[str, float] = defaultdict(float)
        for place, counts in ((headline, data["title_counts"]), (opening, data["opening_counts"])):
            for phrase, weight in _hits(rule, place).items():
                points[phrase] += weight * counts
        if rubric and rubric.lower() in rule.rubrics:
            points[f"rubric {rubric}"] += data["rubric_counts"]
        if points:
            because = sorted(points, key=lambda phrase: (-points[phrase], phrase))
            found[rule.label] = (sum(points.values()), [p for p in because if points[p] > 0][:4])
    return found


def _hits(rule: _Rule, place: str) -> dict[str, float]:
    """Phrases of a rule in a text, each once, with their weights."""
    found: dict[str, float] = {}
    if rule.pattern is not None:
        for match in rule.pattern.finditer(place):
            found[match.group().strip()] = rule.weights[str(_phrase(rule, match.group().strip()))]
    for one, two, weight in rule.pairs:
        first, second = one.search(place), two.search(place)
        if first and second:
            found[f"{first.group().strip()} … {second.group().strip()}"] = weight
    return found


def _phrase(rule: _Rule, matched: str) -> str | None:
    """The entry of the data that a matched text belongs to: itself, or the longest `stem*`."""
    if matched in rule.weights:
        return matched
    starred = [p for p in rule.weights if p.endswith("*") and matched.startswith(p[:-1])]
    return max(starred, key=len, default=None)


def _plain(text: str) -> str:
    return " ".join(words(text.replace("-", " ")))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("pipeline.enrich").joinpath("categories.toml").read_text("utf-8"))


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(_rule(row) for row in _data()["category"])


def _rule(row: dict[str, Any]) -> _Rule:
    weights = {phrase.replace("-", " "): weight for phrase, weight in row.get("words", {}).items()}
    return _Rule(
        label=row["label"],
        pattern=_any_of(list(weights)) if weights else None,
        weights=weights,
        pairs=tuple(
            (_any_of(pair["one"]), _any_of(pair["two"]), pair["weight"])
            for pair in row.get("both", [])
        ),
        rubrics=frozenset(row.get("rubrics", [])),
    )


def _any_of(phrases: list[str]) -> re.Pattern[str]:
    """Any of the phrases as whole words; a star takes the rest of the word."""
    longest_first = sorted((p.replace("-", " ") for p in phrases), key=lambda p: (-len(p), p))
    forms = [
        re.escape(p[:-1]) + r"[^\s]*" if p.endswith("*") else re.escape(p) for p in longest_first
    ]
    return re.compile(rf"(?<!\S)(?:{'|'.join(forms)})(?!\S)")
