from pathlib import Path

import pytest

from agentflow.errors import ConfigError
from agentflow.tasks import TaskSource, open_tasks, read_source, write_corpus
from agentflow.tasks.sources import SOURCES
from agentflow.tools.passages import read_passages


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "must name its `source`: one of arithmetic, file"),
        ({"source": 3}, "must name its `source`"),
        ({"source": "wold"}, "unknown source of tasks 'wold': did you mean 'world'"),
        ({"source": "world", "sede": 1}, "unknown setting of the source 'world' 'sede': did you mean 'seed'"),
        ({"source": "world", "size": 3}, r"source 'world': size: .*60 \(came: 3\)"),
        ({"source": "world", "hops": [5]}, r"source 'world': hops\.0: "),
        ({"source": "world", "weight": 0}, "source 'world': weight"),
        ({"source": "file"}, "source 'file': path: Field required"),
    ],
)
def test_bad_tables(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_source(table)


def test_every_source_is_one() -> None:
    needed = {"file": {"path": "a.jsonl"}, "hub": {"dataset": "a/b"}, "reasoning-gym": {"dataset": "countdown"}}
    for name in SOURCES:
        source = read_source({"source": name, **needed.get(name, {})})
        assert isinstance(source, TaskSource)
        assert source.label
        assert source.weight == 1.0


def test_a_mixture() -> None:
    sources = [
        read_source({"source": "world", "size": 100, "train": 40, "validation": 5, "weight": 3.0}),
        read_source({"source": "arithmetic", "train": 40, "test": 7}),
    ]
    tasks = open_tasks(sources, seed=5, needs=("train", "validation", "test"))
    assert [task.source for task in tasks.validation] == ["world"] * 5
    assert [task.source for task in tasks.test] == ["arithmetic"] * 7
    batch = tasks.batch(100, 100)
    assert abs(sum(task.source == "world" for task in batch) - 75) <= 2
    other = open_tasks(sources, seed=6)
    assert other.test == tasks.test
    assert other.batch(100, 100) != batch


def test_empty_splits() -> None:
    source = read_source({"source": "arithmetic", "train": 5})
    with pytest.raises(ConfigError, match=r"no source gives a task for validation \(arithmetic\): set `validation`"):
        open_tasks([source], needs=("train", "validation"))
    with pytest.raises(ConfigError, match="no source gives a task for train"):
        open_tasks([read_source({"source": "arithmetic", "train": 0, "test": 3})])
    with pytest.raises(ConfigError, match="there is no source of tasks"):
        open_tasks([])


def test_the_same_source_twice() -> None:
    table = {"source": "arithmetic", "train": 5}
    with pytest.raises(ConfigError, match=r"the id 'arithmetic/.*' stands in arithmetic \(train\) and in arithmetic"):
        open_tasks([read_source(table), read_source(table)])
    assert open_tasks([read_source(table), read_source({**table, "seed": 1})]).batch(0, 1)


def test_a_question_of_one_source_that_another_holds_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"question": "Who?", "answer": "Ann"}\n')
    train = read_source({"source": "file", "path": tmp_path / "a.jsonl"})
    test = read_source({"source": "file", "path": tmp_path / "b.jsonl", "train": 0, "test": 1})
    with pytest.raises(ConfigError, match=r"a question of b \(test\) is in train, too: 'Who\?'"):
        open_tasks([train, test])


def test_the_corpus_of_all_worlds(tmp_path: Path) -> None:
    worlds = [read_source({"source": "world", "seed": seed, "size": 60}) for seed in (1, 2, 2)]
    sources = [*worlds, read_source({"source": "arithmetic"})]
    path = write_corpus(sources, tmp_path)
    assert path
    assert len(list(read_passages(path))) == 120
    assert write_corpus(sources[-1:], tmp_path) is None
