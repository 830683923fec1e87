"""Whether a story must be paid for: what a page says of itself comes in, yes, no or None goes out.

Believed in this order: schema.org's isAccessibleForFree, the tier that publishing systems write
into a meta tag, a line where the text breaks off. Nobody says anything: None, which is no "free".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TIERS = {"free": False, "metered": True, "locked": True, "paid": True, "premium": True}
MAX_LINE = 200  # characters; longer ones say something
LAST_LINES = 4  # of a text; an offer stands where it breaks off
OFFER = re.compile(
    r"\b(?:subscribe|sign in|log in|register|join)\b.{0,40}"
    r"\b(?:to|and) (?:continue|keep|read|unlock)"
    r"|\b(?:this|the) (?:article|story|content|post) is (?:only )?(?:for|reserved for|available to)"
    r"\b.{0,30}\b(?:subscribers|members)"
    r"|\b(?:for|to) (?:paid |paying )?subscribers only\b|\balready a subscriber\b"
    r"|\b(?:weiterlesen|lesen) (?:sie )?mit\b.{0,30}(?:\+|plus|abo)|\bnur für abonnenten\b"
    r"|\bréservée? (?:aux|à nos) abonnés\b|\babonnez-vous pour (?:lire|continuer)"
    r"|\bsolo para suscriptores\b|\bsuscríbete para (?:leer|seguir)"
    r"|\b(?:riservat[oa] agli|solo per gli) abbonati\b|\balleen voor abonnees\b",
    re.IGNORECASE,
)


def is_paywalled(free: Iterable[str], tiers: Iterable[str], lines: Iterable[str]) -> bool | None:
    """What `free` (isAccessibleForFree), `tiers` and the last of the text's `lines` say."""
    for said in free:
        value = said.strip().rpartition("/")[2].lower()  # https://schema.org/False
        if value in ("true", "false"):
            return value == "false"
    for tier in tiers:
        if (known := TIERS.get(tier.strip().lower())) is not None:
            return known
    short = (line for line in list(lines)[-LAST_LINES:] if len(line) <= MAX_LINE)
    return True if any(map(OFFER.search, short)) else None
