"""Prompts are text files: one a module (two for the executor), with a heading for each message.

A file holds sections that start with `## system`, `## user` or `## next`, and `$name` where a value goes. Values are
put in once and never looked at again, so a question that spells `$answer` stays what it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from agentflow.errors import ConfigError, UnknownName

Section = Literal["system", "user", "next"]
_HEADING = re.compile(r"^## (system|user|next)\n", re.MULTILINE)
_SETS = Path(__file__).parent / "prompts"
_FILES = ("analyst", "planner", "executor", "program", "verifier", "generator")


@dataclass(frozen=True)
class Prompt:
    """The sections of one file."""

    name: str
    sections: Mapping[str, Template]

    def render(self, section: Section, **values: object) -> str:
        """Fill one section in. Raises `ConfigError` if the file uses a name that there is no value for.

        >>> Prompt("x", {"user": Template("Q: $question")}).render("user", question="costs $5?")
        'Q: costs $5?'
        """
        try:
            return self.sections[section].substitute({name: str(value) for name, value in values.items()})
        except KeyError as error:
            wanted = ", ".join(sorted(values))
            raise ConfigError(f"prompt {self.name}, section {section}: unknown {error}; known: {wanted}") from None
        except ValueError as error:
            raise ConfigError(f"prompt {self.name}, section {section}: {error}; write $$ for a dollar sign") from None


def parse_prompt(name: str, text: str) -> Prompt:
    """Split a file into its sections.

    >>> sorted(parse_prompt("x", "## system\\nBe brief.\\n\\n## user\\n$question\\n").sections)
    ['system', 'user']
    """
    _, *parts = _HEADING.split(text)
    sections = {heading: Template(body.strip()) for heading, body in zip(parts[::2], parts[1::2], strict=True)}
    if "user" not in sections:
        raise ConfigError(f"prompt {name}: wanted a section '## user', found {sorted(sections) or 'none'}")
    return Prompt(name, sections)


def known_prompt_sets() -> list[str]:
    """The sets that come with the package."""
    return sorted(folder.name for folder in _SETS.iterdir() if folder.is_dir())


def load_prompt_set(name: str) -> dict[str, Prompt]:
    """The prompts of a set by module: one that comes with the package, or a folder of files.

    A folder may hold some of the files only; the others are those of the set `json`. Raises `UnknownName`.
    """
    if name in known_prompt_sets():
        return {module: parse_prompt(module, (_SETS / name / f"{module}.md").read_text("utf-8")) for module in _FILES}
    path = Path(name)
    if not path.is_dir():
        raise UnknownName("prompt set", name, [*known_prompt_sets(), "a folder"])
    own = {module: path / f"{module}.md" for module in _FILES}
    prompts = load_prompt_set("json")
    return prompts | {m: parse_prompt(m, f.read_text("utf-8")) for m, f in own.items() if f.is_file()}
