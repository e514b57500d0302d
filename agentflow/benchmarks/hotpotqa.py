"""HotpotQA: questions over two Wikipedia articles."""

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.hub import Hub, question_and_answer
from agentflow.benchmarks.reference import ANSWER_TAGS, REFERENCE_FILE, open_question

HOTPOTQA = Benchmark(
    name="hotpotqa",
    title="HotpotQA",
    about="bridge and comparison questions over two Wikipedia articles, dev set",
    scorer="exact_match",
    to_task=open_question("hotpotqa", "exact_match", ANSWER_TAGS),
    protocol=Protocol(items="all 100 in the file", first=100),
    column="HotpotQA",
    source="Yang et al., HotpotQA: A Dataset for Diverse, Explainable Multi-hop Question Answering, 2018",
    licence="CC BY-SA 4.0",
    aliases=("hotpot",),
    known={"ae6ce1910bfa7be0def5a54e2efd8dd0683f39dd81b572389f911a89b4ee7620": REFERENCE_FILE},
    hub=Hub(
        dataset="hotpotqa/hotpot_qa",
        revision="1908d6afbbead072334abe2965f91bd2709910ab",
        config="distractor",
        split="validation",
        reshape=question_and_answer("question", "answer"),
        differs="the whole dev set; the reference drew its items from it",
    ),
)
