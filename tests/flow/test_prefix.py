"""What never changes comes first: each prompt of the planner starts with the one before."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.flow import known_prompt_sets
from agentflow.types import Message

from .team import ARGUMENTS, CONTINUE, flow_of, plan, team

TAGGED_CONTINUE = "not yet\nConclusion: CONTINUE"

replies = st.sampled_from(
    ["", "nonsense", "{", plan("first"), plan("x " * 2000), plan(tool_name="refuse"), plan(tool_name="nowhere")]
    + [f"Context: c\nSub-Goal: {goal}\nTool Name: {name}" for goal in ("a", "b" * 999) for name in ("echo", "refuse")]
)
arguments = st.sampled_from([ARGUMENTS, "nonsense", '{"text": "' + "long " * 3000 + '"}'])


def starts_with(later: Sequence[Message], earlier: Sequence[Message]) -> bool:
    """Whether the earlier prompt is a beginning of the later one, message by message and within its last message."""
    *whole, last = earlier
    same = list(later[: len(whole)]) == whole
    follower = later[len(whole)]
    return same and follower.role == last.role and follower.content.startswith(last.content)


@pytest.mark.parametrize("name", known_prompt_sets())
def test_each_prompt_of_the_planner_starts_with_the_one_before(name: str) -> None:
    @given(st.lists(replies, min_size=4, max_size=4), st.lists(arguments, min_size=4, max_size=4))
    def check(plans: list[str], calls: list[str]) -> None:
        engines = team(planner=plans, executor=calls, verifier=TAGGED_CONTINUE if name == "paper" else CONTINUE)
        flow = flow_of(engines, prompts=name, budget__max_turns=4)

        async def solve() -> None:
            await flow.solve("What is it?")

        asyncio.run(solve())
        prompts = [request.messages for request in engines["planner"].requests]
        assert len(prompts) == 4
        for earlier, later in pairwise(prompts):
            assert starts_with(later, earlier)
            assert later != earlier

    check()


@pytest.mark.anyio
async def test_the_conversation_holds_what_the_planner_said() -> None:
    engines = team(planner=["not a plan", plan("second"), plan("third")])
    await flow_of(engines, budget__max_turns=3).solve("What is it?")
    messages = engines["planner"].requests[2].messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message.content for message in messages if message.role == "assistant"] == ["not a plan", plan("second")]
    assert messages[-1].content.startswith("text: hello\nResult: echo of hello\nVerifier: CONTINUE. ")


@pytest.mark.anyio
async def test_two_solves_at_once_know_nothing_of_each_other() -> None:
    """One engine and one flow for both: each prompt holds the words of its own question alone."""

    def planner(messages: Sequence[Message], *_: object) -> str:
        return plan(f"look at {'apples' if 'apples' in str(messages) else 'pears'}")

    def executor(messages: Sequence[Message], *_: object) -> str:
        return '{"text": "' + ("apples" if "apples" in str(messages) else "pears") + '"}'

    engines = team(planner=planner, executor=executor, latency_seconds=0.001)
    flow = flow_of(engines, budget__max_turns=3)

    async def solve(question: str) -> str:
        return (await flow.solve(question)).model_dump_json()

    records = await asyncio.gather(solve("What are apples?"), solve("What are pears?"))
    assert ["pears" in record for record in records] == [False, True]
    assert ["apples" in record for record in records] == [True, False]
    for engine in engines.values():
        prompts = [str(request.messages) for request in engine.requests]
        assert not any("apples" in prompt and "pears" in prompt for prompt in prompts)


@pytest.mark.anyio
async def test_a_flow_can_be_used_again() -> None:
    flow = flow_of(budget__max_turns=2)
    first, second = await flow.solve("What is it?"), await flow.solve("What is it?")
    assert first.turns[0].calls[0].messages == second.turns[0].calls[0].messages
    assert len(first.all_calls) == len(second.all_calls)
