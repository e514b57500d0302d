"""Blame: the failed items again, one part swapped at a time, and held against a run with nothing swapped."""

import asyncio
import doctest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentflow.engines import ScriptedEngine
from agentflow.engines.scripted import Reply
from agentflow.errors import ConfigError, EngineError, UnknownName
from agentflow.evaluation import blame as blame_module
from agentflow.evaluation.blame import Blame, failed_tasks, find_blame
from agentflow.evaluation.receipt import Receipt, read_receipt
from agentflow.evaluation.swap import Swap
from agentflow.types import Engine, Message, Sampling

from ..flow.solo import found
from ..flow.team import answer
from .asking import Team, config_of, number_in, numbers, run

WRONG = (2, 5, 7)


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    """Of ten items, of which three are wrong."""
    return made(tmp_path / "before.jsonl", Team(wrong=WRONG))


def made(path: Path, team: Team, num: int = 10, **settings: Any) -> Receipt:
    run(path, numbers(num), team, **settings)
    return read_receipt(path)


def blamed(
    receipt: Receipt, out: Path, team: Team, engines: dict[str, ScriptedEngine], *swaps: str, **named: Any
) -> list[Blame]:
    """With engines on offer besides those of the team."""
    chosen = [Swap(*swap.split("=")) for swap in swaps]
    on_offer: dict[str, Engine] = {**team.engines, **engines}
    config = named.pop("config", None) or config_of()
    return asyncio.run(find_blame(receipt, config, chosen, out, engines=on_offer, **named))


def shown(blames: Sequence[Blame]) -> list[tuple[str, list[float]]]:
    return [
        (blame.swap, [record.value for record in blame.receipt.records] if blame.receipt else []) for blame in blames
    ]


class Sampled(Team):
    """A team whose generator is right or wrong as its seed has it."""

    def _answer(self, messages: Sequence[Message], *arguments: object) -> Reply:
        [sampling] = [argument for argument in arguments if isinstance(argument, Sampling)]
        assert sampling.seed is not None
        return answer(str(number_in(messages)) if sampling.seed % 2 else "nobody knows")


def test_examples() -> None:
    assert doctest.testmod(blame_module).failed == 0


def test_only_what_was_wrong_is_run_again(receipt: Receipt) -> None:
    assert [task.id for task in failed_tasks(receipt)] == ["item-2", "item-5", "item-7"]


def test_the_swap_that_puts_most_right_comes_first_and_the_control_last(receipt: Receipt, tmp_path: Path) -> None:
    better = {
        "openai:better": Team(wrong=(7,)).engines["openai:generator"],
        "openai:other": Team(wrong=WRONG).engines["openai:planner"],
    }
    swaps = ("planner=openai:other", "generator=openai:better")
    blames = blamed(receipt, tmp_path / "blame", Team(wrong=WRONG), better, *swaps)
    assert shown(blames) == [
        ("generator=openai:better", [1.0, 1.0, 0.0]),
        ("planner=openai:other", [0.0, 0.0, 0.0]),
        ("nothing", [0.0, 0.0, 0.0]),
    ]
    first, second, control = blames
    assert first.gain is not None
    assert (round(first.gain.difference, 3), first.gain.better, first.gain.worse) == (0.667, 2, 0)
    assert second.gain is not None
    assert second.gain.difference == 0
    assert control.gain is None
    again = read_receipt(first.path)
    assert again.header.benchmark.name == "numbers, failed"
    assert again.header.modules["generator"].engine == "openai:better"


def test_a_swap_that_does_not_matter_does_as_well_as_nothing(tmp_path: Path) -> None:
    team = Sampled()
    receipt = made(tmp_path / "sampled.jsonl", team, num=40)
    same = {"openai:same": team.engines["openai:planner"]}
    swapped, control = blamed(receipt, tmp_path / "blame", team, same, "planner=openai:same")
    marks = shown([swapped])[0][1]
    assert marks == shown([control])[0][1]
    assert 0.25 < sum(marks) / len(marks) < 0.75  # by chance: they were all wrong before
    assert swapped.gain is not None
    assert (swapped.gain.difference, swapped.gain.interval) == (0.0, (0.0, 0.0))


def test_an_item_has_as_many_trials_and_attempts_as_it_had(tmp_path: Path) -> None:
    team = Sampled()
    receipt = made(tmp_path / "trials.jsonl", team, num=6, trials=4, attempts=3)
    [control] = blamed(receipt, tmp_path / "blame", team, {})
    assert control.receipt
    assert (control.receipt.header.trials, control.receipt.header.attempts) == (4, 3)
    assert {record.id for record in control.receipt.records} == {task.id for task in failed_tasks(receipt)}
    assert len(control.receipt.records) == 4 * len(failed_tasks(receipt))


def test_an_engine_that_is_down_puts_nothing_right_and_is_seen_to_fail(receipt: Receipt, tmp_path: Path) -> None:
    down = {"openai:down": ScriptedEngine(lambda *_: EngineError("the server is down"))}
    swapped, control = blamed(receipt, tmp_path / "blame", Team(wrong=WRONG), down, "generator=openai:down")
    assert swapped.receipt
    assert control.receipt
    for blame, rate in ((swapped, 1.0), (control, 0.0)):
        assert blame.receipt
        assert blame.receipt.header.summary
        assert blame.receipt.header.summary.failure_rate == rate


def test_one_swap_that_is_stopped_leaves_the_others(tmp_path: Path) -> None:
    weak = Team(wrong=range(30))
    receipt = made(tmp_path / "all.jsonl", weak, num=30)
    engines = {
        "openai:down": ScriptedEngine(lambda *_: EngineError("the server is down")),
        "openai:better": Team().engines["openai:generator"],
    }
    swaps = ("generator=openai:down", "generator=openai:better")
    blames = blamed(receipt, tmp_path / "blame", weak, engines, *swaps)
    assert [blame.swap for blame in blames] == ["generator=openai:better", "generator=openai:down", "nothing"]
    assert blames[0].gain is not None
    assert blames[0].gain.difference == 1.0
    assert blames[1].receipt is None
    assert "the server is down" in blames[1].stopped


def test_without_a_control_the_swaps_are_shown_all_the_same(tmp_path: Path) -> None:
    receipt = made(tmp_path / "all.jsonl", Team(wrong=range(30)), num=30)
    broken, better = Team(broken=range(30)), Team()
    engines = {"openai:up": better.engines["openai:planner"]}
    swapped, control = blamed(receipt, tmp_path / "blame", broken, engines, "planner=openai:up")
    assert control.receipt is None
    assert swapped.gain is None
    assert shown([swapped])[0][1] == [1.0] * 30


def test_what_is_there_is_not_run_again(receipt: Receipt, tmp_path: Path) -> None:
    better = Team(wrong=(7,)).engines["openai:generator"]
    first = blamed(receipt, tmp_path / "blame", Team(wrong=WRONG), {"openai:b": better}, "generator=openai:b")
    asked = len(better.requests)
    team = Team(wrong=WRONG)
    other = {"openai:b": better, "openai:c": Team().engines["openai:generator"]}
    again = blamed(receipt, tmp_path / "blame", team, other, "generator=openai:b", "generator=openai:c")
    assert len(better.requests) == asked
    assert team.asked("generator") == []
    assert shown(again)[1:] == shown(first)
    assert [blame.swap for blame in again] == ["generator=openai:c", "generator=openai:b", "nothing"]


@pytest.mark.parametrize("wrong", [(5,), (1, *WRONG)])
def test_a_folder_of_other_items_is_named(wrong: Sequence[int], receipt: Receipt, tmp_path: Path) -> None:
    blamed(receipt, tmp_path / "blame", Team(wrong=WRONG), {})
    other = made(tmp_path / "other.jsonl", Team(wrong=wrong))
    with pytest.raises(ConfigError, match=rf"other items than the {len(wrong)} that failed .* name another folder"):
        blamed(other, tmp_path / "blame", Team(wrong=wrong), {})


def test_a_mistake_in_the_last_swap_is_known_before_anything_is_asked(receipt: Receipt, tmp_path: Path) -> None:
    team = Team(wrong=WRONG)
    with pytest.raises(UnknownName, match="unknown engine prefix 'opnai'"):
        blamed(receipt, tmp_path / "blame", team, {}, "planner=openai:generator", "planner=opnai:x")
    with pytest.raises(ConfigError, match="settings of tool generalist"):
        blamed(receipt, tmp_path / "blame", team, {}, "tools.generalist.tokens=5")
    assert team.asked("planner") == []
    assert not (tmp_path / "blame").exists()


def test_what_is_not_as_it_was_is_told(receipt: Receipt, tmp_path: Path) -> None:
    lines: list[str] = []
    blamed(receipt, tmp_path / "same", Team(wrong=WRONG), {}, notice=lines.append)
    assert lines == []
    blamed(receipt, tmp_path / "other", Team(wrong=WRONG), {}, notice=lines.append, config=config_of(prompts="worked"))
    assert any("config.prompts: 'json' -> 'worked'" in line for line in lines)


@pytest.mark.parametrize(("flow", "reply"), [("plain", answer), ("react", found)])
def test_a_baseline_has_its_model_swapped(flow: str, reply: Callable[[str], str], tmp_path: Path) -> None:
    config, team = config_of(flow=flow, solo__engine="openai:solo"), Team()
    strong = ScriptedEngine(lambda messages, *_: reply(str(number_in(messages))))
    team.engines["openai:solo"] = ScriptedEngine(lambda *_: reply("nobody knows"))
    run(tmp_path / "alone.jsonl", numbers(2), team, config=config)
    receipt = read_receipt(tmp_path / "alone.jsonl")
    on_offer = {"openai:strong": strong}
    with pytest.raises(UnknownName, match="unknown part 'planner': Known: solo"):
        blamed(receipt, tmp_path / "blame", team, on_offer, "planner=openai:strong", config=config)
    blames = blamed(receipt, tmp_path / "blame", team, on_offer, "solo=openai:strong", config=config)
    assert shown(blames) == [("solo=openai:strong", [1.0, 1.0]), ("nothing", [0.0, 0.0])]


def test_nothing_failed_nothing_to_blame(tmp_path: Path) -> None:
    receipt = made(tmp_path / "right.jsonl", Team(), num=3)
    with pytest.raises(ConfigError, match="every item is right"):
        blamed(receipt, tmp_path, Team(), {})
