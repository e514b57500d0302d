"""The one thread of this process in which llama.cpp computes, whatever number of engines is open.

OpenMP keeps a team of threads for every thread that computes. With two teams on the same cores it stops spinning at the
barriers between two operations and sleeps there: a planner and its frozen colleagues on two engines took twice as long.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama.cpp")


def compute(action: Callable[[], Result]) -> Result:
    """Run an action in that thread, and wait for what it returns or raises. Who asks first is served first.

    >>> compute(lambda: 2 + 2)
    4
    """
    return _thread.submit(action).result()
