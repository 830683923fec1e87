"""Folding on an engine: the events of a local fold, whatever the files, the tasks and the workers.

Needs PySpark and Java, and is skipped without. What takes minutes is marked long: every labelled
set, clusters on loopback, workers that are killed, and skew.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.archives import import_archives
from crawlers.urls import canonical_url
from pipeline.fold_pass import FoldReport, fold_pass
from pipeline.linkage import groups, in_billionths, settled
from pipeline.passes import read_archive
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.files import import_files
from storage.runs import run_rows
from tests.benchmarks.made_warc import make
from tests.spark_cluster import ROOT, cluster, environment
from tests.stories import MORNING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlite_utils import Database

    from tests.spark_cluster import Cluster

HAS_SPARK = bool(find_spec("pyspark") and find_spec("pandas") and shutil.which("java"))
no_spark = pytest.mark.skipif(not HAS_SPARK, reason="no PySpark, or no Java")


def needs_spark(test: Any) -> Any:
    """It starts Spark, or a cluster of it: it takes long, too."""
    return pytest.mark.long(no_spark(test))


DATA = Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
KILL_AFTER = 3.0  # seconds into a step
SETS = ("gnews", "scoop_ai", "wikinews", "allsides", "uci_dev", "ecbplus_train")
SYLLABLES = (
    "bran",
    "quill",
    "tor",
    "mer",
    "os",
    "haven",
    "cal",
    "der",
    "vane",
    "lun",
    "ist",
    "ock",
)
# fmt: off
WORDS = (
    "harbour", "court", "licence", "phone", "battery", "court", "engine", "island", "ferry",
    "crew", "school", "budget", "river", "bridge", "storm", "record", "museum", "garden", "market",
    "price", "strike", "union", "border", "treaty", "rocket", "orbit", "sensor", "cable",
)
# fmt: on


def made_up(happenings: int, seed: int = 1) -> list[dict[str, Any]]:
    """Stories in our own words as lines of a file: happenings with their reports, some of them
    copies, undated, in another language, a roundup; a line that comes again, and some that are
    broken are left to the tests."""
    random, numbers = Random(seed), count()
    lines = []
    for happening in range(happenings):
        names = ["".join(random.sample(SYLLABLES, 3)).title() for _ in range(8)]
        text = ""
        for report in range(random.choice((1, 1, 2, 3, 6))):
            day, hour = 1 + happening // 10, random.randrange(24)
            if not report or random.random() < 0.7:
                said = [random.choice(random.choice((names, names, WORDS))) for _ in range(90)]
                text = " ".join(f"{word}." if n % 9 == 8 else word for n, word in enumerate(said))
            number = next(numbers)
            line = {
                "url": f"https://s{number % 7}.example/{number}",
                "title": f"{names[0]} {random.choice(WORDS)} {names[1]} {random.choice(names)}",
                "text": text,
                "published": f"2026-04-{day:02}T{hour:02}:{random.randrange(60):02}:00Z",
                "source": f"Source {number % 7}",
                "language": "de" if happening % 11 == 5 else "en",
            }
            if random.random() < 0.1:
                del line["published"]
            lines.append(line)
    return lines


def written(path: Path, lines: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def folded_here(path: Path, files: Sequence[Path]) -> Database:
    db = create_or_open(path)
    import_files(db, files, now=MORNING, canonical_url=canonical_url, skip_broken=True)
    fold_pass(db, now=lambda: MORNING)
    return db


# What a fold stores, with addresses in place of the ids of stories.
TOLD = {
    "stories": "SELECT url, source_id, title, text, published, published_precision, first_seen,"
    " language, text_from, extra, (SELECT url FROM stories AS t WHERE t.id = s.copy_of)"
    " FROM stories AS s",
    "sources": "SELECT * FROM sources",
    "events": "SELECT e.*, s.url FROM events AS e JOIN stories AS s ON s.id = headline_story",
    "members": "SELECT event_id, url, role, score, because, since,"
    " (SELECT url FROM stories AS t WHERE t.id = through_story)"
    " FROM event_stories JOIN stories ON id = story_id",
    "matches": "SELECT min(a.url, b.url), max(a.url, b.url), score, signals FROM matches"
    " JOIN stories AS a ON a.id = left_story JOIN stories AS b ON b.id = right_story",
    "figures": "SELECT f.*, url FROM figures AS f JOIN stories AS s ON s.id = f.story_id",
    "names": "SELECT * FROM event_names",
    "related": "SELECT * FROM related_events",
    "readings": "SELECT url, at, dated, seen, out_by, source_id, language, claims_home,"
    # In a facet marks stand in no order: that of a set, another one in each process.
    " content_hash, length(marks), said, hex(sketch) FROM readings",
    "waiting": "SELECT * FROM waiting",
}
OF_IDS = ("headline_story", "story_id", "id")


def told(db: Database) -> dict[str, list[str]]:
    """All that a fold has stored, in an order of its own."""
    return {what: sorted(map(_line, db.query(query))) for what, query in TOLD.items()}


def _line(row: dict[str, Any]) -> str:
    if "tldr_from" in row:
        row["tldr_from"] = [each["text"] for each in json.loads(row["tldr_from"])]
    ids = OF_IDS if "url" in row and "event_id" in row else OF_IDS[:2]
    return json.dumps({key: value for key, value in row.items() if key not in ids})


# --- what is exact about it -----------------------------------------------------------------------

PAIRS = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]),
    st.integers(1, 8).map(lambda eighths: eighths / 8),
    min_size=1,
)


@given(PAIRS, st.sampled_from([0.25, 0.375, 0.4]), st.lists(st.integers(0, 12), max_size=3))
def test_parts_of_a_graph_settled_by_themselves_give_the_groups_of_all(
    scores: dict[tuple[int, int], float], threshold: float, cuts: list[int]
) -> None:
    left, right = (np.array([pair[side] for pair in scores]) for side in (0, 1))
    sums, group = in_billionths(list(scores.values())), np.arange(12)
    is_open = np.ones(12, dtype=bool)
    for cut in (*cuts, 0):
        ends = np.sort(np.stack([group[left], group[right]]), axis=0)
        kept = (ends[0] != ends[1]) & is_open[ends].all(axis=0)
        pairs, which = np.unique(ends[:, kept], axis=1, return_inverse=True)
        totals = np.bincount(which.ravel(), sums[kept], minlength=pairs.shape[1])
        sizes, root = np.bincount(group, minlength=12), np.arange(12)
        for own in (np.arange(12) < cut, np.arange(12) >= cut):
            seen = own[pairs].any(axis=0)
            part, left_open = settled(
                np.maximum(sizes, 1), *pairs[:, seen], totals[seen], threshold, own
            )
            root[own], is_open[own] = part[own], left_open[own]
        group = root[group]
    assert not is_open.any()  # since the last one had all of them
    found = {tuple(np.flatnonzero(group == each).tolist()) for each in group.tolist()}
    wanted = groups(12, left, right, np.array(list(scores.values())), threshold)
    assert found == set(map(tuple, wanted))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 40)), max_size=40),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_every_pair_that_may_be_alike_is_compared_once(
    stories: list[tuple[int, int | None]], own: int, others: int
) -> None:
    from pipeline.scale.plan import Sizes, plan

    languages = np.array([language for language, _ in stories], dtype=np.int64)
    times = np.array([np.nan if when is None else when for _, when in stories], dtype=float)
    alone = np.arange(len(stories)) % 7 == 3
    made = plan(languages, times, alone, 10.0, Sizes(own=own, others=others))
    at, task, is_own = made.wanted(np.arange(len(stories)))
    met = []
    for number, each in enumerate(made.tasks):
        mine, far = (set(at[(task == number) & side].tolist()) for side in (is_own, ~is_own))
        assert len(mine) <= own and len(far) <= others
        met += [(min(a, b), max(a, b)) for a in mine for b in far]
        met += [(a, b) for a in mine for b in mine if a < b and each.first]
    assert len(met) == len(set(met))
    near = {
        (a, b)
        for a in range(len(stories))
        for b in range(a + 1, len(stories))
        if languages[a] == languages[b]
        and not alone[[a, b]].any()
        and not abs(times[a] - times[b]) > 10
    }
    assert near <= set(met)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["news.db", "a.jsonl"], "newsfold import"),
        (["news.db", "--master", "spark://h:1"], "go with --engine"),
        (["news.db", "--engine", "spark"], "newsfold export"),
        (["news.db", "a.jsonl", "--engine", "spark", "--rebuild"], "of a database"),
        (["news.db", "missing.jsonl", "--engine", "spark"], "no such file"),
        (["news.db", "a.csv", "--engine", "spark"], "for others: newsfold import"),
        (["no/news.db", "a.jsonl", "--engine", "spark"], "mkdir -p no"),
    ],
)
def test_a_wrong_call_names_the_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    newsfold: Callable[..., tuple[int, str, str]],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "a.csv"):
        Path(name).write_text("", "utf-8")
    code, _, errors = newsfold("fold", *words)
    assert code == 2
    assert said in " ".join(errors.split())
    assert not Path("news.db").exists()


def test_without_spark_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.delitem(sys.modules, "pipeline.scale.spark", raising=False)
    monkeypatch.delattr("pipeline.scale.spark", raising=False)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    file = written(tmp_path / "a.jsonl", made_up(1))
    code, _, errors = newsfold("fold", tmp_path / "news.db", file, "--engine", "spark")
    assert code == 1
    assert "pip install 'newsfold[spark]'" in errors


@needs_spark
def test_without_java_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    file = written(tmp_path / "a.jsonl", made_up(1))
    code, _, errors = newsfold("fold", tmp_path / "news.db", file, "--engine", "spark")
    assert code == 1
    assert "Java 17" in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "news.db.lock"]


# --- Spark ----------------------------------------------------------------------------------------


class Shared:
    """A session that several folds share: starting one takes longer than a small fold."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def stop(self) -> None:
        """It goes on."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pipeline.scale import spark

    made = spark.session("local[2]", 3, tmp_path_factory.mktemp("spark") / "spark.log")
    made.conf.set("spark.sql.files.maxPartitionBytes", "20000")  # so that files are cut
    yield made
    made.stop()


@pytest.fixture
def on_spark(session: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Fold files on the shared session."""
    from pipeline.scale import engine, spark
    from pipeline.scale.plan import Sizes

    monkeypatch.setattr(spark, "session", lambda master, parts, log: Shared(session))
    small = Sizes(own=13, others=29, block=17, few_pairs=80, bucket=11)

    def fold(target: Path, *files: Path | str, sizes: Any = small, **settings: Any) -> Any:
        return engine.fold_files(
            target,
            list(map(str, files)),
            master=None,
            skip_broken=settings.pop("skip_broken", False),
            canonical_url=canonical_url,
            read_archive=read_archive,
            now=lambda: MORNING,
            say=lambda words: None,
            sizes=sizes,
            **settings,
        )

    return fold


@needs_spark
def test_an_engine_gives_what_a_local_fold_gives(
    tmp_path: Path, on_spark: Callable[..., Any]
) -> None:
    lines = made_up(60)
    again = [{**lines[3], "text": "Told once more, otherwise."}, {**lines[0], "title": "Again"}]
    broken = [{"url": "https://s1.example/x"}, {"title": "no address"}, ["no", "object"]]
    first = written(tmp_path / "a.jsonl", lines[:50])
    second = written(tmp_path / "b.jsonl", [*lines[50:], *again, *broken])
    here = folded_here(tmp_path / "here.db", [first, second])
    report = on_spark(tmp_path / "there.db", second, first, skip_broken=True)
    assert told(create_or_open(tmp_path / "there.db")) == told(here)
    assert (report.stories, report.repeated, report.broken) == (len(lines), 2, 3)
    assert report.events == here["events"].count
    assert report.copies == here.execute("SELECT count(copy_of) FROM stories").fetchone()[0] > 0
    # Members as they came in, and ids in the order of first reports.
    members = "SELECT event_id, url FROM event_stories JOIN stories ON id = story_id ORDER BY "
    there = sqlite3.connect(tmp_path / "there.db")
    assert there.execute(f"{members} 1, 2").fetchall() == here.execute(f"{members} 1, 2").fetchall()
    assert not list(tmp_path.glob(".*.part"))
    # Passes go on in it as in any other.
    later = written(tmp_path / "c.jsonl", made_up(70)[len(made_up(60)) :])
    for db in (here, create_or_open(tmp_path / "there.db")):
        assert fold_pass(db, now=lambda: MORNING) == FoldReport()
        import_files(db, [later], now=MORNING, canonical_url=canonical_url)
        assert fold_pass(db, now=lambda: MORNING).new > 0
    assert told(create_or_open(tmp_path / "there.db")) == told(here)


@needs_spark
def test_parquet_gives_the_same_as_lines_and_goes_out_as_a_tree(
    tmp_path: Path, on_spark: Callable[..., Any]
) -> None:
    import pyarrow as pa
    from pyarrow import dataset, parquet

    lines = made_up(12, seed=2)
    here = folded_here(tmp_path / "here.db", [written(tmp_path / "a.jsonl", lines)])
    (tmp_path / "in").mkdir()
    whole = pa.Table.from_pylist([{"published": None, **line} for line in lines])
    for number in range(2):
        at = list(range(number, len(lines), 2))
        parquet.write_table(whole.take(at), tmp_path / "in" / f"{number}.parquet")
    report = on_spark(tmp_path / "out", tmp_path / "in")
    frames = {
        name: dataset.dataset(tmp_path / "out" / name, partitioning="hive").to_table().to_pylist()
        for name in ("events", "members", "matches")
    }
    assert report.events == len(frames["events"]) == here["events"].count
    columns = ("event_id", "url", "role", "score", "because")
    members = here.execute(
        f"SELECT {', '.join(columns)} FROM event_stories JOIN stories ON id = story_id"
    )
    assert sorted(members) == sorted(tuple(m[c] for c in columns) for m in frames["members"])
    titles = dict(here.execute("SELECT id, title FROM events"))
    assert titles == {event["id"]: event["title"] for event in frames["events"]}
    scores = sorted(row[0] for row in here.execute("SELECT score FROM matches"))
    assert scores == sorted(match["score"] for match in frames["matches"])
    days = {str(event["day"]) for event in frames["events"]}
    assert days == {str(event["first_published"])[:10] for event in frames["events"]}


@needs_spark
def test_archives_give_what_an_import_and_a_fold_give(
    tmp_path: Path, on_spark: Callable[..., Any]
) -> None:
    names = [str(tmp_path / "a.warc.gz"), str(tmp_path / "b.warc")]
    for seed, name in enumerate(names):
        make(Path(name), 60, seed)
    here = create_or_open(tmp_path / "here.db")
    imported = import_archives(here, names, now=MORNING)
    fold_pass(here, now=lambda: MORNING)
    report = on_spark(tmp_path / "there.db", *reversed(names))
    there = create_or_open(tmp_path / "there.db")
    assert told(there) == told(here)
    page = "SELECT url, authors, sections, summary, image, paywalled FROM stories ORDER BY url"
    assert there.execute(page).fetchall() == here.execute(page).fetchall()
    assert (report.stories, report.broken) == (imported.new, 0)
    assert report.skipped >= imported.broken + imported.skipped > 0


@needs_spark
def test_a_broken_line_stops_it_and_nothing_is_left(
    tmp_path: Path, on_spark: Callable[..., Any]
) -> None:
    lines = written(tmp_path / "mis à part.jsonl", [*made_up(2), {"url": "https://s.example/1"}])
    said = r"1 of \d+ lines.* /\S+/mis à part.jsonl: .*neither title nor text.*skip-broken"
    with pytest.raises(NewsfoldError, match=said):
        on_spark(tmp_path / "there.db", lines)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl", ".lock"]


@needs_spark
def test_a_target_that_is_there_is_left_alone(tmp_path: Path, on_spark: Callable[..., Any]) -> None:
    (tmp_path / "news.db").write_text("mine")
    with pytest.raises(NewsfoldError, match="is there already"):
        on_spark(tmp_path / "news.db", written(tmp_path / "a.jsonl", made_up(1)))
    assert (tmp_path / "news.db").read_text() == "mine"


@needs_spark
def test_what_gave_up_leaves_its_log(
    tmp_path: Path, on_spark: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.errors import PySparkException

    from pipeline.scale import spark

    def gives_up(fold: object) -> None:
        (tmp_path / "there.db.spark.log").write_text("why\n", "utf-8")
        raise PySparkException("it is over")

    monkeypatch.setattr(spark.Fold, "read", gives_up)
    file = written(tmp_path / "a.jsonl", made_up(2))
    with pytest.raises(NewsfoldError, match=r"gave up: it is over.*there\.db\.spark\.log"):
        on_spark(tmp_path / "there.db", file)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".jsonl", ".lock", ".log"]


# --- what takes minutes ---------------------------------------------------------------


@needs_spark
def test_a_quiet_fold_says_nothing_and_its_run_lasts_as_long_as_it_did(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", made_up(3))
    words = ["fold", tmp_path / "news.db", file, "--engine", "spark", "--quiet"]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.jsonl",
        "news.db",
        "news.db.lock",
    ]
    [run] = run_rows(create_or_open(tmp_path / "news.db"), "fold", 9)
    assert run["started"] < run["finished"]
    assert run["seconds"] > 1


@needs_spark
def test_ctrl_c_ends_it_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", made_up(120))
    words = ["fold", tmp_path / "news.db", file, "--engine", "spark"]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr
    for line in process.stderr:
        if line.startswith("reading") and "stories" in line:  # and it has some seconds to go
            break
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells Java, too
    said = process.communicate()[1].splitlines()
    assert process.returncode == 130, said
    assert [line for line in said if "parts done" not in line][-1].startswith("newsfold: stopped")
    assert not [line for line in said if "Traceback" in line or "Error" in line]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "news.db.lock"]


@needs_spark
def test_a_file_that_is_cut_short_says_so(tmp_path: Path, on_spark: Callable[..., Any]) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in made_up(40)).encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines)[:-200])
    with pytest.raises(NewsfoldError, match=r"gave up: \S+: Unexpected end of input"):
        on_spark(tmp_path / "there.db", tmp_path / "a.jsonl.gz")


FOLD = """
import sys
from pathlib import Path
from crawlers.urls import canonical_url
from pipeline.passes import read_archive
from pipeline.scale.engine import fold_files
from pipeline.scale.plan import Sizes
from tests.stories import MORNING
if __name__ == "__main__":
    target, file, master = sys.argv[1:]
    fold_files(
        Path(target), [file], master=master, skip_broken=False, canonical_url=canonical_url,
        read_archive=read_archive, now=lambda: MORNING, say=lambda words: print(words, flush=True),
        sizes=Sizes(own=60, others=100, block=70, few_pairs=200, bucket=60),
    )
"""


def folded_on(cluster: Cluster, target: Path, file: Path, kill_at: str = "") -> None:
    """Fold on a cluster; one worker is killed once the fold says this."""
    words = [sys.executable, "-c", FOLD, str(target), str(file), cluster.url]
    killed = not kill_at
    with (target.parent / "driver.log").open("wb") as log:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=log, env=environment(), cwd=ROOT
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if not killed and kill_at in line.decode():
                    time.sleep(KILL_AFTER)
                    cluster.kill_worker(0)
                    killed = True
            assert process.wait() == 0, (target.parent / "driver.log").read_text("utf-8")
        finally:
            process.kill()
    assert killed


@needs_spark
@pytest.mark.parametrize("kill_at", ["", "stories", "looking for copies", "describing"])
def test_a_cluster_gives_the_same_also_when_a_worker_is_killed(
    tmp_path: Path, kill_at: str
) -> None:
    lines = written(tmp_path / "a.jsonl", made_up(150, seed=3))
    here = folded_here(tmp_path / "here.db", [lines])
    with cluster(tmp_path) as made:
        folded_on(made, tmp_path / "there.db", lines, kill_at)
    assert told(create_or_open(tmp_path / "there.db")) == told(here)


@needs_spark
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_labelled_sets_give_the_same(
    tmp_path: Path, on_spark: Callable[..., Any], name: str, small: bool
) -> None:
    from pipeline.scale.plan import USUAL, Sizes

    path = DATA / "events" / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no labelled stories at {path.parent}")
    here = folded_here(tmp_path / "here.db", [path])
    sizes = Sizes(own=60, others=90, block=40, few_pairs=50, bucket=37) if small else USUAL
    on_spark(tmp_path / "there.db", path, sizes=sizes)
    assert told(create_or_open(tmp_path / "there.db")) == told(here)


@needs_spark
def test_skew_does_not_kill_it(tmp_path: Path, on_spark: Callable[..., Any]) -> None:
    """One wire story that is copied 5 000 times, and one event that 2 000 report."""
    from pipeline.scale.plan import USUAL

    random = Random(5)
    wire = " ".join(random.choice(WORDS) for _ in range(200))
    event = [random.choice(SYLLABLES) + random.choice(SYLLABLES) for _ in range(30)]
    lines = [
        {"title": f"Wire {number % 9}", "text": f"{wire} Edition {number}."}
        for number in range(5_000)
    ] + [
        {
            "title": f"{event[0]} {event[1]} {random.choice(WORDS)}",
            "text": " ".join(random.choice((*event, *WORDS[:6])) for _ in range(120)),
        }
        for _ in range(2_000)
    ]
    for number, line in enumerate(lines):
        line["url"] = f"https://s{number}.example/{number}"
        line["published"] = f"2026-04-0{1 + number % 2}T{number % 24:02}:{number % 60:02}:00Z"
        line["source"] = f"Source {number % 300}"  # a database counts each pair of an event's
    file = written(tmp_path / "a.jsonl", lines)
    report = on_spark(tmp_path / "there.db", file, sizes=USUAL)
    assert report.copies >= 4_999
    here = folded_here(tmp_path / "here.db", [file])
    assert told(create_or_open(tmp_path / "there.db")) == told(here)
    assert max(row[0] for row in here.execute("SELECT story_count FROM events")) >= 5_000
