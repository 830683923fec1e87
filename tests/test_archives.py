"""WARC files: their pages become stories as crawled ones do, and what is broken costs itself."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
import zlib
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Reply, article, serve

from crawlers import downloads, warc
from crawlers.archive_lists import archives_of
from crawlers.archives import import_archive, stories_of_archive
from crawlers.warc import Broken, Response, read_warc
from pipeline.output import Voice
from pipeline.passes import import_pass
from storage.database import create_or_open, in_memory
from storage.errors import NewsfoldError
from storage.files import ImportReport
from storage.models import Source, Story
from storage.sources import save_sources
from storage.stories import save_story, story_at
from tests.benchmarks.made_warc import BROKEN, STORIES, make
from tests.processes import ROOT

if TYPE_CHECKING:
    from sqlite_utils import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = "The owls of the old observatory have moved into the new dome. " * 8
PLAIN = b"Content-Type: text/html; charset=utf-8\r\n"


def record(
    url: str,
    body: bytes,
    *,
    status: str = "200 OK",
    headers: bytes = PLAIN,
    kind: str = "response",
    date: str = "2026-11-20T10:00:00Z",
    length: int | None = None,
) -> bytes:
    answer = f"HTTP/1.1 {status}\r\n".encode() + headers + b"\r\n" + body
    size = len(answer) if length is None else length
    return (
        (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
            f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {size}\r\n\r\n"
        ).encode()
        + answer
        + b"\r\n\r\n"
    )


def page(number: int) -> bytes:
    return article(f"Owls and dome number {number}", f"{number}: {TEXT}")


def records(count: int) -> list[bytes]:
    return [record(f"https://news.example/{number}", page(number)) for number in range(count)]


def packed(parts: list[bytes]) -> list[bytes]:
    return [gzip.compress(part, mtime=0) for part in parts]


def read(*parts: bytes) -> tuple[list[Response], list[Broken]]:
    found = list(read_warc(io.BytesIO(b"".join(parts))))
    return (
        [each for each in found if isinstance(each, Response)],
        [each for each in found if isinstance(each, Broken)],
    )


def load(db: Database, *parts: bytes, said: list[str] | None = None) -> ImportReport:
    file = io.BytesIO(b"".join(parts))
    say = (said if said is not None else []).append
    return import_archive(db, file, "a.warc", now=NOW, say=say, workers=0)


# Records


@pytest.mark.parametrize("whole", [True, False], ids=["one by one", "as one"])
@pytest.mark.parametrize("is_packed", [True, False], ids=["gzip", "plain"])
def test_responses_are_read(is_packed: bool, whole: bool) -> None:
    parts = [b"".join(records(5))] if whole else records(5)
    responses, broken = read(*(packed(parts) if is_packed else parts))
    assert [each.url for each in responses] == [f"https://news.example/{n}" for n in range(5)]
    assert [each.body for each in responses] == [page(number) for number in range(5)]
    assert responses[0].date == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert broken == []


def test_what_is_no_response_is_passed_over() -> None:
    other = [
        record("https://news.example/x", page(1), kind=kind)
        for kind in ("warcinfo", "request", "metadata", "revisit")
    ]
    names = record("dns:news.example", b"news.example. 300 IN A 192.0.2.1")
    assert [len(found) for found in read(*other, names, *records(1))] == [1, 0]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Transfer-Encoding: chunked\r\n", b"6\r\n<p>Owl\r\n4;x=y\r\ns</p\r\n1\r\n>\r\n0\r\n\r\n"),
        (b"Content-Encoding: gzip\r\n", gzip.compress(b"<p>Owls</p>", mtime=0)),
        (b"Content-Encoding: deflate\r\n", zlib.compress(b"<p>Owls</p>")),
        (b"Content-Encoding: br\r\n", brotli.compress(b"<p>Owls</p>")),
        (
            b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            b"%x\r\n%b\r\n0\r\n\r\n"
            % (len(gzip.compress(b"<p>Owls</p>", mtime=0)), gzip.compress(b"<p>Owls</p>", mtime=0)),
        ),
        # Archives that keep bodies unpacked, but leave the headers as they were.
        (b"Content-Encoding: gzip\r\n", b"<p>Owls</p>"),
        (b"Content-Encoding: br\r\n", b"<p>Owls</p>"),
        (b"Transfer-Encoding: chunked\r\n", b"<p>Owls</p>"),
    ],
)
def test_bodies_are_unpacked(headers: bytes, body: bytes) -> None:
    (response,), broken = read(record("https://a.example/", body, headers=headers), *records(0))
    assert response.body == b"<p>Owls</p>"
    assert broken == []


def damaged(member: bytes) -> bytes:
    middle = len(member) // 2
    return (
        member[:middle]
        + bytes(byte ^ 0x5A for byte in member[middle : middle + 8])
        + (member[middle + 8 :])
    )


GOOD = records(5)
LONG = record("https://news.example/long", page(9), length=10**6)
SHORT = record("https://news.example/short", page(9), length=100)
NEGATIVE = record("https://news.example/no", page(9), length=-1)


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ([*packed(GOOD[:2]), damaged(packed(GOOD)[2]), *packed(GOOD[3:])], 4),
        ([*packed(GOOD[:2]), packed(GOOD)[2][:100], *packed(GOOD[3:])], 4),
        ([*packed(GOOD[:4]), packed(GOOD)[4][:100]], 4),
        ([*packed(GOOD[:2]), *packed([LONG]), *packed(GOOD[2:])], 5),
        ([*packed(GOOD[:2]), *packed([SHORT]), *packed(GOOD[2:])], 5),
        ([*GOOD[:2], SHORT, *GOOD[2:]], 5),
        ([*GOOD[:2], NEGATIVE, *GOOD[2:]], 5),
        ([*GOOD[:2], b"rubbish\r\n\r\nmore of it\r\n", *GOOD[2:]], 5),
        ([*GOOD[:2], record("https://a.example/", b"", status="nonsense"), *GOOD[2:]], 5),
        ([*GOOD[:2], b"WARC/1.0\r\n" + b"X: y\r\n" * 1000 + b"\r\n", *GOOD[2:]], 5),
        ([*GOOD[:2], b"WARC/1.0\r\nX: " + b"y" * 10**6 + b"\r\n\r\n", *GOOD[2:]], 5),
    ],
    ids=[
        "damaged", "cut", "cut at the end", "long", "short", "plain short", "negative", "rubbish",
        "no answer", "many headers", "long header",
    ],
)  # fmt: skip
def test_a_broken_record_costs_only_itself(parts: list[bytes], kept: int) -> None:
    responses, broken = read(*parts)
    assert len({response.url for response in responses}) == kept
    assert [
        response.body for response in responses if response.body not in map(page, range(5))
    ] == []
    assert len(broken) == 1
    assert broken[0].reason


def test_a_gzip_file_that_was_cut_short_says_so_beside_whatever_else_is_broken() -> None:
    said: list[str] = []
    rubbish = packed([b"rubbish\r\n"] * 30)
    cut = packed([b"".join(records(2))])[0]
    load(in_memory(), *packed(records(3)), *rubbish, cut[: len(cut) // 3], said=said)
    assert "the file ends within a record; skipped" in said[-1]


def test_bombs_are_not_unpacked() -> None:
    large = b" " * (warc.MAX_BODY + 1)
    bombs = [
        record("https://a.example/1", large),
        record("https://a.example/2", gzip.compress(large), headers=b"Content-Encoding: gzip\r\n"),
        record(
            "https://a.example/3", zlib.compress(large), headers=b"Content-Encoding: deflate\r\n"
        ),
        record("https://a.example/4", brotli.compress(large), headers=b"Content-Encoding: br\r\n"),
    ]
    responses, broken = read(*packed([*bombs, *records(1)]))
    assert [response.url for response in responses] == ["https://news.example/0"]
    assert {each.reason.removesuffix(" unpacked") for each in broken} == {"it is larger than 10 MB"}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_ends_in_records_and_words(data: st.DataObject) -> None:
    sound = b"".join(packed(GOOD) if data.draw(st.booleans()) else GOOD)
    start = data.draw(st.integers(0, len(sound)))
    end = data.draw(st.integers(start, min(len(sound), start + 600)))
    responses, _ = read(sound[:start], data.draw(st.binary(max_size=40)), sound[end:])
    assert len(responses) <= len(GOOD)


# Stories


def test_pages_become_stories(tmp_path: Path) -> None:
    db = in_memory()
    dated = article("A dated one", TEXT).replace(
        b"<head>", b'<head><meta property="article:published_time" content="2026-11-19T08:30:00Z">'
    )
    report = load(db, record("http://www.news.example/dated?utm_source=x", dated), *records(2))
    assert report == ImportReport(new=3)
    story = story_at(db, "https://www.news.example/dated")
    assert story is not None
    assert story.title == "A dated one"
    assert story.text == TEXT.strip()
    assert story.published == datetime(2026, 11, 19, 8, 30, tzinfo=UTC)
    assert story.first_seen == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert story.text_from == "page"


def test_the_source_is_the_known_one_of_the_site_or_made_from_the_host() -> None:
    db = in_memory()
    known = [
        Source("owl-news", "Owl News", "https://www.owl.example/", "en", "Owl"),
        Source("owl-blog", "Owl Blog", "https://blog.owl.example/", "en", "Owl"),
    ]
    save_sources(db, known)
    urls = {
        "https://owl.example/1": "owl-news",
        "https://m.owl.example/2": "owl-news",
        "https://blog.owl.example/3": "owl-blog",
        "https://www.other.example/4": "other-example",
    }
    load(db, *(record(url, page(number)) for number, url in enumerate(urls)))
    found = db.execute("SELECT url, source_id FROM stories").fetchall()
    assert dict(found) == urls
    assert db.execute("SELECT name FROM sources WHERE id = 'other-example'").fetchall() == [
        ("other.example",)
    ]


def test_importing_again_changes_nothing() -> None:
    db = in_memory()
    twice = record("https://news.example/0", article("Other words", TEXT))
    assert load(db, *records(3), twice) == ImportReport(new=3, repeated=1)
    before = db.execute("SELECT * FROM stories").fetchall()
    assert load(db, twice, *records(3)) == ImportReport(known=3, repeated=1)
    assert db.execute("SELECT * FROM stories").fetchall() == before
    assert db.execute("SELECT count(*) FROM revisions").fetchone() == (0,)


def test_an_archive_replaces_a_feeds_words_but_no_page() -> None:
    db = in_memory()
    save_sources(db, [Source("s", "S", "https://news.example/", "en", "S")])
    for number, text_from in enumerate(("feed", "page")):
        url = f"https://news.example/{number}"
        told = Story(url, "Told before", "Words.", source_id="s", text_from=text_from)  # type: ignore[arg-type]
        save_story(db, told, NOW)
    assert load(db, *records(2)) == ImportReport(changed=1, known=1)
    rows = db.execute("SELECT title FROM stories ORDER BY url").fetchall()
    assert rows == [("Owls and dome number 0",), ("Told before",)]


def test_what_holds_no_story_is_counted_and_told() -> None:
    said: list[str] = []
    report = load(
        in_memory(),
        *records(1),
        record("https://news.example/gone", page(1), status="404 Not Found"),
        record("https://news.example/moved", b"", status="301 Moved"),
        record("https://news.example/a.pdf", b"%PDF", headers=b"Content-Type: application/pdf\r\n"),
        record("https://news.example/empty", b"<html></html>"),
        record("https:///nowhere", page(2)),
        b"rubbish\r\n",
        record("https://news.example/long", page(3), date="9999-99-99"),
        said=said,
    )
    assert (report.new, report.broken, report.skipped) == (2, 1, 5)
    told = "\n".join(said)
    for reason in ("answered with 404", "answered with 301", "not HTML", "no web address"):
        assert f"a.warc: 1 skipped: {reason}" in told
    assert "no record begins here; skipped" in told


def test_a_time_in_the_future_is_ours() -> None:
    db = in_memory()
    load(db, record("https://a.example/1", page(1), date="2199-01-01T00:00:00Z"))
    assert db.execute("SELECT first_seen FROM stories").fetchone() == ("2026-11-22T12:00:00Z",)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 100, gzip.compress(b"hello", mtime=0), b"\x1f\x8b\x08"]
)
def test_a_file_that_is_no_archive(content: bytes) -> None:
    with pytest.raises(NewsfoldError, match=r"a\.warc: .*is it a WARC file\?"):
        load(in_memory(), content)


def test_an_import_that_was_stopped_goes_on(tmp_path: Path) -> None:
    db = create_or_open(tmp_path / "news.db")

    class StoppedError(Exception):
        pass

    def stop(words: str) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        import_archive(
            db, io.BytesIO(b"".join([*records(3), b"rubbish\r\n", *records(9)[3:]])), "a.warc",
            now=NOW, say=stop, workers=0,
        )  # fmt: skip
    assert load(db, *records(9)) == ImportReport(new=6, known=3)


# Files and addresses


def test_files_of_all_kinds_in_one_call(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(packed(records(2))))
    lines = tmp_path / "b.jsonl"
    lines.write_text(json.dumps({"url": "https://b.example/", "title": "B"}), "utf-8")
    names = [str(path), str(lines)]
    voice = Voice(quiet=True)
    first = import_pass(tmp_path / "news.db", names, skip_broken=False, voice=voice)
    assert first == ImportReport(new=3)
    again = import_pass(tmp_path / "news.db", names, skip_broken=False, voice=voice)
    assert again == ImportReport(known=1, done=1)


def test_a_file_that_is_not_there_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(NewsfoldError, match="no such file"):
        import_pass(
            tmp_path / "news.db", [str(tmp_path / "a.warc")], skip_broken=False, voice=Voice()
        )
    assert not (tmp_path / "news.db").exists()


def newsfold(*words: str, proxy: str = "") -> subprocess.CompletedProcess[str]:
    code = "from pipeline.cli import main; main()"
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT), **({"http_proxy": proxy} if proxy else {})},
    )


def test_an_address_is_fetched_through_redirects(tmp_path: Path) -> None:
    with serve() as web:
        web.add("http://archive.test/old", status=302, Location="http://cdn.test/a.warc.gz")
        web.add("http://cdn.test/a.warc.gz", b"".join(packed(records(2))))
        done = newsfold(
            "import", str(tmp_path / "news.db"), "http://archive.test/old", proxy=web.address
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"] == 2


def refused(url: str, **bounds: Any) -> str:
    with pytest.raises(NewsfoldError) as error, downloads.downloaded(url, **bounds):
        pass
    return str(error.value)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://10.0.0.1/a.warc", "10.0.0.1 is a private address"),
        ("http://0x7f.1/a.warc", "0x7f.1 is a private address"),
        ("http://[::ffff:169.254.169.254]/", "is a private address"),
        ("http://localhost/a.warc", "a name inside this network"),
        ("file:///etc/passwd", "not allowed"),
        ("ftp://files.test/a.warc", "unknown url type"),
        ("http://door.test/a.warc", "redirect"),
    ],
)
def test_a_redirect_is_checked_like_an_address(
    target: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as web:
        monkeypatch.setenv("http_proxy", web.address)
        web.add("http://door.test/a.warc", status=302, Location=target)
        assert reason in refused("http://door.test/a.warc")
        assert set(web.urls()) == {"http://door.test/a.warc"}
        assert "private" in refused(f"{web.address}/a.warc")


def test_a_name_is_connected_to_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as web:
        where = [(2, 1, 6, "", ("127.0.0.1", web.port))]
        monkeypatch.setattr(downloads.socket, "getaddrinfo", lambda *_, **__: where)
        said = refused("http://rebound.example/a.warc")
        assert "rebound.example leads to the private address 127.0.0.1" in said
        assert web.asked == []


def test_a_download_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def url(reply: Reply) -> str:
        web.pages["http://big.test/"] = reply
        return "http://big.test/"

    def fetch(reply: Reply, **bounds: Any) -> str:
        return refused(url(reply), **bounds)

    with serve() as web:
        monkeypatch.setenv("http_proxy", web.address)
        flood = Reply(b"<p>" * 20_000, drip=0.001)
        assert "larger than 1,000,000 bytes" in fetch(flood, max_bytes=1_000_000)
        assert "it takes too long" in fetch(Reply(b"<p>", drip=0.05), seconds=0.3)
        assert "HTTP Error 500" in fetch(Reply(status=500))
        with downloads.downloaded(url(Reply(b"x" * 100)), max_bytes=100) as got:
            assert got.file.read() == b"x" * 100


def test_a_full_folder_for_what_is_fetched_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> IO[bytes]:
        return Path("/dev/full").open("r+b", buffering=0)

    with serve() as web:
        monkeypatch.setenv("http_proxy", web.address)
        monkeypatch.setattr(downloads.tempfile, "TemporaryFile", full)
        web.add("http://big.test/", b"x")
        assert "has no room for it" in refused("http://big.test/")


# Many archives, resumed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two made archives with all that goes wrong, and what an import of them gives that nobody
    disturbs."""
    folder = tmp_path_factory.mktemp("made")
    kinds: dict[str, str] = {}
    for name, seed in (("a.warc.gz", 3), ("b.warc", 4)):
        told = make(folder / name, 90, seed)
        kinds |= told
    names = [str(folder / "a.warc.gz"), str(folder / "b.warc")]
    report = import_pass(folder / "news.db", names, skip_broken=False, voice=Voice(quiet=True))
    return Made(folder, names, kinds, report, stored_in(folder / "news.db"))


class Made(NamedTuple):
    folder: Path
    names: list[str]
    kinds: dict[str, str]
    report: ImportReport
    stories: list[tuple[Any, ...]]


def stored_in(path: Path) -> list[tuple[Any, ...]]:
    db = create_or_open(path)
    rows = db.execute(
        "SELECT url, source_id, title, text, published, first_seen FROM stories ORDER BY url"
    ).fetchall()
    db.close()
    return list(rows)


def test_what_goes_wrong_costs_no_other_record(made: Made) -> None:
    """Of the kinds that give a story every one does; of those that are broken none."""
    kinds = Counter(urlsplit(row[0]).path.split("/")[1] for row in made.stories)
    there = Counter(kind for url, kind in made.kinds.items() if url.startswith("http"))
    assert {kind: kinds[kind] for kind in STORIES} == {kind: there[kind] for kind in STORIES}
    assert kinds.keys() <= {*STORIES, "bad-chunks"}
    broken = sum(there[kind] for kind in BROKEN)
    assert made.report.broken >= broken - there["too-long"]
    assert made.report.new == len(made.stories)


def test_archives_that_are_done_are_not_read_again(made: Made) -> None:
    again = import_pass(
        made.folder / "news.db", made.names, skip_broken=False, voice=Voice(quiet=True)
    )
    assert again == ImportReport(done=2)
    db = create_or_open(made.folder / "news.db")
    [one, two] = db.query("SELECT * FROM archives ORDER BY name")
    assert one["name"] == made.names[0]
    assert one["size"] == Path(made.names[0]).stat().st_size
    assert json.loads(one["counts"])["new"] + json.loads(two["counts"])["new"] == made.report.new
    os.utime(made.names[1], ns=(1, 1))  # it was written anew
    again = import_pass(
        made.folder / "news.db", made.names, skip_broken=False, voice=Voice(quiet=True)
    )
    assert (again.done, again.new) == (1, 0)
    assert again.known > 30


@pytest.mark.long
@pytest.mark.parametrize(
    "moments", [(40,), pytest.param((5, 20, 60, 80, 100), marks=pytest.mark.long)], ids=str
)
def test_an_import_that_is_killed_gives_the_same_stories(
    made: Made, tmp_path: Path, moments: tuple[int, ...]
) -> None:
    path = tmp_path / "news.db"
    code = "from pipeline.cli import main; main()"
    for wanted in moments:
        killed = subprocess.Popen(
            [sys.executable, "-c", code, "import", str(path), *made.names],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while killed.poll() is None and stories_so_far(path) < wanted:
            time.sleep(0.01)
        killed.kill()
        killed.wait()
    done = newsfold("import", str(path), *made.names)
    assert done.returncode == 0, done.stderr
    assert stored_in(path) == made.stories


def stories_so_far(path: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM stories").fetchone()[0])
    return 0


def test_without_a_database_the_same_stories_come_out(made: Made) -> None:
    """What an engine calls that spreads files over machines."""
    found: dict[str, tuple[str, ...]] = {}
    kinds: Counter[str] = Counter()
    for name in made.names:
        with Path(name).open("rb") as file:
            for each in stories_of_archive(file, now=datetime.now(UTC)):
                kinds[type(each).__name__] += 1
                if isinstance(each, Story):
                    told = (each.url, each.source_id, each.title, each.text)
                    found.setdefault(each.url, told)  # the first counts, as in an import
    assert sorted(found.values()) == [row[:4] for row in made.stories]
    assert kinds["Broken"] == made.report.broken
    assert kinds["NoStory"] >= made.report.skipped > 0


# Lists


@pytest.mark.long
def test_a_list_of_paths_stands_beside_its_files_or_below_a_base(tmp_path: Path) -> None:
    below = tmp_path / "2026" / "11"
    below.mkdir(parents=True)
    parts = packed(records(4))
    (below / "a.warc.gz").write_bytes(b"".join(parts[:2]))
    (below / "b.warc.gz").write_bytes(b"".join(parts[2:]))
    lines = b"2026/11/a.warc.gz\n\n# a note\n2026/11/b.warc.gz\n2026/11/a.warc.gz\n"
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(lines))
    done = newsfold("import", str(tmp_path / "1.db"), str(tmp_path / "warc.paths.gz"))
    assert json.loads(done.stdout)["new"] == 4
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "warc.paths").write_bytes(lines)
    moved = str(tmp_path / "elsewhere" / "warc.paths")
    done = newsfold("import", str(tmp_path / "2.db"), moved)
    assert (done.returncode, "no such file" in done.stderr) == (1, True)
    done = newsfold("import", str(tmp_path / "2.db"), moved, "--base", str(tmp_path))
    assert json.loads(done.stdout)["new"] == 4


@pytest.mark.long
def test_a_list_of_addresses_is_fetched_file_by_file(tmp_path: Path) -> None:
    """One that is gone costs itself; a second call asks whether the others have changed."""
    state = {"http://cc.test/data/a.warc.gz": '"one"', "http://cc.test/data/b.warc.gz": '"two"'}
    parts = dict(zip(state, (packed(records(2)), packed(records(4)[2:])), strict=True))

    def answer(url: str) -> Any:
        def reply(headers: dict[str, str]) -> Reply:
            asked = {name.lower(): value for name, value in headers.items()}
            if asked.get("if-none-match") == state[url]:
                return Reply(status=304)
            return Reply(b"".join(parts[url]), headers={"ETag": state[url]})

        return reply

    database = str(tmp_path / "news.db")
    with serve() as web:
        for url in state:
            web.pages[url] = answer(url)
        web.pages["http://cc.test/lists/warc.paths.gz"] = Reply(
            gzip.compress(b"data/a.warc.gz\ndata/gone.warc.gz\nhttp://cc.test/data/b.warc.gz\n")
        )
        words = ("import", database, "http://cc.test/lists/warc.paths.gz", "--base")
        first = newsfold(*words, "http://cc.test", proxy=web.address)
        assert first.returncode == 3, first.stderr
        assert "gone.warc.gz: cannot be fetched (HTTP Error 404" in first.stderr
        told = json.loads(first.stdout)
        assert (told["new"], told["failed"]) == (4, 1)
        again = json.loads(newsfold(*words, "http://cc.test", proxy=web.address).stdout)
        assert (again["done"], again["failed"], again["known"]) == (2, 1, 0)
        state["http://cc.test/data/a.warc.gz"] = '"three"'
        again = json.loads(newsfold(*words, "http://cc.test", proxy=web.address).stdout)
        assert (again["done"], again["known"]) == (1, 2)
        asked = [url for url in web.urls() if "/data/" in url]
    assert asked == 3 * [f"http://cc.test/data/{name}.warc.gz" for name in ("a", "gone", "b")]
    db = create_or_open(database)
    rows = dict(db.execute("SELECT name, error FROM archives").fetchall())
    assert "404" in rows.pop("http://cc.test/data/gone.warc.gz")
    assert set(rows.values()) == {None}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa.warc\r\n\r\nb.warc\r\n",
        gzip.compress(b"a.warc\n", mtime=0) + gzip.compress(b"b.warc\n", mtime=0),
    ],
    ids=["of Windows", "gzip files behind each other"],
)
def test_all_lines_of_a_list_count(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.paths").write_bytes(content)
    named = archives_of([str(tmp_path / "x.paths")], "https://cc.example/")
    assert named == ["https://cc.example/a.warc", "https://cc.example/b.warc"]


def test_what_is_no_file_in_a_list_is_not_read(tmp_path: Path) -> None:
    """A device would never end."""
    (tmp_path / "a.warc").write_bytes(b"".join(records(1)))
    (tmp_path / "x.paths").write_text("a.warc\n/dev/zero\n", "utf-8")
    names = [str(tmp_path / "x.paths")]
    report = import_pass(tmp_path / "news.db", names, skip_broken=False, voice=Voice(quiet=True))
    assert report == ImportReport(new=1, failed=1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no path in this list"),
        (b"\xff\xfe\xfa\n", "not UTF-8"),
        (b"a\x00b\n", "no list of paths"),
        (gzip.compress(b"a.warc\n" * 100, mtime=0)[:12] + b"x" * 40, "damaged"),
        (gzip.compress(b"a.warc\n", mtime=0)[:-3], "damaged"),
    ],
    ids=["empty", "not UTF-8", "binary", "damaged", "cut short"],
)
def test_a_list_that_is_none(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.paths").write_bytes(content)
    with pytest.raises(NewsfoldError, match=said):
        import_pass(
            tmp_path / "news.db",
            [str(tmp_path / "x.paths")],
            skip_broken=False,
            voice=Voice(quiet=True),
        )
