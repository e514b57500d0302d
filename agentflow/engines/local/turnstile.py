"""A lock that goes round."""

import threading


class Turnstile:
    """A lock that is given in the order of asking.

    Where two threads take a `threading.Lock` again and again, the one that lets go of it is the first to get it back,
    and the other one starves.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._drawn = 0
        self._served = 0

    def __enter__(self) -> None:
        with self._turn:
            mine = self._drawn
            self._drawn += 1
            while self._served != mine:
                self._turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._served += 1
            self._turn.notify_all()
