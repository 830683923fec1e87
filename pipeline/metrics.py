"""Health as metrics: what health.py found comes in, Prometheus' text format goes out.

For a file that node_exporter collects, or any scraper that can run a command. It judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.health import UNWELL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.health import Health


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge: what it says, and its values by labels."""

    name: str
    help: str
    values: Sequence[tuple[Mapping[str, str], float]] = ()

    def text(self) -> str:
        name = f"newsfold_{self.name}"
        lines = [f"# HELP {name} {self.help}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in self.values]
        return "".join(f"{line}\n" for line in lines)


def as_metrics(health: Health) -> str:
    """The exposition format, version 0.0.4."""
    return "".join(metric.text() for metric in _metrics(health) if metric.values)


def _metrics(health: Health) -> Iterator[Metric]:
    of_state = [({"state": state}, float(health.count(state))) for state in UNWELL]
    yield Metric("well", "1 when nothing at all was found.", [({}, float(not health.findings))])
    yield Metric("passing", "1 when passes do their work.", [({}, float(health.exit_code != 1))])
    yield Metric("feeds", "Feeds that are polled.", [({}, float(health.feeds))])
    yield Metric("sources", "Sources with feeds that are polled.", [({}, float(health.sources))])
    yield Metric("unwell", "Feeds that fail or are silent, sources that drift.", of_state)
    yield from _of_findings(health)
    yield from _of_last_pass(health)


def _of_findings(health: Health) -> Iterator[Metric]:
    found = [each for each in health.findings if each.source]
    labels = [{"source": f.source or "", "feed": f.feed or "", "state": f.state} for f in found]
    both = list(zip(labels, found, strict=True))
    yield Metric("found", "What is unwell.", [(each, 1.0) for each in labels])
    yield Metric(
        "unwell_since_timestamp_seconds",
        "When it was last well, in Unix time.",
        [(each, f.since.timestamp()) for each, f in both if f.since],
    )
    yield Metric(
        "feed_failures",
        "Failed polls in a row.",
        [(e, float(f.failures)) for e, f in both if f.failures],
    )
    yield Metric(
        "events_missed",
        "Events of two weeks that it would have confirmed, about.",
        [(each, float(f.missed)) for each, f in both if f.missed is not None],
    )


def _of_last_pass(health: Health) -> Iterator[Metric]:
    last = health.last
    if last is None:
        return
    ended = (last.finished or last.started).timestamp()
    yield Metric("last_pass_timestamp_seconds", "When the last pass ended.", [({}, ended)])
    yield Metric(
        "last_pass_exit_code", "0 done, 1 failed, 3 some failed.", [({}, last.exit_code or 0)]
    )
    yield Metric(
        "last_pass_seconds",
        "How long each step of the last pass took.",
        [({"step": step}, seconds) for step, seconds in last.durations.items()],
    )
    yield Metric("last_pass_count", "What the last pass did.", list(_counts(last.counts)))


def _counts(counts: Mapping[str, object], part: str = "") -> Iterator[tuple[dict[str, str], float]]:
    for what, value in counts.items():
        if isinstance(value, dict):
            yield from _counts(value, what)
        elif isinstance(value, int | float):
            yield {"part": part, "what": what}, float(value)


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
