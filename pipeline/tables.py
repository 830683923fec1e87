"""The TOML files that lie beside the code: word lists, patterns and weights, as data.

Comes in: a package and the name of a file in it. Goes out: its tables. It keeps nothing: who asks
more than once caches what it makes of them.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def tables(package: str, name: str) -> dict[str, Any]:
    """The tables of a TOML file of a package."""
    return tomllib.loads(files(package).joinpath(name).read_text("utf-8"))
