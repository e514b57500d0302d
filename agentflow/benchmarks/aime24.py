"""AIME 2024: the thirty problems of both contests, with answers from 0 to 999."""

from agentflow.benchmarks.benchmark import Benchmark, Protocol
from agentflow.benchmarks.hub import Hub, question_and_answer
from agentflow.benchmarks.reference import ANSWER_TAGS, REFERENCE_FILE, open_question

AIME24 = Benchmark(
    name="aime24",
    title="AIME 2024",
    about="30 competition problems with whole numbers as answers",
    scorer="math",
    to_task=open_question("aime24", "math", ANSWER_TAGS),
    protocol=Protocol(items="all 30"),
    column="AIME24",
    source="American Invitational Mathematics Examination, 2024 I and II",
    licence="copyright of the Mathematical Association of America",
    aliases=("aime", "aime2024", "aime_2024"),
    known={"df128939b77bc23f945eba73d878843e760a102e989bc58f7565b92d74fcbb62": REFERENCE_FILE},
    hub=Hub(
        dataset="HuggingFaceH4/aime_2024",
        revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
        split="train",
        reshape=question_and_answer("problem", "answer"),
        differs="the same problems, perhaps in another order",
    ),
)
