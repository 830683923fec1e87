"""newsfold.toml: read strictly, told plainly."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import TYPE_CHECKING

import pytest

from pipeline.configuration import FILE, Configuration, Fold, _table, read_configuration
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from pathlib import Path


def told(folder: Path, text: str) -> Configuration:
    (folder / FILE).write_text(text, "utf-8")
    return read_configuration(folder / "news.db")


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_configuration(tmp_path / "news.db") == Configuration()
    assert Configuration().fold == Fold(embedding=None, multilingual=False, download=False)


def test_an_empty_file_or_table_means_the_defaults(tmp_path: Path) -> None:
    assert told(tmp_path, "") == Configuration()
    assert told(tmp_path, "[fold]\n") == Configuration()


def test_what_the_file_says(tmp_path: Path) -> None:
    found = told(tmp_path, '[fold]\nembedding = "./models/many"\nmultilingual = true\n')
    assert found.fold == Fold(embedding="./models/many", multilingual=True)


def test_intervals_that_are_set_go_to_the_crawler(tmp_path: Path) -> None:
    assert Configuration().poll.settings == {}
    found = told(tmp_path, "[poll]\nshortest = 30\nlongest = 600\n")
    assert found.poll.settings == {
        "NEWSFOLD_SHORTEST_INTERVAL": 30,
        "NEWSFOLD_LONGEST_INTERVAL": 600,
    }


def test_it_lies_beside_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, '[fold]\nembedding = "some-model"\n')
    other = tmp_path / "other"
    other.mkdir()
    assert read_configuration(other / "news.db") == Configuration()
    monkeypatch.chdir(tmp_path)
    assert read_configuration("news.db").fold.embedding == "some-model"


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Configuration().fold.embedding = "another"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[fodl]\n", r"fodl is not known; allowed: fold, run, poll, digest, site$"),
        ("[fold]\nembeding = 'x'\n", r"\[fold\] embeding is not known; allowed: embedding, mult"),
        ("[fold]\nembedding = 7\n", r"\[fold\] embedding must be a text in quotation marks$"),
        ("[fold]\nembedding = ' '\n", r"\[fold\] embedding names no model; leave the line out"),
        ("[fold]\nmultilingual = 'yes'\n", r"\[fold\] multilingual must be true or false$"),
        ("[fold]\nmultilingual = 1\n", r"\[fold\] multilingual must be true or false$"),
        ("[fold]\nmultilingual = true\n", r"\[fold\] multilingual = true needs an embedding"),
        ("[digest]\nllm = ''\n", r"\[digest\] llm names no model; leave the line out"),
        ("fold = 3\n", r"fold must be a table: \[fold\]$"),
        ("[[fold]]\n", r"fold must be a table: \[fold\]$"),
        ("[fold\n", r"line 1"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NewsfoldError, match=said) as error:
        told(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / FILE))
    assert error.value.exit_code == 2


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe[fold]")
    with pytest.raises(NewsfoldError, match=r"newsfold.toml: .*utf-8"):
        read_configuration(tmp_path / "news.db")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(NewsfoldError, match=r"newsfold.toml cannot be read"):
        read_configuration(tmp_path / "news.db")


@dataclass(frozen=True)
class Numbers:
    whole: int = 1
    share: float = 0.5


def test_numbers_in_tables_to_come() -> None:
    assert _table(Numbers, {"whole": 3, "share": 1}, "") == Numbers(3, 1.0)
    for wrong in ({"whole": 1.5}, {"whole": True}, {"share": "x"}, {"share": False}):
        with pytest.raises(ValueError, match="must be a"):
            _table(Numbers, wrong, "")
