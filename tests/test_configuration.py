"""newsfold.toml: read strictly, told plainly."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import TYPE_CHECKING

import pytest

from pipeline.configuration import (
    FILE,
    Configuration,
    Fold,
    Profile,
    _table,
    read_configuration,
)
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
        ("[fodl]\n", r"fodl is not known; allowed: fold, run, poll, digest, mail, site, keep$"),
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


def test_profiles_and_weights(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """
[digest.sources]
ars-technica = 1.5
[digest.categories]
"policy and law" = 2
[digest.chips]
period = "weekly"
most = 8
categories = ["chips and hardware"]
languages = ["en", "de"]
to = ["Ada Quill <ada@example.org>"]
""",
    ).digest
    assert found.sources == {"ars-technica": 1.5}
    assert found.categories == {"policy and law": 2.0}
    assert found.profile("chips") == Profile(
        "weekly",
        8,
        ("chips and hardware",),
        ("en", "de"),
        to=("Ada Quill <ada@example.org>",),
    )
    assert found.profile("chips").span.days == 7


def test_daily_and_weekly_need_no_setting(tmp_path: Path) -> None:
    plain = told(tmp_path, "").digest
    assert plain.profile("daily") == Profile()
    assert plain.profile("weekly").span == 7 * plain.profile("daily").span
    assert told(tmp_path, "[digest.daily]\nmost = 3\n").digest.profile("daily").most == 3
    with pytest.raises(NewsfoldError, match="'morning'; there are daily, weekly"):
        plain.profile("morning")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[digest.a]\nperiod = 'hourly'\n", r"\[digest.a\] period must be one of daily, weekly$"),
        ("[digest.a]\nmost = 0\n", r"\[digest.a\] most must be 1 or more$"),
        ("[digest.a]\nto = 'a@b.org'\n", r"\[digest.a\] to must be a list of texts"),
        ("[digest.a]\nto = ['ada']\n", r"\[digest.a\] 'ada' is no mail address$"),
        ("[digest.a]\nto = ['@b.org']\n", r"'@b.org' is no mail address$"),
        ('[digest.a]\nto = ["a@b.org\\nBcc: c@d.org"]\n', r"is no mail address$"),
        ('[digest.a]\ntitle = "a\\nb"\n', r"title must be one line$"),
        ("[digest]\nmost = 3\n", r"\[digest\] most must be a table: \[digest.most\]$"),
        ("[digest.'A b']\n", r"a name is of small letters, digits and hyphens$"),
        ("[digest.sources]\nx = -1\n", r"\[digest.sources\] x must lie from 0 to 100$"),
        ("[digest.categories]\nx = 'much'\n", r"x must be a number$"),
        ("[mail]\ntls = 'yes'\n", r"\[mail\] tls must be one of starttls, tls, none$"),
        (
            "[mail]\nhost = 'mail.example.org'\nuser = 'a'\ntls = 'none'\n",
            r"\[mail\] tls = 'none' would send the password",
        ),
        ("[mail]\npassword = 'secret'\n", r"\[mail\] password is not known"),
        ("[mail]\nunsubscribe = 'http://a.org'\n", r"unsubscribe must be an https address"),
        ("[mail]\nsender = 'us'\n", r"'us' is no mail address$"),
    ],
)
def test_a_mistake_in_a_digest_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NewsfoldError, match=said):
        told(tmp_path, text)
