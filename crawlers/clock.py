"""What time it is: the present, or the moment that NEWSFOLD_NOW names for tests and the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import WRONG_CALL, NewsfoldError
from storage.times import from_iso, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scrapy.settings import BaseSettings


def clock(settings: BaseSettings) -> Callable[[], datetime]:
    """A function that tells the time, in aware UTC."""
    frozen = settings.get("NEWSFOLD_NOW")
    if not frozen:
        return utc_now
    try:
        moment = from_iso(str(frozen))
    except ValueError:
        raise NewsfoldError(
            f"NEWSFOLD_NOW is {frozen!r}; write a time such as 2026-04-08T16:00:00Z", WRONG_CALL
        ) from None
    assert moment is not None
    return lambda: moment
