"""The index: it finds what it should, in one order, and nothing that a query holds can trip it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.tools.passage_index import MAX_QUERY_WORDS, PassageIndex, query_words, write_index
from agentflow.tools.passages import Passage

PASSAGES = [
    Passage("1", "Mars", "The fourth planet. It is red, and has two moons."),
    Passage("2", "Venus", "The second planet, and the hottest one."),
    Passage("3", "Red", "A colour, that of blood and of Mars."),
    Passage("4", "To be, or not to be", "The opening of a soliloquy by Hamlet."),
    Passage("5", "Curaçao", "An island; its capital is Willemstad."),
    Passage("6", "Twin", "One of two that are the same: gemini."),
    Passage("7", "Twin", "One of two that are the same: gemini."),
]
written = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def index_of(folder: Path, passages: list[Passage]) -> PassageIndex:
    assert write_index(folder, passages) == len(passages)
    return PassageIndex(folder)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PassageIndex:
    return index_of(tmp_path_factory.mktemp("index"), PASSAGES)


def found(index: PassageIndex, query: str, limit: int = 3) -> list[str]:
    return [hit.passage.id for hit in index.search(query, limit)]


def test_a_title_counts_more_than_a_mention(index: PassageIndex) -> None:
    assert found(index, "Mars") == ["1", "3"]
    assert found(index, "red") == ["3", "1"]


def test_what_is_found_is_what_was_written(index: PassageIndex) -> None:
    (hit,) = index.search("hottest", 3)
    assert hit.passage == PASSAGES[1]
    assert hit.score > 0


def test_words_are_found_by_their_stems_without_accents_in_any_case(index: PassageIndex) -> None:
    assert found(index, "PLANETS with a moon") == ["1", "2"]
    assert found(index, "curacao") == found(index, "CURAÇAO") == ["5"]


def test_a_title_of_stop_words_can_be_found(index: PassageIndex) -> None:
    assert found(index, "to be or not to be")[0] == "4"


def test_stop_words_alone_do_not_find_what_has_nothing_to_do_with_the_query(index: PassageIndex) -> None:
    assert found(index, "the zxqv of the blorp") == []


def test_between_equal_scores_the_earlier_passage_comes_first(index: PassageIndex) -> None:
    first, second = index.search("gemini", 2)
    assert first.score == second.score
    assert [first.passage.id, second.passage.id] == ["6", "7"]
    assert found(index, "gemini", limit=1) == ["6"]


@pytest.mark.parametrize(
    "query",
    ['"mars', "mars AND (", "title:mars", "mars~2", "+mars -", "[a TO b] mars", "mars*", "\\mars", "/mars/", "mars^9"],
)
def test_nothing_in_a_query_is_an_operator(index: PassageIndex, query: str) -> None:
    assert found(index, query)[0] == "1"


@given(
    st.text(st.characters()) | st.lists(st.sampled_from(["mars", '"', "(", " AND ", "the", "\x00", "é"])).map("".join)
)
def test_any_text_is_a_query_and_has_one_answer(index: PassageIndex, query: str) -> None:
    hits = index.search(query, 3)
    assert hits == index.search(query, 3)
    assert len(hits) <= 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert bool(query_words(query)) or not hits


def test_a_page_pasted_as_a_query_is_cut(index: PassageIndex) -> None:
    page = " ".join(f"word{number}" for number in range(10_000))
    assert len(query_words(page)) == MAX_QUERY_WORDS
    assert found(index, f"mars {page}") == ["1", "3"]
    assert query_words("x" * 1_000_000) == []


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(written, written), min_size=1, max_size=5))
def test_any_text_can_be_stored_and_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]]
) -> None:
    passages = [Passage(str(n), f"key{n} {title}", text) for n, (title, text) in enumerate(texts)]
    index = index_of(tmp_path_factory.mktemp("index"), passages)
    for number, passage in enumerate(passages):
        assert index.search(f"key{number}", 1)[0].passage == passage


def test_two_builds_of_the_same_passages_answer_alike(tmp_path: Path, index: PassageIndex) -> None:
    again = index_of(tmp_path, PASSAGES)
    for query in ("planet", "two", "one of the same", "mars red gemini"):
        assert again.search(query, 5) == index.search(query, 5)
