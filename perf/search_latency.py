"""How long a search takes, beside SQLite's FTS5 over the same passages and words, and what it finds.

    python perf/search_latency.py                  # 50,000 generated passages
    python perf/search_latency.py --data FOLDER    # those of FOLDER/corpus, with the questions of FOLDER/train

The bar: a median under 5 ms over 50,000 passages. Recall is that of the top 5 over the training questions, by data set:
at least one gold passage, and all of them.
"""

import argparse
import gzip
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agentflow.tools.passage_index import TITLE_WEIGHT, PassageIndex, query_words, write_index
from agentflow.tools.passages import Passage, read_passages

BAR_MILLISECONDS = 5.0
TOP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with corpus/ and train/")
    parser.add_argument("--passages", type=int, default=50_000, help="how many to generate without --data")
    parser.add_argument("--queries", type=int, default=1_000, help="how many queries to time")
    arguments = parser.parse_args()
    if arguments.data:
        passages = list(read_passages(arguments.data / "corpus" / "wiki_pool.jsonl.gz"))
        with gzip.open(arguments.data / "train" / "search_train.jsonl.gz", "rt", encoding="utf-8") as lines:
            questions = [json.loads(line) for line in lines]
        queries = [question["question"] for question in questions]
    else:
        passages, queries, questions = *generate(arguments.passages, arguments.queries), []
    queries = random.Random(0).sample(queries, min(arguments.queries, len(queries)))

    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = timed(lambda: write_index(Path(folder), passages))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"{len(passages)} passages, {len(queries)} queries, top {TOP}")
        print(f"agentflow  build {seconds:5.1f} s  {size / 1e6:6.1f} MB", end="  ")
        index = PassageIndex(Path(folder))
        median = report(lambda query: index.search(query, TOP), queries)
        database = Path(folder) / "fts5.db"
        connection = sqlite3.connect(database)
        seconds, _ = timed(lambda: fill_fts5(connection, passages))
        print(f"fts5       build {seconds:5.1f} s  {database.stat().st_size / 1e6:6.1f} MB", end="  ")
        report(lambda query: search_fts5(connection, query), queries)
        print(f"bar: median under {BAR_MILLISECONDS} ms: {'met' if median < BAR_MILLISECONDS else 'MISSED'}")
        if questions:
            report_recall("agentflow", lambda query: [hit.passage.id for hit in index.search(query, TOP)], questions)
            report_recall("fts5", lambda query: search_fts5(connection, query), questions)
        connection.close()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def report(search: Callable[[str], Any], queries: Sequence[str]) -> float:
    """Print the quantiles in milliseconds, each query once after a warm-up; returns the median."""
    for query in queries[:20]:
        search(query)
    taken = sorted(1000 * timed(lambda query=query: search(query))[0] for query in queries)  # type: ignore[misc]
    quantiles = statistics.quantiles(taken, n=100)
    print(f"p50 {quantiles[49]:6.2f} ms  p95 {quantiles[94]:6.2f} ms  max {taken[-1]:6.2f} ms")
    return quantiles[49]


def report_recall(name: str, search: Callable[[str], list[str]], questions: Iterable[dict[str, Any]]) -> None:
    found: dict[str, list[tuple[bool, bool]]] = {}
    for question in questions:
        gold, ids = set(question["gold_ids"]), set(search(question["question"]))
        found.setdefault(question["dataset"], []).append((bool(gold & ids), gold <= ids))
    for dataset, pairs in sorted(found.items()):
        some, every = (100 * statistics.fmean(pair[place] for pair in pairs) for place in (0, 1))
        print(f"{name:9}  recall@{TOP} {dataset:9} n={len(pairs):5}  one {some:5.1f} %  all {every:5.1f} %")


def fill_fts5(connection: sqlite3.Connection, passages: Iterable[Passage]) -> None:
    connection.execute(
        "create virtual table passages using fts5"
        "(id unindexed, title, both, tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    rows = ((passage.id, passage.title, f"{passage.title}\n{passage.text}") for passage in passages)
    connection.executemany("insert into passages values (?, ?, ?)", rows)
    connection.execute("insert into passages(passages) values ('optimize')")
    connection.commit()


def search_fts5(connection: sqlite3.Connection, query: str) -> list[str]:
    words = " OR ".join(f'"{word}"' for word in query_words(query))
    ranked = f"select id from passages where passages match ? order by bm25(passages, 0, {TITLE_WEIGHT}, 1) limit {TOP}"
    return [row[0] for row in connection.execute(ranked, (words,))]


def generate(num_passages: int, num_queries: int) -> tuple[list[Passage], list[str]]:
    """Passages of 80 words and questions of 10, of 60,000 words that are as unevenly common as English ones."""
    chance = random.Random(0)
    words = [f"w{number:x}" for number in range(60_000)]
    weights = [1 / (rank + 2.7) for rank in range(len(words))]
    drawn = iter(chance.choices(words, weights, k=num_passages * 83 + num_queries * 10))

    def take(count: int) -> str:
        return " ".join(next(drawn) for _ in range(count))

    passages = [Passage(f"p{number}", take(3), take(80)) for number in range(num_passages)]
    return passages, [take(10) for _ in range(num_queries)]


if __name__ == "__main__":
    main()
