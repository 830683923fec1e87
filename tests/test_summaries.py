"""TL;DRs by a language model: a plugin of the real llm library, which answers from here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from pipeline.site.addresses import event_page
from pipeline.site.build import build_site
from pipeline.site.pages import Pages
from pipeline.summaries import summarised
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.events import events_by_id
from tests.stories import MORNING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.models import Event

llm = pytest.importorskip("llm")

GOOD = "Divers found a crack of four metres in the eastern wall of the dam."
MADE_UP = "The mayor Tom Hollis said that 300 people had left Brankwell."
ANSWER = f"- {GOOD}\n- {MADE_UP}\nVillages below Brankwell were told to be ready."


class Model(llm.Model):  # type: ignore[misc,name-defined]
    model_id = "newsfold-test"
    answer = ANSWER

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def execute(self, prompt: Any, **_: Any) -> Iterator[str]:
        self.asked.append(prompt)
        if self.answer == "no":
            raise OSError("the service is away")
        yield self.answer


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Model]:
    from llm.plugins import pm

    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    (tmp_path / "llm").mkdir()
    made = Model()

    class Plugin:
        @llm.hookimpl  # type: ignore[untyped-decorator]
        def register_models(self, register: Any) -> None:
            register(made)

    plugin = Plugin()
    pm.register(plugin)
    yield made
    pm.unregister(plugin)


def dam(database: Path) -> Event:
    db = create_or_open(database)
    [(event_id,)] = db.execute("SELECT id FROM events WHERE title LIKE '%dam%'")
    [event] = events_by_id(db, [event_id])
    return event


def told(database: Path, events: list[Event]) -> tuple[list[Event], list[str]]:
    said: list[str] = []
    found = summarised(database, events, "newsfold-test", now=lambda: MORNING, say=said.append)
    return found, said


def test_what_the_reports_do_not_say_is_dropped_and_counted(database: Path, model: Model) -> None:
    event = dam(database)
    [found], said = told(database, [event])
    assert [sentence.text for sentence in found.tldr] == [
        GOOD,
        "Villages below Brankwell were told to be ready.",
    ]
    assert {sentence.story_id for sentence in found.tldr} <= {m.story_id for m in event.members}
    assert found.tldr_by == "newsfold-test"
    assert said[-1].startswith("1 of 3 sentences by newsfold-test were dropped")
    [(dropped,)] = create_or_open(database).execute("SELECT dropped FROM summaries")
    [one] = json.loads(dropped)
    assert one["text"] == MADE_UP
    assert {"Tom", "Hollis", "300"} <= set(one["missing"])


def test_the_model_is_given_the_reports_and_asked_once(database: Path, model: Model) -> None:
    event = dam(database)
    first, _ = told(database, [event])
    again, said = told(database, [event])
    assert again == first
    assert len(model.asked) == 1
    assert "all kept" in said[-1]
    [prompt] = model.asked
    assert "Engineers closed the Brankwell dam" in prompt.prompt
    assert "Use only what the reports say" in prompt.system


def test_the_site_tells_it_as_the_digest_did_and_asks_nobody(
    database: Path, tmp_path: Path, model: Model
) -> None:
    pages, event = Pages(tag="a.b,2026"), dam(database)
    page = tmp_path / "public" / event_page(event.id)

    def build(llm: str | None) -> str:
        build_site(database, tmp_path / "public", pages, now=MORNING, llm=llm)
        return page.read_text("utf-8")

    before = build("newsfold-test")
    assert GOOD not in before and model.asked == []
    told(database, [event])
    after = build("newsfold-test")
    assert GOOD in after and "newsfold-test" in after
    assert len(model.asked) == 1
    assert build(None) == before


def test_other_reports_are_asked_about_anew(database: Path, model: Model) -> None:
    told(database, [dam(database)])
    db = create_or_open(database)
    db.execute("UPDATE stories SET text = text || ' It rained.' WHERE text LIKE '%crack%'")
    db.conn.commit()
    told(database, [dam(database)])
    assert len(model.asked) == 2


def test_where_nothing_is_left_the_reports_speak(database: Path, model: Model) -> None:
    model.answer = MADE_UP
    event = dam(database)
    [found], said = told(database, [event])
    assert (found.tldr, found.tldr_by) == (event.tldr, "")
    assert said[-1].startswith("1 of 1 sentences")


def test_a_model_that_fails_costs_no_digest_and_is_not_asked_for_ever(
    database: Path, model: Model
) -> None:
    model.answer = "no"
    event = dam(database)
    found, said = told(database, [event] * 5)
    assert found == [event] * 5
    assert len(model.asked) == 2
    assert "OSError the service is away" in said[0]
    model.answer = ANSWER
    [later], _ = told(database, [event])
    assert later.tldr_by == "newsfold-test"


def test_an_unknown_model_is_told(database: Path, model: Model) -> None:
    with pytest.raises(NewsfoldError, match="no model is called 'gpt-none'; see: llm models"):
        summarised(database, [dam(database)], "gpt-none", now=lambda: MORNING)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json", "atom", "jsonfeed", "mail"])
def test_a_digest_says_who_wrote_it(database: Path, model: Model, form: str) -> None:
    call = ["digest", str(database), "--since", "2026-04-01", "--to", form]
    settings = database.parent / "newsfold.toml"
    mail = "[mail]\nsender = 'newsfold <news@example.org>'\n"  # without one there is no mail
    settings.write_text(mail, "utf-8")
    plain = CliRunner().invoke(cli, call)
    assert plain.exit_code == 0
    assert "newsfold-test" not in plain.output
    assert not model.asked
    settings.write_text(f'{mail}[digest]\nllm = "newsfold-test"\n', "utf-8")
    written = CliRunner().invoke(cli, call)
    assert written.exit_code == 0
    assert "newsfold-test" in written.stdout.replace("\\", "")
    assert "Hollis" not in written.stdout
