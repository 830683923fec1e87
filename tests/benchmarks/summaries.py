"""How near TL;DRs come to what people wrote, beside the usual ways of taking sentences.

    pip install rouge-score
    python -m tests.benchmarks.summaries [--half development|held-out] [--seed 0] [--show 3]

Two kinds of references, both written by people, neither of them seen by any of the ways:

- held-out leads: of a labelled event with several reports one report is put aside, and its lead
  (LEAD_WORDS words of whole sentences) is what somebody else thought worth telling first of the
  same happening. The ways read the others. Copies of what is put aside go with it.
- descriptions: what the publisher of a page says of it in its meta description or JSON-LD, where
  that is no copy of the page's own sentences; an event of one story.

The ways: newsfold's tldr(); lead-3, the first three sentences of the headline story, which is
newsfold's own choice; LexRank (Erkan and Radev, 2004; continuous, over all sentences of all
members, a sentence that is alike to a taken one is skipped), three sentences. All cut sentences
alike. Scores are the F1 of ROUGE-1, -2 and -L, stemmed, in percent; in brackets the 95 % interval
of newsfold's lead over the better of the two, from 1000 resamples of the events. Below: faults that
ROUGE does not see, counted alike for all ways. Half of the
events (by a hash of their name) is for development. The data is found by NEWSFOLD_DATA (default:
../shared/data).
"""

from __future__ import annotations

import argparse
import os
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.enrich.roles import headline_story, roles
from pipeline.enrich.tldr import tldr
from pipeline.enrich.told import tell
from pipeline.folding import fold
from pipeline.text import sentences, stems, words
from storage.files import read_rows, story_from_row
from tests.benchmarks.extraction import ours, read_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from storage.models import Story

MEASURES = ("rouge1", "rouge2", "rougeL")
EVENTS = ("wikinews", "ecbplus_train", "allsides")
PAGES = ("fundus", "scrapinghub")  # those of wcxb are mostly guides and shops, not news
LEAD_WORDS = 60  # of a held-out report: two or three sentences
SHORTEST = 12  # words; less is a slogan
COPIED = 0.7  # of a description's word pairs in the page's own text: it was cut out of it
TAKEN = 3  # sentences
TOO_ALIKE = 0.5  # cosine, for LexRank
DAMPING = 0.85
LEANING = re.compile(
    r"(?:He|She|It|They|His|Her|Its|Their|This|That|These|Those|Er|Sie|Es|Diese\w?|Seine?|Ihre?)\b"
)
AGAIN = 0.6  # share of a sentence's stems that another has, too: it says nothing more
MOST_SENTENCES = 400  # of one event, for LexRank


@dataclass(frozen=True, slots=True)
class Case:
    """An event as the ways see it, and what somebody wrote of it."""

    name: str
    stories: tuple[Story, ...]
    reference: str

    @property
    def is_for_development(self) -> bool:
        return blake2b(self.name.encode(), digest_size=1).digest()[0] % 2 == 0


def data() -> Path:
    """Where the shared data lies."""
    return Path(os.environ.get("NEWSFOLD_DATA", Path(__file__).parents[3] / "shared" / "data"))


# --- the references --------------------------------------------------------------------------


def held_out_leads(name: str) -> Iterator[Case]:
    """Events of at least three reports, less one that has a lead."""
    path = data() / "events" / f"{name}.jsonl.gz"
    by_event: dict[str, list[Story]] = defaultdict(list)
    seen: set[str] = set()
    for line, row in read_rows(path):
        if row["url"] not in seen and row.get("text"):
            seen.add(row["url"])
            by_event[row["event"]].append(story_from_row(row, path, line))
    for event, members in sorted(by_event.items()):
        stories = [replace(story, id=id_) for id_, story in enumerate(members, start=1)]
        case = _without_one(f"{name}/{event}", stories)
        if case is not None:
            yield case


def _without_one(name: str, stories: Sequence[Story]) -> Case | None:
    copy_of = fold(stories).copy_of
    originals = [story for story in stories if story.id not in copy_of]
    if len(originals) < 3:
        return None
    aside = random.Random(name).choice(originals)
    read = [s for s in originals if s is not aside]
    lead = _lead(aside.text)
    return Case(name, tuple(read), lead) if len(words(lead)) >= SHORTEST else None


def _lead(text: str) -> str:
    taken: list[str] = []
    for sentence in sentences(text):
        if taken and len(words(" ".join([*taken, sentence]))) > LEAD_WORDS:
            break
        taken.append(sentence)
    return " ".join(taken)


def descriptions(name: str) -> Iterator[Case]:
    """Pages whose publisher describes them in other words than their own."""
    for gold, html in read_set(name):
        story = ours(gold["url"], html)
        said = " ".join(story.summary.split())
        cut_by_a_machine = said.endswith(("...", "…"))
        if len(words(said)) < SHORTEST or cut_by_a_machine or _is_copied(said, story.text):
            continue
        yield Case(f"{name}/{gold['id']}", (replace(story, id=1),), said)


def _is_copied(said: str, text: str) -> bool:
    told, own = words(said), words(text)
    pairs, others = list(pairwise(told)), set(pairwise(own))
    return sum(pair in others for pair in pairs) >= COPIED * len(pairs)


# --- the ways --------------------------------------------------------------------------------


def newsfold(stories: Sequence[Story]) -> list[str]:
    told = tell(stories)
    role_of = roles(told, {}, {story.source_id: story.source_id for story in stories})
    headline = headline_story(told, role_of)
    return [s.text for s in tldr(told, headline.title, role_of, headline.language)]


def lead_3(stories: Sequence[Story]) -> list[str]:
    told = tell(stories)
    role_of = roles(told, {}, {story.source_id: story.source_id for story in stories})
    return sentences(headline_story(told, role_of).text)[:TAKEN]


def lexrank(stories: Sequence[Story]) -> list[str]:
    cut = chain.from_iterable(sentences(story.text) for story in stories)
    found = [s for s in dict.fromkeys(cut) if len(words(s)) > 4][:MOST_SENTENCES]
    if len(found) <= TAKEN:
        return found
    rows = TfidfVectorizer(stop_words="english", sublinear_tf=True).fit_transform(found)
    alike = (rows @ rows.T).toarray()
    sums = alike.sum(axis=1, keepdims=True)
    moves = np.where(sums > 0, alike / np.where(sums > 0, sums, 1), 1 / len(found))
    rank = np.full(len(found), 1 / len(found))
    for _ in range(60):
        rank = (1 - DAMPING) / len(found) + DAMPING * rank @ moves
    taken: list[int] = []
    for at in np.argsort(-rank, kind="stable"):
        if len(taken) < TAKEN and all(alike[at, other] < TOO_ALIKE for other in taken):
            taken.append(int(at))
    return [found[at] for at in sorted(taken)]


WAYS: dict[str, Callable[[Sequence[Story]], list[str]]] = {
    "newsfold": newsfold,
    "lead-3": lead_3,
    "LexRank": lexrank,
}


# --- the scores ------------------------------------------------------------------------------


def scored(cases: Iterable[Case], way: str) -> list[tuple[float, ...]]:
    """ROUGE-1, -2, -L and the number of words, of each case."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(MEASURES, use_stemmer=True)
    rows = []
    for case in cases:
        told = " ".join(WAYS[way](case.stories))
        found = scorer.score(case.reference, told)
        rows.append((*(100 * found[each].fmeasure for each in MEASURES), len(words(told))))
    return rows


def interval(ours: Sequence[float], theirs: Sequence[float], seed: int) -> tuple[float, float]:
    apart = np.array(ours) - np.array(theirs)
    draws = np.random.default_rng(seed).integers(0, len(apart), (1000, len(apart)))
    low, high = np.percentile(apart[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def show(name: str, cases: Sequence[Case], seed: int) -> None:
    by_way = {way: scored(cases, way) for way in WAYS}
    means = {way: np.mean(rows, axis=0) for way, rows in by_way.items()}
    cells = []
    for at in range(len(MEASURES)):
        best = max(("lead-3", "LexRank"), key=lambda way: means[way][at])
        low, high = interval(
            [row[at] for row in by_way["newsfold"]], [row[at] for row in by_way[best]], seed
        )
        said = " / ".join(f"{means[way][at]:.1f}" for way in WAYS)
        cells.append(f"{said} ({low:+.1f} to {high:+.1f})")
    length = " / ".join(f"{means[way][-1]:.0f}" for way in WAYS)
    print(f"| {name} ({len(cases)}) | {' | '.join(cells)} | {length} |", flush=True)


def faults(cases: Iterable[Case], way: str) -> Counter[str]:
    """Sentences that lean on one that is not told, that say the headline or each other again."""
    found: Counter[str] = Counter()
    for case in cases:
        told = tell(case.stories)
        title = headline_story(told, roles(told, {}, {})).title
        follows = {pair for story in case.stories for pair in pairwise(sentences(story.text))}
        taken = WAYS[way](case.stories)
        said = [frozenset(stems(title)), *(frozenset(stems(sentence)) for sentence in taken)]
        for at, sentence in enumerate(taken, start=1):
            found["sentences"] += 1
            before = taken[at - 2] if at > 1 else ""
            found["hanging"] += bool(LEANING.match(sentence) and (before, sentence) not in follows)
            found["of the headline"] += _again(said[at], said[0])
            found["told twice"] += any(_again(said[at], other) for other in said[1:at])
    return found


def _again(said: frozenset[str], other: frozenset[str]) -> bool:
    return len(said & other) >= AGAIN * max(len(said), 1)


def show_faults(cases: Sequence[Case]) -> None:
    print("\n| way | sentences | hanging | of the headline | told twice |\n|---|---|---|---|---|")
    for way in WAYS:
        found = faults(cases, way)
        kinds = ("sentences", "hanging", "of the headline", "told twice")
        print(f"| {way} | {' | '.join(str(found[kind]) for kind in kinds)} |", flush=True)


def all_cases() -> dict[str, list[Case]]:
    found = {name: list(held_out_leads(name)) for name in EVENTS}
    return found | {name: list(descriptions(name)) for name in PAGES}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=("development", "held-out"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="print so many cases of each set")
    given = parser.parse_args()
    print(f"| set (events) | ROUGE-1 {' / '.join(WAYS)} | ROUGE-2 | ROUGE-L | words |")
    print("|---|---|---|---|---|")
    every: list[Case] = []
    for name, cases in all_cases().items():
        if given.half:
            wanted = given.half == "development"
            cases = [case for case in cases if case.is_for_development == wanted]
        show(name, cases, given.seed)
        every += cases
        for case in cases[: given.show]:
            print(f"\n# {case.name}\n  said: {case.reference}")
            for way, take in WAYS.items():
                print(f"  {way}: {' | '.join(take(case.stories))}")
    show_faults(every)


if __name__ == "__main__":
    main()
