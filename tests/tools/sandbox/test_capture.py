"""What is kept of the output."""

import pytest

from agentflow.tools.sandbox.capture import HeadAndTail


@pytest.mark.parametrize("limit", [2, 7, 64, 1000])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_head_and_tail_never_hold_more_than_the_limit(limit: int, size: int) -> None:
    kept = HeadAndTail(limit)
    data = bytes(range(65, 90)) * 20
    for start in range(0, len(data), size):
        kept.add(data[start : start + size])
    assert kept.total == len(data)
    text = kept.text()
    if limit >= len(data):
        assert text.encode() == data
    else:
        head, _, tail = text.split("\n")
        assert head.encode() == data[: limit // 2]
        assert tail.encode() == data[-(limit - limit // 2) :]


@pytest.mark.parametrize("limit", range(6, 14))
def test_a_cut_does_not_leave_half_a_character(limit: int) -> None:
    kept = HeadAndTail(limit)
    kept.add("€𝄞é".encode() * 10)
    assert "\\x" not in kept.text()
