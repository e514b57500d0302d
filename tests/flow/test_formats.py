"""Readers of what models write: they return a value or raise `Unreadable`, and never anything else."""

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.flow.formats import (
    FORMATS,
    JSON,
    TAGGED,
    Unreadable,
    read_json_answer,
    read_json_plan,
    read_json_verdict,
    read_object,
    read_program,
    read_tagged_answer,
    read_tagged_plan,
    read_tagged_verdict,
)
from agentflow.flow.prompt_set import format_name
from agentflow.types import Action

READERS: list[Callable[[str], object]] = [
    read_object,
    read_program,
    read_json_plan,
    read_json_verdict,
    read_json_answer,
    read_tagged_plan,
    read_tagged_verdict,
    read_tagged_answer,
]

pieces = st.sampled_from(
    [
        *("{", "}", "[", "]", '"', "\\", "\\ud800", ":", ",", "null", "1e999", "-", "NaN", "9" * 5000, "```", "\n"),
        *('{"sub_goal": "a", "tool": "b"}', '"verdict": "STOP"', '"short_answer": true', "<answer>", "</answer>"),
        *("Context:", "Sub-Goal:", "Tool Name:", "Justification:", "Conclusion: STOP", "**", "python", " "),
    ]
)
model_texts = st.text() | st.lists(pieces | st.text(max_size=5), max_size=20).map("".join)
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
).map(json.dumps)

# What a model can say between two labels: no label, and no mark that the reader takes for wrapping.
said = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="*`:\n\r")).map(
    lambda text: " ".join(text.split())
)


def read_or_complain(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except Unreadable as error:
        return error


@pytest.mark.parametrize("read", READERS)
def test_any_text_is_read_or_is_unreadable(read: Callable[[str], object]) -> None:
    @given(model_texts | json_texts)
    def check(text: str) -> None:
        value = read_or_complain(read, text)
        assert value is not None
        json.dumps(value if isinstance(value, dict) else str(value), allow_nan=False).encode()

    check()


# A backspace, a form feed or a carriage return before a letter is taken for LaTeX, and so are some tabs.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\b\f\r\t"))


@given(st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts | st.lists(texts)))
def test_an_object_is_read_through_any_wrapping(value: dict[str, object]) -> None:
    text = json.dumps(value)
    assert read_object(text) == read_object(f"Sure!\n```json\n{text}\n```\nHope {{this}} helps") == json.loads(text)


@given(said, said, said, st.from_regex(r"[a-z]+(_[a-z]+)?", fullmatch=True))
def test_an_action_survives_both_formats(justification: str, context: str, goal: str, tool: str) -> None:
    action = Action(justification=justification, context=context, sub_goal=goal or "go", tool=tool)
    assert read_json_plan(json.dumps(action.model_dump())) == action
    tagged = (
        f"Justification: {action.justification}\nContext: {action.context}\n"
        f"Sub-Goal: {action.sub_goal}\nTool Name: {action.tool}\n"
    )
    assert read_tagged_plan(tagged) == action


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"a": 1', "broken"),
        ("{'a': 1}", "broken"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": -Infinity}', "-Infinity is no JSON"),
        ('{"a": 1e999}', "too large"),
        (f'{{"a": {"9" * 5000}}}', "broken"),
        *[(f'{{"a": {"[" * depth}{"]" * depth}}}', "nested too deeply") for depth in (70, 400, 900, 100_000)],
        ('{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_an_object_that_is_none_says_why(text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_object(text)


def test_a_line_break_inside_a_string_is_read() -> None:
    assert read_object('{"code": "a\nb\tc"}') == {"code": "a\nb\tc"}


@pytest.mark.parametrize(
    "meant",
    [
        r"\frac{1}{2}",
        r"\boxed{12}",
        r"\sqrt{3}",
        r"\pi",
        r"3\times10^4",
        r"\theta",
        r"5 \text{ km}",
        r"\rho",
        r"\{1, 2\}",
    ],
)
def test_mathematics_whose_backslashes_are_not_doubled_is_read_as_it_was_meant(meant: str) -> None:
    assert read_json_answer(f'{{"short_answer": "{meant}"}}').short == meant
    assert read_json_answer(json.dumps({"short_answer": meant})).short == meant


@pytest.mark.parametrize(
    "code",
    ["x = 1\neq = x\n\ttext = 'a\\tb'", 'print("a")', "a\r\nb", "re.sub(r'\\bfoo', '', s)", "\\\\", "\u00e9\x00"],
)
def test_what_is_written_by_the_rules_of_json_is_read_by_them(code: str) -> None:
    assert read_object(json.dumps({"code": code})) == {"code": code}


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_read() -> None:
    assert read_object('{"a\\ud800": ["\\udc00", "\\ud83d\\ude00"]}') == {"a?": ["?", "\N{GRINNING FACE}"]}


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)"),
        ("Here:\n```py\nfor x in y:\n    pass\n```\nand\n```\nother\n```", "for x in y:\n    pass"),
        ("```\nprint(1)", "print(1)"),
        ("```python\r\nprint(1)\r\n```", "print(1)\r"),
        ("print(1)", "print(1)"),
        ("print('```')", "print('```')"),
    ],
)
def test_a_program_is_the_first_block(text: str, program: str) -> None:
    assert read_program(text) == program


@pytest.mark.parametrize("text", ["", " \n", "```python\n\n```"])
def test_no_program_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="no program"):
        read_program(text)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (
            "Context: a\nSub-Goal: b\nTool Name: Generalist_Solution_Generator_Tool\n",
            Action(context="a", sub_goal="b", tool="generalist"),
        ),
        (
            "**Justification:** old\n**Context:** old\n**Sub-Goal:** old\n**Tool Name:** old\n\n"
            "Justification: because\nContext: new\nSub Goal: new\nToolName: `Wikipedia Search Tool`",
            Action(justification="because", context="new", sub_goal="new", tool="wikipedia_search"),
        ),
        (
            "Context: a\nSub-Goal: find it in this context: b\nTool Name:\npython",
            Action(context="a", sub_goal="find it in this context: b", tool="python"),
        ),
        (
            "Context: a Sub-Goal: b Tool Name: <python>\nContext: an unfinished second plan",
            Action(context="a", sub_goal="b", tool="python"),
        ),
    ],
)
def test_the_last_whole_tagged_plan_counts(text: str, action: Action) -> None:
    assert read_tagged_plan(text) == action


@pytest.mark.parametrize(
    "text", ["Context: a\nTool Name: b", "Sub-Goal: a\nContext: b\nTool Name: c", "Context:\nSub-Goal:\nTool Name: x"]
)
def test_a_tagged_plan_with_a_part_missing(text: str) -> None:
    with pytest.raises(Unreadable, match=r"wanted|is empty"):
        read_tagged_plan(text)


def test_verdicts() -> None:
    assert read_json_verdict('{"reason": "all there", "verdict": "stop"}').stop
    assert not read_tagged_verdict("**Conclusion:** **STOP**? No.\nConclusion: CONTINUE").stop
    assert read_tagged_verdict("It is all there.\nConclusion: STOP").reason == "It is all there."
    for read in (read_json_verdict, read_tagged_verdict):
        with pytest.raises(Unreadable):
            read('{"verdict": "STOPPED"} Conclusion: STOPPED')


def test_answers() -> None:
    assert read_json_answer('{"short_answer": 42}').output == "42"
    assert read_tagged_answer("no <answer>1</answer> but <ANSWER> 42 </ANSWER>").short == "42"
    for text in ("<answer></answer>", "<answer>42", "42</answer>", "</answer><answer>"):
        with pytest.raises(Unreadable, match="between <answer>"):
            read_tagged_answer(text)
    for text in ('{"answer": "42"}', '{"short_answer": " "}', '{"short_answer": true}'):
        with pytest.raises(Unreadable, match="'short_answer'"):
            read_json_answer(text)


REPEATED = [
    *("{", '{"a":', "[", '"', "\\", "```", "```a", "`", "\n", " ", "*"),
    *("Context:", "Sub-Goal:", "Tool Name:", "Justification:", "Context: Sub-Goal:", "Sub-Goal: Tool Name:"),
    *("Conclusion:", "Conclusion: ", "<answer>", "</answer>"),
]


@pytest.mark.parametrize("read", READERS)
def test_a_huge_text_is_read_in_no_time(read: Callable[[str], object]) -> None:
    begun = time.perf_counter()
    for piece in REPEATED:
        for start in ("", "Conclusion:", "Context: a Sub-Goal: b Tool Name: c ", '{"a": "'):
            text = start + piece * (100_000 // len(piece))
            complaint = read_or_complain(read, text)
            assert not isinstance(complaint, Unreadable) or len(str(complaint)) < 1000
    assert time.perf_counter() - begun < 5  # minutes, with a pattern that backtracks


def test_a_format_belongs_to_a_prompt_set() -> None:
    assert FORMATS[format_name("paper")] is TAGGED
    assert FORMATS[format_name("json")] is FORMATS[format_name("/some/folder")] is JSON
