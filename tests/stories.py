"""Made-up stories for tests: short, plain, in our own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from storage.models import Source, Story
from storage.sources import add_source
from storage.stories import save_story, waiting_stories

if TYPE_CHECKING:
    from sqlite_utils import Database

MORNING = datetime(2026, 4, 8, 9, 0, tzinfo=UTC)

# Three happenings, told two or three times each in other words, and one that stands alone.
HAPPENINGS: dict[str, list[tuple[str, str]]] = {
    "dam": [
        (
            "Brankwell dam closed after crack is found",
            "Engineers closed the Brankwell dam on Wednesday after divers found a crack of four"
            " metres in its eastern wall. Villages below Brankwell were told to be ready to leave.",
        ),
        (
            "Crack in eastern wall shuts Brankwell dam",
            "A four metre crack has shut the dam at Brankwell. Divers saw it in the eastern wall"
            " and engineers warned the villages below to prepare to leave their homes.",
        ),
        (
            "Villages below Brankwell told to prepare as dam wall cracks",
            "People in the villages below Brankwell packed their bags on Wednesday. Engineers had"
            " shut the dam because of a crack that divers found in its eastern wall.",
        ),
    ],
    "phone": [
        (
            "Tolvane shows Quill 5 phone with paper screen",
            "Tolvane presented the Quill 5, a phone whose screen looks like paper and lasts nine"
            " days on one charge. The Quill 5 costs 420 euros and is sold from May.",
        ),
        (
            "Quill 5: a phone that lasts nine days",
            "The Quill 5 by Tolvane has a paper screen and lasts nine days. Tolvane sells the"
            " phone from May for 420 euros.",
        ),
    ],
    "court": [
        (
            "Court lets Merriden keep ferry licence",
            "A court in Osterhaven ruled that Merriden may keep its licence for the island ferry."
            " The rival company Calder Line had asked the judges to take it away.",
        ),
        (
            "Judges side with Merriden over island ferry",
            "Merriden keeps the licence for the island ferry, judges in Osterhaven decided. Calder"
            " Line, a rival, had sued over the licence.",
        ),
    ],
    "owl": [
        (
            "Snowy owl seen in city park",
            "Bird watchers gathered in the city park to see a snowy owl, the first in the city"
            " for thirty years.",
        ),
    ],
}


def made_stories() -> list[Story]:
    """All of them, an hour apart, each from a source of its own."""
    told = [
        (happening, number, title, text)
        for happening, reports in HAPPENINGS.items()
        for number, (title, text) in enumerate(reports)
    ]
    return [
        story(
            f"https://source{number}.example/{happening}",
            title,
            text,
            published=MORNING + timedelta(hours=position),
        )
        for position, (happening, number, title, text) in enumerate(told)
    ]


def story(
    url: str,
    title: str = "A title",
    text: str = "",
    *,
    published: datetime | None = MORNING,
    language: str = "en",
) -> Story:
    return Story(
        url=url,
        title=title,
        text=text,
        published=published,
        published_precision="minute" if published else "guessed",
        source_id=url.split("/")[2],
        language=language,
        text_from="import",
    )


def stored(db: Database, stories: list[Story], now: datetime = MORNING) -> list[Story]:
    """Save stories with their sources; them again as they are stored, with ids."""
    for each in stories:
        host = each.source_id
        add_source(db, Source(host, host, f"https://{host}/", each.language, host))
        save_story(db, each, now)
    return waiting_stories(db)


def with_ids(stories: list[Story]) -> list[Story]:
    """As if stored, without a database."""
    return [replace(each, id=number) for number, each in enumerate(stories, start=1)]
