"""Figures of several stories side by side: who gives the same one, and who gives another.

Comes in: the figures of the stories of one event. Goes out: groups, each with the stories that
give it and the values that differ from it. It never says which of two values is right, and it
calls two values different only when no single story has both.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.calendar import hints
from pipeline.text import stems

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    from storage.models import Figure

ALIKE = 0.3  # share of the shorter sentence's words that two sentences on one thing share at least
FACTOR = 3.0  # two values further apart than this are hardly about the same thing
NEAR = 1.5  # and within this, two sentences on cuts are about the same ones
BESIDE, BESIDE_ALIKE = 70, 0.4  # characters beside a figure, and what of their words is shared
NEAR_DAYS = 62  # and within this, two days on which something starts or ends are of one thing
_BY_ITSELF = frozenset({"cutting"})  # a theme that says most of what its figures are about
_DATED = frozenset({"starting", "ending"})  # themes of days, not of amounts
FAR_DAYS = 366  # two dates further apart than this are of two happenings
DATES_ALIKE = 0.5  # ALIKE for dates, of which a story has many
ROUNDED = 0.05  # "about $14 billion" is $14.3 billion, rounded
MOST_WORDS = 4  # of what a figure is about; more is a clause
_SHARES = re.compile(r"\d\s?(?:%|per ?cent\b|prozent\b)", re.IGNORECASE)
MOST_SHARES = 2
_CLAUSE = re.compile(
    r"[;:!?—–()]|,(?!\d)|\b(?:while|whereas|but|after|as|that|which|who|während|aber|nachdem|als)\b"
)
SMALL = 12  # counts up to here are so common that the sentences must be alike, too


@dataclass(frozen=True, slots=True)
class Variant:
    """Another value for the same thing."""

    shown: str
    stories: tuple[int, ...]
    rounded: bool  # the same value, only less exact
    quoted: tuple[Figure, ...] = ()  # as it stands in them


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """One figure, the stories that give it, and the values that differ from it."""

    key: str
    shown: str
    about: str
    unit: str
    stories: tuple[int, ...]
    differs: tuple[Variant, ...] = ()
    quoted: tuple[Figure, ...] = ()  # as it stands in them


@dataclass(frozen=True, slots=True)
class _Group:
    figures: tuple[Figure, ...]  # in the order of their stories
    place: int  # where in its story it first stands
    story_place: int  # where the first of its stories stands among all

    @property
    def first(self) -> Figure:
        return self.figures[0]

    @property
    def stories(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(figure.story_id for figure in self.figures))


def group_figures(
    figures: Iterable[Figure],
    language: str = "en",
    prefer: Container[int] | None = None,
    order: Sequence[int] = (),
) -> list[FigureGroup]:
    """The figures of an event, those that most stories give first. How the figures of different
    stories are mixed does not matter: `order` (ids of the stories as they were published, else
    by id) and the order inside a story break ties. The words are those of the stories in
    `prefer` (the event's language) where these have the figure."""
    places = {story_id: place for place, story_id in enumerate(order)}
    groups = sorted(_same(list(figures), language, places), key=_rank)
    shown: list[tuple[_Group, FigureGroup]] = []
    taken: set[int] = set()
    for at, group in enumerate(groups):
        if at in taken:
            continue
        others = [
            i
            for i in range(at + 1, len(groups))
            if i not in taken and _differ(group, groups[i], language)
        ]
        taken.update(others)
        shown.append((group, _shown(group, [groups[i] for i in others], prefer)))
    shown.sort(key=lambda pair: _rank(pair[0], {i for v in pair[1].differs for i in v.stories}))
    return [one for _, one in shown]


def _same(figures: list[Figure], language: str, places: Mapping[int, int]) -> list[_Group]:
    """Figures with one value about one thing together."""
    found: list[list[_Placed]] = []
    for placed in _in_fixed_order(figures, places):
        matching = [
            group
            for group in found
            if any(_is_same(placed.figure, other.figure, language) for other in group)
        ]
        together = [other for group in matching for other in group] + [placed]
        found = [group for group in found if group not in matching] + [together]
    return [_group(sorted(group, key=_by_place)) for group in found]


@dataclass(frozen=True, slots=True)
class _Placed:
    figure: Figure
    story_place: int
    place: int  # in its story


def _by_place(placed: _Placed) -> tuple[int, int, int, str]:
    return (placed.story_place, placed.figure.story_id, placed.place, placed.figure.key)


def _group(placed: list[_Placed]) -> _Group:
    return _Group(
        tuple(one.figure for one in placed),
        place=min(one.place for one in placed),
        story_place=placed[0].story_place,
    )


def _in_fixed_order(figures: list[Figure], places: Mapping[int, int]) -> list[_Placed]:
    counted: Counter[int] = Counter()
    placed = []
    for figure in figures:
        story_place = places.get(figure.story_id, figure.story_id)
        placed.append(_Placed(figure, story_place, counted[figure.story_id]))
        counted[figure.story_id] += 1
    return sorted(placed, key=_by_place)


def _is_same(one: Figure, other: Figure, language: str) -> bool:
    if one.value != other.value or not _same_unit(one, other):
        return False
    if _benchmark(one) or _benchmark(other):
        return _benchmark(one) == _benchmark(other)
    if one.value <= SMALL and one.unit in _everyday_units():
        return _alike(one, other, language)
    return True


def _same_unit(one: Figure, other: Figure) -> bool:
    if one.unit == other.unit:
        return one.unit != "version" or one.shown == other.shown
    if {one.unit, other.unit} == {"%", "points"}:
        return bool(_benchmark(one)) and _benchmark(one) == _benchmark(other)
    return [one.unit, other.unit] in _kin() or [other.unit, one.unit] in _kin()


def _kin() -> list[list[str]]:
    pairs: list[list[str]] = numbers.data()["kin"]["pairs"]
    return pairs


def _everyday_units() -> set[str]:
    return set(numbers.data()["counts"])


def _benchmark(figure: Figure) -> str:
    """`Intelligence Index` of `GPT-5.4, Intelligence Index`; empty when it is no score."""
    name = figure.about.rpartition(", ")[2]
    return name if figure.unit == "points" or name in numbers.data()["benchmarks"] else ""


def _differ(one: _Group, other: _Group, language: str) -> bool:
    """Whether these are two values for one thing."""
    left, right = one.first, other.first
    if left.value == right.value or not _same_unit(left, right) or left.unit == "version":
        return False
    if set(one.stories) & set(other.stories):
        return False
    if _benchmark(left) or _benchmark(right):
        return left.about == right.about
    if _narrowings(left) != _narrowings(right):
        return False
    if left.unit == "date":
        return _are_of_one_thing(left, right, language)
    if max(left.value, right.value) > FACTOR * min(left.value, right.value):
        return False
    if left.about == right.about and " " in left.about and left.about[:1].isupper():
        return True
    return _speak_of_one(left, right, language)


def _are_of_one_thing(one: Figure, other: Figure, language: str) -> bool:
    """Whether two days are said of one thing: `on sale from 12 May` and `goes on sale on 14 May`.
    A sentence with several dates tells a history, and months are of many things."""
    if any(len(hints(each.sentence)) != 1 or not each.shown[0].isdigit() for each in (one, other)):
        return False
    apart = abs(one.value - other.value)
    if apart > FAR_DAYS:
        return False
    if apart <= NEAR_DAYS and _themes(one) & _themes(other) & _DATED:
        return True
    months = _month_stems(language)
    left = _content(one.sentence, language) - months
    right = _content(other.sentence, language) - months
    return len(left & right) >= max(2, DATES_ALIKE * min(len(left), len(right)))


@lru_cache(maxsize=16)
def _month_stems(language: str) -> frozenset[str]:
    table = numbers.data()["months"]
    names = chain.from_iterable(table.get(numbers.base(language), table["en"]))
    return frozenset(stem for name in names for stem in stems(name, language))


def _alike(one: Figure, other: Figure, language: str) -> bool:
    """Whether two sentences speak of one thing."""
    return _share_words(_content(one.sentence, language), _content(other.sentence, language))


def _speak_of_one(one: Figure, other: Figure, language: str) -> bool:
    """The same of two values that differ: stricter, for a wrong contradiction misleads. What is
    counted (people, customers) says nothing; that both speak of cuts says most of it; a sentence
    with many shares tells of the answers in a poll."""
    if any(len(_SHARES.findall(each.sentence)) > MOST_SHARES for each in (one, other)):
        return False
    counted = _counted(language)
    left, right = (_content(each.sentence, language) - counted for each in (one, other))
    themes = (_themes(one) & _themes(other)) - _DATED
    if _are_near(one, other) and themes and (left & right or themes & _BY_ITSELF):
        return True
    if not _share_words(left, right):
        return False
    left, right = (_content(_beside(each), language) - counted for each in (one, other))
    return len(left & right) >= max(2, BESIDE_ALIKE * min(len(left), len(right)))


def _are_near(one: Figure, other: Figure) -> bool:
    return SMALL < max(one.value, other.value) <= NEAR * min(one.value, other.value)


def _beside(figure: Figure) -> str:
    """The words on both sides of a figure: a long sentence speaks of several things."""
    return " ".join(_sides(figure))


def _sides(figure: Figure) -> tuple[str, str]:
    at = figure.sentence.find(figure.quote)
    behind = at + len(figure.quote)
    return figure.sentence[max(at - BESIDE, 0) : at], figure.sentence[behind : behind + BESIDE]


def _share_words(left: frozenset[str], right: frozenset[str]) -> bool:
    shared = len(left & right)
    return shared >= 2 and shared >= ALIKE * min(len(left), len(right))


@lru_cache(maxsize=16)
def _counted(language: str) -> frozenset[str]:
    nouns = [noun for nouns in numbers.data()["counts"].values() for noun in nouns]
    return frozenset(stem for noun in nouns for stem in stems(noun, language))


def _themes(figure: Figure) -> frozenset[str]:
    return _told_of("themes", _beside(figure))


def _narrowings(figure: Figure) -> frozenset[str]:
    """In which ways the words of its clause narrow a figure: `expected`, `until now`; a date stands
    in a clause of its own, there those of the sentence do."""
    if figure.unit == "date":
        return _told_of("apart", figure.sentence)
    before, behind = _sides(figure)
    return _told_of("apart", f"{_CLAUSE.split(before)[-1]} {_CLAUSE.split(behind, maxsplit=1)[0]}")


@lru_cache(maxsize=4096)
def _told_of(table: str, words: str) -> frozenset[str]:
    """Of what the words tell, by the lists of a table."""
    return frozenset(name for name, form in _patterns(table) if form.search(words))


@cache
def _patterns(name: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    table: dict[str, list[str]] = numbers.data()[name]
    return tuple(
        (theme, re.compile(rf"\b(?:{'|'.join(map(_starred, words))})\b", re.IGNORECASE))
        for theme, words in table.items()
    )


def _starred(word: str) -> str:
    return re.escape(word[:-1]) + r"\w*" if word.endswith("*") else re.escape(word)


@lru_cache(maxsize=4096)
def _content(sentence: str, language: str) -> frozenset[str]:
    ties = numbers.data()["no_names"]["ties"]
    return frozenset(
        stem
        for stem in stems(sentence, language)
        if len(stem) > 2 and not stem[0].isdigit() and stem not in ties
    )


def _shown(group: _Group, others: list[_Group], prefer: Container[int] | None) -> FigureGroup:
    first = group.first
    preferred = tuple(f for f in group.figures if prefer is None or f.story_id in prefer)
    figures = preferred or group.figures
    exact = [f for f in figures if not f.shown.startswith("about ")]
    return FigureGroup(
        key=first.key,
        shown=(exact or list(figures))[0].shown,
        about=_best_about(figures, group.figures),
        unit=first.unit,
        stories=group.stories,
        differs=tuple(_variant(first, other) for other in others),
        quoted=group.figures,
    )


def _variant(first: Figure, other: _Group) -> Variant:
    figure = other.first
    apart = abs(first.value - figure.value) / max(first.value, figure.value)
    vague = figure.shown.startswith("about ") or first.shown.startswith("about ")
    return Variant(figure.shown, other.stories, vague and apart <= ROUNDED, other.figures)


def _best_about(figures: tuple[Figure, ...], everybody: tuple[Figure, ...] = ()) -> str:
    """Of money what says what it is for (`deal`); then words that most stories have beside the
    figure; then, of money and scores, what names a name; then few words before a whole clause;
    then what was said first."""
    money = figures[0].unit.split(" a ")[0] in numbers.data()["currencies"]["words"].values()
    named = money or bool(_benchmark(figures[0]))
    said = [figure.about for figure in figures if figure.about]
    sentences = {} if money else {f.story_id: f.sentence for f in everybody or figures}
    return min(
        dict.fromkeys(said),
        key=lambda about: (
            money and about.rpartition(" ")[2] not in numbers.data()["about"],
            -said.count(about) - _said_by(about, sentences),
            named and not about[:1].isupper(),
            len(about.split()) > MOST_WORDS,
            said.index(about),
        ),
        default="",
    )


def _said_by(about: str, sentences: Mapping[int, str]) -> int:
    """In how many stories the words stand, in whatever form, beside the figure."""
    wanted = set(stems(about))
    return sum(wanted <= set(stems(sentence)) for sentence in sentences.values())


def _rank(group: _Group, others: Collection[int] = ()) -> tuple[int, bool, int, int, int, str]:
    """How many stories speak of it, exact before vague, what readers want first, where it
    stands."""
    first: list[str] = numbers.data()["rank"]["first"]
    unit = group.first.unit.split(" a ")[0]
    place = first.index(unit) if unit in first else len(first)
    vague = all(figure.shown.startswith("about ") for figure in group.figures)
    return (
        -len(group.stories) - len(others),
        vague,
        place,
        group.place,
        group.story_place,
        group.first.key,
    )
