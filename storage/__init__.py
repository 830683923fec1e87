"""From a story to rows, and back: everything newsfold knows lives in one SQLite file."""

import sys

if "numpy" not in sys.modules:
    # sqlite-utils loads NumPy where it is installed, to know the types of its numbers. None of
    # these reaches it from us, and a verb that only reads would start half as fast again.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        import sqlite_utils.db  # noqa: F401
    finally:
        del sys.modules["numpy"]
