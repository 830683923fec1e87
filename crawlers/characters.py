"""Bytes of a page -> its characters: which charset is believed, and what is let through.

Comes in: the body as sent and the charset of the HTTP header. Goes out: text without control
characters. It never fails and never guesses by statistics; these are the rules:

1. A byte order mark decides.
2. Bytes that are valid UTF-8 throughout are UTF-8, whatever header or page declare: text of
   another charset is valid UTF-8 by accident only. (A declared seven-bit charset such as
   ISO-2022-JP comes before this, since all its bytes are valid UTF-8.)
3. Bytes with many sound UTF-8 sequences for each broken one are UTF-8 with some foreign bytes in
   it (a pasted quotation mark, a letter cut in two): those bytes are read as windows-1252.
4. Else the header's charset, else the page's own declaration; one that says UTF-8 is wrong by now.
5. Else windows-1252. As on the web, ISO-8859-1 and ASCII are other names of windows-1252.
"""

from __future__ import annotations

import re
import sys
from html import unescape
from unicodedata import normalize

from w3lib.encoding import html_body_declared_encoding, read_bom, resolve_encoding

FALLBACK = "cp1252"
SEVEN_BIT = frozenset({"iso2022_jp", "hz"})  # written in ASCII bytes only
SOUND = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
SOUND_TO_BROKEN = 4  # Chinese and Korean charsets look like UTF-8 in one sequence of three
DECLARED_WITHIN = 4096  # bytes; browsers look at the first 1024

UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\u00ad\u200b\ufeff"  # soft hyphen, zero-width space, byte order mark: they split words
    "\u202a-\u202e\u2066-\u2069]"  # they turn the reading direction of what follows
)
REFERENCE = re.compile(r"&#(\d{1,9}|[xX][0-9a-fA-F]{1,8});?")
MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]*>", re.DOTALL | re.IGNORECASE)


def decode(html: bytes, declared: str | None) -> str:
    """The characters of a page; `declared` is the charset that the HTTP header named.

    References to control characters (`&#1;`) go, too: lxml lets them in, but not out again.
    """
    return REFERENCE.sub(_harmless, printable(_decode(html, declared)))


def printable(text: str) -> str:
    """Text without control and invisible characters.

    What stands at U+0080 to U+009F is a windows-1252 letter that somebody took for Latin-1
    (`&#150;`); browsers read it so, and so do we.
    """
    return UNWANTED.sub(_meant, text)


def one_line(text: str, limit: int) -> str:
    """Text for a field of one line: no control characters, single spaces, NFC, at most `limit`."""
    return normalize("NFC", " ".join(printable(text[: 4 * limit]).split()))[:limit].rstrip()


def plain_line(text: str, limit: int) -> str:
    """A claim of a page as one line: no markup, no entities (which some write twice)."""
    return one_line(MARKUP.sub(" ", unescape(unescape(text[: 8 * limit]))), limit)


def letters(text: str) -> str:
    """A text by which two spellings of it are equal: small letters and digits only."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _harmless(reference: re.Match[str]) -> str:
    number = reference[1]
    code = int(number[1:], 16) if number[0] in "xX" else int(number)
    is_harmless = code <= sys.maxunicode and printable(chr(code))
    return reference.group() if is_harmless else ""


def _meant(match: re.Match[str]) -> str:
    code = ord(match.group())
    return bytes([code]).decode(FALLBACK, "ignore") if 0x80 <= code <= 0x9F else ""


def _decode(html: bytes, declared: str | None) -> str:
    marked, mark = read_bom(html)
    if marked and mark:
        return html[len(mark) :].decode(marked, "replace")
    claims = _claims(html, declared)
    if claims and claims[0] in SEVEN_BIT:
        return html.decode(claims[0], "replace")
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if len(SOUND.findall(html)) > SOUND_TO_BROKEN * len(_broken(html)):
        return _patched(html)
    others = [name for name in claims if name not in SEVEN_BIT and name != "utf-8"]
    return html.decode(others[0] if others else FALLBACK, "replace")


def _claims(html: bytes, declared: str | None) -> list[str]:
    """The charsets that header and page name, as Python calls what the web means by them."""
    named = (declared, html_body_declared_encoding(html[:DECLARED_WITHIN]))
    known = (resolve_encoding(name) for name in named if name)
    return [name for name in known if name]


def _broken(html: bytes) -> bytes:
    """The bytes above ASCII that belong to no UTF-8 sequence."""
    return SOUND.sub(b"", html).translate(None, delete=bytes(range(0x80)))


def _patched(html: bytes) -> str:
    """UTF-8, with every byte that is none read as windows-1252."""
    parts: list[str] = []
    end = 0
    for sound in re.finditer(rb"(?:[\x00-\x7f]|" + SOUND.pattern + rb")+", html):
        parts.append(html[end : sound.start()].decode(FALLBACK, "replace"))
        parts.append(sound.group().decode("utf-8", "replace"))
        end = sound.end()
    return "".join(parts) + html[end:].decode(FALLBACK, "replace")
