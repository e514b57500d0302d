import doctest
import importlib
import pkgutil

import pytest

pytest.importorskip("peft", reason="needs pip install 'agentflow-grpo[train]'")

import agentflow.train.learner

MODULES = [module.name for module in pkgutil.iter_modules(agentflow.train.learner.__path__, "agentflow.train.learner.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
