"""What trials take: tokens, and dollars where the settings know the price of an engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentflow.config import Config, PriceConfig
from agentflow.engines.open import spec_of_path
from agentflow.evaluation.describe import modules_of
from agentflow.evaluation.receipt import Record
from agentflow.types import Trajectory, Usage


class Prices:
    """Dollars by engine. One without a price costs nothing."""

    def __init__(self, prices: Mapping[str, PriceConfig]) -> None:
        self._of = {spec_of_path(specification): price for specification, price in prices.items()}

    def dollars(self, engine: str, usage: Usage) -> float:
        """
        >>> prices = Prices({"openai:gpt-5-mini": PriceConfig(prompt=0.25, completion=2.0)})
        >>> usage = Usage(prompt_tokens=1_000_000, completion_tokens=500_000)
        >>> prices.dollars("openai:gpt-5-mini", usage), prices.dollars("local:smollm2-135m", usage)
        (1.25, 0.0)
        """
        price = self._of.get(engine)
        if price is None:
            return 0.0
        return (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6


@dataclass
class Bill:
    """What one trial took so far, over all attempts at it."""

    prices: Prices
    usage: Usage = field(default_factory=Usage)
    judge_usage: Usage = field(default_factory=Usage)
    dollars: float = 0.0

    def add_record(self, record: Record) -> None:
        """What an earlier run spent on it."""
        self.usage += record.usage
        self.judge_usage += record.judge_usage
        self.dollars += record.dollars

    def add_solve(self, trajectory: Trajectory) -> None:
        """The calls of one solve, those of its tools among them."""
        self.usage += trajectory.usage
        self.dollars += sum(self.prices.dollars(call.engine, call.completion.usage) for call in trajectory.all_calls)

    def add_judge(self, engine: str, usage: Usage) -> None:
        """The calls of a judge."""
        self.judge_usage += usage
        self.dollars += self.prices.dollars(engine, usage)


def unused_prices(config: Config, judge: str = "") -> Iterator[str]:
    """The engines that have a price, and no part in the flow."""
    of_tools = {settings.get("engine") for settings in config.tools.settings.values()}
    used = {judge, *of_tools, *(module.engine for module in modules_of(config).values())}
    yield from (engine for engine in config.prices if engine not in used)
