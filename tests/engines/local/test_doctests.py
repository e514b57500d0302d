import doctest
import importlib
import pkgutil

import pytest

import agentflow.engines.decoding
import agentflow.engines.local

MODULES = [
    module.name
    for package in (agentflow.engines.decoding, agentflow.engines.local)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
