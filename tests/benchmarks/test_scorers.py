"""Bar: gold scores 1 and foreign gold 0, on every item of the real files and of generated rows of the other two."""

import pytest

from agentflow.benchmarks import Benchmark, check_scorer, find_benchmark
from agentflow.benchmarks.registry import THE_TEN

from .conftest import DATA, Write
from .rows import gaia_rows, gpqa_rows

pytest.importorskip("math_verify")

OTHERS = 25  # items whose golds are tried on each where there are 300; `agentflow eval --check-scorer` tries all
FILES = {
    "bamboogle": (125, 125),
    "2wiki": (200, 100),
    "hotpotqa": (100, 100),
    "musique": (200, 100),
    "aime24": (30, 30),
    "amc23": (40, 40),
    "gameof24": (300, 100),
    "medqa": (300, 100),
}
real_files = pytest.mark.skipif(
    not (DATA / "benchmarks").is_dir(),
    reason=f"no benchmark files in {DATA}: set AGENTFLOW_SHARED to the folder that holds benchmarks/",
)


@real_files
@pytest.mark.parametrize("name", FILES)
def test_gold_scores_one_and_foreign_gold_zero_on_every_item(name: str) -> None:
    benchmark = find_benchmark(name)
    data = benchmark.open(DATA / f"benchmarks/{name}.json")
    assert (len(data.all_tasks), len(data.tasks)) == FILES[name]
    assert len({task.id for task in data.all_tasks}) == len(data.all_tasks)
    assert {task.source for task in data.all_tasks} == {name}
    assert {task.metadata["scorer"] for task in data.all_tasks} == {benchmark.scorer}
    found = check_scorer(benchmark, data.all_tasks, OTHERS if len(data.all_tasks) > 200 else None)
    assert found.ok, found.text()
    assert found.num_gold >= len(data.all_tasks)
    assert found.num_foreign > 0
    assert not found.without_gold


@pytest.mark.parametrize(("name", "num"), [("gaia", 127), ("gpqa", 300)])
def test_generated_rows_of_the_two_that_must_not_be_published(name: str, num: int, write: Write) -> None:
    benchmark = find_benchmark(name)
    data = benchmark.open(write(gaia_rows() if name == "gaia" else gpqa_rows()))
    assert len(data.all_tasks) == num
    found = check_scorer(benchmark, data.all_tasks, OTHERS)
    assert found.ok, found.text()
    assert found.num_gold >= num


@pytest.mark.parametrize("benchmark", THE_TEN, ids=lambda benchmark: benchmark.name)
def test_each_of_the_ten_says_what_it_is(benchmark: Benchmark) -> None:
    assert all([benchmark.title, benchmark.about, benchmark.column, benchmark.source, benchmark.licence])
    assert benchmark.protocol.max_turns == 10
    assert benchmark.known or benchmark.name in ("gaia", "gpqa")
    assert all(len(data_hash) == 64 for data_hash in benchmark.known)
    assert benchmark.hub is None or len(benchmark.hub.revision) == 40


ODDITIES = {
    "bamboogle": {},
    "2wiki": {"answer_in_question": 60},
    "hotpotqa": {"answer_in_question": 12, "long_answer": 4},
    "musique": {"long_answer": 1},
    "aime24": {},
    "amc23": {},
    "gameof24": {},
    "medqa": {"repeated_id": 100},
}


@real_files
@pytest.mark.parametrize("name", ODDITIES)
def test_what_the_audit_finds_in_the_real_files(name: str) -> None:
    findings = find_benchmark(name).open(DATA / f"benchmarks/{name}.json").audit
    kinds = {kind: [finding.kind for finding in findings].count(kind) for kind in {f.kind for f in findings}}
    assert kinds == ODDITIES[name]


@real_files
def test_no_question_holds_the_instruction_about_answer_tags() -> None:
    for name in FILES:
        for task in find_benchmark(name).open(DATA / f"benchmarks/{name}.json").all_tasks:
            assert "<answer>" not in task.question


DEV_FILES = {
    "search_dev": "search_dev",
    "gsm8k_test": "gsm8k_test_919",
    "game24_dev": "game24_100",
    "medqa_dev": "medqa_dev",
    "math500_dev": "math500_300",
}


@real_files
@pytest.mark.parametrize("name", DEV_FILES)
def test_the_development_sets(name: str) -> None:
    benchmark = find_benchmark(name)
    data = benchmark.open(DATA / f"dev/{DEV_FILES[name]}.jsonl.gz")
    assert data.tasks == data.all_tasks
    found = check_scorer(benchmark, data.all_tasks, others=2)
    assert found.ok, found.text()
    assert bool(found.without_gold) == (name == "game24_dev")
