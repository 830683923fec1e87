"""Words that would run as a program if a page let them, and a database that is full of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from storage.corrections import save_correction
from storage.database import create_or_open
from storage.discussions import save_discussions
from storage.events import Saved, new_event_id, record_lineage, save_events, save_related
from storage.models import (
    DateClaim,
    Discussion,
    Event,
    Feed,
    Figure,
    Match,
    Member,
    Related,
    Section,
    Sentence,
    Signal,
    Source,
    Story,
)
from storage.sources import save_sources
from storage.stories import save_story
from tests.stories import MORNING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

# Each would call ran(), which the tests define and watch.
WORDS = (
    "<script>ran(1)</script>",
    "</script><script>ran(2)</script>",
    '"><script>ran(3)</script>',
    "'><img src=x onerror=ran(4)>",
    "<svg/onload=ran(5)>",
    "</title><script>ran(6)</script>",
    "</textarea><script>ran(7)</script>",
    '" onmouseover="ran(8)" autofocus onfocus="ran(9)" x="',
    "' onfocus='ran(10)' autofocus tabindex='0",
    "<details open ontoggle=ran(11)>",
    "<iframe srcdoc='<script>parent.ran(12)</script>'></iframe>",
    "<math><mtext></table><mglyph><style><img src onerror=ran(13)></style>",
    '<a href="javascript:ran(14)">go</a>',
    "{{ 7*7 }}{% for x in [1] %}ran{% endfor %}",
    "&lt;script&gt;ran(15)&lt;/script&gt;",
    "&#60;script&#62;ran(16)&#60;/script&#62;",
    "<!--><script>ran(17)</script-->",
    "]]><script>ran(18)</script>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:ran(19)'>",
    "<link rel=stylesheet href='data:text/css,*{display:none}'>",
    "<style>body{display:none}</style>",
    "<form action='https://evil.example'><button autofocus>go</button></form>",
    "\u202e<script>ran(20)</script>\u2028ran(21)",
    "\x00<scr\x00ipt>ran(22)</scr\x00ipt>",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") + "<script>ran(23)</script>",
    "<object data='data:text/html,<script>parent.ran(24)</script>'></object>",
    "<body onload=ran(25)>",
    "<marquee onstart=ran(26)>x</marquee>",
    "<video><source onerror=ran(27)></video>",
    "`${ran(28)}`",
    "%3Cscript%3Eran(29)%3C/script%3E",
)
# Addresses that must not become links.
ADDRESSES = (
    "javascript:ran(40)",
    "JaVaScRiPt:ran(41)//https://news.example/",
    " javascript:ran(42)",
    "java\tscript:ran(43)",
    "data:text/html,<script>ran(44)</script>",
    "vbscript:ran(45)",
    "//evil.example/x",
    "https:javascript:ran(46)",
    "view-source:https://news.example/",
    "blob:https://news.example/x",
)


def hostile_database(path: Path) -> Path:
    """An event for each of the words, which stand wherever something stored is shown."""
    db = create_or_open(path)
    ids = [
        _event(db, number, words, ADDRESSES[number % len(ADDRESSES)])
        for number, words in enumerate(WORDS)
    ]
    db.execute(
        "INSERT INTO runs (id, verb, started, counts, version) VALUES (1, 'fold', '', '{}', '')"
    )
    for one, other in pairwise(ids):
        save_related(db, {one: [Related(other, 0.5, WORDS[0])]})
        record_lineage(db, one, "split", other, 1, MORNING)
    db.conn.commit()
    db.close()
    return path


def _event(db: Database, number: int, words: str, address: str) -> int:
    source = Source(f"s{number}{words}", words, "https://s.example/", words[:9], words)
    save_sources(db, [source])
    # Half of them at an address of the web, with the words in it; half at one that is none.
    urls = (f"https://news.example/{number}?{words}", f"{address}#{number}")
    stories = [_story(db, url, words, source) for url in urls]
    event_id = new_event_id(db, stories[0])
    because = f"both say {words}"
    event = Event(
        event_id,
        words,
        stories[0],
        (Member(stories[0], because=words), Member(stories[1], "copy", 0.5, stories[0], because)),
        MORNING,
        MORNING,
        source.id,
        words,
        words,
        words,
        tuple(Sentence(words, story) for story in stories),
        tuple(
            Figure(story, "USD 5000000", 5e6, "USD", words, words, f"{words} 5 million", words)
            for story in stories
        ),
    )
    match = Match(stories[0], stories[1], 0.5, (Signal("words", 0.5, because),))
    save_events(db, [Saved(event, 1, [match], {words: 2})], MORNING)
    feed_id = (
        db["feeds"]
        .insert(
            {"source_id": source.id, "url": f"https://s.example/{number}", "kind": "discussion"}
        )
        .last_pk
    )
    feed = Feed(f"https://s.example/{number}", source.id, "discussion", id=feed_id)
    said = [Discussion(f"{address}#said{number}", urls[0], 1, 2)]
    save_discussions(db, feed, said, MORNING)
    save_correction(
        db,
        "pin title",
        event_id,
        {"title": frozenset({stories[0]})},
        by=words,
        now=MORNING,
        note=words,
        title=words,
    )
    return event_id


def _story(db: Database, url: str, words: str, source: Source) -> int:
    story = Story(
        url=url,
        title=words,
        text=words,
        published=MORNING,
        published_precision="minute",
        source_id=source.id,
        language=words,
        authors=(words, words),
        sections=(Section(words, f"{words}\n\n{words}"),),
        summary=words,
        image=url,
        rubric=words,
        date_claims=(DateClaim(words, words, MORNING, "minute", "believed"),),
    )
    save_story(db, Story(url=url, title="old", text="old", source_id=source.id), MORNING)
    save_story(db, story, MORNING)
    [(story_id,)] = db.execute("SELECT id FROM stories WHERE url = ?", (url,))
    return int(story_id)
