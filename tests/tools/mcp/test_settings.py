"""What can be said of a server in a config, and what is said about it when it is wrong."""

from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.settings import as_toml
from agentflow.config import McpServerConfig, load_config
from agentflow.errors import ConfigError
from agentflow.tools.mcp.credentials import read_secrets

FILES = {"command": ["files-server", "/data"], "env": ["HOME"]}
WEATHER = {"url": "https://example.org/mcp", "headers": {"Authorization": "WEATHER_TOKEN"}}


def load(server: dict[str, Any], name: str = "files") -> McpServerConfig:
    return load_config(overrides={"tools": {"mcp": {name: server}}}).tools.mcp[name]


def test_servers_by_command_and_by_url() -> None:
    files, weather = load(FILES), load(WEATHER)
    assert (files.command, files.env, files.timeout_seconds) == (("files-server", "/data"), ("HOME",), 30)
    assert (weather.url, weather.headers) == ("https://example.org/mcp", {"Authorization": "WEATHER_TOKEN"})


def test_what_is_shown_reads_as_the_same_again(tmp_path: Path) -> None:
    config = load_config(overrides={"tools": {"enabled": ["files.*"], "mcp": {"files": FILES, "weather": WEATHER}}})
    file = tmp_path / "again.toml"
    file.write_text(as_toml(config))
    assert load_config(file) == config


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({}, "tools.mcp.files: wanted command or url, came neither"),
        ({**FILES, **WEATHER}, "wanted command or url, came both"),
        ({"comand": ["x"]}, r"unknown setting 'tools.mcp.files.comand': did you mean 'tools.mcp.files.command'\?"),
        ({**WEATHER, "env": ["HOME"]}, "env is for a command"),
        ({**FILES, "headers": {"A": "B"}}, "headers are for a url"),
        ({"command": "npx server"}, "tools.mcp.files.command: Input should be a valid tuple"),
        ({"url": "ftp://example.org"}, "tools.mcp.files.url: wanted http://... or https://..."),
        ({"url": "example.org/mcp"}, "tools.mcp.files.url: wanted http://... or https://..."),
        ({**FILES, "timeout_seconds": 0}, "tools.mcp.files.timeout_seconds: Input should be greater than 0"),
        ({**FILES, "max_concurrency": 0}, "tools.mcp.files.max_concurrency"),
    ],
)
def test_what_is_wrong_is_said(server: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(server)


@pytest.mark.parametrize(
    "server",
    [
        {**FILES, "env": {"API_TOKEN": "tok-0123456789"}},
        {**FILES, "env": ["API_TOKEN=tok-0123456789"]},
        {**WEATHER, "headers": {"Authorization": "Bearer tok-0123456789"}},
        {**WEATHER, "headers": {"Authorization": "tok0123456789"}},
        {**WEATHER, "headers": {"Autho rization": "TOKEN"}},
        {"url": "https://me:tok-0123456789@example.org/mcp"},
        {"url": "https://example.org/mcp/?apiKey=tok-0123456789"},
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(server: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="wanted") as error:
        load(server)
    assert "0123456789" not in str(error.value)


@pytest.mark.parametrize("name", ["Files", "my-files", "1st", "a.b", ""])
def test_the_name_of_a_server_begins_those_of_its_tools(name: str) -> None:
    with pytest.raises(ConfigError, match="the name of a server is snake_case"):
        load(FILES, name)


def test_a_server_that_is_no_table() -> None:
    with pytest.raises(ConfigError, match=r"tools.mcp.files: wanted a table of settings"):
        load_config(overrides={"tools.mcp.files": "files-server"})


def test_secrets_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-0123456789")
    monkeypatch.setenv("PLACE", "Oslo")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    secrets = read_secrets("files", load({**FILES, "env": ["API_TOKEN", "PLACE"]}))
    assert secrets.environment["API_TOKEN"] == "tok-0123456789"
    assert {"API_TOKEN", "PLACE", "PATH"} <= secrets.environment.keys()
    assert not {"OPENAI_API_KEY", "HOME"} & secrets.environment.keys()
    assert secrets.redact("tok-0123456789 in Oslo") == "[key redacted] in Oslo"
    assert "0123456789" not in repr(secrets)


def test_a_scheme_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_TOKEN", "Bearer tok-0123456789")
    secrets = read_secrets("weather", load(WEATHER))
    assert secrets.headers == {"Authorization": "Bearer tok-0123456789"}
    assert secrets.redact("a Bearer said tok-0123456789") == "a Bearer said [key redacted]"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEATHER_TOKEN", raising=False)
    with pytest.raises(
        ConfigError, match=r"tools\.mcp\.weather\.headers\.Authorization names .* WEATHER_TOKEN, which is"
    ):
        read_secrets("weather", load(WEATHER))
    with pytest.raises(ConfigError, match=r"tools\.mcp\.files\.env names the environment variable MISSING_ONE"):
        read_secrets("files", load({**FILES, "env": ["MISSING_ONE"]}))


@pytest.mark.parametrize("value", ["two\nlines", "tok\r\nX-Other: 1", "tök"])
def test_a_header_that_can_not_be_sent(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WEATHER_TOKEN", value)
    with pytest.raises(ConfigError, match="WEATHER_TOKEN holds a line break or a sign that no header may have"):
        read_secrets("weather", load(WEATHER))
