"""Finding copies: ours beside other libraries, on the same made stories, in one run.

    python -m tests.benchmarks.copies --sizes 10000 100000 --methods ours rensa …    --search

Each method reads the same file of JSON lines (tests/benchmarks/made_copies.py) and says which
stories belong together; that is the whole job, with reading, its own tokenising, and joining its
pairs to groups. Each runs in a process of its own, bound to one core (CPU affinity, and every
library told to use one thread). Stories per second are per second of CPU time, from after the
imports to the groups, so that what else runs on the machine matters little. Memory is the highest
resident size of the process, imports included. Pairwise precision, recall and F1 leave the wire
story aside, whose pairs would outweigh all others; `wire` is the recall of these.

Settings were searched with --search, on 10 000 stories of seed 1, by F1, then speed, over GRIDS; a
report uses another seed. A method that takes more than --limit CPU seconds or --memory GB is cut
off. Libraries that are not installed are skipped: pip install datasketch rensa gaoya daft polars.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.same_text import same_text
from pipeline.sketches import sketches
from pipeline.union_find import Groups
from tests.benchmarks.made_copies import made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Array = np.ndarray[Any, Any]
Pairs = tuple[Array, Array]
Settings = dict[str, Any]

SEARCHED = (10_000, 1)  # size and seed of the search
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
)
BLOCK = 5_000  # stories that a method with a bulk form is given at once
WORD = re.compile(r"\w+")


# --- the methods: a file of stories in, pairs of numbers of stories out ----------------------


def ours(path: Path, _: Settings) -> Pairs:
    """sketches and same_text: from titles and texts to pairs, without ever holding the texts."""
    told = ((row["title"], row["text"]) for row in _rows(path))
    return _as_pairs(same_text(sketches(told)))


def datasketch(path: Path, settings: Settings) -> Pairs:
    """MinHashLSH; found stories are checked by their estimated similarity."""
    library = _library("datasketch")
    threshold, count = settings["threshold"], settings["num_perm"]
    index = library.MinHashLSH(threshold=settings["lsh"], num_perm=count)
    kept: dict[int, Any] = {}
    shingled = (_shingles(row["text"], bytes) for row in _rows(path))
    made_ = library.MinHash.generator(shingled, num_perm=count, hashfunc=zlib.crc32)

    def search(number: int, signature: Any) -> list[int]:
        return [n for n in index.query(signature) if kept[n].jaccard(signature) >= threshold]

    def insert(number: int, signature: Any) -> None:
        kept[number] = signature
        index.insert(number, signature)

    return _one_by_one(made_, search, insert, settings["all"])


def rensa(path: Path, settings: Settings) -> Pairs:
    """RMinHash and RMinHashLSH; found stories are checked by their estimated similarity."""
    library = _library("rensa")
    threshold, count = settings["threshold"], settings["num_perm"]
    index = library.RMinHashLSH(threshold, count, settings["bands"])
    kept: dict[int, Any] = {}

    def signatures() -> Iterator[Any]:
        rows = _rows(path)
        while block := list(islice(rows, BLOCK)):
            shingled = [_shingles(row["text"], str) for row in block]
            yield from library.RMinHash.from_token_sets(shingled, count, 42)

    def search(number: int, signature: Any) -> list[int]:
        return [n for n in index.query(signature) if kept[n].jaccard(signature) >= threshold]

    def insert(number: int, signature: Any) -> None:
        kept[number] = signature
        index.insert(number, signature)

    return _one_by_one(signatures(), search, insert, settings["all"])


def gaoya(path: Path, settings: Settings) -> Pairs:
    """MinHashStringIndex with its own analyser; it checks what it finds by itself."""
    index = _library("gaoya.minhash").MinHashStringIndex(
        hash_size=settings["bits"],
        jaccard_threshold=settings["threshold"],
        num_bands=settings["bands"],
        band_size=settings["rows"],
        analyzer="word",
        lowercase=True,
        ngram_range=(3, 3),
        id_container="smallvec",
    )
    texts = (row["text"] for row in _rows(path))
    return _one_by_one(
        texts, lambda _, text: index.query(text), index.insert_document, settings["all"]
    )


def daft(path: Path, settings: Settings) -> Pairs:
    """Its normalize and minhash, bands by explode and groupby; the first story of a band's bucket
    with each other one, checked by their signatures."""
    library, functions = _library("daft"), _library("daft.functions")
    col = library.col
    bands, rows = settings["bands"], settings["rows"]
    text = functions.normalize(col("text"), remove_punct=True, lowercase=True, nfd_unicode=False)
    signed = (
        library.read_json(str(path))
        .select("id", text.alias("text"))
        .select(
            "id",
            functions.minhash(
                col("text"), num_hashes=bands * rows, ngram_size=3, hash_function="xxhash3_64"
            ).alias("signature"),
        )
        .to_arrow()
    )
    flat = signed["signature"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    signatures = flat.reshape(-1, bands * rows)
    where = np.empty(len(signatures), np.int64)
    where[signed["id"].to_numpy()] = np.arange(len(signatures))
    pairs = []
    weights = np.random.default_rng(0).integers(1, 1 << 63, rows, np.uint64) | np.uint64(1)
    for band in range(bands):  # a band at a time: an explode of all takes several times the memory
        columns = signatures[:, band * rows : (band + 1) * rows].astype(np.uint64)
        keys = library.from_pydict({"id": signed["id"], "band": columns @ weights})
        first = keys.groupby("band").agg(
            col("id").min().alias("first"), col("id").count().alias("n")
        )
        joined = keys.join(first.where(col("n") > 1), on="band").select("first", "id").to_pydict()
        pairs.append(np.array([joined["first"], joined["id"]], np.int64))
    left, right = np.unique(np.concatenate(pairs, axis=1), axis=1)
    alike = (signatures[where[left]] == signatures[where[right]]).mean(axis=1)
    same = alike >= settings["threshold"]
    return left[same], right[same]


def polars(path: Path, settings: Settings) -> Pairs:
    """Word 3-grams by its string expressions, sampled by hash, joined with the next stories under
    the same hash, and the candidates compared over the whole sample by further joins."""
    library = _library("polars")
    col = library.col
    sampled = []
    rows = _rows(path)
    while block := list(islice(rows, BLOCK)):
        frame = library.DataFrame(
            {"id": [row["id"] for row in block], "text": [row["text"] for row in block]}
        ).lazy()
        words = frame.select(
            "id", col("text").str.to_lowercase().str.extract_all(r"\w+").alias("word")
        ).explode("word")
        shingled = words.select(
            "id",
            hash=library.struct(
                first=col("word"),
                second=col("word").shift(-1).over("id"),
                third=col("word").shift(-2).over("id"),
            ).hash(7),
        )
        sampled.append(shingled.filter(col("hash") % settings["sample"] == 0).unique().collect())
    sample = library.concat(sampled).sort("hash", "id")
    found = []
    for apart in range(1, settings["neighbours"] + 1):
        after = sample.with_columns(
            right=col("id").shift(-apart), other=col("hash").shift(-apart)
        ).filter(col("hash") == col("other"))
        found.append(after.select(left="id", right="right"))
    pairs = library.concat(found).group_by("left", "right").len().filter(col("len") > 1)
    sizes = sample.group_by("id").len("size")
    shared = (
        pairs.select("left", "right")
        .join(sample, left_on="left", right_on="id")
        .join(sample, left_on=("right", "hash"), right_on=("id", "hash"))
        .group_by("left", "right")
        .len("shared")
        .join(sizes, left_on="left", right_on="id")
        .join(sizes, left_on="right", right_on="id", suffix="_right")
    )
    shorter = library.min_horizontal("size", "size_right")
    longer = library.max_horizontal("size", "size_right")
    same = shared.filter(
        (col("shared") >= settings["contained"] * shorter) & (col("shared") >= 0.3 * longer)
    )
    return same["left"].to_numpy(), same["right"].to_numpy()


def _library(name: str) -> Any:
    """Any: the libraries are not part of the project's environment."""
    return importlib.import_module(name)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _shingles(text: str, kind: type) -> list[Any]:
    words = WORD.findall(text.lower())
    if kind is bytes:
        return [" ".join(gram).encode() for gram in zip(words, words[1:], words[2:], strict=False)]
    return [" ".join(gram) for gram in zip(words, words[1:], words[2:], strict=False)]


def _one_by_one(
    things: Iterable[Any],
    search: Callable[[int, Any], Iterable[int]],
    insert: Callable[[int, Any], Any],
    insert_all: bool,
) -> Pairs:
    """Search, then insert; without `insert_all` only what found nothing: less to search."""
    pairs: list[tuple[int, int]] = []
    for number, thing in enumerate(things):
        found = list(search(number, thing))
        pairs += [(other, number) for other in found]
        if insert_all or not found:
            insert(number, thing)
    return _as_pairs(pairs)


def _as_pairs(pairs: Iterable[tuple[int, int]]) -> Pairs:
    flat = np.fromiter((number for pair in pairs for number in pair), np.int64).reshape(-1, 2)
    return flat[:, 0], flat[:, 1]


METHODS: dict[str, Callable[[Path, Settings], Pairs]] = {
    each.__name__: each for each in (ours, datasketch, rensa, gaoya, daft, polars)
}
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "ours": {},
    "datasketch": {
        "threshold": (0.3, 0.4),
        "lsh": (0.3, 0.4),
        "num_perm": (64, 128),
        "all": (False, True),
    },
    "rensa": {
        "threshold": (0.3, 0.4),
        "num_perm": (64, 128),
        "bands": (16, 32),
        "all": (False, True),
    },
    "gaoya": {
        "threshold": (0.3, 0.4),
        "bands": (20, 40),
        "rows": (2, 3),
        "bits": (32,),
        "all": (False, True),
    },
    "daft": {"bands": (16, 32), "rows": (2, 3, 4), "threshold": (0.3, 0.4)},
    "polars": {"sample": (4, 8), "neighbours": (2, 4), "contained": (0.6, 0.7)},
}
BEST: dict[str, Settings] = {  # what the search chose
    "ours": {},
    "datasketch": {"threshold": 0.4, "lsh": 0.3, "num_perm": 64, "all": False},
    "rensa": {"threshold": 0.4, "num_perm": 64, "bands": 32, "all": False},
    "gaoya": {"threshold": 0.4, "bands": 40, "rows": 2, "bits": 32, "all": True},
    "daft": {"bands": 16, "rows": 2, "threshold": 0.4},
    "polars": {"sample": 4, "neighbours": 2, "contained": 0.6},
}


# --- measuring ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What one method did with one file; `failed` says why there is nothing else."""

    method: str
    size: int
    failed: str = ""
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    wire: float = 0.0
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def speed(self) -> float:
        return self.size / self.seconds if self.seconds else 0.0


def child(method: str, path: Path, settings: Settings, out: Path, limit: int) -> None:
    """Run one method in this process and write its groups and its costs."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    if method != "ours":
        _library(method)  # before the clock starts
    before = time.process_time()
    left, right = METHODS[method](path, settings)
    with path.open("rb") as lines:
        size = sum(1 for _ in lines)
    groups = Groups(size)
    groups.join(left, right)
    roots = groups.roots(np.arange(size))
    seconds = time.process_time() - before
    np.savez(out, groups=roots, seconds=seconds, megabytes=_peak(os.getpid()))


def _peak(process: int) -> float:
    """Highest resident size of a process so far, in megabytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0.0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1024 if peak else 0.0


def measure(method: str, stories: Stories, settings: Settings, limits: Limits) -> Result:
    """Run one method in a process of its own, and score what it found."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.npz"
        given = [method, str(stories.path), json.dumps(settings), str(out), str(limits.seconds)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.copies", "--child", *given],
            env={**os.environ, **dict.fromkeys(ONE_THREAD, "1")},
            stderr=subprocess.PIPE,
            text=True,
        )
        too_big = _watched(process, limits.megabytes)
        errors = (process.stderr.read() if process.stderr else "").strip().splitlines()
        if too_big:
            return Result(method, stories.size, f"cut off at {limits.megabytes / 1024:.0f} GB")
        if not out.exists():
            late = process.returncode in (-24, -9)  # SIGXCPU, then SIGKILL
            why = f"cut off at {limits.seconds} s" if late else (errors or ["died"])[-1]
            return Result(method, stories.size, why)
        told = np.load(out)
        scores = stories.score(told["groups"])
        return Result(
            method, stories.size, "", *scores, float(told["seconds"]), float(told["megabytes"])
        )


def _watched(process: subprocess.Popen[str], megabytes: int) -> bool:
    """Wait for a process; end it, and say so, when it takes too much memory."""
    while process.poll() is None:
        if _peak(process.pid) > megabytes:
            process.kill()
            process.wait()
            return True
        time.sleep(0.2)
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a method may take before it is cut off."""

    seconds: int
    megabytes: int


class Stories:
    """A made set: its file, and the truth about it."""

    def __init__(self, size: int, seed: int, folder: Path) -> None:
        self.size = size
        self.path = folder / f"{size}-{seed}.jsonl"
        truth, wire = np.zeros(size, np.int64), np.zeros(size, np.bool_)
        with self.path.open("w", encoding="utf-8") as lines:
            for row in made(size, seed):
                truth[row.id], wire[row.id] = row.group, row.kind == "wire"
                lines.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        self._truth, self._wire = truth, wire

    def score(self, groups: Array) -> tuple[float, float, float, float]:
        """Pairwise precision, recall and F1 without the wire story; recall of its pairs."""
        others = ~self._wire
        right, found, true = _pairs(self._truth[others], groups[others])
        wire_right, _, wire_true = _pairs(self._truth[self._wire], groups[self._wire])
        precision, recall = right / max(found, 1), right / max(true, 1)
        f1 = 2 * right / max(found + true, 1)
        return precision, recall, f1, wire_right / max(wire_true, 1)


def _pairs(truth: Array, found: Array) -> tuple[int, int, int]:
    """How many pairs are together in both, in what was found, in truth."""
    both = np.stack((truth, found))
    return tuple(  # type: ignore[return-value]
        int((counts * (counts - 1) // 2).sum())
        for counts in (
            np.unique(each, axis=-1, return_counts=True)[1] for each in (both, found, truth)
        )
    )


def search(method: str, stories: Stories, limits: Limits) -> Settings:
    """The best settings of a grid: the highest F1 to three places, then the fastest."""
    grid = GRIDS[method]
    tried: list[tuple[float, float, Settings]] = []
    for values in product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        result = measure(method, stories, settings, limits)
        print(f"  {method} {settings}", line(result), file=sys.stderr, flush=True)
        tried.append((round(result.f1, 3), result.speed, settings))
    return max(tried, key=lambda each: each[:2])[2]


def line(result: Result, beside: Result | None = None) -> str:
    """One row of the table; with what is ours beside it, as ratios of ours to it."""
    head = f"| {result.method} | {result.size:,} |"
    if result.failed:
        return f"{head} {result.failed} |"
    row = (
        f"{head} {result.precision:.4f} | {result.recall:.4f} | {result.f1:.4f} |"
        f" {result.wire:.4f} | {result.speed:,.0f} | {result.megabytes:,.0f} |"
    )
    if beside is None or beside.failed:
        return row
    faster, smaller = beside.speed / result.speed, result.megabytes / beside.megabytes
    return f"{row} {faster:.1f} | {smaller:.1f} |"


def growth(results: list[Result]) -> str:
    """The exponent of time over size, between the smallest and the largest that finished."""
    done = sorted((each for each in results if not each.failed), key=lambda each: each.size)
    if len(done) < 2 or done[0].size == done[-1].size:
        return ""
    first, last = done[0], done[-1]
    exponent = math.log(last.seconds / first.seconds) / math.log(last.size / first.size)
    return f"{first.method}: time grows with size to the power {exponent:.2f}"


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        method, path, chosen, out, limit = sys.argv[2:]
        child(method, Path(path), json.loads(chosen), Path(out), int(limit))
        return
    given = _given()
    limits = Limits(given.limit, given.memory * 1024)
    methods = [method for method in given.methods if _installed(method)]
    settings = dict(BEST)
    with tempfile.TemporaryDirectory() as folder:
        if given.search:
            stories = Stories(*SEARCHED, Path(folder))
            settings |= {method: search(method, stories, limits) for method in methods}
            print(settings)
        results = []
        print(
            "| method | stories | P | R | F1 | wire | a second | MB | ours: × faster | × smaller |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for size in given.sizes:
            stories = Stories(size, given.seed, Path(folder))
            beside = None
            for method in methods:
                result = measure(method, stories, settings[method], limits)
                beside = result if method == "ours" else beside
                results.append(result)
                print(line(result, beside), flush=True)
    for method in methods:
        print(growth([result for result in results if result.method == method]))


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--limit", type=int, default=900, help="CPU seconds a method may take")
    parser.add_argument("--memory", type=int, default=8, help="GB a method may take")
    parser.add_argument("--search", action="store_true", help="search the settings first")
    return parser.parse_args()


def _installed(method: str) -> bool:
    if method == "ours" or importlib.util.find_spec(method):
        return True
    print(f"{method} is not installed: pip install {method}", file=sys.stderr)
    return False


if __name__ == "__main__":
    main()
