"""Numbers as people print them, in English and in languages with a decimal comma.

Comes in: a span of text and its language. Goes out: a value, or the short form to show. It
never guesses: a span that reads two ways gives no number.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pipeline.tables import tables

# Not inside a word, another number, a version (GPT-5.4), a time (16:02), a path or a price.
_NOT_BEFORE = r"(?<![\w.,:/$€£#@+-])"
_NOT_AFTER = r"(?![\w]|[.,:/-]\d)"
_POINT = r"(?:\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.\d+)?"
_COMMA = r"(?:\d{1,3}(?:[.\u00a0\u202f]\d{3})+|\d{1,9})(?:,\d+)?"


@cache
def data() -> dict[str, Any]:
    """The tables of figures.toml."""
    return tables("pipeline.enrich", "figures.toml")


def base(language: str) -> str:
    """`de-AT` is `de`."""
    return language[:2].lower()


def has_decimal_comma(language: str) -> bool:
    return base(language) in data()["languages"]["comma"]


def digits(language: str) -> str:
    """A pattern of a number in digits, without guards."""
    return _COMMA if has_decimal_comma(language) else _POINT


def guarded(pattern: str) -> str:
    """The pattern where it does not stand inside something longer."""
    return f"{_NOT_BEFORE}{pattern}{_NOT_AFTER}"


def number_words(language: str) -> dict[str, int]:
    """Two to twelve, in words."""
    found: dict[str, int] = data()["words"].get(base(language), {})
    return found


def scales(language: str) -> dict[str, float]:
    """`million` and its like, in lower case, with what they multiply by."""
    table: dict[str, float] = dict(data()["scales"]["words"])
    if base(language) == "de":
        table |= data()["scales"]["german"]
    return table


def either(words: list[str] | dict[str, Any]) -> str:
    """A pattern that matches any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda w: (-len(w), w)))


def value_of(printed: str, language: str) -> float:
    """`1,234.5`, `1.234,5` (German) or `nine` as a number."""
    words = number_words(language)
    if printed.lower() in words:
        return float(words[printed.lower()])
    if has_decimal_comma(language):
        plain = re.sub(r"[.\u00a0\u202f]", "", printed).replace(",", ".")
    else:
        plain = printed.replace(",", "")
    return float(plain)


def scaled(printed: str, factor: float, language: str) -> float:
    """The value times its scale, without the dust of binary fractions (2.3 million)."""
    return float(f"{value_of(printed, language) * factor:.12g}")


def plain(value: float) -> str:
    """`1234.5` as `1,234.5`; whole numbers without a point."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.10f}".rstrip("0")


def short(value: float) -> str:
    """`14300000000` as `14.3B`; below a million all digits."""
    for factor, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= factor:
            return plain(float(f"{value / factor:.6g}")) + letter
    return plain(value)


def key_of(unit: str, value: float) -> str:
    """The same for the same number in other words: `USD 14300000000`."""
    number = str(int(value)) if value == int(value) else f"{value:.10g}"
    return f"{unit} {number}"
