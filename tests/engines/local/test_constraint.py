"""Schema-constrained decoding over the tiny vocabulary, where every text has only a few spellings."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from agentflow.engines.decoding.constraint import ConstraintFactory
from agentflow.engines.decoding.generation import Generation
from agentflow.engines.local.guidance import constraint_factory
from agentflow.engines.local.llama import Model
from agentflow.errors import ConfigError
from agentflow.types import JsonSchema, Sampling

from .tiny_model import CONTROL, IM_END, VOCABULARY

PLAN: JsonSchema = {
    "type": "object",
    "properties": {"goal": {"type": "string", "maxLength": 12}, "tool": {"enum": ["python", "search"]}},
    "required": ["goal", "tool"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model(tiny_path: Path) -> Iterator[Model]:
    model = Model(tiny_path)
    yield model
    model.close()


@pytest.fixture(scope="module")
def factory(model: Model) -> ConstraintFactory:
    return constraint_factory(model)


def generate(model: Model, factory: ConstraintFactory, schema: JsonSchema, **sampling: Any) -> Generation:
    """Run a generation on random logits, until it ends."""
    settings = Sampling(**{"temperature": 1.0, "max_tokens": 500, "seed": 0, **sampling})
    constraint = factory.compile(schema)
    generation = Generation([0], settings, vocabulary=model, constraint=constraint, on_finish=lambda _: None)
    random = np.random.default_rng(settings.seed)
    while not generation.ended:
        generation.draw(random.standard_normal(model.num_tokens).astype(np.float32) * 2)
    return generation


@pytest.mark.parametrize("seed", range(10))
def test_a_finished_text_fits_its_schema(model: Model, factory: ConstraintFactory, seed: int) -> None:
    generation = generate(model, factory, PLAN, seed=seed)
    assert generation.finish_reason == "stop"
    jsonschema.validate(json.loads(generation.text), PLAN)


def test_what_is_forced_is_certain_and_comes_without_being_drawn(model: Model, factory: ConstraintFactory) -> None:
    generation = Generation(
        [0], Sampling(), vocabulary=model, constraint=factory.compile(PLAN), on_finish=lambda _: None
    )
    assert generation.text == '{"goal": "'
    assert generation.logprobs == [0.0] * len(generation.tokens)


def test_forced_tokens_are_among_the_allowed_ones(model: Model, factory: ConstraintFactory) -> None:
    taken = generate(model, factory, PLAN).tokens
    replay = factory.compile(PLAN)
    for token in taken:
        assert replay.allowed()[token]
        replay.take(token)
    assert replay.finished


def test_recorded_probabilities_are_those_among_the_allowed_tokens(model: Model, factory: ConstraintFactory) -> None:
    """On even logits each of n allowed tokens has the probability 1/n."""
    constraint = factory.compile(PLAN)
    generation = Generation([0], Sampling(seed=3), vocabulary=model, constraint=constraint, on_finish=lambda _: None)
    num_allowed = int(constraint.allowed().sum())
    before = len(generation.tokens)
    generation.draw(np.zeros(model.num_tokens, dtype=np.float32))
    assert generation.logprobs[before] == pytest.approx(-math.log(num_allowed))


@pytest.mark.parametrize("max_tokens", [1, 5, 14])
def test_cut_off_by_the_token_limit(model: Model, factory: ConstraintFactory, max_tokens: int) -> None:
    """Also in the middle of what is forced: the first ten tokens are."""
    generation = generate(model, factory, PLAN, max_tokens=max_tokens)
    assert generation.finish_reason == "length"
    assert len(generation.tokens) == len(generation.logprobs) == max_tokens
    assert '{"goal": "'.startswith(generation.text[:10])


def test_a_schema_without_a_choice_is_finished_as_it_is_made(model: Model, factory: ConstraintFactory) -> None:
    constraint = factory.compile({"const": "yes"})
    generation = Generation([0], Sampling(), vocabulary=model, constraint=constraint, on_finish=lambda _: None)
    assert (generation.text, generation.finish_reason) == ('"yes"', "stop")


def test_complete_in_the_last_place_is_a_stop(model: Model, factory: ConstraintFactory) -> None:
    generation = generate(model, factory, {"const": "yes"}, max_tokens=5)
    assert (generation.text, generation.finish_reason) == ('"yes"', "stop")


def test_an_open_end_is_ended_by_the_model(model: Model, factory: ConstraintFactory) -> None:
    """A number could always go on: the end token is among the allowed ones."""
    generation = generate(model, factory, {"type": "integer"}, temperature=1.0)
    assert generation.finish_reason == "stop"
    assert generation.tokens[-1] in (IM_END, VOCABULARY.index(CONTROL[0]))
    assert isinstance(json.loads(generation.text), int)


def test_control_tokens_are_never_allowed_inside_a_string(model: Model, factory: ConstraintFactory) -> None:
    constraint = factory.compile(PLAN)
    for token in constraint.forced():
        constraint.take(token)
    allowed = constraint.allowed()
    assert not any(allowed[token] for token in range(len(VOCABULARY) - len(CONTROL), len(VOCABULARY)))


def test_one_compiled_schema_does_not_disturb_another(model: Model, factory: ConstraintFactory) -> None:
    first, second = factory.compile(PLAN), factory.compile(PLAN)
    for token in first.forced():
        first.take(token)
    assert second.forced()
    assert not np.array_equal(first.allowed(), second.allowed())


@pytest.mark.parametrize("schema", [{"type": "strin"}, {"$ref": "#/missing"}, {"type": "object", "minProperties": "x"}])
def test_a_schema_that_can_not_be_enforced(factory: ConstraintFactory, schema: JsonSchema) -> None:
    with pytest.raises(ConfigError, match="schema"):
        factory.compile(schema)


def test_letters_outside_ascii(model: Model, factory: ConstraintFactory) -> None:
    schema: JsonSchema = {"enum": ["grün 😀", "blau ü"]}
    assert json.loads(generate(model, factory, schema).text) in schema["enum"]
