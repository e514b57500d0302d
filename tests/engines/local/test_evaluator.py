import threading
import time

import pytest

from agentflow.engines.local.evaluator import compute


def test_all_who_compute_share_one_thread_and_take_turns() -> None:
    seen: set[int] = set()
    rounds: list[str] = []
    end = time.monotonic() + 0.2

    def one_round(name: str) -> None:
        seen.add(threading.get_ident())
        rounds.append(name)
        time.sleep(0.002)

    def work(name: str) -> None:
        while time.monotonic() < end:
            compute(lambda: one_round(name))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1
    together = rounds[1:-1]  # one of them may begin, and one may end, alone
    assert abs(together.count("a") - together.count("b")) <= 2


def test_an_error_is_raised_in_who_asked_and_lets_the_next_one_in() -> None:
    with pytest.raises(ZeroDivisionError):
        compute(lambda: 1 // 0)
    assert compute(lambda: 1) == 1
