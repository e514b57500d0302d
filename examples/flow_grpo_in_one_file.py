"""Flow-GRPO in one file: a tiny planner, a toy world of several turns, and all of the algorithm. Needs only torch.

    python examples/flow_grpo_in_one_file.py --steps 40

A task names a tool and an argument. In each turn the planner writes both and the world answers; it has three turns.
Nobody tells it which of its tokens mean what: whether it got there in the end is the only reward.
`agentflow.train` is the same algorithm on language models; a test holds that both give one loss and one gradient.
"""

import argparse
import copy
import random
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

TOOLS, ARGUMENTS = (0, 1, 2), (3, 4, 5)  # what the planner can write
WANTED = 6  # token 6 + n in a question asks for what token n means
UNREADABLE, WRONG_TOOL, WRONG_ARGUMENT, DONE = 12, 13, 14, 15  # what the world answers
MAX_TURNS, TASKS_PER_STEP, GROUP_SIZE, EPOCHS = 3, 8, 8, 2
CLIP, KL_COEFFICIENT, LR = 0.2, 0.001, 0.01


@dataclass(frozen=True)
class Turn:
    """One call of the planner: the tokens it saw, those it wrote, and their log-probabilities when they were drawn."""

    prompt: list[int]
    action: list[int]
    logprobs: list[float]


@dataclass(frozen=True)
class Trajectory:
    turns: list[Turn]
    reward: float


class Policy(nn.Module):
    """A causal model: token ids (sequences, tokens) to logits of the token that the planner writes next."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.read, self.head = nn.Embedding(16, 32), nn.GRU(32, 64, batch_first=True), nn.Linear(64, 6)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.read(self.embed(ids))[0])


def answer(task: tuple[int, int], action: list[int]) -> int:
    """What the world says to an action."""
    if len(action) < 2 or action[1] not in ARGUMENTS:
        return UNREADABLE
    if action[0] != task[0]:
        return WRONG_TOOL
    return DONE if action[1] == task[1] else WRONG_ARGUMENT


@torch.no_grad()
def plan(policy: Policy, prompt: list[int], generator: torch.Generator) -> Turn:
    """Draw a tool and an argument, token by token. What does not begin with a tool ends there."""
    action: list[int] = []
    logprobs: list[float] = []
    while len(action) < 2 and (not action or action[0] in TOOLS):
        scores = policy(torch.tensor([prompt + action]))[0, -1].log_softmax(-1)
        action.append(int(torch.multinomial(scores.exp(), 1, generator=generator)))
        logprobs.append(float(scores[action[-1]]))
    return Turn(prompt, action, logprobs)


def rollout(policy: Policy, task: tuple[int, int], generator: torch.Generator) -> Trajectory:
    """Turns until the world is content or they are used up. Memory is part of the next prompt."""
    prompt, turns, said = [WANTED + task[0], WANTED + task[1]], list[Turn](), UNREADABLE
    while said != DONE and len(turns) < MAX_TURNS:
        turns.append(plan(policy, prompt, generator))
        said = answer(task, turns[-1].action)
        prompt = [*prompt, *turns[-1].action, said]
    return Trajectory(turns, float(said == DONE))


def logprobs(policy: Policy, turns: list[Turn]) -> list[Tensor]:
    """Log-probabilities of the tokens of each action. Padding comes last, where a causal model does not look."""
    ids = pad_sequence([torch.tensor(turn.prompt + turn.action) for turn in turns], batch_first=True)
    scores = policy(ids).log_softmax(-1)
    return [
        row[len(turn.prompt) - 1 :][range(len(turn.action)), turn.action]  # the token before says how likely it is
        for row, turn in zip(scores, turns, strict=True)
    ]


def advantages(rewards: list[float]) -> list[float]:
    """Eq. 7: how much better than its group, in standard deviations. [1, 0, 0, 0] -> [1.5, -0.5, -0.5, -0.5]."""
    values = torch.tensor(rewards, dtype=torch.float64)
    return ((values - values.mean()) / (values.std() + 1e-6)).tolist()


def flow_grpo_loss(policy: Policy, reference: Policy, groups: list[list[Trajectory]]) -> Tensor:
    """The negative of Eq. 5: the mean over groups, trajectories, turns and tokens, each inside the one before."""
    turns = [turn for group in groups for trajectory in group for turn in trajectory.turns]
    with torch.no_grad():
        reference_logprobs = iter(logprobs(reference, turns))
    policy_logprobs = iter(logprobs(policy, turns))
    loss = torch.zeros(())
    for group in groups:
        for trajectory, advantage in zip(group, advantages([each.reward for each in group]), strict=True):
            for turn in trajectory.turns:  # the outcome is every turn's: one advantage for all of them
                new = next(policy_logprobs)
                ratio = torch.exp(new - torch.tensor(turn.logprobs))
                gain = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)
                apart = next(reference_logprobs) - new
                kl = torch.exp(apart) - apart - 1  # k3, never negative
                per_token = KL_COEFFICIENT * kl - gain
                loss = loss + per_token.mean() / len(trajectory.turns) / len(group) / len(groups)
    return loss


def train(num_steps: int, seed: int = 0) -> list[float]:
    """The mean reward of each step."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the model is so small that two would wait for each other
    tasks, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    policy = Policy()
    reference = copy.deepcopy(policy)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=LR, weight_decay=0.01)
    rewards = []
    for step in range(num_steps):
        drawn = [(tasks.choice(TOOLS), tasks.choice(ARGUMENTS)) for _ in range(TASKS_PER_STEP)]
        groups = [[rollout(policy, task, generator) for _ in range(GROUP_SIZE)] for task in drawn]
        trajectories = [trajectory for group in groups for trajectory in group]
        rewards.append(sum(trajectory.reward for trajectory in trajectories) / len(trajectories))
        for _ in range(EPOCHS):
            optimizer.zero_grad()
            flow_grpo_loss(policy, reference, groups).backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
        num_turns = sum(len(trajectory.turns) for trajectory in trajectories) / len(trajectories)
        print(f"step {step + 1:3}  reward {rewards[-1]:.2f}  turns {num_turns:.2f}  {'#' * round(40 * rewards[-1])}")
    return rewards


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    train(arguments.steps, arguments.seed)
