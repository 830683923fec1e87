"""Two crawlers of others, run by tests/benchmarks/crawling.py in an environment of their own.

    python crawlers.py trafilatura|news-please ADDRESSES

A file with one address a line comes in, a line of JSON goes out: how many pages were asked for, and
of how many a text came out. It needs nothing of newsfold.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
from pathlib import Path

BATCH = 50  # addresses that news-please is given at a time; it starts a thread for each
TIMEOUT = 30  # seconds


def trafilatura(addresses: str) -> int:
    """Its own command line, in this process, without its pause between two requests to a host."""
    import trafilatura.cli
    from trafilatura.settings import use_config

    config = use_config()
    config.set("DEFAULT", "SLEEP_TIME", "0")
    config.set("DEFAULT", "SSRF_PROTECTION", "off")
    settings = Path(addresses).with_suffix(".cfg")
    with settings.open("w") as file:
        config.write(file)
    with tempfile.TemporaryFile("w+") as output:
        with contextlib.redirect_stdout(output):
            told = ["-i", addresses, "--parallel", "2", "--json", "--with-metadata"]
            told += ["--config-file", str(settings)]
            trafilatura.cli.process_args(trafilatura.cli.parse_args(told))
        output.seek(0)
        return sum(1 for line in output if line.strip())


def news_please(addresses: str) -> int:
    """Its own fetching and reading. Pictures stay out: it would ask for each in the real web."""
    from newsplease import NewsPlease

    logging.disable(logging.CRITICAL)
    urls, stories = Path(addresses).read_text("utf-8").split(), 0
    for start in range(0, len(urls), BATCH):
        found = NewsPlease.from_urls(
            urls[start : start + BATCH], request_args={"timeout": TIMEOUT}, fetch_images=False
        )
        stories += sum(bool(article and article.maintext) for article in found.values())
    return stories


def main(name: str, addresses: str) -> None:
    stories = {"trafilatura": trafilatura, "news-please": news_please}[name](addresses)
    pages = len(Path(addresses).read_text("utf-8").split())
    print(json.dumps({"pages": pages, "stories": stories}))


if __name__ == "__main__":
    main(*sys.argv[1:])
