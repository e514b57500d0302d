import threading
import time

from agentflow.engines.local.turnstile import Turnstile


def test_two_who_ask_again_and_again_take_turns() -> None:
    turnstile, rounds = Turnstile(), list[str]()
    end = time.monotonic() + 0.2

    def work(name: str) -> None:
        while time.monotonic() < end:
            with turnstile:
                rounds.append(name)
                time.sleep(0.002)  # lets the other one ask, as llama.cpp does while it evaluates

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = rounds[1:-1]  # one of them may begin, and one may end, alone
    assert abs(together.count("a") - together.count("b")) <= 2


def test_an_error_inside_lets_the_next_one_in() -> None:
    turnstile = Turnstile()
    try:
        with turnstile:
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with turnstile:
        pass
