"""Prompts are text files: one a module (two for the executor), one a baseline, with a heading for each message.

A file holds sections that start with `## system`, `## user` or another heading of `FURTHER`, and `$name` where a value
goes; what stands before the first heading is a comment. Values are put in once and never looked at again, so a question
that spells `$answer` stays what it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from agentflow.errors import ConfigError, UnknownName
from agentflow.flow.formats import FORMATS
from agentflow.types import Message

_HEADING = re.compile(r"^## (system|user|next|program|last)[ \t]*\n", re.MULTILINE)
_SETS = Path(__file__).parent / "prompts"
_CALL = ("tool", "description", "schema", "question", "context", "sub_goal")
# The names that each file may use.
NAMES: Mapping[str, tuple[str, ...]] = {
    "analyst": ("question", "tools"),
    "planner": ("question", "analysis", "tools", "max_turns", "memory"),
    "executor": _CALL,
    "program": _CALL,
    "verifier": ("question", "memory"),
    "generator": ("question", "memory"),
    "plain": ("question",),
    "react": ("question", "tools", "max_turns"),
}
# The messages after the first two, and the names of each. `next` is repeated for every turn: a planner's file has
# either that or `$memory`.
FURTHER: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "planner": {"next": ("result", "turn", "max_turns")},
    "react": {"program": (), "next": ("result", "turn", "max_turns"), "last": ("result", "max_turns")},
}


@dataclass(frozen=True)
class Prompt:
    """The sections of one file."""

    name: str
    sections: Mapping[str, Template]

    @property
    def text(self) -> str:
        """All sections as they are written."""
        return "\n\n".join(section.template for section in self.sections.values())

    def render(self, section: str, **values: object) -> str:
        """Fill one section in.

        >>> Prompt("x", {"user": Template("Q: $question")}).render("user", question="costs $5?")
        'Q: costs $5?'
        """
        return self.sections[section].substitute({name: str(value) for name, value in values.items()})

    def messages(self, **values: object) -> tuple[Message, ...]:
        """How a conversation begins: the messages `system`, where there is one, and `user`."""
        roles: tuple[Literal["system", "user"], ...] = ("system", "user")
        return tuple(Message(role=role, content=self.render(role, **values)) for role in roles if role in self.sections)

    def count(self, section: str, name: str) -> int:
        """How often a section uses a value.

        >>> Prompt("x", {"user": Template("Q: $question. I say: ${question}")}).count("user", "question")
        2
        """
        template = self.sections[section]
        return sum(name in (used["named"], used["braced"]) for used in template.pattern.finditer(template.template))


def parse_prompt(name: str, text: str) -> Prompt:
    """Split the file of a module into its sections. Raises `ConfigError` for one that can not be filled in.

    >>> sorted(parse_prompt("analyst", "## system\\nBe brief.\\n\\n## user\\n$question\\n").sections)
    ['system', 'user']
    """
    _, *parts = _HEADING.split(text)
    headings, bodies = parts[::2], parts[1::2]
    _check_headings(name, headings)
    prompt = Prompt(name, {heading: Template(body.strip()) for heading, body in zip(headings, bodies, strict=True)})
    for section, template in prompt.sections.items():
        _check_names(f"prompt {name}, section {section}", template, _names(prompt, section))
    _check_memory(prompt)
    return prompt


def _check_headings(name: str, headings: list[str]) -> None:
    if "user" not in headings or len(set(headings)) < len(headings):
        raise ConfigError(f"prompt {name}: wanted one section '## user', found {', '.join(headings) or 'none'}")
    further = FURTHER.get(name, {})
    for heading in headings:
        if heading not in ("system", "user", *further):
            owners = " and ".join(owner for owner, sections in FURTHER.items() if heading in sections)
            raise ConfigError(f"prompt {name}: a section '## {heading}' is for {owners} alone")
    missing = [heading for heading in further if heading not in headings]
    if name == "react" and missing:
        raise ConfigError(f"prompt react: wanted a section '## {missing[0]}', found {', '.join(headings)}")


def _names(prompt: Prompt, section: str) -> tuple[str, ...]:
    if section not in ("system", "user"):
        return FURTHER[prompt.name][section]
    return tuple(name for name in NAMES[prompt.name] if name != "memory" or "next" not in prompt.sections)


def _check_names(place: str, template: Template, known: tuple[str, ...]) -> None:
    try:
        template.substitute(dict.fromkeys(known, ""))
    except KeyError as error:
        raise UnknownName(f"name in {place}", str(error.args[0]), known) from None
    except ValueError as error:
        raise ConfigError(f"{place}: {error}; write $$ for a dollar sign") from None


def _check_memory(prompt: Prompt) -> None:
    used = {name for template in prompt.sections.values() for name in template.get_identifiers()}
    if "memory" in NAMES[prompt.name] and "next" not in prompt.sections and "memory" not in used:
        raise ConfigError(f"prompt {prompt.name}: $memory is missing, the model would not see any result")


def known_prompt_sets() -> list[str]:
    """The sets that come with the package."""
    return sorted(folder.name for folder in _SETS.iterdir() if folder.is_dir())


def load_prompt_set(name: str) -> dict[str, Prompt]:
    """The prompts of a set by file: one that comes with the package, or a folder.

    A set may hold some of the files only; the others are those of the set that its format is named after. Raises
    `UnknownName` and `ConfigError`.
    """
    if name in FORMATS:
        return {module: _read(module, _SETS / name / f"{module}.md") for module in NAMES}
    folder = _SETS / name if name in known_prompt_sets() else Path(name).expanduser()
    if not folder.is_dir():
        raise UnknownName("prompt set", name, [*known_prompt_sets(), "a folder"])
    files = sorted(file for file in folder.glob("*.md") if file.name != "README.md")
    if not files:
        raise ConfigError(f"the folder {folder} holds no prompt: wanted {', '.join(f'{m}.md' for m in NAMES)}")
    for file in files:
        if file.stem not in NAMES:
            raise UnknownName(f"prompt in the folder {folder}:", file.name, [f"{module}.md" for module in NAMES])
    return load_prompt_set(format_name(name)) | {file.stem: _read(file.stem, file) for file in files}


def format_name(name: str) -> str:
    """The format of the replies to a set: what the file `format` of a folder says, or `json`; `paper` has its own."""
    if name in FORMATS:
        return name
    file = Path(name).expanduser() / "format"
    if not file.is_file():
        return "json"
    said = _text_of(file).strip()
    if said not in FORMATS:
        raise UnknownName(f"format in {file}", said, FORMATS)
    return said


def _read(module: str, file: Path) -> Prompt:
    return parse_prompt(module, _text_of(file))


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can not read the prompt {file}: {error}") from None
