from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agentflow.engines.local import LocalEngine, open_local
from agentflow.engines.models import find_model
from agentflow.errors import ConfigError

from . import tiny_model

Opener = Callable[..., LocalEngine]


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of random weights: see `tiny_model`."""
    return tiny_model.write_model(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
async def open_tiny(tiny_path: Path) -> AsyncIterator[Opener]:
    """Opens engines on the tiny model, which are closed at the end. One thread: two would only wait for each other."""
    opened: list[LocalEngine] = []

    def open_one(**settings: object) -> LocalEngine:
        engine = open_local(str(tiny_path), **{"threads": 1, "cells": 2048, **settings})
        opened.append(engine)
        return engine

    yield open_one
    for engine in opened:
        await engine.close()


@pytest.fixture(scope="session")
def smollm_path() -> Path:
    try:
        return find_model("smollm2-135m", fetch=False)
    except ConfigError as error:
        pytest.skip(str(error))
