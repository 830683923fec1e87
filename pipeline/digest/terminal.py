"""A digest for a terminal of 80 columns.

Comes in: a digest as plain data, already free of control characters. Goes out: text without
trailing spaces. Colour is asked for by the caller, who knows whether a terminal listens.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

WIDTH = 80
INDENT = "  "
_STYLES = {"label": "1;36", "headline": "1", "faint": "2", "number": "1;33", "warn": "33"}


def terminal(digest: dict[str, Any], *, colour: bool = False) -> str:
    """The whole digest."""
    write = _Writer(colour)
    since, until = digest["since"], digest["until"]
    write.line(write.style(_flat(digest["title"]), "headline"))
    write.line(
        write.style(
            f"{since:%H:%M} UTC on {since.day} {since:%B} to {until:%H:%M} UTC on "
            f"{until.day} {until:%B %Y}, {counted(len(digest['events']), 'event')}",
            "faint",
        )
    )
    write.line("─" * WIDTH)
    if not digest["events"]:
        write.line("\nNothing new in this time.")
    for event in digest["events"]:
        _event(write, event)
        write.line(write.style("─" * WIDTH, "faint"))
    if digest["left_out"]:
        write.line("")
        write.line(write.style(f"{counted(digest['left_out'], 'smaller event')} left out", "faint"))
    return write.text()


def terminal_event(event: dict[str, Any], *, colour: bool = False) -> str:
    """One event of it."""
    write = _Writer(colour)
    _event(write, event)
    return write.text()


def _event(write: _Writer, event: dict[str, Any]) -> None:
    write.line("")
    label, reading = event["category"].upper(), f"{event['minutes']} min read"
    if event["pruned"]:
        reading = f"texts dropped {event['pruned']:%Y-%m-%d}"
    gap = " " * max(2, WIDTH - width(_flat(label)) - width(reading))
    write.line(write.style(_flat(label), "label") + gap + write.style(reading, "faint"))
    write.wrapped(event["headline"], style="headline")
    if event["url"]:
        write.line(write.style(_flat(event["url"]), "faint"))
    for sentence in event["tldr"]:
        write.wrapped(f"{sentence['text']} [{sentence['source']}]", INDENT + "• ", INDENT + "  ")
    if event["tldr_by"]:
        write.wrapped(f"written by {event['tldr_by']} from these reports", INDENT, style="faint")
    if event["since_then"]:
        _since_then(write, event["since_then"])
    write.line("")
    _meta(write, event)
    _sources(write, event["sources"])
    _figures(write, event["figures"])
    _sections(write, event["sections"])
    _related(write, event["related"])
    write.line("")


def _since_then(write: _Writer, then: dict[str, Any]) -> None:
    write.line("")
    write.line(INDENT + write.style("Since then", "headline"))
    for point in then["points"]:
        told = f" [{', '.join(point['sources'])}]" if point["sources"] else ""
        write.wrapped(f"{point['text']}{told}", INDENT + "• ", INDENT + "  ")
    at = then["told_at"]
    write.wrapped(f"Told on {at.day} {at:%B}: {then['headline']}", INDENT, style="faint")
    if then["url"]:
        write.line(INDENT + write.style(_flat(then["url"]), "faint"))


def _meta(write: _Writer, event: dict[str, Any]) -> None:
    said = event["broke"][:1].upper() + event["broke"][1:]
    facts = [counted(event["independent"], "independent source")]
    if event["comments"]:
        facts.append(counted(event["comments"], "comment"))
    write.wrapped(f"{said}; {', '.join(facts)}" if said else ", ".join(facts), INDENT)


def _sources(write: _Writer, sources: list[dict[str, Any]]) -> None:
    write.heading("Sources" if sources else "")
    column = max((width(source["when"]) for source in sources), default=0)
    for source in sources:
        when, url = source["when"].rjust(column), _flat(source["url"])
        note = f" ({source['note']})" if source["note"] else ""
        line = f"{INDENT}{when}  {_flat(source['source'] + note)}"
        if width(line) + 2 + width(url) <= WIDTH:
            write.line(f"{line}  {write.style(url, 'faint')}")
        else:
            write.line(line)
            write.line(INDENT + " " * (column + 2) + write.style(url, "faint"))


def _figures(write: _Writer, figures: list[dict[str, Any]]) -> None:
    write.heading("Figures" if figures else "")
    column = min(max((width(f["shown"]) for f in figures), default=0), 18)
    for figure in figures:
        shown = _flat(figure["shown"])
        said = f"{figure['about']} — " if figure["about"] else ""
        said += figure["by"]
        for other in figure["differs"]:
            said += f"; {'' if other['rounded'] else 'but '}{other['shown']}: "
            said += ", ".join(other["sources"])
        padding = " " * max(column - width(shown), 0)
        indent = INDENT + " " * (column + 2)
        write.wrapped(f"{shown}{padding}  {said}", INDENT, indent, lead=(shown, "number"))


def _sections(write: _Writer, sections: list[dict[str, Any]]) -> None:
    headed = [section for section in sections if section["heading"]]
    write.heading("In the story" if headed else "")
    for section in headed:
        write.wrapped(f"{section['heading']}: {section['first']}", INDENT, INDENT * 2)


def _related(write: _Writer, related: list[dict[str, Any]]) -> None:
    write.heading("Related" if related else "")
    for other in related:
        label = other["category"].upper()
        write.wrapped(f"{label}  {other['headline']}", INDENT, INDENT * 2, lead=(label, "label"))
        if other["tldr"]:
            write.wrapped(other["tldr"], INDENT * 2)


class _Writer:
    """Collects lines; knows the width and whether there is colour."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._lines: list[str] = []

    def style(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour and text else text

    def line(self, text: str) -> None:
        self._lines.append(text.rstrip())

    def heading(self, text: str) -> None:
        if text:
            self.line("")
            self.line(INDENT + self.style(text, "headline"))

    def wrapped(
        self,
        text: str,
        first: str = "",
        rest: str | None = None,
        *,
        style: str = "",
        lead: tuple[str, str] | None = None,
    ) -> None:
        """The text over as many lines as it needs; `lead` is a first word with its own style."""
        lines = wrap(text, first, first if rest is None else rest)
        for at, line in enumerate(lines):
            if style:
                line = self.style(line, style)
            elif lead and at == 0:
                line = line.replace(lead[0], self.style(*lead), 1)
            self.line(line)

    def text(self) -> str:
        return "\n".join(self._lines).rstrip("\n") + "\n"


def wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most 80 columns; spaces inside the first word column are kept, and a word that
    is longer than a line stands alone."""
    lines: list[str] = []
    held, empty = first, True
    for word in re.findall(r"\S+(?:\s{2,}(?=\S))?", text):
        gap = "" if empty or held.endswith("  ") else " "
        if not empty and width(held + gap + word.rstrip()) > WIDTH:
            lines.append(held.rstrip())
            held, gap = rest, ""
        for piece in _pieces(word, WIDTH - width(rest)):
            if width(held + gap + piece.rstrip()) > WIDTH and held.strip():
                lines.append(held.rstrip())
                held, gap = rest, ""
            held += gap + piece
            gap = ""
        empty = False
    return [*lines, held.rstrip()] if held.strip() else lines


def _pieces(word: str, room: int) -> list[str]:
    """A word whole, or, in a script without spaces, cut to fit."""
    if width(word.rstrip()) <= room or word.startswith(("http://", "https://")):
        return [word]
    pieces, held = [], ""
    for character in word:
        if width(held + character) > room:
            pieces.append(held)
            held = ""
        held += character
    return [*pieces, held]


def width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
