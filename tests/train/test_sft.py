"""Imitation: which turns are imitated, in which order, and that an update follows the gradient of their likelihood."""

import asyncio
import json
from pathlib import Path

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import torch

from agentflow.errors import ConfigError
from agentflow.trace import as_line
from agentflow.train.config import SftConfig
from agentflow.train.run_folder import RunFolder
from agentflow.train.samples import PlannerTurn
from agentflow.train.sft import SftTrainer, draw_turns, num_updates, read_turns
from agentflow.train.trainer import Team
from agentflow.types import Message, Status, Trajectory
from tests.flow import team

from . import scripted_run
from .records import call, trajectory, turn


def encode(messages: object, reply: str) -> tuple[list[int], list[int]]:
    """As the policy of `records`: its prompts have the tokens 1 to 3."""
    return [1, 2, 3], [len(reply)]


def written(folder: Path, *trajectories: Trajectory, name: str = "step-000001") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{as_line(one)}\n" for one in trajectories))
    return path


def turns_of(path: Path, **settings: object) -> list[PlannerTurn]:
    config = SftConfig.model_validate({"trajectories": [path], **settings})
    return read_turns(config, encode, engine="policy")


def test_the_policys_own_good_turns_keep_their_tokens(tmp_path: Path) -> None:
    good = trajectory(1.0, turn(call(token_ids=(7, 8))), turn(call(token_ids=(5,)), status=Status.PLAN_ERROR))
    written(tmp_path / "t", good, trajectory(0.0), trajectory(None))
    written(tmp_path / "t", trajectory(1.0, turn(call(token_ids=(6,)))), name="step-000002")
    turns = turns_of(tmp_path / "t")
    assert [(t.prompt_ids, t.action_ids) for t in turns] == [((1, 2, 3), (7, 8)), ((1, 2, 3), (6,))]


def test_another_planners_turns_are_encoded_as_the_policys(tmp_path: Path) -> None:
    teacher = call().model_copy(update={"engine": "openai:big"})
    [imitated] = turns_of(written(tmp_path, trajectory(1.0, turn(teacher))))
    assert (imitated.prompt_ids, imitated.action_ids) == ((1, 2, 3), (len("text"),))


def test_the_policy_of_another_model_is_another_planner(tmp_path: Path) -> None:
    """All runs call their engine "policy": the tokens of its prompt tell."""
    path = written(tmp_path, trajectory(1.0, turn(call(token_ids=(70_000,)))))
    config = SftConfig(trajectories=(path,))
    [imitated] = read_turns(config, lambda _messages, _reply: ([8, 8], [9]), engine="policy")
    assert (imitated.prompt_ids, imitated.action_ids) == ((8, 8), (9,))


def test_fewer_marks_may_be_enough(tmp_path: Path) -> None:
    path = written(tmp_path, trajectory(0.5), trajectory(0.25))
    assert len(turns_of(path, min_reward=0.5)) == 1


def test_nothing_to_imitate_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set train\.sft\.trajectories to files or folders"):
        read_turns(SftConfig(), encode, engine="policy")
    with pytest.raises(ConfigError, match=r"2 trajectories in .*: none has a reward of at least 1\.0"):
        turns_of(written(tmp_path, trajectory(0.0), trajectory(None)))
    with pytest.raises(ConfigError, match=r"missing\.jsonl"):
        turns_of(tmp_path / "missing.jsonl")


def test_every_epoch_sees_every_turn_once_in_an_order_of_its_own() -> None:
    config = SftConfig(epochs=3, batch_turns=4)
    turns = [PlannerTurn((1,), (number,), (0.0,)) for number in range(10)]
    assert num_updates(10, config) == 9
    epochs = [
        [t.action_ids[0] for step in range(3) for t in draw_turns(turns, 3 * epoch + step, config, seed=1)]
        for epoch in range(3)
    ]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def imitate(folder: Path, turns: list[PlannerTurn], **sft: int) -> list[dict[str, float]]:
    """The metrics of a run that imitates these turns."""
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    config = scripted_run.settings(folder, 1)
    settings = config.train.model_copy(update={"method": "sft", "sft": SftConfig.model_validate(sft)})
    config = config.model_copy(update={"train": settings})
    learner = scripted_run.open_learner(folder)
    policy = scripted_run.TinyPolicy(learner)
    flow = team.flow_of(team.team(planner=team.PLAN, verifier=team.STOP, generator=team.answer("yes")))
    whole = Team(flow, flow, learner, policy, scripted_run.Questions(), encode)
    run = RunFolder(config.train.folder)
    run.start("", config.identity())
    trainer = SftTrainer(config, whole, run, turns=turns)
    assert asyncio.run(trainer.train()).step == trainer.num_steps
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [line for line in lines if line["kind"] == "train"]


TURNS = [PlannerTurn((3, 4, 5), (6, 7), (0.0, 0.0)), PlannerTurn((3, 9), (10, 11, 12), (0.0,) * 3)]


def test_the_loss_is_the_mean_surprise_and_falls(tmp_path: Path) -> None:
    learner = scripted_run.open_learner(tmp_path)
    surprise = 0.0
    for one in TURNS:
        ids = torch.tensor([[*one.prompt_ids, *one.action_ids]])
        loss = torch.nn.functional.cross_entropy(
            learner.model(ids).logits[0, len(one.prompt_ids) - 1 : -1], ids[0, len(one.prompt_ids) :]
        )
        surprise += float(loss.detach()) / len(TURNS)
    steps = imitate(tmp_path, TURNS, epochs=12, batch_turns=2)
    assert steps[0]["loss"] == pytest.approx(surprise, rel=1e-5)
    assert steps[-1]["loss"] < 0.9 * surprise


def test_the_gradient_is_that_of_the_likelihood(tmp_path: Path) -> None:
    """Its norm, before the optimizer's first step, against plain cross entropy by torch."""
    learner = scripted_run.open_learner(tmp_path)
    loss = torch.tensor(0.0)
    for one in TURNS:
        ids = torch.tensor([[*one.prompt_ids, *one.action_ids]])
        logits = learner.model(ids).logits[0, len(one.prompt_ids) - 1 : -1]
        loss = loss + torch.nn.functional.cross_entropy(logits, ids[0, len(one.prompt_ids) :]) / len(TURNS)
    loss.backward()
    norm = torch.sqrt(sum((w.grad**2).sum() for w in learner.trained.values() if w.grad is not None))
    [step] = imitate(tmp_path, TURNS, epochs=1, batch_turns=2)
    assert step["grad_norm"] == pytest.approx(float(norm), rel=1e-4)


def test_what_another_planner_said_is_encoded_by_its_messages(tmp_path: Path) -> None:
    seen: list[list[Message]] = []

    def listen(messages: object, _reply: str) -> tuple[list[int], list[int]]:
        seen.append(list(messages))  # type: ignore[call-overload]
        return [1], [2]

    teacher = call().model_copy(update={"engine": "openai:big"})
    path = written(tmp_path, trajectory(1.0, turn(teacher)))
    read_turns(SftConfig(trajectories=(path,)), listen, engine="policy")
    assert seen == [list(teacher.messages)]
