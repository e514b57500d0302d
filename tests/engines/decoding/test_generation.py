"""One request by itself: when it ends, and what text comes out. Tokens are forced upon it by its logits."""

from typing import Any

import numpy as np
import pytest

from agentflow.engines.decoding.generation import Generation
from agentflow.types import Sampling

PIECES = [b"<end>", b"a", b"b", b"c", "ü".encode()[:1], "ü".encode()[1:], b"\xf0\x9f", b"\x98\x80", b"ab", b""]
END, A, B, C, UE_HEAD, UE_TAIL, SMILE_HEAD, SMILE_TAIL, AB, CONTROL = range(len(PIECES))


class Vocabulary:
    def piece(self, token: int) -> bytes:
        return PIECES[token]

    def is_end(self, token: int) -> bool:
        return token == END


def generation_of(**sampling: Any) -> Generation:
    settings = Sampling(**{"temperature": 0, "max_tokens": 20, **sampling})
    return Generation([A], settings, vocabulary=Vocabulary(), on_finish=lambda _: None)


def grow(generation: Generation, *tokens: int) -> Generation:
    """Draw these tokens one after the other, by logits that leave no doubt."""
    for token in tokens:
        assert not generation.ended
        logits = np.full(len(PIECES), -100, dtype=np.float32)
        logits[token] = 0
        generation.draw(logits)
    return generation


def test_an_end_token_ends_it_and_is_recorded_but_is_no_text() -> None:
    generation = grow(generation_of(), A, B, END)
    assert (generation.text, generation.finish_reason) == ("ab", "stop")
    assert generation.tokens == [A, B, END]
    assert generation.logprobs == [0.0, 0.0, 0.0]


def test_the_token_limit_ends_it() -> None:
    generation = grow(generation_of(max_tokens=2), A, B)
    assert (generation.text, generation.finish_reason) == ("ab", "length")


def test_an_end_token_in_the_last_place_is_a_stop() -> None:
    assert grow(generation_of(max_tokens=2), A, END).finish_reason == "stop"


def test_a_stop_string_is_cut_off_and_its_tokens_stay() -> None:
    generation = grow(generation_of(stop=("bc",)), A, B, C)
    assert (generation.text, generation.finish_reason) == ("a", "stop")
    assert generation.tokens == [A, B, C]


def test_a_stop_string_that_begins_and_ends_within_tokens() -> None:
    generation = grow(generation_of(stop=("ba",)), AB, AB)
    assert (generation.text, generation.finish_reason) == ("a", "stop")


def test_the_first_of_several_stop_strings_counts() -> None:
    generation = grow(generation_of(stop=("c", "ab")), A, C)
    assert generation.text == "a"
    assert grow(generation_of(stop=("b", "ab")), AB).text == ""


def test_half_a_stop_string_is_text() -> None:
    generation = grow(generation_of(stop=("bcb",)), B, C, A, END)
    assert generation.text == "bca"


def test_a_stop_string_in_the_last_place_is_a_stop() -> None:
    assert grow(generation_of(stop=("b",), max_tokens=2), A, B).finish_reason == "stop"


def test_a_letter_that_is_split_over_tokens_comes_out_whole() -> None:
    generation = grow(generation_of(), UE_HEAD)
    assert generation.text == ""
    assert grow(generation, UE_TAIL, SMILE_HEAD, SMILE_TAIL, END).text == "ü😀"


def test_a_stop_string_of_split_letters() -> None:
    generation = grow(generation_of(stop=("ü",)), A, UE_HEAD, UE_TAIL)
    assert (generation.text, generation.finish_reason) == ("a", "stop")


def test_bytes_that_are_no_text_are_marked() -> None:
    assert grow(generation_of(), A, UE_TAIL, B, END).text == "a\N{REPLACEMENT CHARACTER}b"


def test_half_a_letter_at_the_end_is_dropped() -> None:
    assert grow(generation_of(max_tokens=2), A, SMILE_HEAD).text == "a"


def test_a_control_token_that_ends_nothing_is_no_text() -> None:
    assert grow(generation_of(), A, CONTROL, B, END).text == "ab"


@pytest.mark.parametrize("seed", [0, 7, -1, 2**80])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    logits = np.zeros(len(PIECES), dtype=np.float32)

    def tokens() -> list[int]:
        generation = generation_of(temperature=1, seed=seed)
        while not generation.ended:
            generation.draw(logits)
        return generation.tokens

    assert tokens() == tokens()


def test_without_a_seed_no_two_are_alike() -> None:
    logits = np.zeros(len(PIECES), dtype=np.float32)
    drawn = set()
    for _ in range(20):
        generation = generation_of(temperature=1)
        generation.draw(logits)
        drawn.add(generation.tokens[0])
    assert len(drawn) > 1


def test_what_is_left_to_evaluate_is_the_prompt_and_all_tokens() -> None:
    generation = grow(generation_of(), A, B)
    assert generation.target == [A, A, B]
    assert generation.most_tokens == 21
