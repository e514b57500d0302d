"""Answer text and gold -> reward, by rules: exact, pure, offline, and never an exception for what a model wrote."""

from agentflow.scoring.rules import score

__all__ = ["score"]
