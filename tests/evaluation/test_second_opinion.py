"""A judge beside the rules, on answers that have their marks."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import Reply
from agentflow.errors import ConfigError, PromptTooLong
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.evaluation.second_opinion import second_opinion
from agentflow.scoring.judge import Judge
from agentflow.types import Message

from .asking import Team, number_in, numbers, run


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    run(tmp_path / "receipt.jsonl", numbers(5), Team(wrong=[4]))
    return read_receipt(tmp_path / "receipt.jsonl")


def test_an_answer_that_is_too_long_for_the_judge_is_not_judged(receipt: Receipt) -> None:
    def reply(messages: Sequence[Message], *_: object) -> Reply:
        right = '{"reason": "it is the number", "verdict": "RIGHT"}'
        return PromptTooLong("9000 tokens") if number_in(messages) == 2 else right

    agreed, apart = asyncio.run(second_opinion(receipt, Judge(ScriptedEngine(reply))))
    assert (agreed.both_right, agreed.only_judge_right, agreed.num_unjudged) == (3, 1, 1)
    assert [one.record.id for one in apart] == ["item-4"]


def test_a_key_that_is_refused_is_the_users_mistake(receipt: Receipt) -> None:
    engine = ScriptedEngine(lambda *_: ConfigError("the server refuses the key"))
    with pytest.raises(ConfigError, match="refuses the key"):
        asyncio.run(second_opinion(receipt, Judge(engine)))
