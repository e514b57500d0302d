"""Publishing where there is nothing to send: the `transformers:` engine samples from the learner's own weights."""

from agentflow.engines.transformers import TransformersEngine
from agentflow.train.publish.publisher import PolicyEngine
from agentflow.types import Engine


class LivePublisher:
    """Tells an engine that shares the learner's model that the weights are new ones now."""

    def __init__(self, engine: TransformersEngine) -> None:
        self._policy = PolicyEngine(engine, engine.name, engine.policy_version)

    @property
    def engine(self) -> PolicyEngine:
        return self._policy

    async def publish(self, version: str) -> None:
        """See `Publisher`. Generations that still run saw a step in their midst, if one was made: make none."""

        async def same(engine: Engine) -> Engine:
            return engine

        await self._policy.replace(version, same)

    async def close(self) -> None:
        await self._policy.close()
