"""A BM25 index over passages, on disk. Any number of processes may search it at the same time.

Title and text together are one field, and the title alone is a second one with half the weight. Words are lower-cased,
stripped of their accents and reduced to their English stems. Measured over 49,184 passages (`perf/search_latency.py`
prints it anew): one more field for the title finds the gold passage of 78 % of 2,053 natural questions in the top 5,
against 75 % without it and 72 % for title and text as two separate fields.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy

from agentflow.tools.passages import Passage

TITLE_WEIGHT = 0.5
MAX_QUERY_WORDS = 64  # a model may paste a page as its query
LONGEST_WORD = 100  # bytes; longer ones are no words
HEAP_BYTES = 128_000_000
ANALYZER = "agentflow_english"


def _analyzer(*, drop_stop_words: bool) -> tantivy.TextAnalyzer:
    words = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    if drop_stop_words:
        words = words.filter(tantivy.Filter.stopword("english"))
    return words.filter(tantivy.Filter.stemmer("english")).build()


ALL_WORDS = _analyzer(drop_stop_words=False)
CONTENT_WORDS = _analyzer(drop_stop_words=True)


def query_words(query: str) -> list[str]:
    """The stems that a query is searched for: each once, without stop words unless it has no others.

    Any text will do. Nothing in it is an operator.

    >>> query_words('Who wrote "The Trial" AND the Castle?')
    ['who', 'wrote', 'trial', 'castl']
    >>> query_words("To be or not to be")
    ['to', 'be', 'or', 'not']
    """
    text = query.encode("utf-8", errors="replace").decode("utf-8")  # lone surrogates
    words = CONTENT_WORDS.analyze(text) or ALL_WORDS.analyze(text)
    return list(dict.fromkeys(words))[:MAX_QUERY_WORDS]


def write_index(folder: Path, passages: Iterable[Passage]) -> int:
    """Write an index of `passages` into the existing, empty `folder`; returns how many there were."""
    index = tantivy.Index(_schema(), str(folder))
    index.register_tokenizer(ANALYZER, ALL_WORDS)
    num_passages = 0
    # One thread, so that passages keep their order: it is what decides between equal scores.
    with index.writer(HEAP_BYTES, num_threads=1) as writer:
        for passage in passages:
            writer.add_document(
                tantivy.Document(id=passage.id, title=passage.title, both=f"{passage.title}\n{passage.text}")
            )
            num_passages += 1
    return num_passages


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", stored=True, tokenizer_name=ANALYZER, index_option="freq")
    builder.add_text_field("both", stored=True, tokenizer_name=ANALYZER, index_option="freq")
    return builder.build()


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `score` is its BM25 score: comparable within one search, not between searches."""

    passage: Passage
    score: float


class PassageIndex:
    """An index that `write_index` wrote, opened for searching."""

    def __init__(self, folder: Path) -> None:
        index = tantivy.Index.open(str(folder))
        index.register_tokenizer(ANALYZER, ALL_WORDS)
        self._schema = index.schema
        self._searcher = index.searcher()

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best `limit` passages for a free text, best first; between equal scores, the earlier in the corpus.

        Every word counts by its rarity, none is required. Empty when no passage has any of the words.
        """
        found = self._searcher.search(self._query(query_words(query)), limit, count=False)
        return [Hit(self._passage(address), score) for score, address in found.hits]

    def _query(self, words: list[str]) -> tantivy.Query:
        clauses = []
        for word in words:
            anywhere = tantivy.Query.term_query(self._schema, "both", word, "freq")
            in_title = tantivy.Query.term_query(self._schema, "title", word, "freq")
            clauses += [anywhere, tantivy.Query.boost_query(in_title, TITLE_WEIGHT)]
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, clause) for clause in clauses])

    def _passage(self, address: Any) -> Passage:
        stored = self._searcher.doc(address)
        title = stored["title"][0]
        return Passage(id=stored["id"][0], title=title, text=stored["both"][0].removeprefix(f"{title}\n"))
