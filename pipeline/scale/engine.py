"""One fold on an engine, from files to a database or a tree: whole, or not at all.

Comes in: a target, files, and which engine works where. Goes out: a report. All is made beside the
target, which is put in its place at the end: a fold that is killed leaves none. What is decided and
done on the way is in steps.py and spark.py.
"""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from pipeline.configuration import read_configuration
from pipeline.same_text import MOST
from pipeline.scale.plan import USUAL, Sizes
from storage.database import create_or_open
from storage.errors import WRONG_CALL, NewsfoldError
from storage.runs import only_one, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from pipeline.scale.spark import Fold, Told
    from pipeline.scale.steps import ReadArchive

LOCAL = "local[*]"
WHOLE = "whole"  # what is put in the target's place
_LINES = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
_TABLES = (".parquet",)
_ARCHIVES = (".warc", ".warc.gz")
_KINDS = (*_LINES, *_TABLES, *_ARCHIVES)
_DATABASE = (".db", ".sqlite", ".sqlite3")


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What a fold on an engine did: lines of files, what became of them, and the events."""

    lines: int
    repeated: int  # lines of an address that an earlier one told
    broken: int
    skipped: int  # records of archives that hold no story
    stories: int
    copies: int
    events: int


def fold_files(
    target: Path,
    files: Sequence[str],
    *,
    master: str | None,
    skip_broken: bool,
    canonical_url: Callable[[str], str],
    read_archive: ReadArchive,
    now: Callable[[], datetime],
    say: Callable[[str], None],
    sizes: Sizes = USUAL,
) -> EngineReport:
    """Fold the stories of files into a new `target`: a database where it is named like one, else
    a folder of Parquet."""
    settings = read_configuration(target).fold
    if settings.embedding is not None:
        raise NewsfoldError(
            "an engine folds by words alone; take `embedding` out of newsfold.toml, or fold in a"
            " database",
            WRONG_CALL,
        )
    _must_be_new(target)
    lines, tables, archives = sorted_files(files)
    with (
        only_one(target),
        _scratch(target) as scratch,
        _spark(master, [*lines, *tables, *archives], log=_log_of(target)) as spark,
    ):
        from pipeline.scale.spark import Fold, Job, watched

        moment = now().replace(microsecond=0)  # as a database keeps it
        job = Job(
            lines, tables, archives, read_archive, scratch, moment, canonical_url,
            settings.threshold, say, sizes,
        )  # fmt: skip
        with watched(spark, say):
            report = _fold(Fold(spark, job), scratch / WHOLE, target, skip_broken, now)
        (scratch / WHOLE).rename(target)
    return report


def _fold(
    fold: Fold, whole: Path, target: Path, skip_broken: bool, now: Callable[[], datetime]
) -> EngineReport:
    """All of it, into `whole`, which is to be the target."""
    say = fold.say
    say("reading the files")
    told = fold.tell()
    _refuse_broken(told, skip_broken)
    say(f"reading {told.stories} stories")
    fold.read()
    copies, events = fold.fold(told)
    report = EngineReport(
        lines=told.lines,
        repeated=told.lines - told.stories - told.broken - told.skipped,
        broken=told.broken,
        skipped=told.skipped,
        stories=told.stories,
        copies=copies,
        events=events,
    )
    if is_database(target):
        _fill(whole, target, fold, told, report, now)
    else:
        say("writing the tree")
        fold.tree(whole)
    return report


def is_database(target: Path) -> bool:
    return target.suffix in _DATABASE


def _must_be_new(target: Path) -> None:
    if target.exists():
        raise NewsfoldError(
            f"{target} is there already, and an engine makes a new one: name another. (What a"
            f" database has of itself, corrections and ids, is kept by: newsfold fold {target})",
            WRONG_CALL,
        )
    if not target.parent.is_dir():
        raise NewsfoldError(
            f"{target}: there is no folder {target.parent}; make it with: mkdir -p {target.parent}",
            WRONG_CALL,
        )


def sorted_files(names: Sequence[str]) -> tuple[list[Path], list[Path], list[Path]]:
    """Files, folders and patterns as files of lines, Parquet files and archives, each once and by
    name."""
    found = sorted({path.resolve() for name in names for path in _files(name)})
    lines, tables, archives = (
        [path for path in found if path.name.endswith(kind)]
        for kind in (_LINES, _TABLES, _ARCHIVES)
    )
    unknown = [path for path in found if not path.name.endswith(_KINDS)]
    if unknown:
        raise NewsfoldError(
            f"{unknown[0]}: an engine reads .jsonl, .parquet and .warc (also with .gz); for others:"
            " newsfold import",
            WRONG_CALL,
        )
    return lines, tables, archives


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.name.endswith(_KINDS) and each.is_file()]
    else:
        root = Path(path.anchor)
        found = [path] if path.is_file() else list(root.glob(str(path.relative_to(root))))
    if not found:
        raise NewsfoldError(f"{name}: no such file, and no folder with stories", WRONG_CALL)
    return found


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside the target, which all machines of a cluster see where they see that."""
    folder = target.resolve().with_name(f".{target.name}.part")
    shutil.rmtree(folder, ignore_errors=True)  # of a fold that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _log_of(target: Path) -> Path:
    """Where Spark says what it says of itself; kept where it gave up."""
    return target.resolve().with_name(f"{target.name}.spark.log")


@contextmanager
def _spark(master: str | None, files: Sequence[Path], log: Path) -> Iterator[Any]:
    """Spark for one fold; what ends it, in words that name the remedy."""
    try:
        from pipeline.scale import spark
    except ImportError as error:
        raise NewsfoldError(
            "the engine needs Spark; get it with: pip install 'newsfold[spark]'"
        ) from error
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise NewsfoldError(
            "Spark needs Java 17 or newer, and there is none; install one (Debian:"
            " apt install openjdk-17-jre-headless), or set JAVA_HOME"
        )
    parts = spark.parts_of(sum(path.stat().st_size for path in files))
    try:
        session = spark.session(master or LOCAL, parts, log)
    except Exception as error:
        if not _is_of_spark(error):
            raise
        raise NewsfoldError(
            f"Spark did not start: {_last_line(error)}; it needs Java 17 or newer, and its master"
            f" in reach. What it says itself: {log}"
        ) from error
    gave_up, pressed = False, _ctrl_c()
    try:
        yield session
    except Exception as error:
        if pressed:  # what talks to Java may have made an error of it
            raise KeyboardInterrupt from error
        gave_up = _is_of_spark(error)
        if not gave_up:
            raise
        raise NewsfoldError(
            f"Spark gave up: {_last_line(error)}. Nothing was stored. What it says itself: {log}"
        ) from error
    finally:
        with suppress(Exception):  # Java is gone already where Ctrl-C reached it, too
            session.stop()
        if not gave_up:
            log.unlink(missing_ok=True)


def _ctrl_c() -> list[int]:
    """From now on Ctrl-C ends this process as any other, and stands in the list; Spark would first
    ask Java to end its jobs."""
    pressed: list[int] = []

    def end(number: int, _frame: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    if current_thread() is main_thread():
        signal.signal(signal.SIGINT, end)
    return pressed


def _is_of_spark(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in ("pyspark", "py4j")


def _last_line(error: Exception) -> str:
    """Of a traceback the last line is the error itself; in Java's, before where it was."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "..."))]
    return told[-1].removeprefix("Caused by: ") if told else type(error).__name__


def _refuse_broken(told: Told, skip_broken: bool) -> None:
    if told.broken and not skip_broken:
        raise NewsfoldError(
            f"{told.broken} of {told.lines} lines are no stories, such as {told.examples[0]}; mend"
            " them, or leave them out with --skip-broken. Nothing was stored"
        )
    if not told.stories:
        raise NewsfoldError("no file holds a story", WRONG_CALL)
    if told.stories > MOST:
        raise NewsfoldError(f"more than {MOST} stories; fold them in parts, by time", WRONG_CALL)


def _fill(
    path: Path,
    target: Path,
    fold: Fold,
    told: Told,
    report: EngineReport,
    now: Callable[[], datetime],
) -> None:
    from pipeline.scale.fill import fill

    stories, events = fold.by_id()
    db = create_or_open(path)
    settled = read_configuration(target).fingerprint
    with recorded(db, "fold", now, configuration=settled, since=fold.now) as run:
        run.counts = asdict(report)
        sources = [told.sources[id_] for id_ in sorted(told.sources)]
        fill(db, stories, events, sources, now=fold.now, run_id=run.id, say=fold.say)
    db.execute("PRAGMA journal_mode = DELETE")  # one file, that can be renamed
    db.close()
