"""One spelling for the characters that answers write in many ways: digits, dashes, fractions, exponents."""

import re
import unicodedata

_BEFORE_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_BEFORE_EXPONENT = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹⁺⁻])")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−⁃"), "-")


def plain_characters(text: str) -> str:
    """The NFKC form of a text, with every dash and minus sign as `-`.

    NFKC alone would make 31/2 of 3½ and 102 of 10²: a fraction is set off by a space and an exponent by `^`. The
    slash inside a one-character fraction stays U+2044, so that a reader can tell ½ from 1/2.

    >>> plain_characters("３½ − 10²"), plain_characters("½") == "1/2"
    ('3 1⁄2 - 10^2', False)
    """
    parted = _BEFORE_EXPONENT.sub("^", _BEFORE_FRACTION.sub(" ", text))
    return unicodedata.normalize("NFKC", parted).translate(_DASHES)
