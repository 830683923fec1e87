"""Folding on an engine beside a local fold: seconds, CPU seconds of all processes, memory.

    python -m tests.benchmarks.engine --size 10000 100000 --a-day 16700

Comes in: made stories (load.py), some a day, as JSON lines. Goes out: a row a size and way: from
the file to a database of events; and how CPU time and memory grow from size to size. `one MB` is
the largest process (Java on the engine), `all MB` counts shared pages once.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.database import open_existing
from storage.events import count_events
from tests.benchmarks.folding import NEWSFOLD, ROOT, Cost, _family, _share, peak
from tests.benchmarks.load import stories, write_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOK_EVERY = 0.5  # seconds
TICKS = os.sysconf("SC_CLK_TCK")
WAYS = ("here", "spark")


@dataclass(frozen=True, slots=True)
class Row:
    size: int
    way: str
    events: int
    cost: Cost


def watched(commands: Sequence[Sequence[str]]) -> Cost:
    """Run commands one after the other; what they and all processes below them took. Java is no
    child that is waited for, so it is looked at while it runs."""
    used: dict[int, float] = {}
    before, one, most = time.perf_counter(), 0.0, 0.0
    for command in commands:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
            while process.poll() is None:
                family = _family(process.pid)
                used |= {each: cpu for each in family if (cpu := _cpu(each))}
                one = max(one, *map(peak, family))
                most = max(most, sum(map(_share, family)))
                time.sleep(LOOK_EVERY)
            if process.returncode:
                said.seek(0)
                raise RuntimeError(said.read().decode(errors="replace")[-2000:])
    return Cost(time.perf_counter() - before, sum(used.values()), one, max(most, one))


def _cpu(process: int) -> float:
    """CPU seconds of a process so far; 0 when it is gone."""
    try:
        told = Path(f"/proc/{process}/stat").read_text("utf-8")
    except OSError:
        return 0.0
    fields = told[told.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(size: int, way: str, folder: Path, a_day: int) -> Row:
    file, database = folder / f"{size}.jsonl", folder / f"{size}-{way}.db"
    if not file.exists():
        write_lines(file, stories(size, max(1, size // a_day)))
    if way == "here":
        commands = [
            [*NEWSFOLD, "import", str(database), str(file)],
            [*NEWSFOLD, "fold", str(database), "--quiet"],
        ]
    else:
        commands = [[*NEWSFOLD, "fold", str(database), str(file), "--engine", way]]
    cost = watched(commands)
    return Row(size, way, count_events(open_existing(database)), cost)


def told(row: Row, before: Row | None) -> str:
    cost = row.cost
    growth = ""
    if before is not None:
        steps = math.log(row.size / before.size)
        pairs = [(cost.cpu, before.cost.cpu), (cost.all, before.cost.all)]
        growth = " | ".join(f"{math.log(now / then) / steps:.2f}" for now, then in pairs)
    return (
        f"| {row.size} | {row.way} | {row.events} | {cost.seconds:.0f} | {cost.cpu:.0f}"
        f" | {cost.one:.0f} | {cost.all:.0f} | {growth or ' | '} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--a-day", type=int, default=16_700, help="stories of a day")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--folder", type=Path, help="for the files; else a temporary one")
    given = parser.parse_args()
    print("| stories | way | events | seconds | CPU s | one MB | all MB | CPU ^ | memory ^ |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        before: dict[str, Row] = {}
        for size in given.size:
            for way in given.ways:
                row = measured(size, way, given.folder or Path(scratch), given.a_day)
                print(told(row, before.get(way)), flush=True)
                before[way] = row
    print(f"load at the end: {os.getloadavg()[0]:.0f}", file=sys.stderr)


if __name__ == "__main__":
    main()
