"""Which archives a call means: files, addresses, and lists of them such as CC-NEWS's warc.paths.gz.

Comes in: names as they were typed, and what relative lines of a list stand below. Goes out: paths
and addresses, each once, in their order. A list at an address is fetched; nothing else is opened.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

from crawlers.downloads import downloaded
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ARCHIVES = (".warc", ".warc.gz")
LISTS = (".paths", ".paths.gz")
GZIP = b"\x1f\x8b"
MAX_LIST = 50_000_000  # bytes, packed or not: half a million lines, fifty years of CC-NEWS
MAX_LINE = 4096  # characters of an address


def is_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def is_list(name: str) -> bool:
    return name.lower().endswith(LISTS)


def is_archive(name: str) -> bool:
    """Whether a WARC file or a list of them is meant: a path that ends so, or any address."""
    return is_address(name) or name.lower().endswith((*ARCHIVES, *LISTS))


def check_archive(name: str) -> None:
    """Raises NewsfoldError for a path that is no file. An address is seen to when it is fetched."""
    if not is_address(name) and not Path(name).is_file():
        raise NewsfoldError(f"{name}: no such file", WRONG_CALL)


def archives_of(
    names: Iterable[str], base: str | None, say: Callable[[str], None] = lambda words: None
) -> list[str]:
    """The archives that are meant, lists read. Raises NewsfoldError for a list that cannot be."""
    found: dict[str, None] = {}
    for name in names:
        for each in _lines(name, base, say) if is_list(name) else [name]:
            found.setdefault(each if is_address(each) else str(Path(each).resolve()))
    return list(found)


def _lines(name: str, base: str | None, say: Callable[[str], None]) -> Iterator[str]:
    """What a list names. Without a base, relative lines stand beside the list."""
    below = base or (name if is_address(name) else str(Path(name).parent))
    if is_address(below) and base and not below.endswith("/"):
        below += "/"
    told = 0
    for line in _read(name, say).splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > MAX_LINE or not line.isprintable():
            raise NewsfoldError(f"{name}: this is no list of paths: {line[:60]!r}", WRONG_CALL)
        told += 1
        if is_address(line):
            yield line
        elif is_address(below):
            yield urljoin(below, line)
        else:
            yield str(Path(below) / line)
    if not told:
        raise NewsfoldError(f"{name}: there is no path in this list", WRONG_CALL)


def _read(name: str, say: Callable[[str], None]) -> str:
    if is_address(name):
        with downloaded(name, max_bytes=MAX_LIST, say=say) as fetched:
            content = _content(fetched.file, name)
    else:
        check_archive(name)
        with Path(name).open("rb") as file:
            content = _content(file, name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NewsfoldError(f"{name}: this is no list of paths (not UTF-8)", WRONG_CALL) from error


def _content(file: IO[bytes], name: str) -> bytes:
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    try:
        # Of several gzip files in one, all are read; one that was cut short is no whole list.
        content = (gzip.GzipFile(fileobj=file) if packed else file).read(MAX_LIST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise NewsfoldError(
            f"{name}: the gzip file is damaged ({error}); fetch it again"
        ) from error
    if len(content) > MAX_LIST:
        raise NewsfoldError(f"{name}: a list of over {MAX_LIST:,} bytes; cut it", WRONG_CALL)
    return content
