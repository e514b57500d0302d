"""What is counted in a step, on trajectories that were made by hand."""

import pytest

from agentflow.rollout import Group
from agentflow.train.metrics import peak_memory, reward_metrics, rollout_metrics
from agentflow.types import Outcome, Status, Task

from .records import call, group, trajectory, turn

TASK = Task(question="What is it?")


def test_rewards_by_source_and_over_all() -> None:
    groups = [group([1.0, 0.0, 1.0, None], source="search"), group([0.0, 0.5], source="dice"), group([1.0])]
    found = rollout_metrics(groups)
    assert {name: value for name, value in found.items() if name.startswith("reward/")} == pytest.approx(
        {
            "reward/mean": 3.5 / 6,
            "reward/std": (3.25 / 6 - (3.5 / 6) ** 2) ** 0.5,
            "reward/search": 2 / 3,
            "reward/dice": 0.25,
            "reward/tasks": 1.0,
        }
    )


def test_errors_of_the_world_are_a_rate_and_no_reward() -> None:
    found = rollout_metrics([group([None, None, 1.0, 1.0])])
    assert found["errors/infra"] == 0.5
    assert found["reward/mean"] == 1.0
    assert found["outcome/infra_error"] == 0.5


def test_groups_without_a_difference_in_reward() -> None:
    found = rollout_metrics([group([1.0, 1.0]), group([1.0, 0.0]), group([0.0, 0.0]), group([0.0, 1.0])])
    assert (found["groups/num"], found["groups/zero_variance"]) == (4, 0.5)


def test_a_group_that_nobody_scored_is_none_of_equal_rewards() -> None:
    found = rollout_metrics([group([None, None]), group([1.0, 0.0])])
    assert (found["groups/num"], found["groups/zero_variance"]) == (2, 0)


def test_outcomes_are_shares_of_all_trajectories() -> None:
    endings = [Outcome.ANSWERED, Outcome.ANSWERED, Outcome.OUT_OF_TURNS, Outcome.POLICY_ERROR]
    only = Group(TASK, tuple(trajectory(0.0, outcome=ending) for ending in endings))
    found = {name: value for name, value in rollout_metrics([only]).items() if name.startswith("outcome/")}
    assert set(found) == {f"outcome/{outcome.value}" for outcome in Outcome}
    assert sum(found.values()) == 1
    assert (found["outcome/answered"], found["outcome/policy_error"], found["outcome/out_of_time"]) == (0.5, 0.25, 0)


def test_turns_and_what_the_planner_wrote() -> None:
    read = turn(call(token_ids=(1, 2, 3)), call("executor", token_ids=(1,) * 9))
    cut = turn(call(token_ids=(1,) * 5, cut_off=True), tool=None, status=Status.PLAN_ERROR)
    unknown = turn(call(token_ids=(1,)), tool="nothing", status=Status.UNKNOWN_TOOL)
    only = Group(TASK, (trajectory(1.0, read, num_tokens=12), trajectory(0.0, cut, unknown, read, num_tokens=20)))
    found = rollout_metrics([only])
    assert found["turns/mean"] == 2
    assert found["turns/plan_error"] == 0.5
    assert found["planner/tokens"] == 3
    assert found["planner/cut_off"] == 0.25
    assert found["tokens/all"] == 32


def test_tools_by_name() -> None:
    def used(tool: str, status: Status = Status.OK, seconds: float = 2.0) -> Group:
        return Group(
            TASK, (trajectory(1.0, turn(call(), call("executor"), tool=tool, status=status, seconds=seconds)),)
        )

    found = rollout_metrics(
        [
            used("search", seconds=4.0),
            used("search", Status.TOOL_TIMEOUT, seconds=6.0),
            used("search", Status.TOOL_ERROR, seconds=2.0),
            used("python"),
            used("no such tool", Status.UNKNOWN_TOOL),
            used("python", Status.CUT_OFF),
        ]
    )
    assert found["errors/calls"] == 3 / 5  # that of no such tool is one, and the one that was cut off is none
    of_tools = {name: value for name, value in found.items() if name.startswith("tool/")}
    assert of_tools == pytest.approx(
        {
            "tool/search/calls": 3,
            "tool/search/share": 0.75,
            "tool/search/errors": 2 / 3,
            "tool/search/seconds": 3,  # of 4, 6 and 2, each with a second of engine calls
            "tool/python/calls": 1,
            "tool/python/share": 0.25,
            "tool/python/errors": 0,
            "tool/python/seconds": 1,
        }
    )


def test_seconds_of_fractions_add_up() -> None:
    quick = turn(call(seconds=0.0), seconds=0.25)
    found = rollout_metrics([Group(TASK, (trajectory(1.0, quick, quick, quick),))])
    assert found["tool/echo/seconds"] == pytest.approx(0.25)


def test_of_nothing_everything_is_0() -> None:
    found = rollout_metrics([])
    assert set(found.values()) == {0}
    assert "errors/calls" not in found
    assert reward_metrics([trajectory(None)]) == {"reward/mean": 0, "reward/std": 0}


def test_a_process_has_taken_some_memory() -> None:
    assert 5 < peak_memory() < 1e6
