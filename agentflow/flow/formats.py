"""What each module must write, and how it is read: pure functions from text to `Action`, `Verdict` and answers.

Two formats: JSON objects, and the tagged text of the AgentFlow paper's published planners. Reading is strict about
meaning and lenient about wrapping (code fences, words around an object) and stray backslashes. What can not be read
raises `Unreadable`, which the flow records as the model's mistake.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.flow.backslashes import double_stray_backslashes
from agentflow.flow.unicode import replace_surrogates
from agentflow.types import Action, JsonSchema, Verdict

MOST_LEVELS = 64  # of nesting in a reply's JSON
ANSWER_CHARACTERS = 800  # of an answer in a sentence or two
SHORT_ANSWER_CHARACTERS = 160


class Unreadable(ValueError):
    """A model's text that does not follow its format. The message is shown to the model."""


@dataclass(frozen=True)
class Answer:
    """The generator's text, and the short answer extracted from it."""

    output: str
    short: str


@dataclass(frozen=True)
class Format:
    """Readers of one format, and the schemas that an engine can be held to (None: free text)."""

    read_plan: Callable[[str], Action]
    read_verdict: Callable[[str], Verdict]
    read_answer: Callable[[str], Answer]
    analysis_schema: JsonSchema | None = None
    plan_schema: Callable[[Sequence[str], str], JsonSchema] | None = None  # of the tools' names, and the prompt
    verdict_schema: JsonSchema | None = None
    answer_schema: Callable[[int], JsonSchema] | None = None  # of the most characters that an answer may have


def read_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text.

    >>> read_object('Sure! ```json\\n{"a": 1}\\n```')
    {'a': 1}
    >>> read_object("no object")
    Traceback (most recent call last):
    agentflow.flow.formats.Unreadable: no JSON object in the reply
    """
    start = text.find("{")
    if start < 0:
        raise Unreadable("no JSON object in the reply")
    try:
        value, _ = _DECODER.raw_decode(double_stray_backslashes(text[start:]))
    except ValueError as error:
        raise Unreadable(f"the JSON of the reply is broken: {error}") from None
    except RecursionError:
        raise Unreadable("the JSON of the reply is nested too deeply") from None
    clean: dict[str, Any] = _clean(value, MOST_LEVELS)
    return clean


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# strict=False: models write line breaks inside strings
_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_number)


def _clean(value: Any, levels: int) -> Any:
    """Only what every file, schema and engine takes: no half surrogate pairs, no infinite numbers, no endless depth."""
    if levels == 0:
        raise Unreadable("the JSON of the reply is nested too deeply")
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable("a number of the reply is too large")
    if isinstance(value, list):
        return [_clean(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {replace_surrogates(key): _clean(item, levels - 1) for key, item in value.items()}
    return value


def program_argument(schema: JsonSchema) -> str | None:
    """The name of a tool's one argument, if the schema says (`contentMediaType`) that it is a program.

    >>> program_argument({"properties": {"code": {"type": "string", "contentMediaType": "text/x-python"}}})
    'code'
    >>> program_argument({"properties": {"query": {"type": "string"}}}) is None
    True
    """
    properties: dict[str, Any] = schema.get("properties", {})
    if len(properties) != 1:
        return None
    name, argument = next(iter(properties.items()))
    return name if isinstance(argument, dict) and "contentMediaType" in argument else None


_FENCED = re.compile(r"```[\w+-]*[ \t\r]*\n(.*?)(?:\n?```|\Z)", re.DOTALL)


def read_program(text: str) -> str:
    """The first fenced code block of a text, or all of a text without one.

    >>> read_program("Here it is:\\n```python\\nprint(1)\\n```")
    'print(1)'
    """
    found = _FENCED.search(text)
    program = found[1] if found else text
    if not program.strip():
        raise Unreadable("there is no program in the reply")
    return program


def text_of(fields: dict[str, Any], name: str, *, required: bool = True) -> str:
    """A text in an object; a number is one too.

    >>> text_of({"short_answer": 4}, "short_answer")
    '4'
    """
    value = fields.get(name, "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Unreadable(f"{name!r} must be text")
    if required and not value.strip():
        raise Unreadable(f"{name!r} is missing")
    return value.strip()


def read_json_plan(text: str) -> Action:
    """
    >>> read_json_plan('{"sub_goal": "compute 2+2", "tool": "python"}').tool
    'python'
    """
    fields = read_object(text)
    return Action(
        justification=text_of(fields, "justification", required=False),
        context=text_of(fields, "context", required=False),
        sub_goal=text_of(fields, "sub_goal"),
        tool=text_of(fields, "tool"),
    )


def read_json_verdict(text: str) -> Verdict:
    """
    >>> read_json_verdict('{"asked_for": "a year", "found": "1658", "verdict": "STOP"}')
    Verdict(stop=True, reason='asked for a year; found 1658')
    """
    fields = read_object(text)
    verdict = text_of(fields, "verdict").upper()
    if verdict not in ("STOP", "CONTINUE"):
        raise Unreadable(f"'verdict' must be STOP or CONTINUE, not {verdict[:40]!r}")
    asked_for, found = (text_of(fields, name, required=False) for name in ("asked_for", "found"))
    return Verdict(stop=verdict == "STOP", reason=f"asked for {asked_for}; found {found}")


def read_json_answer(text: str) -> Answer:
    """
    >>> read_json_answer('{"answer": "It is 4.", "short_answer": "4"}').short
    '4'
    """
    fields = read_object(text)
    short = text_of(fields, "short_answer")
    return Answer(output=text_of(fields, "answer", required=False) or short, short=short)


def object_of(**properties: JsonSchema) -> JsonSchema:
    """The schema of an object with these properties, in this order, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def string_of(most_characters: int) -> JsonSchema:
    """The schema of a text that is not empty."""
    return {"type": "string", "minLength": 1, "maxLength": most_characters}


_REASONS = {"justification": 160, "context": 320}  # the most characters of each


def plan_schema(tools: Sequence[str], prompt: str) -> JsonSchema:
    """The schema of a plan: a sub-goal and a tool, and before them the reasons that the prompt asks for.

    The reasons come first, so that the choice can follow from them. A prompt of short plans shows none: a model that is
    held to fields which no example has fills them at length.

    >>> list(plan_schema(["python"], '{"context": ..., "sub_goal": ..., "tool": ...}')["properties"])
    ['context', 'sub_goal', 'tool']
    """
    reasons = {name: string_of(most) for name, most in _REASONS.items() if f'"{name}"' in prompt}
    return object_of(**reasons, sub_goal=string_of(240), tool={"enum": list(tools)})


JSON = Format(
    read_plan=read_json_plan,
    read_verdict=read_json_verdict,
    read_answer=read_json_answer,
    analysis_schema=object_of(
        kind={"enum": ["calculation", "puzzle", "fact", "several facts", "language"]},
        needed=string_of(240),
        answer_form=string_of(80),
    ),
    plan_schema=plan_schema,
    verdict_schema=object_of(asked_for=string_of(120), found=string_of(120), verdict={"enum": ["STOP", "CONTINUE"]}),
    answer_schema=lambda most_characters: object_of(
        answer=string_of(most_characters), short_answer=string_of(SHORT_ANSWER_CHARACTERS)
    ),
)


_JUSTIFICATION = re.compile(r"Justification\s*:", re.IGNORECASE)
_CONTEXT = re.compile(r"Context\s*:", re.IGNORECASE)
_SUB_GOAL = re.compile(r"Sub-?\s?Goal\s*:", re.IGNORECASE)
TOOL_NAME = re.compile(r"Tool\s?Name\s*:\s*([^\n]*)", re.IGNORECASE)
# The names that the published planners were trained with, and ours.
_PAPER_TOOLS = {
    "generalist_solution_generator_tool": "generalist",
    "base_generator_tool": "generalist",
    "python_code_generator_tool": "python",
    "python_coder_tool": "python",
    "wikipedia_rag_search_tool": "wikipedia_search",
    "wikipedia_search_tool": "wikipedia_search",
    "ground_google_search_tool": "web_search",
    "google_search_tool": "web_search",
    "web_rag_search_tool": "read_page",
    "web_search_tool": "read_page",
}


def tool_named(words: str) -> str:
    """The name of a tool as it is written behind `Tool Name:`, in the paper's spelling or ours.

    >>> tool_named(" `Python_Coder_Tool`."), tool_named("Wikipedia search")
    ('python', 'wikipedia_search')
    """
    tool = re.sub(r"[\s_]+", "_", words.strip(" \r\t<>[]\"'`*.").lower())
    return _PAPER_TOOLS.get(tool, tool)


def read_tagged_plan(text: str) -> Action:
    """The last `Context: ... Sub-Goal: ... Tool Name: ...` of a text, as the paper's planners write it.

    >>> read_tagged_plan("**Context:** 2, 3\\n**Sub-Goal:** add\\n**Tool Name:** Python_Code_Generator_Tool").tool
    'python'
    """
    text = text.replace("**", "").replace("`", "")
    # The last sub-goal that a tool name follows, and the last context before it. One pass for each label, and no
    # pattern that spans from one label to the next: that would take minutes on a text that repeats them.
    tool_names = list(TOOL_NAME.finditer(text))
    sub_goals = [found for found in _SUB_GOAL.finditer(text) if tool_names and found.end() <= tool_names[-1].start()]
    contexts = [found for found in _CONTEXT.finditer(text) if sub_goals and found.end() <= sub_goals[-1].start()]
    if not contexts:
        raise Unreadable("wanted 'Context: ...', 'Sub-Goal: ...' and 'Tool Name: ...', in this order")
    context = contexts[-1]
    sub_goal = next(found for found in sub_goals if found.start() >= context.end())
    tool_name = next(found for found in tool_names if found.start() >= sub_goal.end())
    tool = tool_named(tool_name[1])
    wanted = text[sub_goal.end() : tool_name.start()].strip()
    if not wanted or not tool:
        raise Unreadable("'Sub-Goal' or 'Tool Name' is empty")
    reasons = [found for found in _JUSTIFICATION.finditer(text) if found.end() <= context.start()]
    return Action(
        justification=text[reasons[-1].end() : context.start()].strip() if reasons else "",
        context=text[context.end() : sub_goal.start()].strip(),
        sub_goal=wanted,
        tool=tool,
    )


def read_tagged_verdict(text: str) -> Verdict:
    """
    >>> read_tagged_verdict("All parts are there.\\nConclusion: STOP").stop
    True
    """
    found = re.findall(r"Conclusion\s*:\W*(STOP|CONTINUE)\b", text.replace("**", ""), re.IGNORECASE)
    if not found:
        raise Unreadable("wanted a last line 'Conclusion: STOP' or 'Conclusion: CONTINUE'")
    reason = re.split(r"Conclusion\s*:", text, flags=re.IGNORECASE)[0].replace("**", "").strip()
    return Verdict(stop=found[-1].upper() == "STOP", reason=reason)


def read_tagged_answer(text: str) -> Answer:
    """
    >>> read_tagged_answer("It is 4. <answer>4</answer>").short
    '4'
    """
    end = [found.start() for found in re.finditer("</answer>", text, re.IGNORECASE)]
    start = [found.end() for found in re.finditer("<answer>", text, re.IGNORECASE) if end and found.end() <= end[-1]]
    short = text[start[-1] : end[-1]].strip() if start else ""
    if not short:
        raise Unreadable("wanted the short answer between <answer> and </answer>")
    return Answer(output=text.strip(), short=short)


TAGGED = Format(read_plan=read_tagged_plan, read_verdict=read_tagged_verdict, read_answer=read_tagged_answer)

FORMATS = {"json": JSON, "paper": TAGGED}
