"""Categories learned from those that analysts have pinned, used only where that is better.

Comes in: pinned stories with their label, and the label that the words of categories.toml give.
Goes out: a Model, or none. It never replaces the words as a whole: it is used for a move from one
label to another (the words say `policy and law`, the pins say `lawsuit`) and only where, of pinned
stories that it was not trained on, this move was mostly right. Analysts pin what is wrong rather
than what is right, so a model that may overrule everything would look better than it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from math import exp, sqrt
from typing import TYPE_CHECKING, Any

from pipeline.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEWEST = 5  # pins of a category that is learned; fewer are an opinion
FOLDS = 5  # of the cross-validation
FEWEST_RIGHT = 3  # pinned stories in which a move was right, though it had not seen them
RIGHT_FOR_WRONG = 3  # how often it is right for each time that the words were
SURE = 0.35  # least likelihood of the label, of up to eighteen
TITLE_COUNTS = 3.0  # as in categories.toml
OPENING_WORDS = 110
BENDING = 100.0  # how far weights may go (C of the regression); rows have the length 1
TOLD = 4  # words that a reason names

Move = tuple[str, str]  # what the words say, and what the pins say


@dataclass(frozen=True, slots=True)
class Example:
    """A pinned story."""

    title: str
    text: str
    by_words: str
    label: str


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of words by label, and the moves for which they are used."""

    labels: tuple[str, ...]
    weights: Mapping[str, tuple[float, ...]]
    bias: tuple[float, ...]
    moves: frozenset[Move]
    pins: int

    def label(self, title: str, text: str, by_words: str) -> tuple[str, str] | None:
        """Another label than the words', and why; None where the words are to be believed."""
        if by_words not in {before for before, _ in self.moves}:
            return None
        features = _features(title, text, by_words)
        points = self._points(features)
        best = max(range(len(self.labels)), key=lambda at: (points[at], self.labels[at]))
        label = self.labels[best]
        if (by_words, label) not in self.moves or _likelihood(points, best) < SURE:
            return None
        return label, self._because(features, best, by_words)

    def _points(self, features: Mapping[str, float]) -> list[float]:
        points = list(self.bias)
        for feature, value in features.items():
            for at, weight in enumerate(self.weights.get(feature, ())):
                points[at] += value * weight
        return points

    def _because(self, features: Mapping[str, float], best: int, by_words: str) -> str:
        """The words that speak most for the label, and what it was learned from."""
        spoken = {
            word: value * self.weights[word][best]
            for word, value in features.items()
            if word in self.weights and not word.startswith("=")
        }
        loudest = sorted(spoken, key=lambda word: (-spoken[word], word))[:TOLD]
        told = ", ".join(word for word in loudest if spoken[word] > 0)
        learned = f"learned from {self.pins} pinned events, where words alone say {by_words}"
        return f"{learned}: {told}" if told else learned


def learn(examples: Sequence[Example]) -> tuple[Model | None, str]:
    """A model of the pinned categories and where it is used, in words; None when nowhere."""
    counted = Counter(example.label for example in examples)
    kept = [example for example in examples if counted[example.label] >= FEWEST]
    if len({example.label for example in kept}) < 2:
        return None, f"nothing: it takes {FEWEST} pinned events of each of two categories"
    moved = _moves(kept)
    used = frozenset(
        move
        for move, (right, wrong) in moved.items()
        if right >= FEWEST_RIGHT and right >= RIGHT_FOR_WRONG * wrong
    )
    told = [
        f"{before} to {after} ({'used' if (before, after) in used else 'not used'}: right"
        f" {right} times, wrong {wrong} times in events that it had not seen)"
        for (before, after), (right, wrong) in sorted(moved.items())
    ]
    said = "; ".join(told) or "nothing: the words were right wherever pins agree"
    return (_trained(kept, used) if used else None), said


def _moves(examples: Sequence[Example]) -> dict[Move, tuple[int, int]]:
    """For each change of a label: how often it was right, and how often the words were or neither
    was, each story labelled by a model that had not seen it."""
    counted: dict[Move, tuple[int, int]] = {}
    for seen, unseen in _folds(examples):
        every = frozenset((e.by_words, label) for e in unseen for label in {s.label for s in seen})
        model = _trained(seen, every)
        for example in unseen:
            found = model.label(example.title, example.text, example.by_words)
            if found is None or found[0] == example.by_words:
                continue
            right, wrong = counted.get((example.by_words, found[0]), (0, 0))
            is_right = found[0] == example.label
            counted[example.by_words, found[0]] = (right + is_right, wrong + (not is_right))
    return counted


def _folds(examples: Sequence[Example]) -> Iterable[tuple[list[Example], list[Example]]]:
    """Each label dealt out evenly, in the order of the pins."""
    dealt: Counter[str] = Counter()
    fold_of = []
    for example in examples:
        fold_of.append(dealt[example.label] % FOLDS)
        dealt[example.label] += 1
    for fold in range(FOLDS):
        seen = [e for e, at in zip(examples, fold_of, strict=True) if at != fold]
        yield seen, [e for e, at in zip(examples, fold_of, strict=True) if at == fold]


def _trained(examples: Sequence[Example], moves: frozenset[Move]) -> Model:
    from sklearn.feature_extraction import DictVectorizer  # takes a second to import
    from sklearn.linear_model import LogisticRegression

    vectorizer = DictVectorizer()
    rows = vectorizer.fit_transform(_features(e.title, e.text, e.by_words) for e in examples)
    model = LogisticRegression(C=BENDING, max_iter=500)
    model.fit(rows, [example.label for example in examples])
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # then it tells of the second label alone
        weights, bias = (each.repeat(2, axis=0) for each in (weights, bias))
        weights[0] *= -0.5
        weights[1] *= 0.5
        bias = bias * [-0.5, 0.5]
    return Model(
        labels=tuple(map(str, model.classes_)),
        weights={
            str(name): tuple(round(float(weight), 4) for weight in weights[:, at])
            for name, at in vectorizer.vocabulary_.items()
        },
        bias=tuple(round(float(each), 4) for each in bias),
        moves=moves,
        pins=len(examples),
    )


def _features(title: str, text: str, by_words: str) -> dict[str, float]:
    """The words of the title and the opening, and what the word rules say; of length 1."""
    found = dict.fromkeys(words(text[: OPENING_WORDS * 12])[:OPENING_WORDS], 1.0)
    found |= dict.fromkeys(words(title), TITLE_COUNTS)
    found[f"={by_words}"] = TITLE_COUNTS
    length = sqrt(sum(value * value for value in found.values()))
    return {word: value / length for word, value in found.items()}


def _likelihood(points: Sequence[float], at: int) -> float:
    highest = max(points)
    return exp(points[at] - highest) / sum(exp(each - highest) for each in points)


def as_json(model: Model) -> dict[str, Any]:
    """For keeping; from_json() reads it back."""
    return asdict(model) | {"moves": sorted(model.moves)}


def from_json(told: Mapping[str, Any]) -> Model:
    return Model(
        labels=tuple(told["labels"]),
        weights={word: tuple(each) for word, each in told["weights"].items()},
        bias=tuple(told["bias"]),
        moves=frozenset((before, after) for before, after in told["moves"]),
        pins=told["pins"],
    )
