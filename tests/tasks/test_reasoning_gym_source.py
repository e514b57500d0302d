from typing import Any

import pytest

from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.scoring.gym import RUNS_ANSWERS
from agentflow.tasks import read_source
from agentflow.tasks.reasoning_gym_source import COUNTDOWNS, NUMBER_ANSWERS, RUN_ANSWERS
from agentflow.tasks.splits import Tasks

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")


def loaded(dataset: str, **settings: object) -> Tasks:
    pytest.importorskip("reasoning_gym")
    return read_source({"source": "reasoning-gym", "dataset": dataset, "train": 8, "test": 3, **settings}).load()


@pytest.mark.parametrize(
    "dataset", ["countdown", "puzzle24", "gsm_symbolic", "chain_sum", "word_sorting", "maze", "calendar_arithmetic"]
)
def test_gold_scores_1_and_another_answer_0(dataset: str) -> None:
    tasks = loaded(dataset)
    for task in (*tasks.train, *tasks.test):
        assert score(task, task.answers[0]) == 1.0
        assert score(task, "I do not know") == score(task, "") == 0.0
    assert len({task.question for task in (*tasks.train, *tasks.test)}) == 11


def test_two_seeds_in_a_row_share_no_question() -> None:
    one, two = loaded("chain_sum", seed=1), loaded("chain_sum", seed=2)
    assert not {task.question for task in one.train} & {task.question for task in two.train}
    assert loaded("chain_sum", seed=1) == one


def test_settings_reach_the_generator() -> None:
    tasks = loaded("chain_sum", settings={"min_terms": 2, "max_terms": 2, "min_digits": 3, "max_digits": 3})
    assert all(task.question.count(" + ") + task.question.count(" - ") == 1 for task in tasks.train)


def test_marks_in_between_count_only_on_request() -> None:
    whole, partial = loaded("word_sorting").train[0], loaded("word_sorting", partial=True).train[0]
    nearly = ", ".join(partial.answers[0].split(", ")[::-1])
    assert score(whole, nearly) == 0.0
    assert 0.0 < score(partial, nearly) < 1.0


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        ("countdwn", {}, "unknown generator of reasoning-gym 'countdwn': did you mean 'countdown'"),
        ("countdown", {"settings": {"min_nmbers": 3}}, "unknown setting of reasoning-gym's countdown 'min_nmbers'"),
        ("countdown", {"settings": {"min_numbers": 0}}, "reasoning-gym, countdown: its settings do not fit"),
        ("n_queens", {}, "its verifier runs the answer as a program"),
        ("gcd", {"settings": {"max_value": 2}, "train": 100}, "gcd: wanted 100 different questions for train, found"),
    ],
)
def test_what_can_not_be_made(dataset: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loaded(dataset, **settings)


def test_the_scorer_never_runs_an_answer_as_a_program() -> None:
    assert RUN_ANSWERS | COUNTDOWNS.keys() == RUNS_ANSWERS
    assert not RUNS_ANSWERS & NUMBER_ANSWERS
    task = loaded("maze").train[0]
    unsafe = task.model_copy(update={"metadata": {**task.metadata, "dataset": "n_queens"}})
    with pytest.raises(ConfigError, match="'n_queens' runs the answer as a program"):
        score(unsafe, "1")


def test_every_generator_that_runs_answers_is_known() -> None:
    """Looks through the installed sources, so that a new version that adds one is noticed."""
    import inspect

    factory = pytest.importorskip("reasoning_gym.factory")
    for name, (generator, _) in factory.DATASETS.items():
        source = inspect.getsource(generator.score_answer)
        if any(call in source for call in ("eval(answer", "exec(", "parse_expr(answer", "sympify(", "pickle")):
            assert name in RUNS_ANSWERS, name


def test_a_task_that_is_not_what_the_generator_makes() -> None:
    task = loaded("maze").train[0]
    with pytest.raises(ConfigError, match="makes another question now"):
        score(task.model_copy(update={"question": "What?"}), "1")
    with pytest.raises(ConfigError, match="wants 'dataset', 'seed' and 'index'"):
        score(task.model_copy(update={"metadata": {"scorer": "reasoning_gym"}}), "1")
