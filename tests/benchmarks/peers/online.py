"""Published online clusterers, to be run beside newsfold by tests/benchmarks/folding.py.

    PYTHON tests/benchmarks/peers/online.py METHOD STORIES.jsonl OUT.json SETTINGS [CPU SECONDS]

It imports nothing of newsfold, so that PYTHON may be of another environment. Comes in: stories as
JSON lines in the order of their times. Goes out: a group number for each, the CPU seconds from
after the imports, and the highest resident size. The methods:

miranda     Our implementation of Miranda, Znotins, Cohen and Barzdins, Multilingual Clustering of
            Streaming News (EMNLP 2018), the monolingual part. Their code is not on PyPI, and their
            features are of a program that is not public; so words, stems and capitalised names
            stand for their tokens, lemmas and entities, each of headline, body and both. Nine
            TF-IDF cosines with a cluster's sum, three Gaussians of time (three days) and the
            cluster's size; a linear ranking chooses the cluster, a second linear model decides
            whether to join it. Both are trained by playing the labelled sets with their gold
            events (--train), the ranking as a linear SVM of differences. IDF is of the set itself.
            Only the 40 clusters that share most of a story's 30 heaviest stems are looked at (their
            code looks at every cluster, which is slower by far).
fsd         ina-foss: first-story detection in batches, their own ClusteringAlgoSparse out of the
            package twembeddings, on TF-IDF as they make it (binary, without stop words).
textclust   river's TextClust. Its micro-clusters are the events; each story's is taken as it is
            learned. A micro-cluster lasts a window without being met. Merging is off.
dbstream    river's DBSTREAM on 64 singular vectors of TF-IDF; its clusters at the end.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import sys
import time
from collections import Counter, defaultdict
from datetime import datetime
from importlib import import_module, util
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Vector = dict[str, float]
Settings = dict[str, Any]

WINDOW_DAYS = 7
TRAINED = Path(__file__).with_name("miranda.json")
_WORD = re.compile(r"\w\w+")
_NAME = re.compile(r"\b[A-Z][\w'’&-]*(?: [A-Z][\w'’&-]*)*")


# --- Miranda et al. 2018 -----------------------------------------------------------------------

PARTS, KINDS = ("title", "body", "both"), ("words", "stems", "names")
MERGED = tuple(f"{kind} of {part}" for part in PARTS for kind in KINDS)
FEATURES = (*MERGED, "newest", "oldest", "mean", "size")
DEVIATION = 3.0  # days
LOOKED_UP, LOOKED_AT = 30, 40


class Cluster:
    """The sum of its stories' vectors, with their lengths."""

    def __init__(self) -> None:
        self.sums: list[Vector] = [defaultdict(float) for _ in MERGED]
        self.squares = [0.0] * len(MERGED)
        self.count = 0
        self.newest, self.oldest, self.days = -math.inf, math.inf, 0.0

    def add(self, vectors: list[Vector], day: float) -> None:
        for place, (total, vector) in enumerate(zip(self.sums, vectors, strict=True)):
            for word, weight in vector.items():
                before = total[word]
                total[word] = before + weight
                self.squares[place] += weight * (2 * before + weight)
        self.count += 1
        self.newest, self.oldest = max(self.newest, day), min(self.oldest, day)
        self.days += day

    def features(self, vectors: list[Vector], day: float) -> list[float]:
        found = []
        for total, square, vector in zip(self.sums, self.squares, vectors, strict=True):
            dot = sum(weight * total[word] for word, weight in vector.items() if word in total)
            found.append(dot / math.sqrt(square) if square > 0 else 0.0)
        for other in (self.newest, self.oldest, self.days / self.count):
            found.append(math.exp(-((day - other) ** 2) / (2 * DEVIATION**2)))
        return [*found, 1 / min(self.count, 100)]


class Clusters:
    """All clusters, and which have a stem."""

    def __init__(self) -> None:
        self.all: list[Cluster] = []
        self._having: dict[str, set[int]] = defaultdict(set)

    def near(self, vectors: list[Vector]) -> list[int]:
        """The clusters that share most of the story's heaviest stems."""
        stems = vectors[MERGED.index("stems of both")]
        shared: dict[int, float] = defaultdict(float)
        for stem in sorted(stems, key=lambda s: -stems[s])[:LOOKED_UP]:
            for number in self._having.get(stem, ()):
                shared[number] += stems[stem] * self.all[number].sums[7].get(stem, 0.0)
        return sorted(shared, key=lambda number: -shared[number])[:LOOKED_AT]

    def add(self, number: int, vectors: list[Vector], day: float) -> None:
        if number == len(self.all):
            self.all.append(Cluster())
        self.all[number].add(vectors, day)
        for stem in vectors[MERGED.index("stems of both")]:
            self._having[stem].add(number)


def miranda(rows: list[Row], settings: Settings) -> list[int]:
    trained = json.loads(TRAINED.read_text("utf-8"))
    rank, join = trained["rank"], trained["join"]
    bias = trained["bias"] + settings.get("shift", 0.0)
    clusters, found = Clusters(), []
    for vectors, day in _vectors(rows):
        best, score, features = -1, -math.inf, []
        for number in clusters.near(vectors):
            told = clusters.all[number].features(vectors, day)
            value = sum(w * f for w, f in zip(rank, told, strict=True))
            if value > score:
                best, score, features = number, value, told
        if best < 0 or sum(w * f for w, f in zip(join, features, strict=True)) + bias <= 0:
            best = len(clusters.all)
        clusters.add(best, vectors, day)
        found.append(best)
    return found


def train_miranda(sets: list[list[Row]]) -> Row:
    """Rank and decision, learned by playing the sets with their gold events; each set counts the
    same."""
    import numpy as np
    from sklearn.svm import LinearSVC

    better: list[Any] = []
    best: list[tuple[list[list[float]], list[bool]]] = []
    better_weight: list[float] = []
    best_weight: list[float] = []
    for rows in sets:
        clusters = Clusters()
        number_of: dict[str, int] = {}
        for row, (vectors, day) in zip(rows, _vectors(rows), strict=True):
            own = number_of.setdefault(row["event"], len(number_of))
            near = clusters.near(vectors)[:20]
            if own < len(clusters.all) and own not in near:
                near.append(own)
            told = [clusters.all[number].features(vectors, day) for number in near]
            is_own = [number == own for number in near]
            if near:
                best.append((told, is_own))
            if any(is_own):
                mine = np.array(told[is_own.index(True)])
                better += [mine - np.array(t) for t, o in zip(told, is_own, strict=True) if not o]
            clusters.add(own, vectors, day)
        better_weight += _of_a_set(len(better) - len(better_weight))
        best_weight += _of_a_set(len(best) - len(best_weight))
    signs = np.where(np.arange(len(better)) % 2, 1, -1)
    ranking = LinearSVC(fit_intercept=False, dual=False, C=1.0)
    rank = ranking.fit(np.array(better) * signs[:, None], signs, better_weight).coef_[0]
    chosen, labels = [], []
    for told, is_own in best:
        first = int(np.argmax(np.array(told) @ rank))
        chosen.append(told[first])
        labels.append(is_own[first])
    joining = LinearSVC(dual=False, C=1.0).fit(np.array(chosen), labels, best_weight)
    return {
        "about": "Weights of our implementation of Miranda et al. 2018, made by folding.py --train",
        "features": FEATURES,
        "rank": [round(float(w), 4) for w in rank],
        "join": [round(float(w), 4) for w in joining.coef_[0]],
        "bias": round(float(joining.intercept_[0]), 4),
    }


def _of_a_set(count: int) -> list[float]:
    return [1000 / count] * count


def _vectors(rows: list[Row]) -> list[tuple[list[Vector], float]]:
    """The nine TF-IDF vectors of each story, of length 1, and its day."""
    import Stemmer

    stem = Stemmer.Stemmer("english").stemWords
    counted: list[list[Counter[str]]] = []
    for row in rows:
        title, body = row["title"] or "", row["text"] or ""
        each = []
        for text in (title, body, f"{title}\n{body}"):
            words = _WORD.findall(text.lower())
            each += [Counter(words), Counter(stem(words)), Counter(_NAME.findall(text))]
        counted.append(each)
    idf: list[Vector] = []
    for kind in range(len(KINDS)):
        seen: Counter[str] = Counter()
        for each in counted:
            seen.update(each[6 + kind].keys())
        idf.append({word: math.log((len(rows) + 1) / n) for word, n in seen.items()})
    told = []
    for row, each in zip(rows, counted, strict=True):
        vectors = []
        for place, counts in enumerate(each):
            of = idf[place % len(KINDS)]
            vector = {word: n * of.get(word, 0.0) for word, n in counts.items()}
            length = math.sqrt(sum(w * w for w in vector.values())) or 1.0
            vectors.append({word: weight / length for word, weight in vector.items()})
        told.append((vectors, _day(row)))
    return told


# --- ina-foss ----------------------------------------------------------------------------------


def fsd(rows: list[Row], settings: Settings) -> list[int]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    algorithm = _module("twembeddings.clustering_algo").ClusteringAlgoSparse
    stop_words = _module("twembeddings.stop_words").STOP_WORDS_EN
    told = [_text(row, settings["characters"]) for row in rows]
    vectors = TfidfVectorizer(binary=True, stop_words=list(stop_words)).fit_transform(told)
    found = algorithm(
        threshold=settings["threshold"],
        window_size=_window(rows),
        batch_size=settings.get("batch", 8),
        tfidf_t=0.0,  # they leave tweets without a weighty word out; here every story counts
    )
    found.add_vectors(vectors)
    return _without_nothing(found.incremental_clustering())


# --- river -------------------------------------------------------------------------------------


def textclust(rows: list[Row], settings: Settings) -> list[int]:
    stop_words = set(_module("twembeddings.stop_words").STOP_WORDS_EN)
    model = import_module("river.cluster").TextClust(
        radius=settings["radius"],
        real_time_fading=False,
        tgap=_window(rows),
        term_fading=False,
        auto_merge=False,
    )
    look = model._get_closest_mc
    found: list[int] = []

    def watched(*given: Any) -> Any:
        """To ask afterwards where a story went takes as long as to learn it."""
        number, distance = look(*given)
        found[-1] = model._cluster_id if number is None else number
        return number, distance

    model._get_closest_mc = watched
    for row in rows:
        words = Counter(_WORD.findall(_text(row, settings["characters"]).lower()))
        for word in words.keys() & stop_words:
            del words[word]
        found.append(-1)
        model.learn_one(words)
    return _without_nothing(found)


def dbstream(rows: list[Row], settings: Settings) -> list[int]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    told = [_text(row, settings["characters"]) for row in rows]
    vectors = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(told)
    size = min(64, vectors.shape[1] - 1)
    dense = normalize(TruncatedSVD(size, random_state=0).fit_transform(vectors))
    points = [dict(enumerate(row)) for row in dense.tolist()]
    model = import_module("river.cluster").DBSTREAM(
        clustering_threshold=settings["radius"],
        fading_factor=1e-6,
        cleanup_interval=len(rows) + 1,
    )
    for point in points:
        model.learn_one(point)
    return [model.predict_one(point) for point in points]


# --- what all share ----------------------------------------------------------------------------


def _module(name: str) -> Any:
    """A module alone, without what its package imports (twembeddings: tensorflow and more)."""
    package, _, module = name.partition(".")
    found = util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    path = Path(found.submodule_search_locations[0]) / f"{module}.py"
    spec = util.spec_from_file_location(name.replace(".", "_"), path)
    assert spec is not None and spec.loader is not None
    loaded = util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _text(row: Row, characters: int) -> str:
    return f"{row['title'] or ''} {(row['text'] or '')[:characters]}"


def _day(row: Row) -> float:
    return datetime.fromisoformat(row["published"]).timestamp() / 86_400


def _window(rows: list[Row]) -> int:
    """So many stories come in a week."""
    span = max(_day(rows[-1]) - _day(rows[0]), 1.0)
    return max(1000, int(len(rows) * min(1.0, WINDOW_DAYS / span)))


def _without_nothing(groups: list[int]) -> list[int]:
    """Stories that the method left out (a number below 0) are alone."""
    alone = max(groups) + 1
    return [group if group >= 0 else alone + place for place, group in enumerate(groups)]


METHODS = {each.__name__: each for each in (miranda, fsd, textclust, dbstream)}


def main() -> None:
    method, path, out, settings, *limit = sys.argv[1:]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if limit:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit[0]), int(limit[0]) + 5))
    if method == "--train":
        sets = [_rows(Path(each)) for each in json.loads(settings)]
        Path(out).write_text(json.dumps(train_miranda(sets), indent=2) + "\n", "utf-8")
        return
    _import(method)
    before = time.process_time()
    found = METHODS[method](_rows(Path(path)), json.loads(settings))
    told = {
        "groups": found,
        "seconds": time.process_time() - before,
        "megabytes": _peak(),
    }
    Path(out).write_text(json.dumps(told), "utf-8")


def _peak() -> float:
    """Highest resident size, in megabytes. (getrusage begins with the size of the parent.)"""
    told = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))
    return int(told[1]) / 1024 if told else 0.0


def _import(method: str) -> None:
    """What a method needs, so that its time counts without."""
    if method in {"textclust", "dbstream"}:
        import_module("river.cluster")
    if method != "miranda":
        import_module("sklearn.feature_extraction.text")


def _rows(path: Path) -> list[Row]:
    """The stories; one without a time stands at the time of the first that has one."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    first = next((row["published"] for row in rows if row["published"]), "2000-01-01T00:00:00Z")
    return [{**row, "published": row["published"] or first} for row in rows]


if __name__ == "__main__":
    main()
