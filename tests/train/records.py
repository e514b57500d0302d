"""Trajectories by hand: as a rollout records them, with as little in them as a test needs."""

from collections.abc import Sequence

from agentflow.rollout import Group
from agentflow.types import (
    Action,
    Call,
    Completion,
    Message,
    ModuleName,
    Outcome,
    Sampling,
    Status,
    Task,
    Trajectory,
    Usage,
)
from agentflow.types import Turn as FlowTurn

VERSION = "step-000000"


def call(
    module: ModuleName = "planner",
    *,
    token_ids: tuple[int, ...] = (5, 6),
    logprobs: tuple[float, ...] | None = None,
    version: str = VERSION,
    cut_off: bool = False,
    seconds: float = 0.5,
) -> Call:
    """A call of a module after a prompt of three tokens."""
    return Call(
        module=module,
        engine="policy" if module == "planner" else "frozen",
        messages=(Message(role="user", content="go on"),),
        sampling=Sampling(),
        completion=Completion(
            text="text",
            prompt_token_ids=(1, 2, 3),
            token_ids=token_ids,
            logprobs=(-0.5,) * len(token_ids) if logprobs is None else logprobs,
            finish_reason="length" if cut_off else "stop",
            policy_version=version,
            usage=Usage(prompt_tokens=3, completion_tokens=len(token_ids)),
        ),
        seconds=seconds,
    )


def turn(*calls: Call, tool: str | None = "echo", status: Status = Status.OK, seconds: float = 2.0) -> FlowTurn:
    """A turn of these calls, or of one of the planner and one of the executor. Without a tool nothing was decided."""
    action = Action(sub_goal="say it", tool=tool) if tool else None
    return FlowTurn(index=0, action=action, status=status, calls=calls or (call(), call("executor")), seconds=seconds)


def trajectory(
    reward: float | None,
    *turns: FlowTurn,
    task: Task | None = None,
    outcome: Outcome | None = None,
    num_tokens: int = 0,
) -> Trajectory:
    """A trajectory of these turns, or of one. Without a reward it ended in an error of the world."""
    ending = Outcome.ANSWERED if reward is not None else Outcome.INFRA_ERROR
    return Trajectory(
        task=task or Task(question="What is it?", id="t"),
        turns=turns or (turn(),),
        outcome=outcome or ending,
        reward=reward,
        usage=Usage(completion_tokens=num_tokens),
    )


def group(rewards: Sequence[float | None], task_id: str = "t", source: str = "") -> Group:
    """A group of one-turn trajectories with these rewards."""
    task = Task(question="What is it?", id=task_id, source=source)
    return Group(task, tuple(trajectory(reward, task=task) for reward in rewards))
