"""Which groups a step learns from, what takes the place of the others, and what of a trajectory is a planner turn."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from agentflow.engines.scripted import EVERYTHING, ScriptedEngine
from agentflow.errors import CapabilityError
from agentflow.rollout import Group, rollout
from agentflow.train.batch import Batch, check_versions, collect_batch, planner_turns, scored_trajectories
from agentflow.types import Call, Outcome, Status, Task
from tests.flow.team import PLAN, STOP, flow_of, plan, team

from .records import call, group, trajectory, turn

pytestmark = pytest.mark.anyio

Rewards = Sequence[float | None]
GOOD: Rewards = (1.0, 0.0)


def draw(position: int, number: int) -> list[Task]:
    """Tasks that are named after their position."""
    return [Task(question="What is it?", id=str(place)) for place in range(position, position + number)]


def rolling(rewards: Sequence[Rewards]) -> tuple[list[tuple[int, int]], Callable[..., Awaitable[list[Group]]]]:
    """What was rolled out (position, number of tasks), and the function: the n-th task gets the n-th rewards."""
    asked: list[tuple[int, int]] = []

    async def roll(tasks: Sequence[Task], position: int) -> list[Group]:
        asked.append((position, len(tasks)))
        return [group(rewards[int(task.id)], task.id) for task in tasks]

    return asked, roll


async def collect(
    rewards: Sequence[Rewards], *, num_tasks: int = 2, refill_rounds: int = 2, drop: bool = True, position: int = 0
) -> tuple[Batch, list[tuple[int, int]]]:
    asked, roll = rolling(rewards)
    batch = await collect_batch(
        draw,
        roll,
        position=position,
        num_tasks=num_tasks,
        refill_rounds=refill_rounds,
        drop_equal_rewards=drop,
    )
    return batch, asked


def ids(groups: Sequence[Group]) -> list[str]:
    return [each.task.id for each in groups]


async def test_groups_that_all_teach_are_one_round() -> None:
    batch, asked = await collect([GOOD, GOOD])
    assert asked == [(0, 2)]
    assert ids(batch.kept) == ids(batch.all_groups) == ["0", "1"]
    assert batch.position == 2


async def test_a_batch_goes_on_where_the_one_before_ended() -> None:
    batch, asked = await collect([GOOD] * 7, position=5)
    assert asked == [(5, 2)]
    assert ids(batch.kept) == ["5", "6"]
    assert batch.position == 7


async def test_groups_with_equal_rewards_are_replaced() -> None:
    batch, asked = await collect([(1.0, 1.0), GOOD, (0.0, 0.0), GOOD])
    assert asked == [(0, 2), (2, 1), (3, 1)]
    assert ids(batch.kept) == ["1", "3"]
    assert ids(batch.all_groups) == ["0", "1", "2", "3"]
    assert batch.position == 4


async def test_after_the_last_round_the_batch_is_what_there_is() -> None:
    batch, asked = await collect([(1.0, 1.0), GOOD, (0.0, 0.0), (0.0, 0.0), GOOD], refill_rounds=2)
    assert asked == [(0, 2), (2, 1), (3, 1)]
    assert ids(batch.kept) == ["1"]
    assert batch.position == 4


async def test_without_refills_nothing_is_replaced() -> None:
    batch, asked = await collect([(1.0, 1.0), (0.0, 0.0)], refill_rounds=0)
    assert asked == [(0, 2)]
    assert (batch.kept, ids(batch.all_groups), batch.position) == ([], ["0", "1"], 2)


async def test_equal_rewards_are_kept_on_request() -> None:
    batch, asked = await collect([(1.0, 1.0), (0.0, 0.0)], drop=False)
    assert asked == [(0, 2)]
    assert ids(batch.kept) == ["0", "1"]


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("rewards", [(None, None), (1.0, None), (None, 0.0)])
async def test_a_group_with_fewer_than_two_rewards_is_always_replaced(rewards: Rewards, drop: bool) -> None:
    batch, _ = await collect([rewards, GOOD], num_tasks=1, drop=drop)
    assert ids(batch.kept) == ["1"]


async def test_two_different_rewards_are_enough_whatever_became_of_the_others() -> None:
    batch, _ = await collect([(None, 1.0, None, 0.0)], num_tasks=1)
    assert ids(batch.kept) == ["0"]
    assert [each.name for each in scored_trajectories(batch.kept[0])] == ["0#1", "0#3"]


async def test_a_reward_without_a_planner_turn_is_no_difference_to_learn_from() -> None:
    never_planned = trajectory(0.0, turn(call("executor")), outcome=Outcome.OUT_OF_TIME)
    only = Group(Task(question="What is it?"), (trajectory(1.0), trajectory(1.0), never_planned))

    async def roll(tasks: Sequence[Task], position: int) -> list[Group]:
        return [only]

    batch = await collect_batch(draw, roll, position=0, num_tasks=1, refill_rounds=0, drop_equal_rewards=True)
    assert batch.kept == []


def test_planner_turns_are_the_planners_calls_in_their_order() -> None:
    found = planner_turns(
        trajectory(
            1.0,
            turn(call(token_ids=(7, 8), logprobs=(-0.1, -0.2)), call("executor"), call("verifier")),
            turn(call(token_ids=(9,), logprobs=(-0.3,))),
        )
    )
    assert [each.prompt_ids for each in found] == [(1, 2, 3)] * 2
    assert [each.action_ids for each in found] == [(7, 8), (9,)]
    assert [each.rollout_logprobs for each in found] == [(-0.1, -0.2), (-0.3,)]


@pytest.mark.parametrize("status", list(Status))
def test_a_planner_turn_counts_whatever_came_of_it(status: Status) -> None:
    assert len(planner_turns(trajectory(0.0, turn(call(cut_off=True), tool=None, status=status)))) == 1


async def test_plans_that_could_not_be_read_are_turns_of_the_policy() -> None:
    engines = team(verifier=STOP)
    plans = ["no plan at all", plan(tool_name="nothing"), PLAN]
    engines["planner"] = ScriptedEngine(plans, name="policy", capabilities=EVERYTHING)
    task = Task(question="What is it?", answers=("42",), metadata={"scorer": "number"})
    solved = await rollout(flow_of(engines), task, seed=0)
    assert [each.status for each in solved.turns] == [Status.PLAN_ERROR, Status.UNKNOWN_TOOL, Status.OK]
    found = planner_turns(solved)
    assert [len(each.action_ids) for each in found] == [len(text.split()) for text in plans]
    assert all(each.prompt_ids for each in found)


@pytest.mark.parametrize("bad", [call(token_ids=()), call(logprobs=()), call(logprobs=(-0.5,))])
def test_an_engine_that_records_no_tokens_can_not_be_trained(bad: Call) -> None:
    with pytest.raises(CapabilityError, match="'policy' records no token ids and log-probabilities"):
        planner_turns(trajectory(1.0, turn(bad)))


def test_what_an_error_of_the_world_ended_is_left_out_of_the_loss() -> None:
    found = scored_trajectories(group([1.0, None, 0.0], task_id="q7"))
    assert [(each.name, each.reward, len(each.turns)) for each in found] == [("q7#0", 1.0, 1), ("q7#2", 0.0, 1)]


def test_a_batch_of_two_policies_is_our_own_mistake() -> None:
    groups = [Group(Task(question="?"), (trajectory(1.0), trajectory(0.0, turn(call(version="step-000001")))))]
    check_versions([group(GOOD)], "step-000000")
    check_versions([], "step-000000")
    with pytest.raises(AssertionError, match="step-000001"):
        check_versions(groups, "step-000000")
