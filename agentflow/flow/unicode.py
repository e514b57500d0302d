"""Text that every file and every engine takes."""


def replace_surrogates(text: str) -> str:
    """Put "?" for each half of a surrogate pair: JSON can spell one (`\\ud800`), UTF-8 can not.

    >>> replace_surrogates("a" + chr(0xD800) + "b")
    'a?b'
    """
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")
