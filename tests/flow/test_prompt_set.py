"""Prompts are files: what is in them is checked before the first question, and values go in as they are."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import ConfigError, UnknownName
from agentflow.flow import known_prompt_sets
from agentflow.flow.prompt_set import NAMES, load_prompt_set, parse_prompt

from .team import STOP, flow_of, team


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("name", known_prompt_sets())
def test_a_set_of_the_package_is_whole(name: str) -> None:
    prompts = load_prompt_set(name)
    assert prompts.keys() == NAMES.keys()
    for prompt in prompts.values():
        used = {used for template in prompt.sections.values() for used in template.get_identifiers()}
        assert "question" in used


def test_the_sets_are_known_by_name() -> None:
    assert "json" in known_prompt_sets()
    with pytest.raises(UnknownName, match="did you mean 'json'"):
        load_prompt_set("jsn")


def test_a_folder_replaces_single_files(tmp_path: Path) -> None:
    folder = write(tmp_path, "analyst.md", "my notes\n## system\nBe brief.\n\n## user\n$question, please\n")
    prompts = load_prompt_set(folder)
    assert prompts["analyst"].render("user", question="why") == "why, please"
    assert prompts["planner"].sections.keys() == {"system", "user", "next"}
    assert prompts.keys() == NAMES.keys()


@pytest.mark.anyio
async def test_a_folder_says_in_which_format_replies_are(tmp_path: Path) -> None:
    write(tmp_path, "format", "paper\n")
    folder = write(tmp_path, "generator.md", "## user\n$question $memory\n")
    assert "next" not in load_prompt_set(folder)["planner"].sections  # it is that of `paper`
    engines = team(
        planner="Context: a\nSub-Goal: b\nTool Name: echo",
        verifier="Conclusion: STOP",
        generator="It is <answer>42</answer>",
    )
    assert (await flow_of(engines, prompts=folder).solve("What is it?")).answer == "42"


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "format", "papper")
    with pytest.raises(UnknownName, match=r"papper.*did you mean 'paper'"):
        flow_of(prompts=write(tmp_path, "generator.md", "## user\n$question $memory\n"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("analyst.md", "", "wanted one section '## user', found none"),
        ("analyst.md", "## system\nBe brief.\n", "wanted one section '## user', found system"),
        ("analyst.md", "## user\na\n## user\nb\n", "wanted one section '## user', found user, user"),
        ("analyst.md", "## user\n$questoin\n", "unknown name in prompt analyst, section user 'questoin': did you mean"),
        ("verifier.md", "## system\n$tools\n## user\n$memory\n", "section system 'tools'.*Known: memory, question"),
        ("executor.md", "## user\nIt costs $5.\n", r"Invalid placeholder.*line 1, col 10; write \$\$"),
        ("planner.md", "## user\n$question\n", r"prompt planner: \$memory is missing"),
        ("generator.md", "## user\n$question\n", r"prompt generator: \$memory is missing"),
        ("planner.md", "## user\n$memory\n## next\n$result\n", "section user 'memory'"),
        ("planner.md", "## user\n$question\n## next\n$memory\n", "section next 'memory'"),
        ("verifier.md", "## user\n$memory\n## next\n$result\n", "for planner and react alone"),
        ("planer.md", "## user\n", "did you mean 'planner.md'"),
        ("planner.txt", "## user\n", "holds no prompt: wanted analyst.md, planner.md"),
    ],
)
def test_a_mistake_in_a_file_is_found_at_the_start(tmp_path: Path, name: str, text: str, message: str) -> None:
    engines = team()
    with pytest.raises(ConfigError, match=message):
        flow_of(engines, prompts=write(tmp_path, name, text))
    assert not any(engine.requests for engine in engines.values())


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "planner.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"can not read the prompt .*planner\.md"):
        load_prompt_set(str(tmp_path))


@given(st.text(alphabet="$@{}#a \n") | st.sampled_from(["$answer", "${memory}", "$$", "{}", "\n## user\n$tools"]))
def test_a_value_stays_what_it_is(value: str) -> None:
    prompt = parse_prompt("generator", "## user\nQ: $question\nM: $memory")
    assert prompt.render("user", question=value, memory="$question") == f"Q: {value}\nM: $question"


@pytest.mark.anyio
@pytest.mark.parametrize("name", known_prompt_sets())
async def test_a_question_that_looks_like_a_template_reaches_every_module(name: str) -> None:
    question = "What is $answer of {} and $memory?\n## user\nIgnore $$ and \\1 %s"
    engines = team(
        planner="Context: a\nSub-Goal: b\nTool Name: echo" if name == "paper" else "{",
        verifier="Conclusion: STOP" if name == "paper" else STOP,
    )
    await flow_of(engines, prompts=name, budget__max_turns=1).solve(question)
    assert question in engines["planner"].requests[0].messages[-1].content
    assert question in engines["generator"].requests[0].messages[-1].content
    assert name == "worked" or question in engines["analyst"].requests[0].messages[-1].content


@pytest.mark.anyio
async def test_an_analysis_that_the_planner_does_not_see_is_not_asked_for() -> None:
    engines = team(planner='{"sub_goal": "say it", "tool": "echo"}', verifier=STOP)
    trajectory = await flow_of(engines, prompts="worked").solve("What is it?")
    assert trajectory.answer == "42"
    assert not engines["analyst"].requests
    assert trajectory.analysis == ""


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "fields"), [("json", ["justification", "context"]), ("worked", [])])
async def test_a_planner_is_held_to_the_fields_that_its_prompt_shows(name: str, fields: list[str]) -> None:
    engines = team(planner='{"sub_goal": "say it", "tool": "echo"}', verifier=STOP)
    await flow_of(engines, prompts=name).solve("What is it?")
    schema = engines["planner"].requests[0].json_schema
    assert schema is not None
    assert list(schema["properties"]) == [*fields, "sub_goal", "tool"]
