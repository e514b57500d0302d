"""The scheduler over a cache without a model: what is evaluated when, and that nobody gets another's tokens."""

import random as random_module
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.engines.decoding.generation import Generation
from agentflow.engines.local.llama import BATCH_TOKENS
from agentflow.engines.local.scheduler import Scheduler
from agentflow.errors import EngineError
from agentflow.types import Sampling

from .fake_cache import FakeCache, Letters, next_token

PREFIX = list(range(1, 41)) * 3  # 120 tokens


class Asked:
    """Generations that were submitted, and the order in which they finished."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.finished: list[Generation] = []
        self.cancelled: set[Generation] = set()

    def submit(self, prompt: list[int], max_tokens: int = 4) -> Generation:
        generation = Generation(
            prompt,
            Sampling(temperature=0, max_tokens=max_tokens),
            vocabulary=Letters(),
            on_finish=self.finished.append,
            is_cancelled=lambda: generation in self.cancelled,
        )
        self.scheduler.submit(generation)
        return generation

    def run(self, most_steps: int = 1000) -> None:
        for _ in range(most_steps):
            if not self.scheduler.busy:
                return
            self.scheduler.step()
        raise AssertionError("it does not come to an end")


def scheduled(cache: FakeCache, *, max_running: int = 4, num_sequences: int = 8) -> Asked:
    return Asked(Scheduler(cache, max_running=max_running, num_sequences=num_sequences))


def expected(prompt: list[int], num_tokens: int) -> list[int]:
    """What a prompt's answer is, computed without any cache."""
    text = list(prompt)
    for _ in range(num_tokens):
        text.append(next_token(tuple(text)))
    return text[len(prompt) :]


def test_one_request_alone() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    generation = asked.submit([1, 2, 3])
    asked.run()
    assert generation.tokens == expected([1, 2, 3], 4)
    assert generation.finish_reason == "length"
    assert [len(batch) for batch in cache.batches] == [3, 1, 1, 1]  # the last token is drawn and never evaluated
    assert asked.scheduler.statistics.evaluated == 6


def test_requests_decode_in_one_batch() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    prompts = [[10 + i, 1, 2] for i in range(4)]
    generations = [asked.submit(prompt) for prompt in prompts]
    asked.run()
    assert [g.tokens for g in generations] == [expected(p, 4) for p in prompts]
    assert [len(batch) for batch in cache.batches] == [12, 4, 4, 4]


def test_logits_are_asked_for_where_a_token_is_drawn_and_nowhere_else() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    asked.submit([1, 2, 3], max_tokens=2)
    asked.run()
    assert [[row.wants_logits for row in batch] for batch in cache.batches] == [[False, False, True], [True]]


def test_a_prompt_longer_than_a_batch_is_evaluated_in_parts() -> None:
    cache = FakeCache(cells=2000)
    asked = scheduled(cache)
    prompt = [i % 49 + 1 for i in range(1200)]
    generation = asked.submit(prompt)
    asked.run()
    assert generation.tokens == expected(prompt, 4)
    assert [len(batch) for batch in cache.batches][:3] == [BATCH_TOKENS, BATCH_TOKENS, 1200 - 2 * BATCH_TOKENS]


def test_who_decodes_goes_on_while_a_long_prompt_is_evaluated() -> None:
    cache = FakeCache(cells=4000)
    asked = scheduled(cache)
    decoding = asked.submit([1, 2], max_tokens=6)
    asked.scheduler.step()
    asked.submit([i % 49 + 1 for i in range(2000)], max_tokens=1)
    for _ in range(3):
        asked.scheduler.step()
    assert len(decoding.tokens) == 4
    assert [len(batch) for batch in cache.batches] == [2, BATCH_TOKENS, BATCH_TOKENS, BATCH_TOKENS]


def test_long_prompts_are_evaluated_in_the_order_in_which_they_came() -> None:
    """Otherwise a stream of shorter ones could keep a long one waiting for ever."""
    cache = FakeCache(cells=4000)
    asked = scheduled(cache)
    long = asked.submit([i % 49 + 1 for i in range(1000)], max_tokens=1)
    short = asked.submit([40 - i % 30 for i in range(300)], max_tokens=1)
    asked.run()
    assert asked.finished == [long, short]


def test_a_shared_prefix_is_evaluated_once() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    prompts = [[*PREFIX, 41 + i, 2] for i in range(4)]
    generations = [asked.submit(prompt, max_tokens=3) for prompt in prompts]
    asked.run()
    assert [g.tokens for g in generations] == [expected(p, 3) for p in prompts]
    assert [g.cached_tokens for g in generations] == [0, 120, 120, 120]
    statistics = asked.scheduler.statistics
    assert statistics.evaluated == 120 + 4 * (2 + 2)
    assert statistics.reused == 3 * 120


def test_a_conversation_goes_on_where_its_cache_ends() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    first = asked.submit(PREFIX)
    asked.run()
    second = asked.submit([*PREFIX, *first.tokens, 7, 8])
    asked.run()
    assert second.cached_tokens == len(PREFIX) + 3  # the last token of the first was never evaluated
    assert second.tokens == expected(second.prompt, 4)


def test_a_prompt_that_is_all_in_the_cache_still_evaluates_its_last_token() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    first, second = (asked.submit(PREFIX) for _ in range(2))
    asked.run()
    assert first.tokens == second.tokens == expected(PREFIX, 4)
    assert second.cached_tokens == len(PREFIX) - 1


def test_a_short_common_prefix_is_not_worth_waiting_for() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    generations = [asked.submit([1, 2, 3, 10 + i]) for i in range(2)]
    asked.scheduler.step()
    assert [len(g.tokens) for g in generations] == [1, 1]


def test_nobody_waits_for_a_prefix_that_is_in_the_cache_already() -> None:
    """Sequence 0 evaluates the prefix once more behind something else; the finished one next to it has all of it."""
    cache = FakeCache(cells=4000)
    asked = scheduled(cache)
    asked.submit(PREFIX, max_tokens=1)
    asked.run()
    long = asked.submit([*PREFIX, *range(1, 49), *([9] * 600)], max_tokens=1)
    asked.scheduler.step()
    short = asked.submit([*PREFIX, 45], max_tokens=1)
    asked.scheduler.step()
    assert short.finish_reason is not None
    assert short.cached_tokens == len(PREFIX)
    asked.run()
    assert long.tokens == expected(long.prompt, 1)


def test_while_one_waits_for_a_prefix_others_pass() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    asked.submit([*PREFIX, 1])
    waits = asked.submit([*PREFIX, 2])
    passes = asked.submit([30, 31, 32])
    asked.scheduler.step()
    assert (len(waits.tokens), len(passes.tokens)) == (0, 1)


def test_no_more_run_than_may() -> None:
    cache = FakeCache()
    asked = scheduled(cache, max_running=2)
    generations = [asked.submit([10 + i]) for i in range(5)]
    asked.scheduler.step()
    assert [len(g.tokens) for g in generations] == [1, 1, 0, 0, 0]
    asked.run()
    assert asked.finished == generations  # in the order in which they came
    assert max(map(len, cache.batches)) == 2


def test_a_large_request_is_not_overtaken_while_it_waits_for_room() -> None:
    cache = FakeCache(cells=100)
    asked = scheduled(cache)
    first = asked.submit([1] * 50, max_tokens=10)
    large = asked.submit([2] * 80, max_tokens=10)
    small = asked.submit([3], max_tokens=5)
    while first.finish_reason is None:
        assert large.tokens == small.tokens == []
        asked.scheduler.step()
    asked.scheduler.step()
    assert len(large.tokens) == len(small.tokens) == 1


def test_what_runs_always_has_room() -> None:
    """What is set aside covers the longest answers, so a running generation never meets a full cache."""
    cache = FakeCache(cells=64)
    asked = scheduled(cache)
    prompts = [[10 + i] * (5 + i) for i in range(12)]
    generations = [asked.submit(prompt, max_tokens=20) for prompt in prompts]
    asked.run()
    assert [g.tokens for g in generations] == [expected(p, 20) for p in prompts]
    assert all(g.error is None for g in generations)
    assert cache.num_evictions > 0  # what finished earlier gave way


def test_what_is_shared_is_set_aside_once() -> None:
    cache = FakeCache(cells=200)
    asked = scheduled(cache)
    generations = [asked.submit([*PREFIX, 41 + i], max_tokens=10) for i in range(4)]  # 131 cells each, 164 together
    asked.scheduler.step()  # the first evaluates what they share
    asked.scheduler.step()
    asked.scheduler.step()
    assert all(g.tokens for g in generations)
    asked.run()
    assert [g.tokens for g in generations] == [expected(g.prompt, 10) for g in generations]


def test_who_was_let_in_too_hopefully_waits_again_and_loses_nothing() -> None:
    """What they share is too short to wait for, so each evaluates it, and together they do not fit."""
    cache = FakeCache(cells=100)
    asked = scheduled(cache)
    generations = [asked.submit([*PREFIX[:30], 41 + i], max_tokens=20) for i in range(3)]  # 51 each, 93 if shared
    asked.run()
    assert cache.num_evictions > 0
    assert asked.finished[-1] is generations[-1]  # the youngest gave way
    assert [g.tokens for g in generations] == [expected(g.prompt, 20) for g in generations]
    assert [g.cached_tokens for g in generations] == [0, 0, 0]


def test_the_oldest_of_the_idle_gives_way_first() -> None:
    cache = FakeCache(cells=400)
    asked = scheduled(cache)
    others = [[40 + i] * 120 for i in range(3)]
    for prompt in others:
        asked.submit(prompt, max_tokens=1)
        asked.run()
    assert asked.submit([*others[0], 1], max_tokens=1).prompt  # used again: the second is the oldest now
    asked.run()
    asked.submit([1] * 100, max_tokens=1)
    asked.run()
    kept = {cache.text(number)[0] for number in cache.sequences if cache.text(number)}
    assert kept == {40, 42, 1}


def test_a_prompt_that_branches_off_leaves_what_it_branched_from() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    asked.submit([*PREFIX, 1, 2, 3], max_tokens=1)
    asked.run()
    branch = asked.submit([*PREFIX, 7], max_tokens=1)
    asked.run()
    stem = asked.submit([*PREFIX, 1, 2, 3, 4], max_tokens=1)
    asked.run()
    assert (branch.cached_tokens, stem.cached_tokens) == (len(PREFIX), len(PREFIX) + 3)
    assert sum(bool(cells) for cells in cache.sequences.values()) == 2  # the stem went on in its own place


def test_what_was_branched_from_counts_as_used() -> None:
    cache = FakeCache(cells=400)
    asked = scheduled(cache)
    for prompt in ([*PREFIX, 1], [45] * 120, [*PREFIX[:100], 2], [46] * 170):
        asked.submit(prompt, max_tokens=1)
        asked.run()
    kept = {cache.text(number)[0] for number in cache.sequences if cache.text(number)}
    assert kept == {PREFIX[0], 46}  # and 45 gave way


def test_those_who_wait_keep_their_order() -> None:
    cache = FakeCache()
    asked = scheduled(cache, max_running=2)
    first = asked.submit([*PREFIX, 1], max_tokens=8)
    others = [asked.submit([*PREFIX, 2 + i], max_tokens=1) for i in range(4)]  # all wait for the first one's prefix
    asked.run()
    assert asked.finished == [*others, first]


def test_a_cancelled_request_stops_at_once_and_leaves_its_place() -> None:
    cache = FakeCache()
    asked = scheduled(cache, max_running=1)
    running, waiting, last = (asked.submit([10 + i], max_tokens=50) for i in range(3))
    asked.scheduler.step()
    asked.cancelled = {running, waiting}
    asked.run()
    assert len(running.tokens) == 1
    assert waiting.tokens == []
    assert last.tokens == expected([12], 50)


def test_who_waited_for_the_prefix_of_a_cancelled_request_evaluates_it() -> None:
    cache = FakeCache(cells=4000)
    asked = scheduled(cache)
    prefix = [i % 49 + 1 for i in range(1000)]
    first, second = (asked.submit([*prefix, 10 + i]) for i in range(2))
    asked.scheduler.step()
    asked.cancelled = {first}
    asked.run()
    assert second.tokens == expected(second.prompt, 4)
    assert second.cached_tokens == BATCH_TOKENS  # what was there when the first one ended


def test_a_failed_batch_fails_all_and_the_next_request_works() -> None:
    cache = FakeCache(fail_at=2)
    asked = scheduled(cache, max_running=2)
    generations = [asked.submit([10 + i], max_tokens=9) for i in range(3)]
    asked.run()
    assert asked.finished == generations
    assert [str(g.error) for g in generations] == ["llama.cpp could not evaluate a batch"] * 3
    assert cache.num_clears == 1
    later = asked.submit([10], max_tokens=2)
    asked.run()
    assert later.error is None
    assert later.tokens == expected([10], 2)
    assert later.cached_tokens == 0


def test_an_error_in_one_draw_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    bad, good = asked.submit([1]), asked.submit([2])

    def fail(_logits: object) -> None:
        bad.error = EngineError("no token is allowed")

    monkeypatch.setattr(bad, "draw", fail)
    asked.run()
    assert asked.finished == [bad, good]
    assert good.tokens == expected([2], 4)


def test_an_action_between_generations_waits_for_those_that_run_and_what_comes_later_waits_for_it() -> None:
    cache = FakeCache()
    asked = scheduled(cache)
    running = asked.submit(PREFIX)
    asked.scheduler.step()
    states: list[tuple[bool, int]] = []
    asked.scheduler.between_generations(lambda: states.append((running in asked.finished, len(waiting.tokens))))
    waiting = asked.submit([*PREFIX, 1])
    asked.run()
    assert states == [(True, 0)]
    assert waiting.cached_tokens == 0  # what was evaluated before is not valid any more
    assert waiting.tokens == expected(waiting.prompt, 4)


def test_actions_run_in_their_order_also_when_nothing_else_is_asked() -> None:
    asked = scheduled(FakeCache())
    done: list[int] = []
    for number in range(3):
        asked.scheduler.between_generations(partial(done.append, number))
    asked.run()
    assert done == [0, 1, 2]


def test_a_request_that_could_never_fit_is_our_mistake() -> None:
    asked = scheduled(FakeCache(cells=10))
    with pytest.raises(AssertionError, match="wait for ever"):
        asked.submit([1] * 8, max_tokens=3)


@given(seed=st.integers(0, 10_000), cells=st.sampled_from([120, 200, 1000]), cancel=st.booleans())
def test_everyone_gets_the_answer_of_its_own_prompt(seed: int, cells: int, cancel: bool) -> None:
    """Whatever is shared, evicted, cancelled and mixed: the cache itself checks positions and copies."""
    random = random_module.Random(seed)
    cache = FakeCache(cells=cells)
    asked = scheduled(cache, max_running=random.randint(1, 5), num_sequences=random.randint(5, 9))
    stems = [[random.randint(1, 49) for _ in range(random.randint(1, 60))] for _ in range(4)]
    generations: list[Generation] = []
    for _ in range(30):
        stem = random.choice(stems)
        prompt = [*stem[: random.randint(1, len(stem))], *(random.randint(1, 49) for _ in range(random.randint(0, 5)))]
        generations.append(asked.submit(prompt, max_tokens=random.randint(1, 30)))
        for _ in range(random.randint(0, 4)):
            asked.scheduler.step()
        if cancel and random.random() < 0.2:
            asked.cancelled.add(random.choice(generations))
    asked.run()
    for generation in generations:
        answer = expected(generation.prompt, generation.sampling.max_tokens)
        assert generation.tokens == answer[: len(generation.tokens)]
        assert generation in asked.cancelled or generation.tokens == answer
        assert generation.error is None
