"""The memory is bounded, only grows at its end, and holds one solve alone."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.config import MemoryConfig
from agentflow.engines import ScriptedEngine
from agentflow.engines.token_estimate import estimate_tokens
from agentflow.errors import ConfigError
from agentflow.flow.checks import TURN_TOKENS
from agentflow.flow.memory import Memory, cut_middle
from agentflow.types import (
    Action,
    Call,
    Completion,
    Message,
    Sampling,
    Status,
    TokenCounter,
    Turn,
    Verdict,
)

PLANNER_TOKENS = 40
MAX_TURNS = 5
LIMITS = MemoryConfig(tokens=2200, result_tokens=400)

words = st.text(alphabet=string.ascii_letters + " \n.,:{}$é漢", max_size=60)
# Long texts are a short one many times over: what counts is their length.
texts = st.builds(lambda text, times: text * times, words, st.sampled_from([1, 1, 2, 50, 1000]))


def count_words(text: str) -> int:
    return ScriptedEngine([]).count_tokens(text)


def planner_call(text: str) -> Call:
    return Call(
        module="planner",
        engine="scripted",
        messages=(Message(role="user", content="?"),),
        sampling=Sampling(),
        completion=Completion(text=text),
        seconds=0.0,
    )


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    action = draw(st.none() | st.builds(Action, context=texts, sub_goal=texts, tool=words))
    return Turn(
        index=0,
        action=action,
        arguments=draw(st.none() | st.dictionaries(words, texts | st.integers() | st.lists(words), max_size=3)),
        result=draw(texts),
        status=draw(st.sampled_from(Status)),
        verdict=draw(st.none() | st.builds(Verdict, stop=st.booleans(), reason=texts)),
        calls=(planner_call(draw(texts)),),
    )


def memory_of(turns: list[Turn], count: TokenCounter = count_words) -> Memory:
    return Memory(turns, LIMITS, max_turns=MAX_TURNS, planner_tokens=PLANNER_TOKENS, count=count)


@given(st.lists(turns(), max_size=MAX_TURNS))
def test_memory_only_grows_at_its_end(turns: list[Turn]) -> None:
    entries = memory_of(turns).entries()
    for number in range(len(turns)):
        assert memory_of(turns[:number]).entries() == entries[:number]
        assert memory_of(turns).render().startswith(memory_of(turns[:number]).render())


@given(turns())
def test_a_verdict_is_added_at_the_end(turn: Turn) -> None:
    before = memory_of([turn.model_copy(update={"verdict": None})]).render()
    assert memory_of([turn]).render().startswith(before)


@given(st.lists(turns(), max_size=MAX_TURNS), st.sampled_from([count_words, estimate_tokens]))
def test_memory_stays_within_its_tokens(turns: list[Turn], count: TokenCounter) -> None:
    memory = memory_of(turns, count)
    allowed = LIMITS.tokens + TURN_TOKENS * len(turns)
    assert count(memory.render()) <= allowed
    assert sum(count(entry.plan_as_written) + count(entry.outcome) for entry in memory.entries()) <= allowed


def test_every_turn_keeps_room_for_a_result() -> None:
    long = Turn(index=0, action=Action(sub_goal="s " * 500, tool="t"), arguments={"q": "a " * 500}, result="r " * 5000)
    entries = memory_of([long] * MAX_TURNS).entries()
    assert all(entry.outcome.count("r ") >= 40 for entry in entries)


def test_a_long_result_carries_a_mark_and_keeps_its_ends() -> None:
    result = "the beginning " + "middle " * 5000 + "the end"
    text = memory_of([Turn(index=0, result=result)]).render()
    assert "the beginning" in text
    assert "the end" in text
    assert "characters left out ...]" in text


def test_a_short_result_is_left_alone() -> None:
    text = memory_of([Turn(index=0, action=Action(sub_goal="add", tool="sum"), result="4", arguments={"q": "2+2"})])
    assert str(text.entries()[0]) == "Sub-goal: add\nTool: sum\nq: 2+2\nResult: 4"


def test_what_the_planner_said_is_shown_as_it_was_said() -> None:
    [entry] = memory_of([Turn(index=0, status=Status.PLAN_ERROR, calls=(planner_call("I am { lost"),))]).entries()
    assert entry.plan_as_written == "I am { lost"


@pytest.mark.parametrize("said", ["", " \n"])
def test_a_planner_that_said_nothing_leaves_no_empty_message(said: str) -> None:
    """Some servers refuse a conversation with an empty message in it."""
    [entry] = memory_of([Turn(index=0, status=Status.PLAN_ERROR, calls=(planner_call(said),))]).entries()
    assert entry.plan_as_written.strip()


def test_limits_that_can_not_hold_all_turns_are_refused() -> None:
    memory_of([]).check()
    small = Memory([], MemoryConfig(tokens=1000), max_turns=6, planner_tokens=256, count=count_words)
    with pytest.raises(
        ConfigError, match=r"memory.tokens is 1000, but 6 turns need at least 3264: .*planner.max_tokens"
    ):
        small.check()


@given(texts, st.integers(min_value=8, max_value=200))
def test_shortened_texts_fit(text: str, limit: int) -> None:
    short = cut_middle(text, limit, count_words)
    assert count_words(short) <= limit
    assert short == text or "characters left out" in short


@given(st.text(alphabet="ab ", min_size=2000, max_size=4000))
def test_a_shortened_text_says_how_much_is_left_out(text: str) -> None:
    short = cut_middle(text, 60, len)
    assert len(short) <= 60


def test_megabytes_are_shortened_without_being_counted_whole() -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return estimate_tokens(text)

    assert estimate_tokens(cut_middle("x" * 5_000_000, 100, count)) <= 100
    assert max(counted) < 10_000
