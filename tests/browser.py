"""The real browser of some tests: where it is, and how it is started."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
NEEDS_BROWSER = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed"),
]
FLAGS = [
    "--no-sandbox",  # as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
