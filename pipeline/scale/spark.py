"""The steps carried out by Apache Spark, on one machine or on a cluster.

    files -> stories, one an address -> readings, by URL -> [copies, plan] -> pairs, task by task
          -> [links, block by block, until all is settled] -> events, bucket by bucket

Comes in: files, and a scratch folder that all machines see. Goes out: the events as Parquet in that
folder. What stands in brackets is decided here, with numbers alone; no text ever comes here. Spark
does a lost part again by itself; every step gives the same the second time (steps.py).
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pyarrow as pa
from pyarrow import dataset
from pyspark import TaskContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.storagelevel import StorageLevel

from pipeline.folding import WINDOW
from pipeline.scale import columns, steps
from pipeline.scale.plan import USUAL, Plan, Sizes, plan
from pipeline.scale.standing import Standing, buckets, by_time, events_of, standing_alone
from pipeline.weights import same_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from pyspark.sql import DataFrame

    from pipeline.scale.steps import ReadArchive
    from storage.models import Source

    Array = np.ndarray[Any, Any]

READ_AT_ONCE = 1_000  # rows of an Arrow batch
PAIRS_AT_ONCE = 100_000
_AT_ONCE = "spark.sql.execution.arrow.maxRecordsPerBatch"
BYTES_A_PART = 8_000_000  # of files, a part: some thousand stories, a few seconds of work
FEWEST_PARTS = 8
MOST_ROUNDS = 6
EXAMPLES = 3  # of broken lines, that are told
LOOK_EVERY = 15.0  # seconds between two words of progress
READ, PAIRS, DESCRIBED = "read", "pairs", "described"
STORIES, EVENTS = "stories", "events"
_NOT_TOLD = ("part", "place", "broken", "lines", *columns.PLACE)
_TREE_ORDER = {"events": ["id"], "members": ["event_id", "story_id"], "matches": ["left", "right"]}


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be folded, and how."""

    lines: Sequence[Path]  # of JSON
    tables: Sequence[Path]  # Parquet
    archives: Sequence[Path]  # WARC
    read_archive: ReadArchive
    scratch: Path
    now: datetime
    canonical_url: Callable[[str], str]
    threshold: float | None
    say: Callable[[str], None]
    sizes: Sizes = USUAL


@dataclass(frozen=True, slots=True)
class Told:
    """What came of the files: lines, stories, and what is wrong with some."""

    lines: int
    stories: int
    broken: int
    skipped: int  # records of archives that hold no story
    examples: Sequence[str]
    sources: dict[str, Source]


def session(master: str, parts: int, log: Path) -> SparkSession:
    """A session for one fold. Java and what it starts here write to `log` what else would go to
    standard error, greetings among it."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark would take python3 of the PATH
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(parts),
        # The work is in Python: what is little for Spark can be much for it.
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.sql.files.maxPartitionBytes": str(4 * BYTES_A_PART),
        _AT_ONCE: str(READ_AT_ONCE),
        "spark.driver.maxResultSize": "0",
    }
    if master.startswith("local"):  # nobody else is to be reached
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = SparkSession.builder.master(master).appName("newsfold")
    for name, value in settings.items():
        builder = builder.config(name, value)
    with _standard_error(log):
        spark = builder.getOrCreate()
    logging.getLogger().addHandler(logging.NullHandler())  # what is logged here is raised as well
    spark.sparkContext.setLogLevel("ERROR")
    return spark


@contextmanager
def _standard_error(log: Path) -> Iterator[None]:
    """Whoever is started in here inherits a file as standard error."""
    ours = os.dup(2)
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


def parts_of(size: int) -> int:
    """In how many parts the stories of so many bytes are worked on."""
    return max(FEWEST_PARTS, size // BYTES_A_PART)


@contextmanager
def watched(spark: SparkSession, say: Callable[[str], None]) -> Iterator[None]:
    """Says now and then how far the work at hand is."""
    ended, tracker = Event(), spark.sparkContext.statusTracker()

    def watch() -> None:
        while not ended.wait(LOOK_EVERY):
            for stage in map(tracker.getStageInfo, tracker.getActiveStageIds()):
                if stage is not None:
                    say(f"  {stage.numCompletedTasks} of {stage.numTasks} parts done")

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Fold:
    """One fold, step by step."""

    def __init__(self, spark: SparkSession, job: Job) -> None:
        self._spark, self._job, self.now, self.say = spark, job, job.now, job.say
        self._lines: DataFrame | None = None
        self._starts: Any = None  # the first row of each part, for the workers
        self._where: Any = None  # ids, events, buckets and originals by row, for them

    # --- files to stories -----------------------------------------------------------------------

    def tell(self) -> Told:
        """Read the files, and keep one story an address: that of the first line."""
        said = self._from_lines().unionByName(self._from_tables())
        said = said.unionByName(self._from_archives())
        others = f.struct(*(name for name in columns.STORY.names if name != "url"))
        first = f.min_by(others, f.struct(*columns.PLACE)).alias("first")
        told = said.groupBy("url").agg(first, f.count("*").alias("lines"))
        told = told.select("url", "first.*", "lines").persist(StorageLevel.DISK_ONLY)
        self._lines = told
        is_broken = f.col("broken").isNotNull()
        # What of an archive is no story is a picture or an error page: no fault of the file.
        archives = [path.as_uri() for path in self._job.archives]
        is_skipped = is_broken & f.col("file").isin(archives)
        counted = told.agg(
            f.count("*"), f.sum("lines"), f.count("broken"), f.count_if(is_skipped)
        ).first()
        assert counted is not None  # of no group there is one row
        addresses, lines, none, skipped = counted
        examples = told.where(is_broken & ~is_skipped).orderBy(*columns.PLACE).limit(EXAMPLES)
        return Told(
            lines=lines or 0,
            stories=addresses - none,
            broken=none - skipped,
            skipped=skipped,
            examples=[
                f"{url2pathname(urlsplit(row['file']).path)}: {row['broken']}"
                for row in examples.collect()
            ],
            sources=self._sources(told),
        )

    def _from_lines(self) -> DataFrame:
        if not self._job.lines:
            return self._nothing()
        paths = [str(path) for path in self._job.lines]
        lines = self._spark.read.format("text").option("lineSep", "\n").load(paths)
        return self._stories(lines, f.col("value").cast("binary"), steps.stories_of_lines)

    def _from_tables(self) -> DataFrame:
        if not self._job.tables:
            return self._nothing()
        paths = [str(path) for path in self._job.tables]
        rows = self._spark.read.option("mergeSchema", "true").parquet(*paths)
        return self._stories(rows, f.struct("*"), steps.stories_of_rows)

    def _from_archives(self) -> DataFrame:
        """Each file is one part: where a record begins, only who has read up to it knows."""
        if not self._job.archives:
            return self._nothing()
        paths = [(str(path),) for path in self._job.archives]
        each = self._spark.sparkContext.parallelize(paths, len(paths)).toDF("told string")
        return _mapped(
            each, partial(_archives, self._job.read_archive, self._job.now), columns.STORY
        )

    def _nothing(self) -> DataFrame:
        return self._spark.createDataFrame([], from_arrow_schema(columns.STORY))

    def _stories(self, files: DataFrame, told: Any, step: Any) -> DataFrame:
        place = f.struct(
            f.col("_metadata.file_path").alias("file"),
            f.col("_metadata.file_block_start").alias("block"),
            f.monotonically_increasing_id().alias("line"),  # ascends within a block
        )
        placed = files.select(told.alias("told"), place.alias("place"))
        made = (self._job.canonical_url, self._job.now)
        return _mapped(placed, partial(_stories, step, made), columns.STORY)

    def _sources(self, told: DataFrame) -> dict[str, Source]:
        names = ("source_name", "source_home", "language")
        rows = (
            told.where("broken IS NULL")
            .groupBy("source_id")
            .agg(f.min_by(f.struct(*names), f.struct(*columns.PLACE)).alias("s"))
            .select("source_id", "s.*")
            .collect()
        )
        return {row["source_id"]: columns.source(row.asDict()) for row in rows}

    # --- stories to readings --------------------------------------------------------------------

    def read(self) -> None:
        """Read the stories, in the order of their URLs."""
        assert self._lines is not None
        in_order = self._lines.where("broken IS NULL").orderBy("url")
        _mapped(in_order, _read, columns.READ).write.parquet(self._folder(READ))
        self._lines.unpersist()

    def _folder(self, name: str) -> str:
        return str(self._job.scratch / name)

    def _numbers(self, *names: str) -> pa.Table:
        """Columns of the stories, in the order of rows."""
        found = dataset.dataset(self._folder(READ)).to_table(["part", "place", *names])
        return found.sort_by([("part", "ascending"), ("place", "ascending")])

    def _read_stories(self, names: Sequence[str]) -> DataFrame:
        """Columns of the stories with their rows."""
        there = self._spark.read.parquet(self._folder(READ)).select("part", "place", *names)
        schema = pa.schema([("row", pa.int64()), *(columns.READ.field(name) for name in names)])
        return _mapped(there, partial(_numbered, self._starts, names), schema)

    # --- what is decided here -------------------------------------------------------------------

    def fold(self, told: Told) -> tuple[int, int]:
        """All that comes after the reading; how many copies and events there are."""
        say = self.say
        numbers = self._numbers("at", "dated", "out_by", "tongue", "roundup")
        self._starts = self._spark.sparkContext.broadcast(_starts(numbers["part"].to_numpy()))
        say(f"{len(numbers)} stories read; looking for copies")
        copy_of = self._copies()
        alone = numbers["roundup"].to_numpy(zero_copy_only=False).copy()
        alone[list(copy_of)] = True
        times = np.where(
            numbers["dated"].to_numpy(zero_copy_only=False), numbers["at"].to_numpy(), np.nan
        )
        languages = np.unique(
            numbers["tongue"].to_numpy(zero_copy_only=False), return_inverse=True
        )[1]
        chosen = plan(languages, times, alone, WINDOW.total_seconds(), self._job.sizes)
        say(f"{len(copy_of)} copies; comparing the others in {len(chosen.tasks)} tasks")
        self._compare(chosen)
        threshold = same_event() if self._job.threshold is None else self._job.threshold
        standing = self._link(chosen, threshold)
        originals = np.arange(len(numbers))
        originals[list(copy_of)] = list(copy_of.values())
        ids = by_time(numbers["out_by"].to_numpy())
        event_of = events_of(standing.group_of[originals], ids)
        self._where = self._spark.sparkContext.broadcast(
            (ids, event_of, buckets(event_of, self._job.sizes.bucket), originals)
        )
        count = int(event_of.max(initial=0))
        say(f"describing {count} events")
        self._describe(told)
        return len(copy_of), count

    def _copies(self) -> dict[int, int]:
        told = self._numbers("url", "tongue", "out_by", "claims_home", "sketch")
        return steps.copies(told.append_column("row", pa.array(range(len(told)))))

    def _compare(self, chosen: Plan) -> None:
        names = ("url", "tongue", "source_id", "at", "dated", "marks", "said")
        shared = self._spark.sparkContext.broadcast(chosen)
        stories = self._read_stories(names)
        schema = pa.schema(
            [
                ("task", pa.int64()),
                ("own", pa.bool_()),
                ("row", pa.int64()),
                *(columns.READ.field(name) for name in names),
            ]
        )
        handed = _mapped(stories, partial(_handed_out, shared), schema)
        _grouped(handed, "task", partial(_compare, shared), columns.PAIR).write.parquet(
            self._folder(PAIRS)
        )

    def _link(self, chosen: Plan, threshold: float) -> Standing:
        """Settle groups block by block; what then is left, in one place."""
        sizes, standing = self._job.sizes, standing_alone(len(chosen.place))
        self._spark.conf.set(_AT_ONCE, PAIRS_AT_ONCE)
        for number in range(MOST_ROUNDS):
            pairs = self._pairs_between(standing).persist(StorageLevel.DISK_ONLY)
            count = pairs.count()
            self.say(f"{count} pairs to link")
            blocks = (np.maximum(chosen.place, 0) + number % 2 * sizes.block // 2) // sizes.block
            is_last = count <= sizes.few_pairs or number + 1 == MOST_ROUNDS
            if is_last:
                blocks = np.zeros_like(blocks)
                found = steps.link(_by_block(standing.sizes, blocks, pairs.toArrow()), threshold)
            else:
                found = self._link_blocks(pairs, standing, blocks, threshold)
            standing = standing.after(found)
            pairs.unpersist()
            if is_last:
                break
        self._spark.conf.set(_AT_ONCE, READ_AT_ONCE)
        return standing

    def _pairs_between(self, standing: Standing) -> DataFrame:
        """The sums of scores between groups that are still open."""
        shared = self._spark.sparkContext.broadcast(standing)
        pairs = self._spark.read.parquet(self._folder(PAIRS))
        between = _mapped(pairs, partial(_between, shared), columns.PAIR)
        return between.groupBy("left", "right").agg(f.sum("total").alias("total"))

    def _link_blocks(
        self, pairs: DataFrame, standing: Standing, blocks: Array, threshold: float
    ) -> pa.Table:
        shared = self._spark.sparkContext.broadcast((standing.sizes, blocks))
        handed = _mapped(pairs, partial(_to_blocks, shared), columns.BLOCK)
        return _grouped(handed, "block", partial(_link, threshold), columns.GROUP).toArrow()

    def _describe(self, told: Told) -> None:
        sources = self._spark.sparkContext.broadcast(told.sources)
        done = partial(_describe, sources, self._job.threshold)
        described = _grouped(self._placed(), "bucket", done, columns.EVENT)
        described.write.parquet(self._folder(DESCRIBED))

    def _placed(self) -> DataFrame:
        """The stories with their ids and events."""
        names = [n for n in columns.READ.names if n not in _NOT_TOLD]
        schema = pa.schema(
            [
                *((name, pa.int64()) for name in ("bucket", "event", "id", "copy_of")),
                *(columns.READ.field(name) for name in names),
            ]
        )
        return _mapped(self._read_stories(names), partial(_placed, self._where), schema)

    # --- what comes out -------------------------------------------------------------------------

    def by_id(self) -> tuple[Path, Path]:
        """The stories and the events, each as files in the order of their ids."""
        self._placed().orderBy("id").write.parquet(self._folder(STORIES))
        events = self._spark.read.parquet(self._folder(DESCRIBED))
        events.orderBy("id").write.parquet(self._folder(EVENTS))
        return self._job.scratch / STORIES, self._job.scratch / EVENTS

    def tree(self, folder: Path) -> None:
        """Events, members and matches as Parquet, by the day on which each event was first told."""
        described = self._spark.read.parquet(self._folder(DESCRIBED))
        told = described.withColumn("day", f.substring("first_published", 1, 10))
        for name, frame in tree(told).items():
            parted = frame.repartition("day").sortWithinPartitions("day", *_TREE_ORDER[name])
            parted.write.partitionBy("day").parquet(str(folder / name))


def tree(described: DataFrame) -> dict[str, DataFrame]:
    """The frames of a tree: names and times as an export has them, figures and TL;DR beside."""
    times = [f.to_timestamp(name).alias(name) for name in ("first_published", "last_published")]
    events = described.select(
        "id",
        "title",
        f.array_join(f.col("tldr.text"), " ").alias("tldr"),
        "category",
        "category_because",
        "language",
        *times,
        "first_source",
        f.size("members").alias("story_count"),
        "source_count",
        f.col("independent").alias("independent_count"),
        "comments",
        f.col("names.name").alias("names"),
        "figures",
        f.col("tldr").alias("tldr_from"),
        "day",
    )
    each = described.select(f.col("id").alias("event_id"), "day", f.explode("members").alias("m"))
    members = each.select(
        "event_id",
        f.to_timestamp("m.published").alias("published"),
        *(f.col(f"m.{name}") for name in _MEMBER),
        f.col("m.through").alias("through_story"),
        "day",
    )
    found = described.select(f.col("id").alias("event_id"), "day", f.explode("matches").alias("m"))
    matches = found.select("event_id", "m.left", "m.right", "m.score", "m.signals", "day")
    return {"events": events, "members": members, "matches": matches}


_MEMBER = (
    "story_id",
    "url",
    "source",
    "title",
    "published_precision",
    "role",
    "score",
    "because",
    "copy_of",
)


def _mapped(frame: DataFrame, step: Any, schema: pa.Schema) -> DataFrame:
    return frame.mapInArrow(step, from_arrow_schema(schema))


def _grouped(frame: DataFrame, by: str, step: Any, schema: pa.Schema) -> DataFrame:
    # A lambda, since Spark 4.3 stumbles over type hints that it cannot evaluate.
    done = lambda key, group: step(key[0].as_py(), group)  # noqa: E731
    return frame.groupBy(by).applyInArrow(done, from_arrow_schema(schema))


def _starts(parts: Array) -> Array:
    """The first row of each part; parts ascend."""
    return np.searchsorted(parts, np.arange(parts.max(initial=0) + 1))


# --- what Spark's Python workers do with Arrow batches --------------------------------------------


def _tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    return (pa.Table.from_batches([batch]) for batch in batches)


def _stories(step: Any, made: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for table in _tables(batches):
        yield from step(table, *made).to_batches()


def _archives(
    read_archive: ReadArchive, now: datetime, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for table in _tables(batches):
        for stories in steps.stories_of_archives(table, read_archive, now):
            yield from stories.to_batches()


def _read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for table in steps.read(batches, TaskContext.get().partitionId()):
        yield from table.to_batches()


def _numbered(
    starts: Any, names: Sequence[str], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for table in _tables(batches):
        row = starts.value[table["part"].to_numpy()] + table["place"].to_numpy()
        yield from table.select(names).add_column(0, "row", [row]).to_batches()


def _handed_out(shared: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for table in _tables(batches):
        at, task, own = shared.value.wanted(table["row"].to_numpy())
        handed = table.take(at).add_column(0, "own", [own]).add_column(0, "task", [task])
        yield from handed.to_batches(READ_AT_ONCE)


def _compare(shared: Any, task: int, table: pa.Table) -> pa.Table:
    return steps.compare(table, shared.value.tasks[task].first)


def _between(shared: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for table in _tables(batches):
        yield from shared.value.between(table).to_batches()


def _by_block(sizes: Array, block_of: Array, pairs: pa.Table) -> pa.Table:
    """Each pair once for the block of either end."""
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    across = np.flatnonzero(block_of[left] != block_of[right])
    at = np.concatenate([np.arange(len(left)), across])
    block = np.concatenate([block_of[left], block_of[right[across]]])
    left, right = left[at], right[at]
    total = pairs["total"].to_numpy()[at]
    own = block_of[left] == block, block_of[right] == block
    told = [block, left, right, total, *own, sizes[left], sizes[right]]
    return pa.table(told, schema=columns.BLOCK)


def _to_blocks(shared: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    sizes, block_of = shared.value
    for table in _tables(batches):
        yield from _by_block(sizes, block_of, table).to_batches()


def _link(threshold: float, block: int, table: pa.Table) -> pa.Table:
    return steps.link(table, threshold)


def _placed(where: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """`where` has ids, events, buckets and originals by row."""
    ids, event_of, bucket_of, originals = where.value
    for table in _tables(batches):
        row = table["row"].to_numpy()
        is_copy = originals[row] != row
        found = table.drop_columns(["row"])
        found = found.add_column(0, "copy_of", [pa.array(ids[originals[row]], mask=~is_copy)])
        for name, of in (("id", ids), ("event", event_of), ("bucket", bucket_of)):
            found = found.add_column(0, name, [of[row]])
        yield from found.to_batches()


def _describe(sources: Any, threshold: float | None, bucket: int, table: pa.Table) -> pa.Table:
    return steps.describe(table, sources.value, threshold)
