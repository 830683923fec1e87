"""What kind of happening it is: one label of a list, and the words that decided.

Comes in: a title and a text, or the stories of an event. Goes out: (label, because). The words
and their weights are data (categories.toml); nothing here knows a label by name except `other`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pipeline.enrich.phrases import PhraseLists
from pipeline.enrich.told import Told, tell
from pipeline.tables import tables
from pipeline.text import words

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

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
    weights: Mapping[str, float]  # by the phrase as it stands in the data
    pairs: tuple[tuple[Hashable, Hashable, float], ...]  # names of two lists of phrases
    rubrics: frozenset[str]


class _Ballot:
    """What one member of an event speaks for."""

    def __init__(self, told: Told, weight: float) -> None:
        story = told.story
        self.url = story.url
        self.weight = weight
        spoken = chain.from_iterable(said.words for said in told.lead)
        opening = list(islice(spoken, _data()["opening_words"]))
        self.scores = _scores(told.title.words, opening, story.rubric)


def category(title: str, text: str, rubric: str | None = None) -> tuple[str, str]:
    """The label of one story and the words that decided; `other` when too little speaks."""
    count = _data()["opening_words"]
    scored = _scores(words(title), words(text[: count * 12])[:count], rubric)
    label, (score, because) = max(
        scored.items(), key=lambda item: item[1][0], default=(OTHER, (0.0, []))
    )
    if score < _data()["enough"]:
        return OTHER, NO_WORDS
    return label, ", ".join(because)


def labels() -> tuple[str, ...]:
    """Every category that there is, `other` last."""
    return (*(rule.label for rule in _rules()), OTHER)


def event_category(
    stories: Iterable[Story | Told], headline_id: int, roles: Mapping[int, Role] | None = None
) -> tuple[str, str]:
    """The label that the members speak for together; the headline story counts twice."""
    roles = roles or {}
    led_by = LABEL_OF_ROLE.get(roles.get(headline_id, "original"))
    if led_by:
        return led_by, f"its headline story is a {roles[headline_id]}"
    ballots = [_Ballot(told, _votes(told.story, headline_id, roles)) for told in tell(stories)]
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
    loudest = min(speaking, key=lambda b: (-b.weight * b.scores[label][0], b.url))
    words_of_it = ", ".join(loudest.scores[label][1])
    return words_of_it if len(ballots) == 1 else f"{len(speaking)} of {len(ballots)}: {words_of_it}"


def _scores(
    headline: Sequence[str], opening: Sequence[str], rubric: str | None
) -> dict[str, tuple[float, list[str]]]:
    """Each label with its points and the words that brought them, the heaviest first."""
    data = _data()
    places = (
        (_phrases().find(headline), data["title_counts"]),
        (_phrases().find(opening), data["opening_counts"]),
    )
    touched = {name[0] if isinstance(name, tuple) else name for said, _ in places for name in said}
    found: dict[str, tuple[float, list[str]]] = {}
    for rule in _rules():
        if rule.label not in touched and not rule.rubrics:
            continue
        points: dict[str, float] = defaultdict(float)
        for said, counts in places:
            for phrase, weight in _hits(rule, said).items():
                points[phrase] += weight * counts
        if rubric and rubric.lower() in rule.rubrics:
            points[f"rubric {rubric}"] += data["rubric_counts"]
        if points:
            because = sorted(points, key=lambda phrase: (-points[phrase], phrase))
            found[rule.label] = (sum(points.values()), [p for p in because if points[p] > 0][:4])
    return found


def _hits(rule: _Rule, said: Mapping[Hashable, list[str]]) -> dict[str, float]:
    """Phrases of a rule in a text, each once, with their weights."""
    found = {
        matched: rule.weights[str(_phrase(rule, matched))] for matched in said.get(rule.label, ())
    }
    for one, two, weight in rule.pairs:
        if one in said and two in said:
            found[f"{said[one][0]} … {said[two][0]}"] = weight
    return found


def _phrase(rule: _Rule, matched: str) -> str | None:
    """The entry of the data that a matched text belongs to: itself, or the longest `stem*`."""
    if matched in rule.weights:
        return matched
    starred = [p for p in rule.weights if p.endswith("*") and matched.startswith(p[:-1])]
    return max(starred, key=len, default=None)


@cache
def _data() -> dict[str, Any]:
    return tables("pipeline.enrich", "categories.toml")


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(_rule(row) for row in _data()["category"])


def _rule(row: dict[str, Any]) -> _Rule:
    label = row["label"]
    return _Rule(
        label=label,
        weights={_spaced(phrase): weight for phrase, weight in row.get("words", {}).items()},
        pairs=tuple(
            ((label, at, "one"), (label, at, "two"), pair["weight"])
            for at, pair in enumerate(row.get("both", []))
        ),
        rubrics=frozenset(row.get("rubrics", [])),
    )


@cache
def _phrases() -> PhraseLists:
    """The words of each label by its name, and both lists of each of its pairs."""
    lists: dict[Hashable, list[str]] = {rule.label: list(rule.weights) for rule in _rules()}
    for row in _data()["category"]:
        for at, pair in enumerate(row.get("both", [])):
            for side in ("one", "two"):
                lists[row["label"], at, side] = list(map(_spaced, pair[side]))
    return PhraseLists(lists)


def _spaced(phrase: str) -> str:
    """Hyphens part words, as in the texts."""
    return phrase.replace("-", " ")
