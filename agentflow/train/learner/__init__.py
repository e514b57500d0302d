"""The embedded learner: one CPU or one GPU, torch and transformers, made for samples that share their prompts."""

from agentflow.train.learner.config import LearnerConfig
from agentflow.train.learner.learner import LocalLearner

__all__ = ["LearnerConfig", "LocalLearner"]
