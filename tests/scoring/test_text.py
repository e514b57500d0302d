import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.scoring.text import contains, exact_match, normal_form, token_f1

WORDS = st.lists(st.sampled_from(["paris", "river", "łódź", "1,875", "-3.5", "yes", "café"]), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The Beatles!", "beatles"),
        ("  an   Apple a day ", "apple day"),
        ("Beyoncé", "beyonce"),
        ("Beyonce\u0301", "beyonce"),
        ("Søren Æsir Straße", "soren aesir strasse"),
        ("1,875", "1875"),
        ("29,000,000 people", "29000000 people"),
        ("1,2 and 3", "1 2 and 3"),
        ("3.5", "3.5"),
        ("3.", "3"),
        ("−10", "-10"),
        ("6–14 July", "6 14 july"),
        ("42:49", "42 49"),
        ("10²", "10 2"),
        ("3½", "3 1 2"),
        ("U.S.", "us"),
        ("King’s", "kings"),
        ("Spider-Man", "spider man"),
        ("May\u00a05,\u00a02017", "5 may 2017"),
        ("the 3rd of Sept. 1999", "3 september 1999"),
        ("７\u200b％", "7"),
        ("snake_case", "snakecase"),
        ("A", "a"),
        ("*", "*"),
        ("", ""),
        (" \n", ""),
        ("で", "で"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_normal_form(text: str, form: str) -> None:
    assert normal_form(text) == form


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("35", "3.5"), ("10", "-10"), ("1875", "18.75"), ("102", "10²"), ("", "*"), ("", "the"), ("*", "?"), ("B", "A")],
)
def test_what_the_official_script_confuses_is_kept_apart(answer: str, gold: str) -> None:
    assert exact_match(answer, [gold]) == 0.0
    assert contains(answer, [gold]) == 0.0


def test_any_alias_will_do_and_no_gold_scores_nothing() -> None:
    assert exact_match("nyc", ["New York City", "NYC"]) == 1.0
    assert exact_match("nyc", []) == token_f1("nyc", []) == contains("nyc", []) == 0.0


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("The answer is Paris.", "Paris"),
        ("Answer: Paris", "Paris"),
        ("**Final answer:** Paris", "Paris"),
        (r"It is \boxed{Paris}.", "Paris"),
        (r"\boxed{\text{The Beatles}}", "Beatles"),
        ("I searched. <answer>Paris</answer>", "Paris"),
        ("The Answer Is Blowing", "The Answer Is Blowing"),
        ("Yes, because both are in France", "yes"),
        ("Yes, there is no difference.", "yes"),
        ("Yes (both are in France)", "yes"),
        ("No – Bern is the seat of its government", "no"),
        ("No — Bern is", "no"),
        ("**Yes**, both are in France", "yes"),
        ("**No.** Bern is", "no"),
        ("Yes\nBoth are in France.", "yes"),
        ("No, they are not.", "no"),
        ("No. They are not.", "no"),
        ("The answer is yes, since both are.", "Yes"),
        ("1937-12-14", "14 December 1937"),
        ("December 14, 1937", "1937-12-14"),
    ],
)
def test_a_final_answer_is_found(answer: str, gold: str) -> None:
    assert exact_match(answer, [gold]) == token_f1(answer, [gold]) == contains(answer, [gold]) == 1.0


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("The answer is not Paris", "Paris"),
        ("The answer is Paris or London", "Paris"),
        (r"\boxed{London}, not Paris", "Paris"),
        ("Yes and no", "yes"),
        ("Yes, or no", "yes"),
        ("Yes (no)", "yes"),
        ("Yes\nNo", "yes"),
        ("**Yes** / **No**", "yes"),
        ("**Yes** - or **No**", "yes"),
        ("No - yes", "no"),
        ("No-one", "no"),
        ("Yes, but actually no.", "yes"),
        ("No, yes.", "no"),
        ("No 5", "no"),
        ("No. 5", "no"),
        ("Yes, because both are in France", "no"),
        ("Paris, because both are in France", "Paris"),
        ("1937-12-14", "12 December 1937"),
        ("1937-13-14", "14 December 1937"),
        ("31937-12-14", "14 December 1937"),
    ],
)
def test_what_is_no_final_answer(answer: str, gold: str) -> None:
    assert exact_match(answer, [gold]) == 0.0


def test_containment_ends_at_words() -> None:
    assert contains("He was born in New York City in 1941.", ["new york city"]) == 1.0
    assert contains("New City of York", ["new york city"]) == 0.0
    assert contains("1941", ["19"]) == contains("3.55", ["3.5"]) == contains("normal", ["no"]) == 0.0


def test_f1_counts_a_repeated_word_as_often_as_it_is_shared() -> None:
    assert token_f1("paris paris", ["paris"]) == pytest.approx(2 / 3)
    assert token_f1("paris", ["london"]) == token_f1("", ["london"]) == token_f1("", [""]) == 0.0
    assert token_f1("yes it is", ["yes"]) == 0.0
    assert token_f1("Paris, France", ["London", "Paris"]) == pytest.approx(2 / 3)


@settings(deadline=None)
@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_is_scored(answer: str, golds: list[str]) -> None:
    assert exact_match(answer, golds) in (0.0, 1.0)
    assert contains(answer, golds) in (0.0, 1.0)
    assert 0.0 <= token_f1(answer, golds) <= 1.0
    assert exact_match(answer, golds) <= contains(answer, golds)


@settings(deadline=None)
@given(st.text())
def test_a_gold_scores_one_for_itself_unless_it_is_blank(gold: str) -> None:
    expected = float(bool(gold.strip()))
    assert exact_match(gold, [gold]) == contains(gold, [gold]) == token_f1(gold, [gold]) == expected


@settings(deadline=None)
@given(WORDS, WORDS)
def test_form_case_article_and_frame_do_not_matter(words: list[str], others: list[str]) -> None:
    gold = " ".join(words)
    assert exact_match(f" The {gold.upper()}. ", [gold]) == 1.0
    assert contains(f"{' '.join(others)} {gold}, {' '.join(others)}", [gold]) == 1.0


@settings(deadline=None)
@given(WORDS, WORDS)
def test_other_words_do_not_match(words: list[str], others: list[str]) -> None:
    assert exact_match(" ".join(others), [" ".join(words)]) == float(words == others)
    assert token_f1(" ".join(words), [" ".join(others)]) == token_f1(" ".join(others), [" ".join(words)])
