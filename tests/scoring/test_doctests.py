import doctest
import importlib
import pkgutil

import pytest

import agentflow.scoring

MODULES = [module.name for module in pkgutil.iter_modules(agentflow.scoring.__path__, "agentflow.scoring.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
