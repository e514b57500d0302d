"""What one step of schema-constrained decoding costs: llama.cpp's own grammar against llguidance.

    python perf/grammar_cost.py [MODEL]

The exact probability of a constrained token needs to know, at every step, which of all tokens may come next. Both are
asked for that along one and the same JSON document, on one vocabulary, in one run. Milliseconds a step, median and 95th
percentile.
"""

import ctypes
import json
import statistics
import sys
import time

import llama_cpp
import numpy as np
from llama_cpp.llama_grammar import json_schema_to_gbnf

from agentflow.engines.local.guidance import constraint_factory
from agentflow.engines.local.llama import Model
from agentflow.engines.models import find_model

SCHEMA = {
    "type": "object",
    "properties": {
        "justification": {"type": "string", "maxLength": 160},
        "sub_goal": {"type": "string", "maxLength": 240},
        "tool": {"enum": ["generalist", "python", "wikipedia_search"]},
    },
    "required": ["justification", "sub_goal", "tool"],
    "additionalProperties": False,
}
DOCUMENT = (
    '{"justification": "Asked for in the end: a year. First the emperor has to be found.", '
    '"sub_goal": "Find the emperor who commissioned the Taj Mahal.", "tool": "wikipedia_search"}'
)


def llama_grammar_steps(model: Model, tokens: list[int]) -> list[float]:
    """Milliseconds for each application of llama.cpp's grammar to all tokens."""
    grammar = json_schema_to_gbnf(json.dumps(SCHEMA)).encode()
    sampler = llama_cpp.llama_sampler_init_grammar(model.vocabulary, grammar, b"root")
    data = (llama_cpp.llama_token_data * model.num_tokens)()
    view = np.frombuffer(data, dtype=np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)]))
    candidates = llama_cpp.llama_token_data_array(data=data, size=model.num_tokens, selected=-1, sorted=False)
    steps = []
    for token in tokens:
        view["id"], view["logit"] = np.arange(model.num_tokens), 0.0
        started = time.perf_counter()
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(candidates))
        steps.append(1000 * (time.perf_counter() - started))
        llama_cpp.llama_sampler_accept(sampler, token)
    return steps


def llguidance_steps(model: Model, tokens: list[int]) -> list[float]:
    """Milliseconds for each mask of llguidance, as the engine uses it."""
    constraint = constraint_factory(model).compile(SCHEMA)
    steps = []
    for token in tokens:
        started = time.perf_counter()
        allowed = constraint.allowed()
        steps.append(1000 * (time.perf_counter() - started))
        assert allowed[token]
        constraint.take(token)
    return steps


def main() -> None:
    """Print both rows."""
    model = Model(find_model(sys.argv[1] if len(sys.argv) > 1 else "qwen2.5-coder-0.5b"))
    tokens = model.tokenize(DOCUMENT, special=False)
    print(f"{model.path.name}: {model.num_tokens} tokens in the vocabulary, {len(tokens)} steps")
    for name, measure in (("llama.cpp grammar", llama_grammar_steps), ("llguidance", llguidance_steps)):
        steps = measure(model, tokens)
        p95 = sorted(steps)[int(0.95 * len(steps))]
        print(f"{name:18} median {statistics.median(steps):7.2f} ms   p95 {p95:7.2f} ms")


if __name__ == "__main__":
    main()
