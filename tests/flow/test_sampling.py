"""Sampling is explicit: what is recorded is what reached the engine, and a seed makes a solve repeatable."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import TEXT_ONLY
from agentflow.errors import CapabilityError
from agentflow.types import Message, ModuleName, Sampling, Trajectory

from .team import ANSWER, PLAN, TOOLS, flow_of, team

pytestmark = pytest.mark.anyio


def calls_and_requests(
    trajectory: Trajectory, engines: dict[ModuleName, ScriptedEngine]
) -> list[tuple[Sampling, Sampling]]:
    pairs = []
    for module, engine in engines.items():
        calls = [call for call in trajectory.all_calls if call.module == module]
        pairs += [(call.sampling, request.sampling) for call, request in zip(calls, engine.requests, strict=True)]
    return pairs


async def test_each_recorded_call_holds_the_sampling_and_the_prompt_that_reached_the_engine() -> None:
    engines = team()
    flow = flow_of(
        engines,
        budget__max_turns=2,
        planner__temperature=0.9,
        planner__top_p=0.8,
        planner__top_k=7,
        verifier__max_tokens=33,
        generator__temperature="none",
        generator__stop=["END"],
        generator__constrained=False,
        seed=5,
    )
    trajectory = await flow.solve("What is it?")
    pairs = calls_and_requests(trajectory, engines)
    assert len(pairs) == 2 + 2 * 3
    assert all(recorded == arrived for recorded, arrived in pairs)
    planner, verifier, generator = (engines[m].requests[0].sampling for m in ("planner", "verifier", "generator"))
    assert (planner.temperature, planner.top_p, planner.top_k) == (0.9, 0.8, 7)
    assert verifier.max_tokens == 33
    assert (generator.temperature, generator.stop) == (None, ("END",))
    call, request = trajectory.turns[0].calls[0], engines["planner"].requests[0]
    assert (call.messages, call.json_schema) == (request.messages, request.json_schema)


async def test_without_a_seed_none_is_sent() -> None:
    trajectory = await flow_of(budget__max_turns=1).solve("What is it?")
    assert {call.sampling.seed for call in trajectory.all_calls} == {None}


async def seeds(seed: int | None, *, of_the_config: int | None = None) -> list[int | None]:
    trajectory = await flow_of(budget__max_turns=3, seed=of_the_config).solve("What is it?", seed=seed)
    return [call.sampling.seed for call in trajectory.all_calls]


async def test_each_call_has_a_seed_of_its_own_that_can_be_had_again() -> None:
    first = await seeds(7)
    assert len(set(first)) == len(first) == 2 + 3 * 3
    assert None not in first
    assert await seeds(7) == first
    assert not set(await seeds(8)) & set(first)
    assert await seeds(None, of_the_config=7) == first
    assert await seeds(8, of_the_config=7) == await seeds(8)


async def test_the_seed_of_a_module_is_left_as_it_is() -> None:
    engines = team()
    await flow_of(engines, budget__max_turns=2, planner__seed=3, seed=7).solve("What is it?")
    assert [request.sampling.seed for request in engines["planner"].requests] == [3, 3]


NO_SEED = TEXT_ONLY.model_copy(update={"seed": False})
NO_SCHEMA = TEXT_ONLY.model_copy(update={"json_schema": False})
NO_TEMPERATURE = TEXT_ONLY.model_copy(update={"temperature": False})


async def test_an_engine_that_takes_no_seed_is_refused_before_anything_is_asked() -> None:
    engines = team(capabilities=NO_SEED)
    with pytest.raises(CapabilityError, match=r"a seed is set, but engine 'scripted:analyst' \(analyst\) takes none"):
        flow_of(engines, seed=1)
    flow = flow_of(engines, budget__max_turns=1)
    with pytest.raises(CapabilityError, match="a seed is set"):
        flow.solve("What is it?", seed=1)
    assert (await flow.solve("What is it?")).answer == "42"


@pytest.mark.parametrize("module", ["planner", "executor", "verifier", "generator"])
async def test_an_engine_that_takes_no_schema_is_refused_unless_unconstrained(module: ModuleName) -> None:
    engines = team()
    engines[module] = ScriptedEngine(lambda *_: PLAN, capabilities=NO_SCHEMA)
    with pytest.raises(CapabilityError, match=r"can not take json_schema: .*constrained = false"):
        flow_of(engines)
    free: dict[str, Any] = {f"{module}__constrained": False}
    await flow_of(engines, budget__max_turns=1, **free).solve("What is it?")
    assert {request.json_schema for request in engines[module].requests} == {None}


async def test_an_engine_that_takes_no_temperature_works_with_none() -> None:
    engines = team()
    engines["generator"] = ScriptedEngine(lambda *_: ANSWER, capabilities=NO_TEMPERATURE)
    with pytest.raises(CapabilityError, match=r'can not take temperature: set a sampling value to "none"'):
        flow_of(engines)
    trajectory = await flow_of(engines, generator__temperature="none", budget__max_turns=1).solve("What is it?")
    assert trajectory.answer == "42"


async def test_schemas_reach_the_engine() -> None:
    engines = team()
    await flow_of(engines, budget__max_turns=1).solve("What is it?")

    schemas = {module: engine.requests[0].json_schema or {} for module, engine in engines.items()}
    assert schemas["planner"]["properties"]["tool"] == {"enum": ["echo", "hang", "refuse"]}
    assert schemas["executor"] == TOOLS["echo"].json_schema
    assert schemas["verifier"]["properties"]["verdict"] == {"enum": ["STOP", "CONTINUE"]}
    assert "short_answer" in schemas["generator"]["required"]


async def test_texts_are_passed_on_as_messages_of_the_roles_they_have() -> None:
    engines = team()
    await flow_of(engines, budget__max_turns=1).solve("What is it?")
    messages: Sequence[Message] = engines["generator"].requests[0].messages
    assert [message.role for message in messages] == ["system", "user"]
