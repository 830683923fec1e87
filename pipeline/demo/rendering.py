"""What pages and feeds share: the templates, and the time that a source tells of a story.

The time told is the true one in the source's own zone, unless the story's trouble is its date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.demo.habits import FOLDER
from pipeline.demo.stories import Trouble

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.demo.habits import Habit
    from pipeline.demo.stories import DemoStory

TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,  # in feeds too: their templates are XML
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
A_YEAR = timedelta(days=365)
# Not strftime: the words must not follow the locale of the machine.
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A time as a source tells it; naive where the source forgets the zone."""

    moment: datetime

    @property
    def iso(self) -> str:
        return self.moment.isoformat().replace("+00:00", "Z")

    @property
    def mail(self) -> str:
        """As RSS writes it. For a naive time the mail format says -0000, which is left out."""
        return format_datetime(self.moment).removesuffix(" -0000")

    def shown(self, language: str = "en") -> str:
        """`9 April 2026, 08:12 UTC`, or `9. April 2026, 10:12 Uhr`."""
        moment = self.moment
        month = MONTHS[language].split()[moment.month - 1]
        if language == "de":
            return f"{moment.day}. {month} {moment.year}, {moment:%H:%M} Uhr"
        return f"{moment.day} {month} {moment.year}, {moment:%H:%M} {moment.tzname() or ''}".strip()


def told_time(story: DemoStory, habit: Habit) -> Told | None:
    """The time that feed and page tell of a story; None where they tell none."""
    local = story.published.astimezone(habit.zone)
    if story.trouble == Trouble.NO_DATE:
        return None
    if story.trouble == Trouble.FUTURE_DATE:
        return Told(local + A_YEAR)
    return Told(local.replace(tzinfo=None) if story.trouble == Trouble.NO_ZONE else local)
