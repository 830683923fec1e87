"""Pairs of stories that look alike: verdicts, scores, the verb, and floors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from pipeline.look_alikes import LookAlike, evaluate_pairs, has_pairs, read_pairs, score_pairs
from storage.errors import NewsfoldError
from tests.stories import made_stories

FIXTURES = Path(__file__).parent / "fixtures"
FLOORS = json.loads((FIXTURES / "event_floors.json").read_text("utf-8"))["look_alikes"]


def row(position: int) -> dict[str, str]:
    each = made_stories()[position]
    published = each.published.isoformat() if each.published else ""
    return {"url": each.url, "title": each.title, "text": each.text, "published": published}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two reports of the dam, one of the dam and one of the phone."""
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"kind": "dam", "same": True, "a": row(0), "b": row(1)},
        {"kind": "other", "same": False, "a": row(0), "b": row(3)},
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    return path


def test_pairs_are_folded_one_by_one(pairs: Path) -> None:
    *kinds, all_ = evaluate_pairs(pairs)
    assert [kind.kind for kind in kinds] == ["dam", "other"]
    assert (all_.pairs, all_.same, all_.wrong, all_.missed) == (2, 1, 0, 0)
    assert all_.f1.value == 1


def test_precision_and_recall_of_verdicts() -> None:
    left, right = made_stories()[:2]
    told = [LookAlike("k", same, (left, right)) for same in (True, True, True, False, False)]
    together = [True, False, False, True, False]
    all_ = score_pairs(told, together, np.random.default_rng(0))[-1]
    assert (all_.precision.value, all_.recall.value, all_.f1.value) == (0.5, 0.3333, 0.4)
    assert (all_.wrong, all_.missed) == (1, 2)
    assert all_.f1.low <= all_.f1.value <= all_.f1.high


def test_the_verb_knows_pairs_from_stories(pairs: Path, tmp_path: Path) -> None:
    assert has_pairs(pairs)
    answer = CliRunner().invoke(cli, ["evaluate", str(pairs)])
    assert [each["kind"] for each in json.loads(answer.stdout)] == ["dam", "other", "all"]
    assert "missed" in CliRunner().invoke(cli, ["evaluate", str(pairs), "-t"]).stdout
    stories = tmp_path / "gold.jsonl"
    stories.write_text(json.dumps({**row(0), "event": "dam"}) + "\n", "utf-8")
    assert not has_pairs(stories)
    mixed = CliRunner().invoke(cli, ["evaluate", str(pairs), str(stories)])
    assert mixed.exit_code == 2
    assert "a call of their own" in mixed.stderr


def test_a_line_that_is_no_pair(pairs: Path) -> None:
    pairs.write_text(pairs.read_text("utf-8") + '{"a": {}, "b": {}, "same": "yes"}\n', "utf-8")
    with pytest.raises(NewsfoldError, match=r"pairs\.jsonl:3: no pair"):
        read_pairs(pairs)


@pytest.mark.long
@pytest.mark.parametrize("name", FLOORS)
def test_look_alikes_keep_their_floors(name: str) -> None:
    all_ = evaluate_pairs(FIXTURES / "look_alikes" / f"{name}.jsonl")[-1]
    for figure, floor in FLOORS[name].items():
        assert getattr(all_, figure).value >= floor
