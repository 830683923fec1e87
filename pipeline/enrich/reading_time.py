"""How long a text takes to read.

Comes in: plain text. Goes out: whole minutes, at least one.
"""

from __future__ import annotations

import re

WORDS_A_MINUTE = 230  # silent reading of English non-fiction: 238 (Brysbaert 2019), a little less
CHARACTERS_A_MINUTE = 500  # scripts without spaces: Chinese some 260 words, Japanese 400 to 600
_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"  # Chinese and Japanese
    r"|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"  # Thai, Lao, Burmese, Khmer
)
_WORD = re.compile(r"\S*\w\S*")


def reading_minutes(text: str) -> int:
    """Words and unspaced characters, each at its own pace."""
    unspaced = len(_UNSPACED.findall(text))
    spaced = len(_WORD.findall(_UNSPACED.sub(" ", text)))
    return max(1, round(spaced / WORDS_A_MINUTE + unspaced / CHARACTERS_A_MINUTE))
