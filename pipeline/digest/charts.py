"""Drawings of how an event was told, as inline SVG without a script.

Comes in: stories as marks in time, or counts. Goes out: one string of SVG that fits any width: its
places are per cent, so letters keep their size. Colours come from charts.css. Everything that was
stored is escaped here; a title and a description say in words what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from pipeline.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROLES = ("original", "rewrite", "copy", "commentary", "roundup")  # the order of the lanes
MARGIN = 2.0  # per cent, so that no dot is cut at an edge
MOST_TOLD = 12  # stories that a description names; the list beside the drawing has all
GROWTH = 56  # height of the growing area, in pixels
TOP = 20  # room for the number above it
LANE = 34  # height of a lane: its name, then its line
GAP = 8  # between the area and the lanes
AXIS = 24
MOST_TICKS = 4  # between the ends; more would not fit a phone
STEPS = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080, 43200, 525600)
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A story as a mark in time."""

    who: str
    role: str
    when: datetime | None
    said: str  # the time as exactly as it is known: "16:02", or "8 Apr"


@dataclass(frozen=True, slots=True)
class Bar:
    """A count, such as that of a day."""

    name: str
    count: int
    href: str = ""
    is_shown: bool = False


def marks_of(sources: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """The sources of an event view as marks."""
    return [Mark(s["source"], s["role"], s["published"], s["when"]) for s in sources]


def spread(marks: Sequence[Mark], *, name: str) -> Markup:
    """How an event spread: a growing area, a lane of dots for each role, and the time below.
    Nothing, where fewer than two times are known. `name` makes ids that no other drawing has."""
    dated = sorted((m for m in marks if m.when), key=lambda m: (m.when, m.who))
    if len(dated) < 2 or dated[0].when == dated[-1].when:
        return Markup("")
    scale = _Scale([m.when for m in dated if m.when])
    lanes = [role for role in ROLES if any(m.role == role for m in dated)]
    floor = TOP + GROWTH
    bottom = floor + GAP + LANE * len(lanes)
    parts = [
        _head(f"spread-{name}", bottom + AXIS, "How it spread", described(marks), "spread"),
        *_ticks(scale, TOP, bottom),
        *_growth(dated, scale, floor),
    ]
    for number, role in enumerate(lanes):
        parts += _lane(
            role, [m for m in dated if m.role == role], scale, floor + GAP + LANE * number
        )
    return Markup("".join([*parts, "</svg>"]))


def spread_of(event: Mapping[str, Any]) -> Markup:
    """The same of an event view as plain data."""
    return spread(marks_of(event["sources"]), name=str(event["event_id"]))


def strip_of(event: Mapping[str, Any]) -> Markup:
    """Its strip."""
    return strip(marks_of(event["sources"]))


def strip(marks: Sequence[Mark]) -> Markup:
    """The same on one line, for a list; it is hidden from screen readers, which have the sources
    beside it."""
    dated = [m for m in marks if m.when]
    if len(dated) < 2:
        return Markup("")
    scale = _Scale([m.when for m in dated if m.when])
    dots = "".join(_dot(m, scale, 7, 3.5) for m in reversed(dated))  # the first one on top
    line = f'<line class="lane" x1="{MARGIN}%" x2="{100 - MARGIN}%" y1="7" y2="7"/>'
    return Markup(
        f'<svg class="strip" width="100%" height="14" aria-hidden="true">{line}{dots}</svg>'
    )


def bars(
    counts: Sequence[Bar],
    *,
    name: str,
    title: str,
    units: tuple[str, str] = ("event", "events"),  # one, and several
    height: int = 64,
) -> Markup:
    """A bar for each count; whatever is there at all is seen."""
    if not counts:
        return Markup("")
    most = max(max(bar.count for bar in counts), 1)
    width = 100 / len(counts)
    top = max(counts, key=lambda bar: bar.count)
    words = (
        f"{counts[0].name} to {counts[-1].name}; the most, {top.count}, {top.name}."
        if top.count
        else "Nothing."
    )
    parts = [_head(f"bars-{name}", height, title, words, "counts", is_group=True)]
    for number, bar in enumerate(counts):
        said = f"{_safe(bar.name)}: {bar.count} {units[bar.count != 1]}"
        tall = max(2, round((height - 4) * bar.count / most)) if bar.count else 0
        x = number * width
        drawn = (
            f"<title>{said}</title>"
            f'<rect class="hit" x="{x:.2f}%" y="0" width="{width:.2f}%" height="{height}"/>'
            f'<rect class="bar{" shown" if bar.is_shown else ""}" x="{x + width * 0.1:.2f}%"'
            f' y="{height - 1 - tall}" width="{width * 0.8:.2f}%" height="{tall}"/>'
        )
        link = f'<a href="{_safe(bar.href)}" aria-label="{said}">'
        parts.append(f"{link}{drawn}</a>" if bar.href else f"<g>{drawn}</g>")
    line = f'<line class="lane" x1="0" x2="100%" y1="{height - 0.5}" y2="{height - 0.5}"/>'
    return Markup("".join([*parts, line, "</svg>"]))


def described(marks: Sequence[Mark]) -> str:
    """The drawing in words: who told it, as what, and when."""
    dated = sorted((m for m in marks if m.when), key=lambda m: (m.when, m.who))
    told = [f"{m.who}, {m.role}, {m.said}" for m in dated[:MOST_TOLD]]
    more = len(marks) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])]) + "."


class _Scale:
    """Times as places on a line, in per cent."""

    def __init__(self, times: Sequence[datetime]) -> None:
        self.first, self.last = min(times), max(times)
        self.whole = (self.last - self.first).total_seconds() or 1.0

    def place(self, when: datetime) -> float:
        gone = (when - self.first).total_seconds() / self.whole
        return round(MARGIN + (100 - 2 * MARGIN) * gone, 2)

    def ticks(self) -> tuple[list[datetime], timedelta]:
        """Round times between the ends, and how far they are apart; none over many years."""
        span = self.last - self.first
        step = next((step for step in STEPS if span / step <= MOST_TICKS + 1), None)
        if step is None:
            return [], span
        start = datetime(self.first.year, 1, 1, tzinfo=UTC)
        before = (self.first - start) // step  # steps from the start of the year
        ticks = (
            start + step * (before + n) for n in range(1, (self.last - start) // step + 1 - before)
        )
        return [tick for tick in ticks if tick < self.last], step


def _head(
    name: str, height: int, title: str, words: str, kind: str, *, is_group: bool = False
) -> str:
    role = "" if is_group else ' role="img"'  # what is in an image is not read out; links must be
    return (
        f'<svg class="chart {kind}" width="100%" height="{height}"{role}'
        f' aria-labelledby="{_safe(name)}-title" aria-describedby="{_safe(name)}-words">'
        f'<title id="{_safe(name)}-title">{_safe(title)}</title>'
        f'<desc id="{_safe(name)}-words">{_safe(words)}</desc>'
    )


def _growth(dated: Sequence[Mark], scale: _Scale, floor: int) -> list[str]:
    """How many stories had told it at each moment, as a staircase."""
    times = [m.when for m in dated if m.when]
    parts = []
    for number, when in enumerate(times, 1):
        x = scale.place(when)
        until = scale.place(times[number]) if number < len(times) else 100.0
        tall = round(GROWTH * number / len(times), 1)
        parts.append(
            f'<rect class="growth" x="{x}%" y="{floor - tall}" width="{round(until - x, 2)}%"'
            f' height="{tall}"/>'
        )
    total = f"{len(times)} {'story' if len(times) == 1 else 'stories'}"
    parts.append(f'<text class="total" x="100%" y="{TOP - 6}" text-anchor="end">{total}</text>')
    return parts


def _lane(role: str, marks: Sequence[Mark], scale: _Scale, top: int) -> list[str]:
    y = top + 24
    name = f"{role} {len(marks)}" if len(marks) > 1 else role
    line = f'<line class="lane" x1="{MARGIN}%" x2="{100 - MARGIN}%" y1="{y}" y2="{y}"/>'
    label = f'<text class="role" x="0" y="{top + 12}">{_safe(name)}</text>'
    return [line, label, *(_dot(m, scale, y, 5) for m in reversed(marks))]


def _dot(mark: Mark, scale: _Scale, y: int, radius: float) -> str:
    assert mark.when is not None
    role = mark.role if mark.role in ROLES else "original"
    title = f"<title>{_safe(f'{mark.who}, {mark.role}, {mark.said}')}</title>"
    place = f'cx="{scale.place(mark.when)}%" cy="{y}" r="{radius}"'
    return f'<circle class="{role}" {place}>{title}</circle>'


def _ticks(scale: _Scale, top: int, bottom: int) -> list[str]:
    between, step = scale.ticks()
    days_matter = scale.first.date() != scale.last.date()
    parts = [
        f'<text class="tick" x="0" y="{bottom + 18}">{_moment(scale.first, days_matter)}</text>',
        f'<text class="tick" x="100%" y="{bottom + 18}" text-anchor="end">'
        f"{_moment(scale.last, days_matter)}</text>",
    ]
    for tick in between:
        x = scale.place(tick)
        parts.append(f'<line class="grid" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>')
        if 26 < x < 74:  # per cent; nearer to an end its words would run into those there
            words = f"{tick.day} {tick:%b}" if step >= timedelta(days=1) else f"{tick:%H:%M}"
            words = f"{tick.day} {tick:%b}" if tick.hour == tick.minute == 0 else words
            parts.append(
                f'<text class="tick" x="{x}%" y="{bottom + 18}" text-anchor="middle">{words}</text>'
            )
    return parts


def _moment(when: datetime, days_matter: bool) -> str:
    return f"{when.day} {when:%b}, {when:%H:%M}" if days_matter else f"{when:%H:%M}"


def _safe(text: str) -> Markup:
    return escape(visible(text))
