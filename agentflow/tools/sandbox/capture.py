"""Keeping the head and the tail of a stream, however long it is."""

import codecs


class HeadAndTail:
    """The first and the last bytes of a stream; what lies between is counted and thrown away.

    >>> kept = HeadAndTail(8)
    >>> kept.add(b"abcdefghijklmnop")
    >>> kept.text()
    'abcd\\n... 8 bytes left out ...\\nmnop'
    """

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._head_limit = limit // 2
        self._tail_limit = limit - limit // 2
        self._head = b""
        self._tail = b""

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-self._tail_limit :]

    @property
    def left_out(self) -> int:
        """Bytes that were thrown away."""
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> str:
        """What was kept, as text; bytes that are not UTF-8 become escapes such as `\\xff`."""
        if not self.left_out:
            return (self._head + self._tail).decode("utf-8", "backslashreplace")
        # A cut in the middle of a character is ours, so the character goes; only the program's own bytes are escaped.
        head = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(self._head)
        tail = self._tail[leading_continuation_bytes(self._tail) :].decode("utf-8", "backslashreplace")
        return f"{head}\n... {self.left_out} bytes left out ...\n{tail}"


def leading_continuation_bytes(data: bytes) -> int:
    """How many bytes at the start are the rest of a character that began before them (3 at most).

    >>> leading_continuation_bytes("é".encode()[1:] + b"a")
    1
    """
    count = 0
    while count < min(3, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count
