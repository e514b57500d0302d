"""Bamboogle: 125 questions of two hops that a search engine does not answer in one go."""

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.flashrag import flashrag
from agentflow.benchmarks.reference import ANSWER_TAGS, REFERENCE_FILE, open_question

BAMBOOGLE = Benchmark(
    name="bamboogle",
    title="Bamboogle",
    about="125 handwritten questions of two hops",
    scorer="exact_match",
    to_task=open_question("bamboogle", "exact_match", ANSWER_TAGS),
    protocol=Protocol(items="all 125"),
    column="Bamboogle",
    source="Press et al., Measuring and Narrowing the Compositionality Gap in Language Models, 2023",
    licence="MIT",
    known={"ea9bfc91097987cd8ace3f11dde4345643512489805201b67040d5ffca048cf1": REFERENCE_FILE},
    hub=flashrag("bamboogle", "test"),
)
