import doctest
import importlib
import pkgutil

import pytest

import agentflow.engines.local

MODULES = [module.name for module in pkgutil.iter_modules(agentflow.engines.local.__path__, "agentflow.engines.local.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
