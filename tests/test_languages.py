"""Words of any script are cut properly, and stories fold within their language."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.background import MAX_WEIGHT, rarity
from pipeline.evaluate import evaluate
from pipeline.text import names, sentences, stems, words
from tests.stories import MORNING

if TYPE_CHECKING:
    from typing import Any

LANGUAGES = Path(__file__).parent / "fixtures" / "languages"
# B-cubed F1 and pairwise F1 on the half kept for testing. Modest: it is some seventeen stories a
# language, of which each is worth several points.
FLOORS = {
    "de": (0.70, 0.40),
    "es": (0.70, 0.40),
    "ru": (0.70, 0.40),
    "zh": (0.70, 0.40),
    "ja": (0.70, 0.40),
}
LETTERS = st.text(st.characters(codec="utf-8"), max_size=200)


def told(language: str) -> list[dict[str, Any]]:
    lines = (LANGUAGES / f"{language}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sicherheitslücke in Praxifix", ["sicherheitslücke", "in", "praxifix"]),  # German
        ("¿Qué pasó en Málaga?", ["qué", "pasó", "en", "málaga"]),  # Spanish
        ("Модель «Беркут-4» уже здесь", ["модель", "беркут", "4", "уже", "здесь"]),  # Russian
        ("Ο Ήλιος σήμερα", ["ο", "ήλιος", "σήμερα"]),  # Greek
        ("İstanbul’da", ["istanbul'da"]),  # Turkish
        ("GPT-5模型发布", ["gpt", "5", "模型", "型发", "发布"]),  # Chinese
        (
            "モデル「ヒバリ3」を公開した",
            ["モデル", "ヒバリ", "3", "を", "公開", "した"],
        ),  # Japanese
        ("サーバーとサーバ", ["サーバ", "と", "サーバ"]),  # a long mark that some leave out
        ("ｻｰﾋﾞｽ ＧＰＴ５", ["サービス", "gpt", "5"]),  # half and full width
        ("OpenAI가 새로운 모델을", ["openai", "가", "새로", "로운", "모델", "델을"]),  # Korean
        ("नई दिल्ली में हिन्दी", ["नई", "दिल्ली", "में", "हिन्दी"]),  # Hindi: vowel signs are no letters
        ("ক্ষমতা বাড়ছে", ["ক্ষমতা", unicodedata.normalize("NFKC", "বাড়ছে")]),  # Bengali
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),  # Tamil
        ("מוֹדֶל חדש", ["מודל", "חדש"]),  # Hebrew, with points and without
        ("الذَّكاء الاصطناعـي", ["الذكاء", "الاصطناعي"]),  # Arabic, vowelled and stretched
        ("می\u200cشود ۲۰۲۶", ["میشود", "2026"]),  # Persian, with a joiner and its own digits
        ("ปัญญา", ["ปัญญ", "ญญา"]),  # Thai: three letters with their marks
        ("ລາວ", ["ລາວ"]),  # Lao
        ("កម្ពុជា", ["កម្ពុជា"]),  # Khmer: a letter below another belongs to it
        ("မြန်မာ", ["မြန်မာ"]),  # Burmese
        ("ქართული ენა", ["ქართული", "ენა"]),  # Georgian
        ("Հայերեն", ["հայերեն"]),  # Armenian
        ("ኢትዮጵያ ዜና", ["ኢትዮጵያ", "ዜና"]),  # Amharic
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("ar", "الشركة شركة للشركات"),
        ("de", "Sprachmodell Sprachmodelle Sprachmodellen"),
        ("el", "εταιρεία εταιρείας εταιρείες"),
        ("es", "empresas empresa"),
        ("fr", "l'entreprise entreprise entreprises"),
        ("hi", "मॉडल मॉडलों"),
        ("hu", "vállalatok vállalatot vállalatokat"),
        ("ru", "учёных ученый ученых"),
        ("tr", "şirket şirketler"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, forms: str) -> None:
    assert len(set(stems(forms, language))) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er kam am 3. März. Dann ging er.", ["Er kam am 3. März.", "Dann ging er."]),
        (
            "Cayó la red. ¿Por qué? ¡Nadie lo sabe!",
            ["Cayó la red.", "¿Por qué?", "¡Nadie lo sabe!"],
        ),
        ("Он ушёл. «Прибой» закрыт.", ["Он ушёл.", "«Прибой» закрыт."]),
        ("По словам А. С. Сомова, это так. Да.", ["По словам А. С. Сомова, это так.", "Да."]),
        ("“今天发布。”他说。明天再说！", ["“今天发布。”", "他说。", "明天再说！"]),
        ("「世界に追いついた。」と述べた。次へ。", ["「世界に追いついた。」と述べた。", "次へ。"]),
        ("発売した。とても軽い。", ["発売した。", "とても軽い。"]),
        ("यह नया है। वह पुराना है।", ["यह नया है।", "वह पुराना है।"]),
        ("هل هذا جديد؟ نعم.", ["هل هذا جديد؟", "نعم."]),
        ("זה חדש. זה ישן.", ["זה חדש.", "זה ישן."]),
        ("모델을 공개했다. 가격은 같다.", ["모델을 공개했다.", "가격은 같다."]),
    ],
)
def test_sentences_of_many_scripts(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected", "never"),
    [
        (
            "de",
            "Der Cloudanbieter Nordwolke hat ein Update verteilt. Die Entwicklungschefin Jana"
            " Wolters entschuldigte sich, wie Nordwolke mitteilte. GPT-5.4 war nicht betroffen.",
            {"Nordwolke", "Jana Wolters", "GPT-5.4"},
            {"Update", "Cloudanbieter", "Der Cloudanbieter Nordwolke"},
        ),
        (
            "ru",
            "Компания «Северлаб» показала модель. По словам Анны Лыткиной, она дешевле.",
            {"Северлаб", "Анны Лыткиной"},
            {"Компания", "По"},
        ),
        (
            "ja",
            "東京のヒバリAIは「ヒバリ3.1」をデータセンターで動かす。GPT-5より速いシステムだ。",
            {"ヒバリAI", "ヒバリ3.1", "GPT-5"},
            {"データセンター", "システム"},
        ),
        ("zh", "公司发布“青鸟5”，并与OpenAI的GPT-5.4比较。", {"青鸟5", "OpenAI", "GPT-5.4"}, set()),
        ("pl", "Firma z Łodzi, jak mówi Śląsk Tech.", {"Łodzi", "Śląsk Tech"}, {"Firma"}),
    ],
)
def test_names_of_many_languages(
    language: str, text: str, expected: set[str], never: set[str]
) -> None:
    found = set(names(text, language))
    assert expected <= found
    assert not never & found


@pytest.mark.parametrize(
    ("language", "common", "rare"),
    [
        ("de", "und", "Nordwolke"),
        ("es", "de", "olivos"),
        ("ru", "это", "трамвай"),
        ("pl", "jest", "tramwaj"),
        ("zh", "公司", "青鸟"),
        ("zh", "的新", "模型"),
        ("zh", "AI", "OpenAI"),
        ("ja", "です", "半導"),
        ("ja", "サービス", "ヒバリ"),
        ("ko", "있다", "네이"),
        ("th", "ที่", "ปัญญ"),
    ],
)
def test_common_words_weigh_less(language: str, common: str, rare: str) -> None:
    weights = [rarity(stems(word, language)[0], language) for word in (common, rare)]
    assert 0 <= weights[0] < weights[1] <= MAX_WEIGHT


@pytest.mark.parametrize("language", ["de", "es", "ja", "xx", "zh"])
def test_a_number_weighs_the_same_in_every_language(language: str) -> None:
    assert rarity("4.7", language) == rarity("4.7", "en")


@given(LETTERS, st.sampled_from(["ar", "de", "hi", "ja", "ko", "th", "xx", "zh"]))
def test_every_stem_has_a_weight(text: str, language: str) -> None:
    assert all(0 <= rarity(stem, language) <= MAX_WEIGHT for stem in stems(text, language))


@given(LETTERS)
def test_a_word_has_no_space_and_no_control_character(text: str) -> None:
    for word in words(text):
        assert not any(letter.isspace() for letter in word)
        assert not any(unicodedata.category(letter) == "Cc" for letter in word)


@given(LETTERS)
def test_words_do_not_depend_on_the_form_of_unicode(text: str) -> None:
    assert words(unicodedata.normalize("NFKC", text)) == words(text)


@given(LETTERS, LETTERS, st.sampled_from(" \n"))
def test_a_space_parts_words(left: str, right: str, space: str) -> None:
    """What stands beyond a space changes no word, and no word reaches over it."""
    assert words(f"{left}{space}{right}") == words(left) + words(right)


@given(LETTERS, st.sampled_from(["de", "en", "ja", "ru", "xx"]))
def test_names_stand_in_the_text(text: str, language: str) -> None:
    assert all(name in text for name in names(text, language))


@pytest.mark.parametrize("language", FLOORS)
def test_the_made_stories_are_what_they_claim(language: str) -> None:
    stories = told(language)
    events: dict[str, set[str]] = defaultdict(set)
    for story in stories:
        assert story["language"] == language
        assert story["url"].startswith(f"https://{story['source']}.example/")
        events[story["split"]].add(story["event"])
    assert len(stories) >= 30
    assert len({story["url"] for story in stories}) == len(stories)
    assert min(len(events["tune"]), len(events["test"])) >= 6
    assert not events["tune"] & events["test"]
    assert any(not story["text"] for story in stories)


@pytest.mark.parametrize("language", FLOORS)
def test_events_fold_in_every_language(language: str, tmp_path: Path) -> None:
    kept = [story for story in told(language) if story["split"] == "test"]
    path = tmp_path / f"{language}.jsonl"
    path.write_text("".join(json.dumps(story) + "\n" for story in kept), "utf-8")
    scores = evaluate(path, now=MORNING)
    bcubed, pairwise = FLOORS[language]
    assert scores.bcubed_f1.value >= bcubed
    assert scores.pairwise_f1.value >= pairwise
