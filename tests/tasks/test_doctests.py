import doctest
import importlib
import pkgutil

import pytest

import agentflow.tasks

MODULES = [module.name for module in pkgutil.walk_packages(agentflow.tasks.__path__, "agentflow.tasks.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
