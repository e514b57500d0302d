"""One schema for every setting: TOML file and dotted overrides -> a validated `Config`.

Unknown keys are refused with the nearest known one. Secrets are not settings: keys come from the environment alone.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from platformdirs import user_state_path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from agentflow.errors import ConfigError, UnknownName
from agentflow.types import Sampling

DEFAULT_ENGINE = "local:qwen2.5-coder-1.5b"


def _none_by_name(value: object) -> object:
    """TOML has no word for "not set": we take "none"."""
    return None if value == "none" else value


def _home(path: Path | None) -> Path | None:
    """`~` is the user's folder."""
    return path.expanduser() if path else None


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModuleConfig(Sampling):
    """One module's engine and sampling.

    `engine` is a specification such as `local:qwen2.5-coder-1.5b` or `openai:gpt-5`; empty means the engine of the
    whole flow. The word "none" unsets a sampling value, for an engine that does not take it. With `constrained`, the
    engine is held to the module's JSON schema; switch it off for an engine that can not do that, or to sample freely.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    engine: str = ""
    constrained: bool = True

    _none = field_validator("temperature", "top_p", "top_k", "min_p", "seed", mode="before")(_none_by_name)

    @property
    def sampling(self) -> Sampling:
        """The sampling settings alone."""
        return Sampling(**{name: getattr(self, name) for name in Sampling.model_fields})


class BudgetConfig(Section):
    """Limits of one solve. When one is used up the generator gives its best answer, once.

    `max_turns` counts turns, `max_seconds` wall seconds, `max_tokens` prompt and completion tokens of all calls;
    `tool_seconds` limits one tool call, without its wait for a free core or for an engine. The best answer may take
    `max_seconds` of its own. "none" is no limit.
    """

    max_turns: int = Field(default=5, ge=1)
    max_seconds: float | None = Field(default=300.0, gt=0)
    max_tokens: int | None = Field(default=None, ge=1)
    tool_seconds: float = Field(default=60.0, gt=0)

    _none = field_validator("max_seconds", "max_tokens", mode="before")(_none_by_name)


class MemoryConfig(Section):
    """How much of the past the modules see.

    `question_tokens` is the longest question that is taken. `tokens` bounds the whole memory and `result_tokens` one
    tool result. A result that does not fit is shortened in its middle, with a mark that says by how much; what was
    shown once is never changed later.
    """

    question_tokens: int = Field(default=1536, ge=16)
    tokens: int = Field(default=4096, ge=256)
    result_tokens: int = Field(default=400, ge=64)


class McpServerConfig(Section):
    """An MCP server: a `command` that is started here, or the `url` of one that speaks streamable HTTP.

    `env` names the environment variables that the command gets, besides PATH and the language; `headers` says for each
    HTTP header which environment variable holds its value. `start_seconds` limits its start, `timeout_seconds` one
    call, without its wait where `max_concurrency` calls are under way. `result_characters` is what is kept of a result.
    """

    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    url: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    start_seconds: float = Field(default=30.0, gt=0)
    timeout_seconds: float = Field(default=30.0, gt=0)
    max_concurrency: int = Field(default=8, ge=1, le=1000)
    result_characters: int = Field(default=10_000, ge=200)

    @field_validator("env", mode="before")
    @classmethod
    def _env_has_names(cls, env: object) -> object:
        if isinstance(env, list | tuple) and all(isinstance(name, str) and _VARIABLE.fullmatch(name) for name in env):
            return env
        raise PydanticCustomError(_SECRET, 'wanted names of environment variables: env = ["HOME"]. Values stay out')

    @field_validator("headers")
    @classmethod
    def _headers_have_names(cls, headers: dict[str, str]) -> dict[str, str]:
        if all(_HEADER.fullmatch(header) and _SHOUTED.fullmatch(name) for header, name in headers.items()):
            return headers
        raise PydanticCustomError(
            _SECRET, 'wanted headers and the environment variables of their values: { Authorization = "MY_TOKEN" }'
        )

    @field_validator("url")
    @classmethod
    def _url_of_a_server(cls, url: str) -> str:
        parts = urlsplit(url)
        secretive = "@" in parts.netloc or parts.query
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or secretive):
            words = "wanted http://... or https://... without user, password and query: a key goes into headers"
            raise PydanticCustomError(_SECRET, words)
        return url

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> "McpServerConfig":
        if bool(self.command) == bool(self.url):
            raise ValueError(f"wanted command or url, came {'both' if self.url else 'neither'}")
        if self.url and self.env:
            raise ValueError("env is for a command: a server behind a url gets headers")
        if self.command and self.headers:
            raise ValueError("headers are for a url: a command gets env")
        return self


_NO_TABLE = {"model_type", "model_attributes_type", "dict_type"}
_SECRET = "not_shown"  # noqa: S105 - an error whose input may be one
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOUTED = re.compile(r"[A-Z_][A-Z0-9_]*")  # a token is hardly ever spelt so
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_SERVER = re.compile(r"[a-z][a-z0-9_]*")


class ToolsConfig(BaseModel):
    """Which tools the executor may call, and a table of settings for each: `[tools.python] seconds = 20`.

    `mcp` holds MCP servers by name; their tools are enabled as `server.tool`, or all of them as `server.*`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    enabled: tuple[str, ...] = ("python", "wikipedia_search", "generalist")
    mcp: dict[str, McpServerConfig] = Field(default_factory=dict)

    @field_validator("mcp")
    @classmethod
    def _servers_are_named(cls, servers: dict[str, McpServerConfig]) -> dict[str, McpServerConfig]:
        for name in servers:
            if not _SERVER.fullmatch(name):
                raise ValueError(f"the name of a server is snake_case, as it begins those of its tools: {name!r}")
        return servers

    @model_validator(mode="after")
    def _settings_are_tables(self) -> "ToolsConfig":
        for name, value in (self.model_extra or {}).items():
            if not isinstance(value, dict):
                raise ValueError(f"tools.{name} must be a table of settings for the tool {name!r}")
        return self

    @property
    def settings(self) -> dict[str, dict[str, JsonValue]]:
        """Settings by tool name."""
        return dict(self.model_extra or {})


class RecordingsConfig(Section):
    """Where tool results come from: the tools (`live`); the tools, and kept in `file` (`record`); `file` (`replay`).

    What is in `file` already is not asked for again. "none" is no file.
    """

    mode: Literal["live", "record", "replay"] = "live"
    file: Path | None = None

    _none = field_validator("file", mode="before")(_none_by_name)
    _expanded = field_validator("file")(_home)

    @model_validator(mode="after")
    def _some_file(self) -> "RecordingsConfig":
        if self.mode != "live" and self.file is None:
            raise ValueError(f'recordings.mode is "{self.mode}": set recordings.file to the cassette')
        return self


class JudgeConfig(Section):
    """The model that scores what no rule can: `max_tokens` limits its reply, with the reasoning before it."""

    max_tokens: int = Field(default=1024, ge=1)


class PriceConfig(Section):
    """What an engine costs: dollars for a million tokens."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)


class Config(Section):
    """Everything that determines how a question is solved.

    `engine` plays every module that names no other; `engines` holds settings by specification, such as
    `[engines."local:qwen2.5-coder-1.5b"] threads = 4`. `flow` is the team, or a baseline to compare it with: `solo`
    alone (`plain`), or with the tools in one loop (`react`). `prompts` is a prompt set or a folder of prompt files.
    `seed` makes sampling repeatable. Every solve is appended to the file `trace`; "none" switches that off. `prices`,
    by specification, are what an evaluation reckons its cost with; an engine that has none costs nothing.

    >>> Config().planner.sampling.max_tokens
    256
    """

    engine: str = DEFAULT_ENGINE
    engines: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    flow: Literal["agentflow", "plain", "react"] = "agentflow"
    prompts: str = "json"
    seed: int | None = None
    analyst: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=128)
    planner: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=256)
    executor: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=512)
    verifier: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=128)
    generator: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=384)
    solo: ModuleConfig = ModuleConfig(temperature=0.0, max_tokens=512)
    budget: BudgetConfig = BudgetConfig()
    memory: MemoryConfig = MemoryConfig()
    tools: ToolsConfig = ToolsConfig()
    recordings: RecordingsConfig = RecordingsConfig()
    judge: JudgeConfig = JudgeConfig()
    prices: dict[str, PriceConfig] = Field(default_factory=dict)
    trace: Path | None = Field(default_factory=lambda: user_state_path("agentflow") / "trace.jsonl")

    _none = field_validator("seed", "trace", mode="before")(_none_by_name)

    _expanded = field_validator("trace")(_home)


Settings = TypeVar("Settings", bound=Config)

MODULES: tuple[Literal["analyst", "planner", "executor", "verifier", "generator"], ...] = (
    "analyst",
    "planner",
    "executor",
    "verifier",
    "generator",
)


def load_config(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a TOML file, then apply overrides by dotted name: `{"planner.temperature": 0.5}`.

    Names are written as in TOML: `engines."local:qwen2.5-coder-1.5b".threads`.

    Raises `ConfigError` with the file, the place and what was wanted; `UnknownName` for a key nobody knows.

    >>> load_config(overrides={"budget.max_turns": 3}).budget.max_turns
    3
    >>> load_config(overrides={"planer.temperature": 1})
    Traceback (most recent call last):
    agentflow.errors.UnknownName: unknown setting 'planer': did you mean 'planner'? Known: ...
    """
    return load_settings(Config, path, overrides)


def load_settings(
    schema: type[Settings], path: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """As `load_config`, for a config that has more in it, such as that of a training run."""
    table = _read(path) if path else {}
    for name, value in (overrides or {}).items():
        _put(table, name, value)
    try:
        return schema.model_validate(_with_defaults(table, schema))
    except ValidationError as error:
        raise _explain(error, str(path) if path else "the settings", schema) from None


def _with_defaults(table: dict[str, Any], schema: type[Config]) -> dict[str, Any]:
    """A table changes only what it names: the other settings in it keep the defaults that this schema gives them."""
    for name, field in schema.model_fields.items():
        if isinstance(field.default, BaseModel) and isinstance(table.get(name), dict):
            table[name] = {**field.default.model_dump(exclude_unset=True), **table[name]}
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file at {path}") from None
    except OSError as error:
        raise ConfigError(f"can not read the config file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _put(table: dict[str, Any], name: str, value: Any) -> None:
    *parents, last = _parts(name)
    for parent in parents:
        inner = table.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{name!r} can not be set: {parent!r} is a value and not a table")
        table = inner
    table[last] = value


def _parts(name: str) -> list[str]:
    """
    >>> _parts('engines."local:qwen2.5-coder-1.5b".threads')
    ['engines', 'local:qwen2.5-coder-1.5b', 'threads']
    """
    try:
        if "\n" in name:
            raise ConfigError(f"{name!r} is no name of a setting")
        inner: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        raise ConfigError(
            f"{name!r} is no name of a setting: quote a part that has other signs than letters, digits, _ and -, "
            'as in engines."local:qwen2.5-coder-1.5b".threads'
        ) from None
    parts = []
    while isinstance(inner, dict):
        part, inner = next(iter(inner.items()))
        parts.append(part)
    return parts


def _explain(error: ValidationError, source: str, schema: type[Config]) -> ConfigError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return UnknownName("setting", place, _known(first["loc"], schema))
    came = "" if first["type"] == _SECRET else f" (came: {first['input']!r})"
    words = "wanted a table of settings" if first["type"] in _NO_TABLE else first["msg"].removeprefix("Value error, ")
    return ConfigError(f"{source}: {place}: {words}{came}")


def _known(place: tuple[int | str, ...], schema: type[BaseModel]) -> list[str]:
    """The dotted names that would have been accepted where an unknown one was found, and the one table deeper that it
    may have been meant for."""
    models = [schema]
    for part in place[:-1]:
        fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
        models = [inner for field in fields for inner in _models(field.annotation)] or models
    parents = ".".join(str(part) for part in place[:-1])
    names = sorted({name for model in models for name in model.model_fields})
    deeper = {f"{name}.{place[-1]}" for model in models for name in _tables_with(str(place[-1]), model)}
    return [f"{parents}.{name}" if parents else name for name in [*names, *(deeper if len(deeper) == 1 else ())]]


def _tables_with(setting: str, model: type[BaseModel]) -> list[str]:
    """
    >>> _tables_with("max_turns", Config), _tables_with("max_tokens", BudgetConfig)
    (['budget'], [])
    """
    fields = model.model_fields.items()
    return [name for name, field in fields if any(setting in inner.model_fields for inner in _models(field.annotation))]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models inside a type: of a table, of a list of tables, of one of several kinds of table.

    >>> _models(list[BudgetConfig | MemoryConfig]) == [BudgetConfig, MemoryConfig]
    True
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
