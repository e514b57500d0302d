"""A team on disk: a script for each module and the config that names them, for commands and examples."""

import json
from pathlib import Path
from typing import Any

from agentflow.flow.prompt_set import Prompt, load_prompt_set

PLAN = {"justification": "why not", "context": "all", "sub_goal": "ask somebody", "tool": "generalist"}
VERDICT = {"asked_for": "it", "found": "it", "verdict": "STOP"}
ANSWER = {"answer": "It is forty-two.", "short_answer": "42"}


def write_script(file: Path, rules: Any) -> str:
    """A file of rules; what is no list is the reply to every prompt. Returns the specification of its engine."""
    lines = rules if isinstance(rules, list) else [{"reply": rules}]
    file.write_text("\n".join(json.dumps(rule) for rule in lines), encoding="utf-8")
    return f"scripted:{file}"


def write_team(folder: Path, *, latency_seconds: float = 0.0, **scripts: Any) -> Path:
    """A config whose modules and tool follow scripts; `scripts` replaces some of them. Traces go to `trace.jsonl`."""
    parts: dict[str, Any] = {
        "analyst": "It asks for a number.",
        "planner": PLAN,
        "executor": {"query": "what is it"},
        "verifier": VERDICT,
        "generator": ANSWER,
        "tools__generalist": "forty-two",
    }
    text = f'trace = "{folder}/trace.jsonl"\n[tools]\nenabled = ["generalist"]\n'
    for part, rules in {**parts, **scripts}.items():
        spec = write_script(folder / f"{part}.jsonl", rules)
        text += (
            f'[{part.replace("__", ".")}]\nengine = "{spec}"\n[engines."{spec}"]\nlatency_seconds = {latency_seconds}\n'
        )
    path = folder / "agentflow.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_engine(file: Path, **replies: Any) -> str:
    """One engine that plays every module: it knows them by how their prompts begin. Returns its specification."""
    prompts = load_prompt_set("json")
    rules = [{"system": beginning(prompts[module]), "reply": reply} for module, reply in replies.items()]
    return write_script(file, rules)


def beginning(prompt: Prompt) -> str:
    """The first line of a system message, up to the first value that is put in."""
    return prompt.sections["system"].template.split("\n")[0].split("$")[0]
