import hashlib
import json
import re
from collections import Counter
from datetime import date
from itertools import islice, pairwise
from pathlib import Path

import pytest

from agentflow.errors import ConfigError
from agentflow.scoring import score
from agentflow.tasks.splits import SPLITS, Split
from agentflow.tasks.world import WorldSource, write_world, write_worlds
from agentflow.tasks.world.articles import articles, as_jsonl
from agentflow.tasks.world.calculations import full_years
from agentflow.tasks.world.questions import questions
from agentflow.tasks.world.wording import dates
from agentflow.tasks.world.world import World, build_world
from agentflow.tools.passage_index import PassageIndex, write_index
from agentflow.tools.passages import read_passages
from agentflow.types import Task

SEEDS = [1, 2, 77]
HOPS = (1, 2, 3, 4)


def asked(world: World, split: Split = "train", num: int = 400, hops: tuple[int, ...] = HOPS) -> list[Task]:
    return list(islice(questions(world, split, hops, 0.4), num))


def passages_of(task: Task, texts: dict[str, str]) -> list[str]:
    ids = task.metadata["passages"]
    assert isinstance(ids, list)
    return [texts[str(one)] for one in ids]


def values_of(task: Task) -> list[str]:
    values = task.metadata["values"]
    assert isinstance(values, list)
    return [str(value) for value in values]


def computed(operation: object, values: list[str]) -> int:
    """What follows from the values, worked out anew."""
    if operation == "age":
        born, died = map(date.fromisoformat, values)
        return full_years(born, died)
    one, other = (int(value.replace(",", "")) for value in values)
    return one + other if operation == "sum" else one - other


@pytest.mark.parametrize("seed", SEEDS)
def test_every_answer_follows_from_the_gold_passages(seed: int) -> None:
    world = build_world(seed, 150)
    texts = {article.id: article.text for article in articles(world)}
    operations = Counter[object]()
    for task in asked(world, num=1000):
        operation = task.metadata["operation"]
        operations[operation] += 1
        gold = passages_of(task, texts)
        if operation == "look-up":
            assert task.answers[0] in gold[-1], task
        else:
            for value in values_of(task):
                written = dates(date.fromisoformat(value))[0] if operation == "age" else value
                assert any(written in text for text in gold), task
            assert task.answers == (str(computed(operation, values_of(task))),)
        assert all(score(task, answer) == 1.0 for answer in task.answers)
    assert operations.keys() == {"look-up", "age", "difference", "sum"}


@pytest.mark.parametrize("seed", SEEDS)
def test_each_gold_passage_names_the_next(seed: int) -> None:
    world = build_world(seed, 150)
    texts = {article.id: article.text for article in articles(world)}
    for task in asked(world):
        if task.metadata["operation"] == "look-up":
            ids = task.metadata["passages"]
            assert isinstance(ids, list)
            assert len(ids) == len(set(map(str, ids))) == task.metadata["hops"]
            assert world.things[str(ids[0])].name in task.question
            for here, there in pairwise(ids):
                assert world.things[str(there)].name in texts[str(here)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_question_means_one_thing_and_does_not_give_its_answer_away(seed: int) -> None:
    world = build_world(seed, 150)
    names = [thing.name for thing in world.things.values()]
    assert len(set(names)) == len(names)
    tasks = asked(world, num=1000)
    assert len({task.question for task in tasks}) == len({task.id for task in tasks}) == len(tasks)
    for task in tasks:
        assert not any(re.search(rf"\b{re.escape(answer)}\b", task.question) for answer in task.answers), task
        assert "{" not in task.question


def test_splits_and_worlds_have_no_question_in_common() -> None:
    worlds = [build_world(seed, 100) for seed in range(4)]
    found = [task.question for world in worlds for split in SPLITS for task in asked(world, split, 200)]
    assert len(found) == len(set(found)) > 2000


def test_no_question_begins_with_the_subject_of_another_split() -> None:
    world = build_world(3, 150)
    first: list[set[object]] = []
    for split in SPLITS:
        subjects: set[object] = set()
        for task in asked(world, split, 300):
            ids = (task.id.rpartition(":")[0] and task.id.split(":")[1:]) or [task.id]
            subjects |= {one.partition(".")[0] for one in ids}
        first.append(subjects)
    assert not first[0] & first[1]
    assert not first[0] & first[2]
    assert not first[1] & first[2]


def test_articles_are_short_and_varied() -> None:
    world = build_world(5, 300)
    lengths = Counter(len(re.findall(r"[.](?: |$)", article.text)) for article in articles(world))
    assert set(lengths) <= {2, 3, 4, 5}, lengths
    assert len({re.sub(r"[A-Z0-9]\S*", "", article.text) for article in articles(world)}) > 150


def test_one_seed_is_one_world_to_the_byte() -> None:
    world = build_world(7, 120)
    told = as_jsonl(world) + "".join(task.model_dump_json() for split in SPLITS for task in asked(world, split, 100))
    assert (
        hashlib.sha256(told.encode()).hexdigest() == "9d7fe9631c6a5b6955b95d794a8450124e5b5a7c4e1517fad04c57973b54ea05"
    )


def test_more_questions_begin_with_the_fewer() -> None:
    few = WorldSource(source="world", size=100, train=10, test=10).load()
    many = WorldSource(source="world", size=100, train=50, validation=5, test=20).load()
    assert many.train[:10] == few.train
    assert many.test[:10] == few.test


def test_dates_of_a_life_agree() -> None:
    world = build_world(4, 200)
    for person in world.of("person"):
        born = person.facts["born"]
        assert isinstance(born, date)
        if teacher := person.facts.get("teacher"):
            earlier = world.things[str(teacher)].facts["born"]
            assert isinstance(earlier, date)
            assert earlier.year <= born.year - 18


def test_the_words_of_a_question_find_its_gold_passage(tmp_path: Path) -> None:
    corpus = write_world(9, 1000, tmp_path)
    index = tmp_path / "index"
    index.mkdir()
    assert write_index(index, read_passages(corpus)) == 1000
    searched = PassageIndex(index)
    tasks = WorldSource(source="world", seed=9, size=1000, hops=(1,), train=400).load().train
    found = [
        task.metadata["passages"] == [hit.passage.id] for task in tasks for hit in searched.search(task.question, 5)
    ]
    assert sum(found) / len(tasks) > 0.95


def test_a_corpus_is_written_once_and_whole(tmp_path: Path) -> None:
    path = write_world(1, 60, tmp_path / "runs")
    before = path.read_bytes()
    assert write_world(1, 60, tmp_path / "runs") == path
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["world-1-60.jsonl"]
    assert json.loads(before.splitlines()[0]).keys() == {"id", "title", "text"}
    both = write_worlds([(2, 60), (1, 60), (1, 60)], tmp_path)
    assert len(list(read_passages(both))) == 120


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can not write the corpus"):
        write_world(1, 60, tmp_path / "file")


def test_a_world_with_too_few_questions_says_so() -> None:
    with pytest.raises(ConfigError, match=r"world-0-60: wanted 5000 questions of .1,. hops for train, found \d+: set"):
        WorldSource(source="world", size=60, hops=(1,), train=5000).load()


def test_tasks_carry_their_label() -> None:
    source = WorldSource(source="world", name="atlas", seed=3, size=60, train=1)
    [task] = source.load().train
    assert task.source == source.label == "atlas"
    assert task.id.startswith("atlas/3-60/")
