"""How many tokens a text has, where only a remote server could tell exactly."""

import math


def estimate_tokens(text: str) -> int:
    """An estimate that is seldom under: a third of the UTF-8 bytes, rounded up.

    English prose has 4 to 5 bytes a token, code and numbers about 3, Chinese (3 bytes a sign) 1 to 1.5 signs a token.

    >>> estimate_tokens("What is 2 + 2?")
    5
    """
    return math.ceil(len(text.encode()) / 3)
