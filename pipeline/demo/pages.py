"""One story in, the bytes of its page out, in the skeleton and charset of its source."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipeline.demo.feeds import TYPES
from pipeline.demo.rendering import TEMPLATES, told_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.demo.habits import Habit
    from pipeline.demo.stories import DemoStory

LEAD_IMAGE = "/media/lead.gif"


def _curl(text: str) -> str:
    """Straight quotes made typographic."""
    text = re.sub(r'(^|[\s(])"', r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(“])'", r"\1‘", text).replace("'", "’")


def _typeset(story: DemoStory) -> DemoStory:
    blocks = tuple(replace(block, lines=tuple(map(_curl, block.lines))) for block in story.blocks)
    title, summary = _curl(story.title), _curl(story.summary)
    return replace(story, title=title, summary=summary, blocks=blocks)


def _publisher(habit: Habit) -> dict[str, Any]:
    return {"@type": "Organization", "name": habit.source.name, "url": habit.source.home}


def _article(story: DemoStory, habit: Habit) -> dict[str, Any]:
    """A story in the words of schema.org."""
    told = told_time(story, habit)
    article: dict[str, Any] = {
        "@type": "NewsArticle",
        "headline": story.title,
        "description": story.summary,
        "url": story.url,
        "mainEntityOfPage": story.url,
        "articleSection": story.section,
        "inLanguage": habit.source.language,
        "image": habit.url(LEAD_IMAGE),
        "publisher": _publisher(habit),
    }
    if told:
        article["datePublished"] = told.iso
    if story.author:
        article["author"] = {"@type": "Person", "name": story.author}
    if habit.comments and story.comments is not None:
        article["commentCount"] = story.comments
    return article


def _graph(story: DemoStory, habit: Habit) -> list[dict[str, Any]]:
    """The article among its publisher and its site, which point at each other by id."""
    home = habit.source.home
    owner = {**_publisher(habit), "@id": f"{home}#organization"}
    site = {
        "@type": "WebSite",
        "@id": f"{home}#website",
        "name": habit.source.name,
        "url": home,
        "publisher": {"@id": owner["@id"]},
    }
    article = {**_article(story, habit), "publisher": {"@id": owner["@id"]}}
    return [owner, site, {**article, "isPartOf": {"@id": site["@id"]}}]


def _json_ld(story: DemoStory, habit: Habit) -> Markup | None:
    context: dict[str, Any] = {"@context": "https://schema.org"}
    if "json-ld" in habit.metadata:
        context |= _article(story, habit)
    elif "json-ld-graph" in habit.metadata:
        context["@graph"] = _graph(story, habit)
    else:
        return None
    # A "<" could end the script element; JSON lets us write it another way.
    return Markup(json.dumps(context, ensure_ascii=False, indent=1).replace("<", "\\u003c"))


def render_page(
    story: DemoStory, habit: Habit, canonical: str | None, related: Sequence[DemoStory]
) -> bytes:
    """The page of a story as its source sends it."""
    story = _typeset(story) if habit.curly else story
    page = TEMPLATES.get_template(f"{habit.page}.html").render(
        story=story,
        habit=habit,
        source=habit.source,
        told=told_time(story, habit),
        canonical=canonical,
        related=[(other, told_time(other, habit)) for other in related],
        json_ld=_json_ld(story, habit),
        image=habit.url(LEAD_IMAGE),
        feed_type=TYPES.get(habit.feed, ""),
    )
    return page.encode(habit.charset, "xmlcharrefreplace")
