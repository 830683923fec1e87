"""Folding: what a pass costs, how that grows, where the time goes, and others beside it.

    python -m tests.benchmarks.folding pass       --sizes 10000 100000 1000000
    python -m tests.benchmarks.folding increment  --size 100000 --new 1000
    python -m tests.benchmarks.folding curves     --a-day 250 500 1000 --days 14 28 56
    python -m tests.benchmarks.folding profile    --size 10000
    python -m tests.benchmarks.folding peers      --peers-python ENV/bin/python [--search]

The stories are made (tests/benchmarks/load.py); the labelled sets are those of NEWSFOLD_DATA
(default: ../shared/data). Passes run as users run them: `newsfold fold news.db` in a process of its
own, from stored text to stored events. Seconds are of the clock, from start to end with the start
of Python; CPU seconds are of all processes of the pass. `one` is the highest resident size of the
largest process, `all` the highest sum over all processes (proportional share, looked at five times
a second). Exponents are slopes between neighbouring rows on logarithmic axes: 1 is in proportion.

Peers run one at a time, bound to one core, each in a process of its own, from a file of JSON lines
to groups; CPU seconds count from after the imports. Their settings are searched on the labelled
sets themselves, one for all sets, by mean B-cubed F1: these figures flatter them. So do ours:
newsfold's weights were chosen on the same sets. The made stories were used for neither.
Install the peers in an environment of their own (twembeddings' code needs the older scipy, and
would bring tensorflow and more, of which nothing is used):
pip install river scikit-learn PyStemmer "numpy<2.3"
pip install --no-deps twembeddings "scipy<1.14"
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.load import fill, stories, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import FrameType

    from storage.models import Story

Array = np.ndarray[Any, Any]
Row = dict[str, Any]

ROOT = Path(__file__).parents[2]
NEWSFOLD = (sys.executable, "-c", "from pipeline.cli import main; main()")
LABELLED = ("uci_dev", "ecbplus_train", "allsides", "wikinews", "scoop_ai", "gnews")
PEERS = Path(__file__).parent / "peers" / "online.py"
LOOK_EVERY = 0.2  # seconds between two looks at memory
SAMPLE_EVERY = 0.01  # seconds between two looks at the stack
LIMIT = 600  # CPU seconds that a method may take for a set


# --- one pass in a process of its own ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and its children took; memory in megabytes."""

    seconds: float
    cpu: float
    one: float
    all: float


def cost_of(command: Sequence[str], cores: int | None = None) -> Cost:
    """Run a command to its end. Raises RuntimeError, with what it said, when it fails."""

    def bind() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    with tempfile.TemporaryFile() as said:
        before, one, most = time.perf_counter(), 0.0, 0.0
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=said,
            preexec_fn=bind if cores else None,
        )
        looked, ended = before, 0  # wait4 gives 0 while it runs
        while not ended:
            time.sleep(0.02)
            if time.perf_counter() - looked > LOOK_EVERY:
                looked = time.perf_counter()
                family = _family(process.pid)
                one = max(one, *map(peak, family))
                most = max(most, sum(map(_share, family)))
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - before
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace")[-2000:])
    return Cost(seconds, used.ru_utime + used.ru_stime, one, max(most, one))


def fold(database: Path, cores: int | None = None) -> Cost:
    return cost_of((*NEWSFOLD, "fold", str(database), "--quiet"), cores)


def peak(process: int | str) -> float:
    """Highest resident size of a process so far, in megabytes; 0 when it is gone. (What getrusage
    tells begins with the size of the process that started it.)"""
    try:
        told = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0.0
    return (
        sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM:")) / 1024
    )


def _family(process: int) -> list[int]:
    """A process and all below it."""
    found = [process]
    for parent in found:  # grows while it is walked
        for thread in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, thread.read_text("utf-8").split())
    return found


def _share(process: int) -> float:
    """Proportional share of a process in memory, in megabytes; 0 when it is gone."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024


# --- how good the stored events are ------------------------------------------------------------


def stored_scores(database: Path) -> tuple[int, float, float]:
    """Number of stored events, and B-cubed and pairwise F1 against the happenings in `extra`."""
    with sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True) as db:
        told = db.execute(
            "SELECT json_extract(s.extra, '$.happening'), e.event_id"
            " FROM stories AS s JOIN event_stories AS e ON e.story_id = s.id"
        ).fetchall()
    gold, found = zip(*told, strict=True)
    return len(set(found)), *scores(gold, found)


def scores(gold: Sequence[Any], found: Sequence[Any]) -> tuple[float, float]:
    """B-cubed and pairwise F1."""
    golds, founds = _numbered(gold), _numbered(found)
    in_gold: Array = np.bincount(golds)[golds]
    in_found: Array = np.bincount(founds)[founds]
    both = _numbered((golds * (founds.max() + 1) + founds).tolist())
    in_both = np.bincount(both)[both]
    precision, recall = float((in_both / in_found).mean()), float((in_both / in_gold).mean())
    pairs = [float((count - 1).sum()) for count in (in_both, in_found, in_gold)]
    pairwise = 2 * pairs[0] / (pairs[1] + pairs[2]) if pairs[1] + pairs[2] else 1.0
    return 2 * precision * recall / (precision + recall), pairwise


def _numbered(names: Sequence[Any]) -> Array:
    number: dict[Any, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names])


# --- pass --------------------------------------------------------------------------------------


def run_pass(given: argparse.Namespace) -> None:
    print(f"A pass over all stories of {given.days} days, {_machine(given.cores)}\n")
    table = Table(
        "stories", "a day", "seconds", "CPU s", "stories/s", "one MB", "all MB", "file MB",
        "events", "B3 F1", "pair F1", "time ^", "CPU ^", "memory ^",
    )  # fmt: skip
    before: tuple[int, Cost] | None = None
    for size in given.sizes:
        path = given.folder / f"pass-{size}.db"
        _fresh(path, stories(size, given.days, given.seed, processes=_cores()))
        cost = fold(path, given.cores)
        events, bcubed, pairwise = stored_scores(path)
        table.row(
            size, size // given.days, f"{cost.seconds:.1f}", f"{cost.cpu:.1f}",
            f"{size / cost.seconds:.0f}", f"{cost.one:.0f}", f"{cost.all:.0f}",
            f"{path.stat().st_size / 1e6:.0f}", events, f"{bcubed:.3f}", f"{pairwise:.3f}",
            _exponent(before, size, cost, "seconds"), _exponent(before, size, cost, "cpu"),
            _exponent(before, size, cost, "all"),
        )  # fmt: skip
        before = (size, cost)
        _done_with(path, given.keep)


def _fresh(path: Path, told: Iterable[Story]) -> None:
    _done_with(path, keep=False)
    fill(path, told)


def _done_with(path: Path, keep: bool) -> None:
    if not keep:
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()


def _exponent(before: tuple[float, Cost] | None, size: float, cost: Cost, what: str) -> str:
    if before is None:
        return ""
    ratio = getattr(cost, what) / max(getattr(before[1], what), 1e-9)
    return f"{math.log(max(ratio, 1e-9)) / math.log(size / before[0]):.2f}"


# --- increment ---------------------------------------------------------------------------------

INCREMENT = (
    "stories", "days", "a day", "new", "seconds", "CPU s", "CPU above empty", "new/s", "reading",
    "one MB", "all MB",
)  # fmt: skip


def run_increment(given: argparse.Namespace) -> None:
    print(f"A pass of new stories into a folded database, {_machine(given.cores)}")
    empty, table = _empty_pass(given), Table(*INCREMENT)
    _increment(given, given.size, given.days, empty, table)


def run_curves(given: argparse.Namespace) -> None:
    """One thing grows, the other stays: stories a day, then days."""
    print(f"A pass of {given.new} new stories, {_machine(given.cores)}")
    empty = _empty_pass(given)
    least, fewest = min(given.a_day), min(given.days)
    for title, points in (
        (
            f"against the window: stories a day, {fewest} days stored",
            [(n, fewest) for n in given.a_day],
        ),
        (f"against history: days stored, {least} stories a day", [(least, n) for n in given.days]),
    ):
        if len(points) < 2:
            continue
        print(f"\n{title}\n")
        table = Table(*INCREMENT, "time ^", "CPU above empty ^", "memory ^")
        before: tuple[float, Cost] | None = None
        for a_day, days in points:
            grown = float(a_day if points[0][0] != points[1][0] else days)
            before = _increment(given, a_day * days, days, empty, table, grown, before)


def _empty_pass(given: argparse.Namespace) -> float:
    """CPU seconds of a pass that finds nothing to do: the start of Python and of the verb."""
    path = given.folder / "empty.db"
    _fresh(path, ())
    costs = [fold(path, given.cores) for _ in range(3)]
    _done_with(path, keep=False)
    seconds, cpu = min(cost.seconds for cost in costs), min(cost.cpu for cost in costs)
    print(f"an empty pass: {seconds:.2f} s, {cpu:.2f} CPU s\n")
    return cpu


def _increment(
    given: argparse.Namespace,
    size: int,
    days: int,
    empty: float,
    table: Table,
    grown: float = 0.0,
    before: tuple[float, Cost] | None = None,
) -> tuple[float, Cost]:
    """Fold so many stories, then the next ones as a pass of their own, and as many once more to
    see where its time goes."""
    path = given.folder / f"increment-{size}-{days}.db"
    told = stories(size + 2 * given.new, days, given.seed, processes=_cores())
    _fresh(path, islice(told, size))
    tail = list(told)
    fold(path)
    fill(path, tail[: given.new])
    cost = fold(path, given.cores)
    fill(path, tail[given.new :])
    shares = sampled(path)
    above = replace(cost, cpu=max(cost.cpu - empty, 0.001))
    row: list[object] = [
        size, days, size // days, given.new, f"{cost.seconds:.2f}", f"{cost.cpu:.2f}",
        f"{above.cpu:.2f}", f"{given.new / cost.seconds:.0f}",
        f"{shares['reading'] / sum(shares.values()):.0%}", f"{cost.one:.0f}", f"{cost.all:.0f}",
    ]  # fmt: skip
    if grown:
        earlier = before and (before[0], replace(before[1], cpu=before[1].cpu - empty))
        row += [
            _exponent(before, grown, cost, "seconds"),
            _exponent(earlier, grown, above, "cpu"),
            _exponent(before, grown, cost, "all"),
        ]
    table.row(*row)
    _done_with(path, given.keep)
    return grown, cost


# --- profile -----------------------------------------------------------------------------------

# The stage of a moment is that of the outermost of these that is on the stack.
STAGES = {
    "pipeline/reading.py": "reading",
    "pipeline/details.py": "reading",
    "pipeline/embeddings.py": "reading",
    "pipeline/copies.py": "copies",
    "pipeline/candidates.py": "candidates",
    "pipeline/window.py": "side by side",
    "pipeline/signals.py": "signals",
    "pipeline/linkage.py": "linkage",
    "pipeline/reasons.py": "reasons",
    "pipeline/lineage.py": "lineage",
    "pipeline/relate.py": "relating",
    "pipeline/enrich/related.py": "relating",
    "pipeline/enrich/": "describing",
    "storage/": "SQLite",
}
# Kept readings are only unpacked; that is not reading.
UNPACKED = {"is_current", "told", "appeared"}


def run_profile(given: argparse.Namespace) -> None:
    print(f"Where the CPU seconds of a pass go, in one process, {_machine(1)}\n")
    path = given.folder / f"profile-{given.size}.db"
    told = stories(given.size + given.new, given.days, given.seed, processes=_cores())
    _fresh(path, islice(told, given.size))
    tail = list(told)
    table = Table("stage", f"all {given.size}", "share", f"{given.new} more", "share ")
    whole = sampled(path)
    fill(path, tail)
    more = sampled(path)
    spent, again = sum(whole.values()), sum(more.values())
    for stage in sorted({*whole, *more}, key=lambda stage: -whole[stage]):
        table.row(
            stage, f"{whole[stage]:.2f}", f"{whole[stage] / spent:.1%}",
            f"{more[stage]:.2f}", f"{more[stage] / again:.1%}",
        )  # fmt: skip
    table.row("all", f"{spent:.2f}", "", f"{again:.2f}", "")
    _done_with(path, given.keep)


def sampled(database: Path) -> dict[str, float]:
    """Fold on one core, looking at the stack all the time: CPU seconds by stage."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "shares.json"
        command = (sys.executable, "-m", "tests.benchmarks.folding", "child", "sampled")
        cost_of((*command, str(database), str(out)), cores=1)
        return defaultdict(float, json.loads(out.read_text("utf-8")))


def child_sampled(database: str, out: str) -> None:
    spent: dict[str, float] = defaultdict(float)
    main, done = threading.main_thread().ident, threading.Event()
    assert main is not None

    def watch() -> None:
        clock = time.pthread_getcpuclockid(main)
        last = time.clock_gettime(clock)
        while not done.wait(SAMPLE_EVERY):
            frame = sys._current_frames().get(main)
            now = time.clock_gettime(clock)  # a long call in C lets nobody look: it counts whole
            spent[_stage(frame)] += now - last
            last = now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    from pipeline.cli import main as newsfold

    try:
        newsfold(["fold", database, "--quiet"])
    except SystemExit as end:
        if end.code:
            raise
    finally:
        done.set()
        watcher.join()
        Path(out).write_text(json.dumps(spent), "utf-8")


def _stage(frame: FrameType | None) -> str:
    stack: list[tuple[str, str]] = []
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    for file, function in reversed(stack):
        if file.startswith("<frozen importlib"):
            return "imports"
        name = str(Path(file).relative_to(ROOT)) if file.startswith(f"{ROOT}/") else ""
        stage = next((stage for start, stage in STAGES.items() if name.startswith(start)), "")
        if stage == "reading" and function in UNPACKED:
            return "kept readings"
        if stage:
            return stage
    return "the rest"


# --- peers -------------------------------------------------------------------------------------

GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "miranda": {"shift": (-0.2, 0.0, 0.2)},
    "fsd": {"threshold": (0.7, 0.75, 0.8, 0.85), "characters": (2000,)},
    "textclust": {"radius": (0.5, 0.6, 0.7), "characters": (500,)},
    "dbstream": {"radius": (0.5, 0.65, 0.75), "characters": (2000,)},
}
BEST: dict[str, Row] = {  # what the search chose
    "miranda": {"shift": 0.2},
    "fsd": {"threshold": 0.8, "characters": 2000},
    "textclust": {"radius": 0.6, "characters": 500},
    "dbstream": {"radius": 0.5, "characters": 2000},
}
OURS = ("newsfold", "reference")
MADE_A_DAY = 500


@dataclass(frozen=True, slots=True)
class Result:
    """What a method did with a set; `failed` says why there is nothing else."""

    failed: str = ""
    bcubed: float = 0.0
    pairwise: float = 0.0
    seconds: float = 0.0
    megabytes: float = 0.0


def run_peers(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = {each: _labelled(each, folder) for each in given.sets}
        if given.train:
            _train(given.peers_python, list(sets.values()))
            return
        if given.search:
            _search(given, sets)
            return
        for size in given.made:
            made = folder / f"made_{size}.jsonl"
            days = max(1, size // MADE_A_DAY)
            write_lines(made, stories(size, days, seed=1, processes=_cores()))
            sets[made.stem] = _in_order(made)
        _compare(given, sets)


def _compare(given: argparse.Namespace, sets: dict[str, Path]) -> None:
    print(f"One core each, {_machine(1)}; a method is cut off after {given.limit} CPU s a set.\n")
    table = Table(
        "set", "method", "stories", "B3 F1", "pair F1", "stories/s", "CPU s", "MB",
        "speed to ours", "memory to ours",
    )  # fmt: skip
    totals: dict[str, list[Result]] = {method: [] for method in given.methods}
    for name, path in sets.items():
        size = sum(1 for _ in path.open("rb"))
        ours: Result | None = None
        for method in given.methods:
            result = _measured(given, method, path, BEST.get(method, {}))
            if name in LABELLED:
                totals[method].append(result)
            if result.failed:
                table.row(name, method, size, result.failed, *[""] * 6)
                continue
            ours = result if method == "newsfold" else ours
            table.row(
                name, method, size, f"{result.bcubed:.3f}", f"{result.pairwise:.3f}",
                f"{size / result.seconds:.0f}", f"{result.seconds:.1f}", f"{result.megabytes:.0f}",
                f"{ours.seconds / result.seconds:.2f}" if ours else "",
                f"{result.megabytes / ours.megabytes:.2f}" if ours else "",
            )  # fmt: skip
    print()
    mean = Table("mean of the labelled sets", "B3 F1", "pair F1", "sets")
    for method, results in totals.items():
        done = [result for result in results if not result.failed]
        if done:
            bcubed, pairwise = (
                float(np.mean([getattr(result, what) for result in done]))
                for what in ("bcubed", "pairwise")
            )
            mean.row(method, f"{bcubed:.3f}", f"{pairwise:.3f}", f"{len(done)} of {len(results)}")


def _search(given: argparse.Namespace, sets: dict[str, Path]) -> None:
    """For each peer the settings of its grid that do best over all sets."""
    table = Table("method", "settings", "mean B3 F1", "CPU s", "sets")
    for method in given.methods:
        grid = GRIDS.get(method, {})
        for values in product(*grid.values()) if grid else ():
            settings = dict(zip(grid, values, strict=True))
            results = [_measured(given, method, path, settings) for path in sets.values()]
            done = [result for result in results if not result.failed]
            mean = float(np.mean([result.bcubed for result in done])) if done else 0.0
            seconds = sum(result.seconds for result in done)
            told = " ".join(f"{key}={value}" for key, value in settings.items())
            table.row(method, told, f"{mean:.4f}", f"{seconds:.0f}", f"{len(done)} of {len(sets)}")


def _measured(given: argparse.Namespace, method: str, path: Path, settings: Row) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        if method in OURS:
            command = [sys.executable, "-m", "tests.benchmarks.folding", "child", method]
            command += [str(path), str(out), str(given.limit)]
        else:
            command = [given.peers_python, str(PEERS), method, str(path), str(out)]
            command += [json.dumps(settings), str(given.limit)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not out.exists():
            late = ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
            why = (ended.stderr.strip().splitlines() or ["died"])[-1]
            return Result(f"cut off at {given.limit} s" if late else why[:70])
        told = json.loads(out.read_text("utf-8"))
    gold = [row["event"] for row in _rows(path)]
    return Result("", *scores(gold, told["groups"]), told["seconds"], told["megabytes"])


def child_ours(method: str, path: str, out: str, limit: str) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    from pipeline.evaluate import as_shipped, read_labelled
    from pipeline.reference import reference

    folded = as_shipped if method == "newsfold" else reference
    before = time.process_time()
    labelled = read_labelled(Path(path), now=datetime.now(UTC))
    found = {id_: number for number, ids in enumerate(folded(labelled.stories)) for id_ in ids}
    told = {
        "groups": [found[id_] for id_ in labelled.story_ids],
        "seconds": time.process_time() - before,
        "megabytes": peak("self"),
    }
    Path(out).write_text(json.dumps(told), "utf-8")


def _labelled(name: str, folder: Path) -> Path:
    """A labelled set as plain JSON lines in the order of time, each address once."""
    from storage.files import read_rows

    data = Path(os.environ.get("NEWSFOLD_DATA", ROOT.parent / "shared" / "data"))
    rows = {row["url"]: row for _, row in read_rows(data / "events" / f"{name}.jsonl.gz")}
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in sorted(rows.values(), key=_in_time):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _in_order(path: Path) -> Path:
    rows = sorted(_rows(path), key=_in_time)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path


def _in_time(row: Row) -> tuple[str, str]:
    return row["published"] or "", row["url"]


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _train(python: str, paths: list[Path]) -> None:
    """Learn the weights of our implementation of Miranda et al. and keep them beside it."""
    out = PEERS.with_name("miranda.json")
    given = ("--train", "", str(out), json.dumps([str(path) for path in paths]))
    subprocess.run([python, str(PEERS), *given], check=True, cwd=ROOT)
    print(out.read_text("utf-8"))


# --- printing, and the call --------------------------------------------------------------------


class Table:
    """Prints Markdown, a row as soon as it is known."""

    def __init__(self, *head: str) -> None:
        self._widths = [max(len(name), 6) for name in head]
        self.row(*head)
        self.row(*("-" * width for width in self._widths))

    def row(self, *cells: object) -> None:
        told = (f"{cell!s:{width}}" for cell, width in zip(cells, self._widths, strict=True))
        print(f"| {' | '.join(told)} |", flush=True)


def _machine(cores: int | None) -> str:
    return (
        f"{cores or _cores()} of {os.cpu_count()} cores ({_processor()}, load"
        f" {os.getloadavg()[0]:.1f}), Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in told if line.startswith("model name"))
    return next(names, platform.machine())


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What folding costs.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--folder", type=Path, help="where databases are made (a temporary one)")
    shared.add_argument("--keep", action="store_true", help="keep the databases")
    shared.add_argument("--seed", type=int, default=0)
    shared.add_argument("--cores", type=int, help="bind passes to so many (all)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("pass", parents=[shared])
    verb.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    verb.add_argument("--days", type=int, default=60)
    verb = verbs.add_parser("increment", parents=[shared])
    verb.add_argument("--size", type=int, default=100_000)
    verb.add_argument("--days", type=int, default=60)
    verb.add_argument("--new", type=int, default=1000)
    verb = verbs.add_parser("curves", parents=[shared])
    verb.add_argument("--a-day", type=int, nargs="+", default=[250, 500, 1000, 2000])
    verb.add_argument("--days", type=int, nargs="+", default=[14, 28, 56])
    verb.add_argument("--new", type=int, default=1000)
    verb = verbs.add_parser("profile", parents=[shared])
    verb.add_argument("--size", type=int, default=10_000)
    verb.add_argument("--days", type=int, default=20)
    verb.add_argument("--new", type=int, default=1000)
    verb = verbs.add_parser("peers", parents=[shared])
    verb.add_argument(
        "--peers-python", default=sys.executable, help="where the peers are installed"
    )
    verb.add_argument("--methods", nargs="+", default=[*OURS, *GRIDS])
    verb.add_argument("--sets", nargs="*", default=list(LABELLED))
    verb.add_argument(
        "--made", type=int, nargs="*", default=[2000, 10_000], help="made stories beside them"
    )
    verb.add_argument("--limit", type=int, default=LIMIT, help="CPU seconds for a set")
    verb.add_argument("--search", action="store_true", help="try the settings of the peers")
    verb.add_argument("--train", action="store_true", help="learn the weights of miranda")
    return parser


RUN = {
    "pass": run_pass,
    "increment": run_increment,
    "curves": run_curves,
    "profile": run_profile,
    "peers": run_peers,
}


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        kind, *told = sys.argv[2:]
        if kind == "sampled":
            child_sampled(*told)
        else:
            child_ours(kind, *told)
        return
    given = _parser().parse_args()
    if given.folder is not None:
        RUN[given.verb](given)
        return
    given.folder = Path(tempfile.mkdtemp(prefix="newsfold-bench-"))
    try:
        RUN[given.verb](given)
    finally:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
