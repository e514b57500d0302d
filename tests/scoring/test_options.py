import time
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.scoring.options import chosen_option, gold_option, option_match, option_texts
from agentflow.types import Task

CITIES = ["Madrid", "Rome", "Paris", "Oslo"]
SYMBOLS = ["x < y", "x > y", "$10^{-4}$ m", "$10^{-5}$ m"]


@pytest.mark.parametrize(
    "answer",
    [
        *("B", "b", " B ", "(B)", "[B]", "B.", "B)", "b:", "**B**", r"\boxed{B}", r"\boxed{\text{B}}", "`B`", '"B"'),
        *("B. Rome", "B: Rome", "(B) rome", "B - Rome", "B) Rome.", "B. Rome (Italy)", "B: a city in Italy"),
        *("Rome", "rome.", "ROME", '"Rome"', r"\boxed{Rome}", "the Rome"),
        *("Answer: B", "The answer is B", "The answer is (B).", "Final answer: B. Rome", "The correct option is B"),
        *("the best answer is: Rome", "Option B", "So the answer is option B.", "**Answer:** B"),
        *(
            "B is correct",
            "B because it is",
            "B, since A is a word",
            "I think the answer is B.",
            "B. That is my answer",
        ),
    ],
)
def test_the_second_option_is_named(answer: str) -> None:
    assert chosen_option(answer, CITIES) == 1


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "",
            "E",
            "(F)",
            "AB",
            "A, B",
            "A or B",
            "A/B",
            "A and B",
            "(A) (B)",
            "B or C",
            "B, not C",
            "B. Rome or C",
            "A: the answer is B",
        ),
        *("B: Paris", "A. Rome", "B. Oslo.", "Rom", "Romeo", "ome", "not Rome", "not B", "Rome or Paris"),
        *("none", "all of the above", "I think so", "a city", "1", "2", "The answer", "answer:", r"\boxed{}"),
    ],
)
def test_no_option_or_several_are_named(answer: str) -> None:
    assert chosen_option(answer, CITIES) is None


TREATMENTS = [
    "Folic acid supplementation",
    "Proper diet and iron supplementation",
    "Blood transfusion",
    "Vitamin B12 injections",
]

BESIDE = ["{text} ({letter})", "{text} (option {letter}).", "{letter} {text}", "{letter}\n{text}", "({letter}) {text}"]
SENTENCES = [
    "The best treatment for this patient is {letter}.",
    "The best treatment for this patient is {letter}. {text}.",
    "The best treatment for this patient is ({letter}) {text}.",
    "The most likely diagnosis is {letter}: {text}",
    "The best treatment is {text}.",
    "The best treatment is {text}, because the patient lacks it.",
    "The answer is {text} ({letter}).",
    "Iron studies are normal. The best treatment is {text} ({letter}).",
    *("I choose {letter}", "I would choose option {letter}.", "Thus, {letter}.", "It is {letter} because of the diet."),
    *("The answer would be {letter}.", "The correct answer is therefore {letter}.", "Correct: {letter}"),
    *("The best option is the following: {letter}", "Iron deficiency -> {letter}"),
    *("I think {letter}", "I would go with {letter}.", "Going with ({letter})", "I'd say {letter}"),
]
MARKED = [
    *(
        "'{letter}'",
        "‘{letter}’",
        "*{letter}*",
        "__{letter}__",
        "<{letter}>",
        "{letter}!",
        "*{letter}.*",
        "**({letter})**",
    ),
    *("<answer>{letter}</answer>", "<answer>{letter}. {text}</answer>", "{letter}\n\nExplanation: it helps most."),
    *(r"\textbf{{({letter})}}", r"\boxed{{{letter}. {text}}}"),
]


@pytest.mark.parametrize("spelling", [*BESIDE, *SENTENCES, *MARKED])
@pytest.mark.parametrize("options", [CITIES, TREATMENTS])
def test_each_option_is_named_in_the_same_ways(spelling: str, options: list[str]) -> None:
    for index, text in enumerate(options):
        answer = spelling.format(letter=ascii_uppercase[index], text=text)
        assert chosen_option(answer, options) == index, answer


@pytest.mark.parametrize("answer", ["Ｂ", "（B）", "（Ｂ）", "Answer：B", "Ｂ．Rome"])
def test_full_width_letters_are_letters(answer: str) -> None:
    assert chosen_option(answer, CITIES) == 1


CONTRADICTIONS = [
    *BESIDE,
    *(sentence for sentence in SENTENCES if "{letter}" in sentence and "{text}" in sentence),
    "{letter}. {text} is the best choice",
    "{letter}: {text}, in Europe",
    "{letter}) {text}!",
    "{letter} - {text} (as is known)",
    "{letter}, or maybe {text}",
    "{letter}. The right one is {text}",
    "Answer: {letter}. {text} helps.",
    "The {text} {letter}",
]


@pytest.mark.parametrize("spelling", CONTRADICTIONS)
@pytest.mark.parametrize("options", [CITIES, TREATMENTS])
def test_a_letter_beside_the_text_of_another_option_names_none(spelling: str, options: list[str]) -> None:
    for letter in ascii_uppercase[:4]:
        for index, text in enumerate(options):
            if letter != ascii_uppercase[index]:
                answer = spelling.format(letter=letter, text=text)
                assert chosen_option(answer, options) is None, answer


@pytest.mark.parametrize(
    "answer",
    [
        *("B is wrong", "Answer: B is wrong", "B is not right", "B isn't right", "B isn’t it", "B was incorrect"),
        *("B is clearly wrong", "B can be ruled out", "B: not this one", "B is unlikely; Paris"),
        *("B or c", "B and c", "B, c", "B or (c)", "B, or maybe Paris", "B and something", "B. Rome or Paris", "B/c"),
        *("The capital is not Rome.", "The capital isn't Rome.", "It could be Rome.", "It is Rome or Paris."),
        *("It is B or C.", "It is B, C.", "It is either B.", "All are right except B.", "It is New Rome."),
        *("Option B seems tempting.", "Rome seems right", "It is B cell lymphoma.", "The capital is Romeo.", "B?"),
        *("It is Rome, and Paris.", "Rome A", "Rome B", "A Rome", "(B) Par", "B. Pari"),
    ],
)
def test_what_is_doubtful_names_no_option(answer: str) -> None:
    assert chosen_option(answer, CITIES) is None


def test_a_genus_is_no_letter() -> None:
    germs = ["Cryptosporidiosis", "C. difficile colitis", "Bacillus cereus infection", "Norovirus infection"]
    assert chosen_option("C. difficile", germs) is None
    assert chosen_option("It is C. difficile.", germs) is None
    assert chosen_option("C. difficile colitis", germs) == 1
    assert chosen_option("The diagnosis is C. difficile colitis.", germs) == 1
    assert chosen_option("B. C. difficile colitis", germs) == 1
    assert chosen_option("C. bacillus cereus infection", germs) == 2
    assert chosen_option("C. difficile", ["E. coli", "Clostridium difficile", "S. aureus"]) is None


def test_a_letter_with_its_own_text_may_say_what_it_is_not() -> None:
    assert chosen_option("B. Rome, not Paris", CITIES) == chosen_option("B: Rome (not Madrid)", CITIES) == 1
    assert chosen_option("B, not Rome", CITIES) is None
    assert chosen_option("A. Not indicated", ["Not indicated", "Aspirin"]) == 0


def test_texts_that_begin_with_a_small_letter() -> None:
    pathways = ["Receptors", "cAMP pathway", "cGMP pathway"]
    assert chosen_option("It is C. cGMP pathway.", pathways) == chosen_option("C cGMP pathway", pathways) == 2
    assert chosen_option("A cGMP pathway", pathways) is None


def test_an_apostrophe_is_one_in_either_form() -> None:
    diseases = ["Crohn's disease", "Graves’ disease"]
    assert chosen_option("A. Crohn’s disease is B", diseases) is None
    assert chosen_option("It is Crohn’s disease.", diseases) == 0
    assert chosen_option("It is (B) Graves' disease.", diseases) == 1


def test_an_option_within_the_text_of_another_is_not_named_by_it() -> None:
    texts = ["Iron", "Iron deficiency", "Deficiency of iron and zinc"]
    for index, text in enumerate(texts):
        assert chosen_option(f"The cause is {text.lower()}.", texts) == index
        assert chosen_option(f"{ascii_uppercase[index]}. {text} it is", texts) == index
    assert chosen_option("The cause is iron overload.", texts) is None
    assert chosen_option("A. Iron deficiency", texts) is None
    assert chosen_option("A. Iron deficiency, clearly", texts) is None


def test_the_a_of_vitamin_a_counts() -> None:
    assert chosen_option("vitamin", ["Vitamin A", "Zinc"]) is None
    assert chosen_option("the vitamin A", ["Vitamin A", "Zinc"]) == 0
    assert chosen_option("A blood transfusion", TREATMENTS) == 2


def test_hostile_answers_are_read_quickly() -> None:
    started = time.process_time()
    for part in ("B ", "is B", " ", "(B", "Rome ", "is Rome", "answer is ", "*", "\\text{", "'", "B. ", "not ", "\n"):
        chosen_option(part * (200_000 // len(part)), CITIES)
    assert time.process_time() - started < 5


def test_the_d_of_madrid_is_no_madrid() -> None:
    assert option_match("D", ["Madrid"], CITIES) == 0.0


@pytest.mark.parametrize("index", range(4))
def test_options_that_differ_in_symbols_are_told_apart(index: int) -> None:
    assert chosen_option(SYMBOLS[index], SYMBOLS) == index
    assert chosen_option(f"{ascii_uppercase[index]}. {SYMBOLS[index]}", SYMBOLS) == index


def test_a_symbol_that_no_option_has_is_no_option() -> None:
    assert chosen_option("x > y", ["x < y", "z"]) is None


ENERGIES = ["10^-4 eV", "10^-5 eV", "3 x 10^8 m/s", "x = −1", "x = 1", "x^{2}y", "x^{2y}"]


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        *(("10^{-4} eV", 0), ("$10^{-4}$ eV", 0), (r"\(10^{-4}\,\text{eV}\)", 0), ("10⁻⁴ eV", 0), ("10^−4 eV", 0)),
        *(("B. $10^{-5}$ eV", 1), ("The energy is 10⁻⁵ eV.", 1), ("10^-45 eV", None), ("B. 10⁻⁴ eV", None)),
        *((r"$3 \times 10^{8}$ m/s", 2), ("3*10⁸ m/s", 2), ("3·10^8 m/s", 2), ("3 x 10^80 m/s", None)),
        *(("x = -1", 3), ("x = 1", 4), ("x^{2}y", 5), ("x^{2y}", 6)),
    ],
)
def test_a_formula_is_the_same_in_latex_unicode_and_plain_text(answer: str, index: int | None) -> None:
    assert chosen_option(answer, ENERGIES) == index


def test_an_option_that_speaks_of_a_letter() -> None:
    texts = ["Vitamin C", "Hepatitis B virus", "I and II", "A man"]
    assert [chosen_option(text, texts) for text in texts] == [0, 1, 2, 3]
    assert chosen_option("B. Hepatitis B virus (HBV)", texts) == 1
    assert chosen_option("A. vitamin c deficiency", ["Vitamin C", "x", "Vitamin D"]) == 0


def test_options_with_the_same_text_are_one_answer() -> None:
    assert option_match("A", ["B"], ["same", "Same.", "other"]) == 1.0
    assert option_match("C", ["B"], ["same", "Same.", "other"]) == 0.0


LETTERED = st.lists(st.text(alphabet="abcdefgh ", min_size=3).filter(str.strip), min_size=2, max_size=6)


@given(LETTERED.filter(lambda texts: len({" ".join(text.split()) for text in texts}) == len(texts)), st.data())
def test_every_spelling_of_an_option_names_it_and_no_other(texts: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(texts) - 1))
    letter = ascii_uppercase[index]
    for spelling in (letter, f"({letter})", f"{letter}.", f"{letter}: {texts[index]}", f"Answer: {letter}"):
        assert chosen_option(spelling, texts) == index
    assert chosen_option(texts[index], texts) in (index, None)  # texts such as "a b" and "b" share a normal form


@given(st.text(), st.lists(st.text(min_size=1), min_size=2, max_size=10))
def test_no_answer_raises(answer: str, texts: list[str]) -> None:
    chosen = chosen_option(answer, texts)
    assert chosen is None or 0 <= chosen < len(texts)


def test_letters_in_front_of_options() -> None:
    assert option_texts(["A. x", "B. y"]) == option_texts(["(A) x", "(B) y"]) == option_texts(["A) x", "B: y"])
    assert option_texts(["B. x", "A. y"]) == ["B. x", "A. y"]


@pytest.mark.parametrize(
    ("golds", "index"),
    [(["Rome"], 1), (["B"], 1), (["B. Rome"], 1), (["rome"], 1), (["B", "Rome"], 1), (["(D) Oslo"], 3)],
)
def test_golds(golds: list[str], index: int) -> None:
    assert gold_option(golds, CITIES) == index


@pytest.mark.parametrize("golds", [["Bern"], ["E"], ["A. Rome"], ["A", "B"], [], ["B. Bern"], ["Rome", "Paris"]])
def test_golds_that_name_no_one_option(golds: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"do not name one option of A\. Madrid, B\. Rome, C\. Paris, D\. Oslo"):
        gold_option(golds, CITIES)


def test_a_gold_that_is_a_letter_and_a_text() -> None:
    with pytest.raises(ConfigError, match="do not name one option"):
        gold_option(["B"], ["B", "C"])


def test_options_come_from_the_metadata_as_a_list_or_by_letter() -> None:
    for options in (["Madrid", "Rome"], ["A. Madrid", "B. Rome"], {"B": "Rome", "A": "Madrid"}):
        task = Task(question="?", answers=("Rome",), metadata={"scorer": "option", "options": options})
        assert (score(task, "B"), score(task, "A")) == (1.0, 0.0)


@pytest.mark.parametrize("options", [None, [], ["one"], "AB", [1, 2], ["x"] * 27])
def test_a_task_without_options_can_not_be_scored(options: object) -> None:
    task = Task(question="?", answers=("A",), metadata={"scorer": "option", "options": options})
    with pytest.raises(ConfigError, match="option wants metadata"):
        score(task, "A")
